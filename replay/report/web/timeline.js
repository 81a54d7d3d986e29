// One recording from its start to its end: scores and limit, what the machine did, labels and alerts.

const NAMES = 84, MOST_SHOWN = 4, LANE = 20, SCORE_HEIGHT = 130, MOST_RUNS = 1500;

class Timeline {
  constructor(data, number, openAlert) {
    this.recording = data.recordings[number];
    this.alerts = data.alerts.map((alert, at) => ({ alert, at })).filter(({ alert }) => alert.recording === number);
    this.openAlert = openAlert;
    this.curves = this.recording.scores.map((one) => ({ ...one, values: unpack(one.score) }));
    const ends = this.alerts.map(({ alert }) => alert.opened_s);
    this.whole = [0, Math.max(this.recording.duration_s, largest(ends), 1e-3)];
    this.view = [...this.whole];
  }

  node() {
    const { recording } = this;
    this.holder = drawing("timeline", (width) => this.draw(width));
    const tools = part("span", "zoom",
      button("−", () => this.zoom(2), told("wider")), button("+", () => this.zoom(0.5), told("closer")),
      button("◀", () => this.move(-0.5), told("earlier")), button("▶", () => this.move(0.5), told("later")), button(told("whole"), () => this.show(...this.whole)));
    const head = part("h3", "", recording.name, part("span", "quiet", ` ${recording.spindle} · ${recording.at_hand ? `${recording.start.replace("T", " ").replace("+00:00", " UTC")} · ` : ""}${duration(recording.duration_s)}`), tools);
    const keys = legend(...this.curves.slice(0, MOST_SHOWN).map((one, at) => [`g${at}`, one.group]), ["limit", `${word("limit")}`]);
    const box = part("section", "recording", head, keys, this.holder);
    if (!recording.at_hand) box.append(part("p", "quiet", told("notAtHand")));
    return box;
  }

  show(from, to) {
    const length = Math.min(Math.max(to - from, 0.5), this.whole[1]);
    const first = Math.min(Math.max(from, 0), this.whole[1] - length);
    this.view = [first, first + length];
    drawNow(this.holder);
  }

  zoom(by) {
    const centre = (this.view[0] + this.view[1]) / 2, half = ((this.view[1] - this.view[0]) / 2) * by;
    this.show(centre - half, centre + half);
  }

  move(by) {
    const step = (this.view[1] - this.view[0]) * by;
    this.show(this.view[0] + step, this.view[1] + step);
  }

  draw(width) {
    const length = this.view[1] - this.view[0];
    const [unit, label] = length > 7200 ? [3600, "timeAxisH"] : length > 300 ? [60, "timeAxisMin"] : [1, "timeAxis"];
    const lanes = this.lanes();
    const chart = new Chart({ width, height: SCORE_HEIGHT + FOOT, x: this.view.map((one) => one / unit), y: [0, 4.2], xLabel: "", yLabel: told("scoreAxis"), label: `${told("timeline")} ${this.recording.name}`, gutter: NAMES, yTicks: [0, 1, 2, 3, 4] });
    this.at = (seconds) => chart.x(Math.min(Math.max(seconds, this.view[0]), this.view[1]) / unit);
    this.chart = chart;
    this.#scores(chart, unit);
    chart.svg.querySelectorAll(".ticks text[text-anchor=middle]:not(.axis)").forEach((text) => text.setAttribute("y", SCORE_HEIGHT + 14));
    let y = SCORE_HEIGHT + 24;
    for (const [name, draw] of lanes) {
      chart.add("text", { x: NAMES - 8, y: y + 14, "text-anchor": "end", class: "lane" }, name);
      chart.add("path", { d: `M${NAMES} ${y + LANE - 1.5}H${width - RIGHT}`, class: "rule" });
      draw(y);
      y += LANE;
    }
    const height = y + 22;
    chart.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    chart.svg.setAttribute("height", height);
    chart.svg.querySelector(".axis.x").textContent = told(label);
    chart.svg.querySelector(".axis.x").setAttribute("y", height - 6);
    this.#dragging(chart, unit, y);
    return chart.svg;
  }

