// Axes and curves in SVG: they print sharply, and need nothing else.

const GUTTER = 62, FOOT = 38, TOP_MARGIN = 14, RIGHT = 18;

function niceTicks(low, high, most) {
  const raw = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((one) => one * power >= raw) ?? 10);
  const ticks = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n += 1) ticks.push(Number((n * step).toPrecision(12)));
  return ticks;
}

function decades(low, high) {
  const ticks = [];
  for (let power = Math.ceil(Math.log10(low) - 1e-9); power <= Math.log10(high) + 1e-9; power += 1) ticks.push(10 ** power);
  if (ticks.length >= 2 && ticks.length <= 7) return ticks;
  if (ticks.length > 7) return ticks.filter((_, at) => at % Math.ceil(ticks.length / 6) === 0);
  const fine = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) for (const one of [1, 2, 5]) fine.push(one * 10 ** power);
  const within = fine.filter((one) => one >= low && one <= high);
  return within.length ? within : [low, high];
}

const tickText = (value) => (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5) ? value.toExponential(0).replace("e+", "e") : String(Number(value.toPrecision(4))));

class Chart {
  constructor({ width, height, x, y, xLog = false, yLog = false, xLabel, yLabel, label, gutter = GUTTER, yTicks = null }) {
    Object.assign(this, { width, height, xLog, yLog });
    this.left = gutter;
    this.bottom = height - FOOT;
    this.xRange = x;
    this.yRange = y;
    this.svg = shapeOf("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
    const grid = shapeOf("g", { class: "grid" }), texts = shapeOf("g", { class: "ticks" });
    const across = xLog ? decades(...x) : niceTicks(...x, (width - this.left) / 75);
    for (const tick of across) {
      grid.append(shapeOf("path", { d: `M${this.x(tick)} ${TOP_MARGIN}V${this.bottom}` }));
      texts.append(shapeOf("text", { x: this.x(tick), y: this.bottom + 14, "text-anchor": "middle" }, tickText(tick)));
    }
    for (const tick of yTicks ?? (yLog ? decades(...y) : niceTicks(...y, (this.bottom - TOP_MARGIN) / 20))) {
      grid.append(shapeOf("path", { d: `M${this.left} ${this.y(tick)}H${width - RIGHT}` }));
      texts.append(shapeOf("text", { x: this.left - 5, y: this.y(tick) + 4, "text-anchor": "end" }, tickText(tick)));
    }
    texts.append(
      shapeOf("text", { x: (this.left + width - RIGHT) / 2, y: height - 6, "text-anchor": "middle", class: "axis x" }, xLabel),
      shapeOf("text", { transform: `translate(11 ${(TOP_MARGIN + this.bottom) / 2}) rotate(-90)`, "text-anchor": "middle", class: "axis y" }, yLabel),
    );
    this.svg.append(grid, texts);
  }

  x(value) { return this.#along(value, this.xRange, this.xLog, this.left, this.width - RIGHT); }
  y(value) { return this.#along(value, this.yRange, this.yLog, this.bottom, TOP_MARGIN); }

  #along(value, [low, high], log, from, to) {
    const share = log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    return Number((from + (to - from) * share).toFixed(1));
  }

  add(tag, attributes, ...inside) {
    const node = shapeOf(tag, attributes, ...inside);
    this.svg.append(node);
    return node;
  }

  // A curve; what is unknown is a hole in it.
  line(xs, ys, className) {
    let d = "", drawn = false;
    for (let at = 0; at < xs.length; at += 1) {
      if (Number.isNaN(ys[at])) { drawn = false; continue; }
      d += `${drawn ? "L" : "M"}${this.x(xs[at])} ${this.y(Math.min(Math.max(ys[at], this.yRange[0]), this.yRange[1]))}`;
      if (!drawn) d += "h.01"; // a single point is seen, too
      drawn = true;
    }
    return this.add("path", { d, class: `curve ${className}` });
  }

  vertical(value, className, text = "", row = 0, turn = false) {
    if (!(value >= this.xRange[0] && value <= this.xRange[1])) return;
    const x = this.x(value);
    this.add("path", { d: `M${x} ${TOP_MARGIN}V${this.bottom}`, class: `marker ${className}` });
    const end = turn || x > this.width - 60;
    if (text) this.add("text", { x: x + (end ? -3 : 3), y: TOP_MARGIN + 10 + 12 * row, class: `note ${className}`, "text-anchor": end ? "end" : "start" }, text);
  }
}

function legend(...entries) {
  return part("p", "legend", ...entries.map(([className, text]) => part("span", "", shapeOf("svg", { viewBox: "0 0 22 8", class: "key", "aria-hidden": "true" }, shapeOf("path", { d: "M1 4H21", class: `curve ${className}` })), text)));
}

const finite = (values) => Array.from(values).filter(Number.isFinite);
const smallest = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
const largest = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
// The median as the replay prints it: one of the values, the later one of two.
const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
