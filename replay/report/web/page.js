// The page: what stands where, and in which language.

const data = JSON.parse(document.getElementById("data").textContent);
const list = { now: null };
const openAlert = (at) => list.now.open(at);
if (data.language) language = data.language;

// Recordings beyond the first few are folded: a look at each costs a click, not a second of waiting.
const N_UNFOLDED = 4;

function timelines() {
  const box = part("section", "timelines", part("h2", "", told("timeline")), part("p", "quiet screen", told("timelineNote")));
  data.recordings.forEach((recording, number) => {
    if (number < N_UNFOLDED) return box.append(new Timeline(data, number, openAlert).node());
    const missed = recording.faults.filter((fault) => !fault.found).length;
    const wrong = data.alerts.filter((alert) => alert.recording === number && alert.truth === "false").length;
    const words = [missed ? told("nMissed")(missed) : "", wrong ? `${told("falseAlerts")}: ${wrong}` : ""].filter(Boolean).join(" · ");
    const folded = part("details", "folded", part("summary", "", recording.name, part("span", "quiet", ` ${duration(recording.duration_s)} ${words}`)));
    folded.addEventListener("toggle", () => { if (folded.open && folded.children.length === 1) folded.append(new Timeline(data, number, openAlert).node()); });
    box.append(folded);
  });
  return box;
}

function heading() {
  const languages = part("span", "languages", ...[["en", "English"], ["ko", "한국어"]].map(([key, name]) => {
    const node = button(name, () => { speak(key); draw(); });
    node.lang = key;
    node.setAttribute("aria-pressed", String(language === key));
    return node;
  }));
  const names = data.recordings.length > 3 ? told("recordings")(data.recordings.length) : data.recordings.map((one) => one.name).join(", ");
  return part("header", "", part("h1", "", told("title"), part("span", "quiet", ` ${names} · ${duration(data.duration_s)} · ${told("configuration")} ${data.config.hash}`)), languages, button(told("print"), () => window.print()));
}

function draw() {
  document.documentElement.lang = language;
  document.title = `spindlewatch – ${told("title")}`;
  drawings.clear();
  list.now = new AlertList(data);
  const figures = part("div", "figures", delayHistogram(data), benchCurves(data.bench));
  const main = part("main", "", summary(data, openAlert), timelines(), faultTable(data, openAlert), list.now.node(), figures, kpiTable(data.kpi), evaluationTables(data.evaluation), configTable(data));
  document.getElementById("report")?.remove();
  const report = part("div", "", heading(), main);
  report.id = "report";
  document.body.append(report);
}

draw();
// When it was first on the screen, for whoever measures: milliseconds since the page was asked for.
requestAnimationFrame(() => requestAnimationFrame(() => { document.documentElement.dataset.drawnMs = performance.now().toFixed(0); }));
