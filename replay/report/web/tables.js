// The answer in five seconds, and the tables and curves behind it.

const allFaults = (data) => data.recordings.flatMap((recording) => recording.faults.map((fault) => ({ ...fault, recording })));

function summary(data, openAlert) {
  const faults = allFaults(data), found = faults.filter((fault) => fault.found), missed = faults.length - found.length, early = found.filter((fault) => fault.early).length;
  const of = (truth) => data.alerts.filter((alert) => alert.truth === truth).length;
  const nFalse = of("false"), nUnjudged = of("unlabelled");
  const judged = data.recordings.filter((one) => one.labelled);
  const delays = found.filter((fault) => !fault.early).map((fault) => fault.delay_s).filter((one) => typeof one === "number");
  const named = found.filter((fault) => fault.right !== null);
  const tile = (kind, value, name, ...notes) => part("div", `tile ${kind}`, markIcon(kind === "calm" ? "true" : kind === "bad" ? "false" : "unlabelled"), part("span", "name", name), part("b", "", value), ...notes.filter(Boolean).map((text) => part("span", "quiet", text)));
  const labelledTime = duration(judged.reduce((sum, one) => sum + one.duration_s, 0));
  const rate = data.kpi?.false_alerts, bounds = rate?.per_machine_day_95 ?? [];
  const tiles = [
    faults.length ? tile(missed ? "bad" : early ? "plain" : "calm", told("ofAll")(found.length, faults.length), told("faultsFound"), missed ? told("nMissed")(missed) : early ? "" : told("allFound"), early ? told("nEarly")(early) : "")
      : tile("plain", "–", told("faultsFound"), told("noLabels")),
    judged.length ? tile(nFalse ? "bad" : "calm", nFalse ? String(nFalse) : told("noFalse"), told("falseAlerts"), told("inLabelled")(labelledTime), typeof rate?.per_machine_day === "number" ? told("perDay")(figure(rate.per_machine_day), figure(bounds[0]), figure(bounds[1])) : "", nUnjudged ? told("unjudged")(nUnjudged) : "")
      : tile("plain", "–", told("falseAlerts"), told("notJudged"), nUnjudged ? told("unjudged")(nUnjudged) : ""),
    tile("plain", delays.length ? delayText(middle(delays)) : "–", told("delay"), delays.length ? `${told("median")} · ${told("longest")(delayText(largest(delays)))}` : found.length ? "" : told("nothingFound")),
  ];
  if (named.length) tiles.push(tile(named.every((one) => one.right) ? "calm" : "plain", told("ofAll")(named.filter((one) => one.right).length, named.length), told("rightName")));
  return part("section", "summary", part("div", "tiles", ...tiles), lookAt(data, faults, openAlert));
}

const MOST_KINDS = 8;

// Missed faults, and false alerts by kind and by what told them: why comes before when.
function lookAt(data, faults, openAlert) {
  const kinds = new Map();
  const put = (kind, key, words, at) => { const own = kinds.get(key) ?? { kind, words, n: 0, at }; own.n += 1; kinds.set(key, own); };
  for (const fault of faults) {
    const where = fault.recording;
    if (!fault.found) put("missed", `m${faultName(fault.fault)}`, () => [told("missed"), faultName(fault.fault), `${where.name} ${told("at")} ${clock(fault.start_s)}`], null);
    else if (fault.early) put("unlabelled", `e${fault.fault}`, () => [told("early"), faultName(fault.fault), `${where.name} ${told("at")} ${clock(fault.start_s)}`], fault.alert);
  }
  data.alerts.forEach((alert, at) => {
    if (alert.truth !== "false") return;
    const [reason] = alert.reasons;
    const why = reason ? `${told("mainly")} ${reason.feature}: ${figure(reason.value)} ${reason.unit} (${told("normal")} ${figure(reason.expected ?? reason.high)} ${reason.unit})` : alert.detail;
    put("false", `f${alert.fault} ${reason?.feature}`, () => [told("false_"), faultName(alert.fault), `${data.recordings[alert.recording].name} ${told("at")} ${clock(alert.onset_s)} · ${why}`], at);
  });
  const order = ["missed", "false", "unlabelled"];
  const sorted = [...kinds.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || b.n - a.n);
  const items = sorted.slice(0, MOST_KINDS).map(({ kind, words, n, at }) => {
    const [what, name, where] = words();
    const inside = [markIcon(kind), part("b", "", ` ${what}: ${name}${n > 1 ? ` (${told("times")(n)})` : ""} `), part("span", "", where)];
    if (at === null) return part("li", "", ...inside);
    const link = button("", () => openAlert(at));
    link.replaceChildren(...inside);
    return part("li", "", link);
  });
  if (sorted.length > MOST_KINDS) items.push(part("li", "quiet", told("more")(sorted.length - MOST_KINDS)));
  const labelled = faults.length || data.recordings.some((one) => one.labelled);
  if (!items.length) return labelled ? part("p", "calm-note", told("nothingToLook")) : "";
  return part("div", "look", part("h2", "", told("look")), part("ul", "", ...items));
}

