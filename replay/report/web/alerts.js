// The list of alerts; what belongs to one is made when it is opened.

const TRUTHS = ["false", "true", "unlabelled"];

class AlertList {
  constructor(data) {
    this.data = data;
    this.filter = "all";
    this.rows = data.alerts.map((alert) => this.#row(alert));
  }

  node() {
    const counts = new Map([["all", this.rows.length], ...TRUTHS.map((truth) => [truth, this.data.alerts.filter((one) => one.truth === truth).length])]);
    this.buttons = new Map([...counts].map(([key, n]) => [key, button(`${key === "all" ? told("all") : told(`truth_${key}`)} ${n}`, () => this.show(key))]));
    const head = part("div", "row heads", ...["", told("onset"), told("fault"), told("where"), told("basis"), told("regime"), told("score"), told("lasted")].map((text) => part("span", "", text)));
    const notes = [];
    if (this.data.n_alerts > this.rows.length) notes.push(told("listed")(this.rows.length, this.data.n_alerts));
    if (this.rows.length) notes.push(told("pictured")(this.data.n_pictures, this.rows.length));
    const box = part("section", "alerts", part("h2", "", told("alertsHead")), part("div", "filters", ...this.buttons.values()), part("p", "quiet", notes.join(" ")), this.rows.length ? head : part("p", "empty", told("noAlerts")), ...this.rows);
    box.id = "alerts";
    this.show(this.filter);
    return box;
  }

  show(filter) {
    this.filter = filter;
    for (const [key, node] of this.buttons) node.setAttribute("aria-pressed", String(key === filter));
    this.rows.forEach((row, at) => { row.hidden = filter !== "all" && this.data.alerts[at].truth !== filter; });
  }

  open(at) {
    if (this.rows[at].hidden) this.show("all");
    this.rows[at].open = true;
    this.rows[at].scrollIntoView({ block: "start" });
    this.rows[at].firstChild.focus({ preventScroll: true });
  }

  #row(alert) {
    const recording = this.data.recordings[alert.recording];
    const lasted = alert.closed_s === null ? told("open") : duration(alert.closed_s - alert.onset_s);
    const icon = part("span", "", markIcon(alert.truth));
    icon.setAttribute("role", "img");
    icon.setAttribute("aria-label", told(`truth_${alert.truth}`));
    icon.title = told(`truth_${alert.truth}`);
    const cells = [clock(alert.onset_s), faultName(alert.fault), recording.name, alert.fault === "sensor" ? alert.group : `${code(alert.tier)} · ${alert.group}`, regimeText(alert.regime), scoreText(alert.score), lasted];
    const summary = part("summary", "row", icon, ...cells.map((text) => part("span", "", text)));
    const row = part("details", `alert-row ${alert.truth}`, summary);
    row.addEventListener("toggle", () => { if (row.open && row.children.length === 1) row.append(this.#inside(alert)); });
    return row;
  }

  #inside(alert) {
    const box = part("div", "inside", part("p", "text", alert.text[language] || alert.text.en));
    const advice = alert.advice[language] || alert.advice.en;
    if (advice) box.append(part("p", "advice", part("b", "", `${told("advice")}: `), advice));
    const more = [alert.detail && `${told("detail")} ${code(alert.detail)}`, alert.key, typeof alert.certainty === "number" && `${told("certainty")} ${figure(alert.certainty)}`, told(`truth_${alert.truth}`)];
    box.append(part("p", "quiet", more.filter(Boolean).join(" · ")));
    if (alert.reasons.length) box.append(reasonTable(alert.reasons));
    box.append(alert.picture ? signals(alert) : part("p", "quiet", told("noPicture")));
    return box;
  }
}

function reasonTable(reasons) {
  const rows = reasons.map(({ feature, value, expected, low, high, unit, share }) => {
    const normal = low === null && high === null ? figure(expected) : low === null ? `≤ ${figure(high)}` : high === null ? `≥ ${figure(low)}` : `${figure(low)} ${told("to")} ${figure(high)}`;
    return [feature, `${figure(value)} ${unit}`, `${normal} ${unit}`, typeof share === "number" ? `${Math.round(100 * share)} %` : "–", rangeBar(value, expected, low, high)];
  });
  return table("reasons", [told("feature"), told("value"), told("normal"), told("share"), told("range")], rows);
}

// Normal range as a band, the expected value as a tick, the value as a dot.
function rangeBar(value, expected, low, high) {
  const known = [value, expected, low, high].filter((one) => typeof one === "number");
  const svg = shapeOf("svg", { viewBox: "0 0 160 14", class: "range", "aria-hidden": "true" });
  if (typeof value !== "number" || known.length < 2) return svg;
  const from = smallest(known), to = largest(known), x = (one) => (6 + ((one - from) / (to - from || 1)) * 148).toFixed(1);
  const [first, last] = [x(low ?? from), x(high ?? to)];
  svg.append(shapeOf("path", { d: "M2 7H158", class: "rule" }));
  if (low !== null || high !== null) svg.append(shapeOf("rect", { x: first, y: 3, width: Math.max(2, last - first), height: 8, class: "band" }));
  if (typeof expected === "number") svg.append(shapeOf("path", { d: `M${x(expected)} 1V13`, class: "expected" }));
  const outside = (low !== null && value < low) || (high !== null && value > high);
  svg.append(shapeOf("circle", { cx: x(value), cy: 7, r: 4, class: outside ? "value outside" : "value" }));
  return svg;
}