  lanes() {
    const { context, faults, markers } = this.recording;
    const lanes = [];
    if (faults.length || markers.length) lanes.push([told("labels"), (y) => this.#labels(y)]);
    lanes.push([told("alerts"), (y) => this.#alertLane(y)]);
    if (context.rows.length) {
      if (context.rows.some((row) => row[4] !== null)) lanes.push([told("cutting"), (y) => this.#cutting(y)]);
      if (context.rows.some((row) => row[1] !== null)) lanes.push([told("tool"), (y) => this.#names(y, 1)]);
      if (context.rows.some((row) => row[3] !== null)) lanes.push([told("section"), (y) => this.#names(y, 3)]);
    }
    if (this.curves.length) lanes.push([told("learning"), (y) => this.#learning(y)]);
    return lanes;
  }

  #scores(chart, unit) {
    const limit = chart.y(1);
    this.curves.slice(0, MOST_SHOWN).forEach(({ values, n_bins: n }, group) => {
      const bin = this.recording.duration_s / n;
      const first = Math.max(0, Math.floor(this.view[0] / bin)), last = Math.min(n, Math.ceil(this.view[1] / bin));
      const per = Math.max(1, Math.floor((last - first) / chart.width)), xs = [], ys = [];
      for (let at = first; at < last; at += per) {
        let worst = NaN;
        for (let one = at; one < Math.min(at + per, last); one += 1) if (!(values[one] <= worst) && !Number.isNaN(values[one])) worst = values[one];
        xs.push(Math.min(Math.max((at + per / 2) * bin, this.view[0]), this.view[1]) / unit);
        ys.push(worst);
      }
      chart.line(xs, ys, `g${group}`);
    });
    chart.add("path", { d: `M${NAMES} ${limit}H${chart.width - RIGHT}`, class: "curve limit" });
  }

  #seen(from, to) { return to >= this.view[0] && from <= this.view[1]; }

  #bar(from, to, y, height, className, title = "") {
    const x = this.at(from), node = this.chart.add("rect", { x, y, width: Math.max(2.5, this.at(to) - x), height, class: className });
    if (title) node.append(shapeOf("title", {}, title));
    return node;
  }

  #labels(y) {
    const { faults, markers, duration_s: end } = this.recording;
    const shown = faults.filter((fault) => this.#seen(fault.start_s, fault.end_s ?? end));
    const starts = shown.map((fault) => this.at(fault.start_s));
    for (const fault of shown) {
      const to = fault.end_s ?? end;
      const outcome = fault.found ? (fault.early ? told("early") : told("found")) : told("missed");
      this.#bar(fault.start_s, to, y + 3, LANE - 8, fault.found ? "label found" : "label missed", `${faultName(fault.fault)} · ${outcome}`);
      const x = this.at(fault.start_s);
      if (!fault.found) this.chart.svg.append(mark("missed", x + 7, y + LANE / 2 - 1));
      const text = faultName(fault.fault), inside = this.at(to) - x > text.length * 7 + 20;
      const from = inside ? x + (fault.found ? 5 : 16) : Math.max(x + 14, this.at(to)) + 4;
      // Left out where it would reach the next label or the edge; the bar's title tells it, too.
      const next = smallest(starts.filter((one) => one > x));
      if (inside || from + text.length * 7 < Math.min(next, this.chart.width)) this.chart.add("text", { x: from, y: y + 13, class: "within" }, text);
    }
    for (const { start_s: at, fault } of markers) if (this.#seen(at, at)) this.#bar(at, at, y, LANE, "limit-mark", faultName(fault));
  }

  #alertLane(y) {
    for (const { alert, at } of this.alerts) {
      const to = alert.closed_s ?? this.whole[1];
      if (!this.#seen(alert.onset_s, to)) continue;
      const bar = this.#bar(alert.onset_s, to, y + 7, LANE - 14, `alert ${alert.truth}`);
      const sign = this.#seen(alert.opened_s, alert.opened_s) ? mark(alert.truth, this.at(alert.opened_s), y + LANE / 2) : null;
      for (const node of [bar, sign]) {
        if (!node) continue;
        node.append(shapeOf("title", {}, `${clock(alert.onset_s)} ${faultName(alert.fault)} · ${told(`truth_${alert.truth}`)}`));
        node.addEventListener("click", () => this.openAlert(at));
        this.chart.svg.append(node);
      }
    }
  }

  #runs(column) {
    const { rows } = this.recording.context, runs = [];
    rows.forEach((row, at) => {
      if (runs.at(-1)?.value === row[column]) runs.at(-1).to = rows[at + 1]?.[0] ?? this.whole[1];
      else runs.push({ value: row[column], from: row[0], to: rows[at + 1]?.[0] ?? this.whole[1] });
    });
    return runs.filter(({ from, to }) => this.#seen(from, to)).slice(0, 2 * MOST_RUNS);
  }

  #cutting(y) {
    let d = "";
    for (const { value, from, to } of this.#runs(4)) if (value) d += `M${this.at(from)} ${y + 4}H${this.at(to)}V${y + LANE - 4}H${this.at(from)}z`;
    this.chart.add("path", { d, class: "cutting" });
  }

  #names(y, column) {
    const { names } = this.recording.context, used = [...new Set(this.recording.context.rows.map((row) => row[column]))];
    let last = -1;
    for (const { value, from, to } of this.#runs(column)) {
      const x = this.at(from), length = this.at(to) - x;
      if (value === null || (length < 1 && x - last < 1)) continue;
      last = x;
      const name = names[value];
      this.#bar(from, to, y + 2, LANE - 6, `named n${used.indexOf(value) % 6}`, name);
      if (length > name.length * 7 + 6) this.chart.add("text", { x: x + 4, y: y + 13, class: "within" }, name);
    }
  }

  // The groups share a lane, a stripe each; filled where the baseline of the regime is still being learnt.
  #learning(y) {
    const groups = this.curves.slice(0, MOST_SHOWN), height = (LANE - 5) / groups.length;
    groups.forEach(({ state, n_bins: n }, group) => {
      const bin = this.recording.duration_s / n;
      let d = "";
      state.forEach(([first, now], at) => {
        const from = first * bin, to = (state[at + 1]?.[0] ?? n) * bin;
        if (now === 1 && this.#seen(from, to)) d += `M${this.at(from)} ${y + 2 + group * height}H${this.at(to)}v${Math.max(1, height - 1)}H${this.at(from)}z`;
      });
      this.chart.add("path", { d, class: `learning g${group}` }, shapeOf("title", {}, `${groups[group].group}: ${told("learning")}`));
    });
  }

  #dragging(chart, unit, bottom) {
    const { svg } = chart, seconds = (event) => {
      const share = (event.offsetX * (chart.width / svg.clientWidth) - NAMES) / (chart.width - RIGHT - NAMES);
      return this.view[0] + Math.min(Math.max(share, 0), 1) * (this.view[1] - this.view[0]);
    };
    let began = null, frame = null;
    svg.addEventListener("pointerdown", (event) => { if (event.button === 0) began = seconds(event); });
    svg.addEventListener("pointermove", (event) => {
      if (began === null) return;
      const [from, to] = [began, seconds(event)].sort((a, b) => a - b);
      frame ??= chart.add("rect", { class: "chosen", y: 0, height: bottom });
      frame.setAttribute("x", this.at(from));
      frame.setAttribute("width", Math.max(0, this.at(to) - this.at(from)));
    });
    const end = (event) => {
      const from = began;
      began = null;
      frame?.remove();
      frame = null;
      if (from !== null && Math.abs(this.at(seconds(event)) - this.at(from)) > 6) this.show(...[from, seconds(event)].sort((a, b) => a - b));
    };
    svg.addEventListener("pointerup", end);
    svg.addEventListener("pointerleave", end);
    svg.addEventListener("dblclick", () => this.show(...this.whole));
  }
}