function faultTable(data, openAlert) {
  const rows = allFaults(data).map((fault) => {
    const outcome = part("span", "", markIcon(fault.found ? (fault.early ? "unlabelled" : "true") : "missed"), ` ${fault.found ? (fault.early ? told("early") : told("found")) : told("missed")}`);
    const by = fault.alert === null ? "–" : button(faultName(data.alerts[fault.alert].fault), () => openAlert(fault.alert));
    return [faultName(fault.fault), fault.recording.name, clock(fault.start_s), fault.end_s === null ? told("untilEnd") : duration(fault.end_s - fault.start_s), outcome, typeof fault.delay_s === "number" ? delayText(fault.delay_s) : "–", by, fault.note];
  });
  const heads = ["fault", "where", "start", "length", "outcome", "delay", "foundBy", "note"].map(told);
  return rows.length ? part("section", "faults", part("h2", "", told("faultsHead")), table("", heads, rows)) : "";
}

function delayHistogram(data) {
  const delays = allFaults(data).filter((fault) => fault.found && !fault.early && typeof fault.delay_s === "number").map((fault) => Math.max(fault.delay_s, 1e-3));
  if (!delays.length) return "";
  const draw = (width) => {
    const low = 10 ** Math.floor(Math.log10(smallest(delays))), high = 10 ** Math.max(Math.floor(Math.log10(largest(delays))) + 1, Math.log10(low) + 1);
    const n = Math.round(Math.log10(high / low)) * 5, counts = new Array(n).fill(0);
    for (const delay of delays) counts[Math.min(n - 1, Math.floor((n * Math.log(delay / low)) / Math.log(high / low)))] += 1;
    const most = largest(counts);
    const chart = new Chart({ width, height: 220, x: [low, high], y: [0, most * 1.1], xLog: true, xLabel: told("delayAxis"), yLabel: told("countAxis"), label: told("delayHead"), yTicks: niceTicks(0, most, 5).filter(Number.isInteger) });
    counts.forEach((count, at) => {
      const [from, to] = [at, at + 1].map((one) => chart.x(low * (high / low) ** (one / n)));
      if (count) chart.add("rect", { x: from + 1, y: chart.y(count), width: to - from - 2, height: chart.bottom - chart.y(count), class: "bar" });
    });
    chart.vertical(middle(delays), "onset", `${told("median")} ${delayText(middle(delays))}`);
    return chart.svg;
  };
  return part("section", "half-section", part("h2", "", told("delayHead")), drawing("half", draw, 0.5), part("p", "quiet", told("foundOnly")));
}

const SIGNS = ["M0-4A4 4 0 1 1 0 4A4 4 0 1 1 0-4z", "M-4-4H4V4H-4z", "M0-5L5 4H-5z", "M0-5L5 0L0 5L-5 0z", "M0 5L5-4H-5z", "M-4-1.5H-1.5V-4H1.5V-1.5H4V1.5H1.5V4H-1.5V1.5H-4z"];

// Beyond six, colours come again with another sign and a dashed line.
const signOf = (at) => SIGNS[(at + Math.floor(at / 6)) % SIGNS.length];
const colourOf = (at) => `c${at % 6}${at < 6 ? "" : " again"}`;

function benchCurves(bench) {
  const cells = (bench?.cells ?? []).filter((cell) => cell.severity > 0 && typeof cell.detected_pct === "number");
  if (!cells.length) return "";
  const faults = [...new Set(cells.map((cell) => cell.fault))];
  const draw = (width) => {
    const severities = cells.map((cell) => cell.severity), low = smallest(severities), high = largest(severities);
    const chart = new Chart({ width, height: 260, x: low < high ? [low / 1.15, high * 1.15] : [low / 2, high * 2], y: [0, 104], xLog: true, xLabel: told("severityAxis"), yLabel: told("detectedAxis"), label: told("benchHead"), yTicks: [0, 20, 40, 60, 80, 100] });
    faults.forEach((fault, at) => {
      const own = cells.filter((cell) => cell.fault === fault).sort((a, b) => a.severity - b.severity);
      for (const { severity, detected_pct_95: bounds } of own) if (bounds) chart.add("path", { d: `M${chart.x(severity)} ${chart.y(bounds[0])}V${chart.y(bounds[1])}`, class: `whisker ${colourOf(at)}` });
      chart.line(own.map((cell) => cell.severity), own.map((cell) => cell.detected_pct), colourOf(at));
      for (const cell of own) chart.add("path", { d: signOf(at), class: `sign ${colourOf(at)}`, transform: `translate(${chart.x(cell.severity)} ${chart.y(cell.detected_pct)})` });
    });
    return chart.svg;
  };
  const keys = faults.map((fault, at) => part("span", "", shapeOf("svg", { viewBox: "-7 -7 14 14", class: "icon", "aria-hidden": "true" }, shapeOf("path", { d: signOf(at), class: `sign ${colourOf(at)}` })), faultName(fault)));
  return part("section", "half-section", part("h2", "", told("benchHead")), drawing("half", draw, 0.5), part("p", "legend", ...keys), part("p", "quiet", `${told("benchNote")} ${bench.config_hash ?? ""}`));
}

function kpiTable(kpi) {
  if (!kpi) return "";
  const { tool_change_timing: tools = {}, stops = {}, alert_latency: latency = {}, false_alerts: wrong = {} } = kpi;
  const plain = (value) => `${figure(value)} %`, stream = latency.stream_s ?? {};
  const rows = [
    [told("kpiTools"), tools.n_lives ? plain(tools.accuracy_pct) : "–", tools.n_lives ? between(tools.accuracy_pct_95, plain).trim() : "–", told("lives")(tools.n_lives ?? 0)],
    [told("kpiStops"), figure(stops.n_avoided), "–", told("ofDamaging")(stops.n_damaging ?? 0)],
    [told("kpiCaused"), figure(stops.n_caused), "–", "–"],
    [told("kpiDelay"), stream.n ? `${delayText(stream.p50)} (${delayText(stream.p90)})` : "–", "–", told("faults")(stream.n ?? 0)],
    [told("kpiFalse"), figure(wrong.per_machine_day), wrong.machine_days ? between(wrong.per_machine_day_95, figure).trim() : "–", told("days")(figure(wrong.machine_days))],
  ];
  return part("section", "kpi", part("h2", "", told("kpiHead")), table("", [told("figure"), told("value"), told("interval"), told("basisOf")], rows));
}

function evaluationTables(evaluation) {
  if (!evaluation?.overall) return "";
  const scores = (own, bounds = {}) => [
    own.n_faults ? `${own.n_found} / ${own.n_faults} · ${percent(own.recall)}${between(bounds.recall ?? own.recall_95, percent)}` : "–",
    typeof own.delay_s?.median === "number" ? `${delayText(own.delay_s.median)} (${delayText(own.delay_s.p90)})` : "–",
    own.n_named ? `${own.n_right} / ${own.n_named}` : "–",
    own.n_alerts ? `${own.n_alerts - own.n_false} / ${own.n_alerts} · ${percent(own.precision)}${between(bounds.precision ?? own.precision_95, percent)}` : "–",
    `${figure(own.false_per_normal_hour)}${between(bounds.false_per_normal_hour ?? own.false_per_normal_hour_95, figure)}`,
    figure(own.nab?.standard),
  ];
  const groups = (groups, name) => Object.entries(groups ?? {}).map(([key, own]) => [name(key), ...scores(own)]);
  const heads = ["recall", "delayMedian", "rightClass", "precision", "falsePerHour", "nab"].map(told);
  const { overall, by_class: classes, by_tier: tiers, ranges = {}, points = {} } = evaluation;
  const rangeRows = Object.entries({ ...points, ...ranges }).filter(([, value]) => typeof value === "number").map(([key, value]) => [key.replaceAll("_", " "), figure(value)]);
  return part("section", "evaluation", part("h2", "", told("evaluationHead")), part("p", "quiet", told("evaluationNote")),
    table("", [told("group"), ...heads], [[told("overall"), ...scores(overall, overall.intervals_95)]], told("overall")),
    table("", [told("fault"), ...heads], groups(classes, faultName), told("byClass")),
    table("", [told("basis"), ...heads], groups(tiers, code), told("byTier")),
    rangeRows.length ? table("narrow", [told("figure"), told("value")], rangeRows, told("rangeHead")) : "");
}

function configTable({ config, versions }) {
  const changed = config.changed ?? [];
  const box = part("section", "config", part("h2", "", told("configHead")), part("p", "", `${told("configuration")} ${config.hash}`));
  if (config.changed === null) box.append(part("p", "quiet", told("configUnknown")));
  else if (!changed.length) box.append(part("p", "quiet", told("allDefault")));
  else box.append(table("code", [told("key"), told("here"), told("default_")], changed.map(({ key, value, default: usual }) => [key, value ?? "–", usual ?? "–"])));
  box.append(part("p", "quiet", Object.entries(versions).map(([name, number]) => `${name} ${number}`).join(" · ")));
  return box;
}
