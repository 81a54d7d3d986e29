// The live waveform of one sensor group: a strip for each channel over the last second.

import { element } from "./tiles.js";
import { figure, word } from "./words.js";

const SHOWN_S = 1.0;
const N_BINS = 70; // drawn per message: the screen has no more pixels for a tenth of a second
const MAX_STRIPS = 6;

export class Waveform {
  constructor(box) {
    this.box = box;
    this.clear();
    new ResizeObserver(() => this.#resize()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.clear());
  }

  clear() {
    for (const strip of this.strips ?? []) strip.plot.destroy();
    this.box.replaceChildren();
    this.parts = [];
    this.strips = [];
    this.layout = "";
    this.fresh = false;
  }

  take(wave) {
    const layout = JSON.stringify([wave.spindle, wave.group, wave.channels, wave.units]);
    if (layout !== this.layout) {
      this.clear();
      this.layout = layout;
      this.wave = wave;
    }
    const last = this.parts.at(-1);
    if (last && wave.t_ns < last.start) this.parts = []; // time went back: another recording
    const part = { start: wave.t_ns, end: wave.t_ns + wave.n * wave.step_s * 1e9, step: wave.step_s, ...reduce(wave) };
    this.parts.push(part);
    while (this.parts[0].end < part.end - SHOWN_S * 1e9) this.parts.shift();
    this.fresh = true;
  }

  draw() {
    if (!this.fresh) return;
    this.fresh = false;
    if (!this.strips.length) this.#build();
    const x = [], rows = this.strips.map(() => []);
    const end = this.parts.at(-1).end;
    let before = null;
    for (const part of this.parts) {
      if (before !== null && part.start - before > 1.5e9 * part.step) { // a gap is not bridged
        x.push((before - end) / 1e9);
        rows.forEach((row) => row.push(null));
      }
      before = part.end;
      const from = (part.start - end) / 1e9;
      for (let at = 0; at < part.x.length; at += 1) x.push(from + part.x[at]);
      rows.forEach((row, channel) => { for (const value of part.rows[channel]) row.push(Number.isNaN(value) ? null : value); });
    }
    this.strips.forEach((strip, channel) => strip.plot.setData([x, rows[channel]]));
  }

  #build() {
    const { channels, units } = this.wave;
    const shown = Math.min(channels.length, MAX_STRIPS);
    this.box.dataset.strips = String(shown);
    for (let channel = 0; channel < shown; channel += 1) this.strips.push(this.#strip(channels[channel], units[channel], channel === shown - 1));
  }

  #strip(channel, unit, lowest) {
    const style = getComputedStyle(document.documentElement);
    const [ink, grid, line] = ["--quiet-ink", "--grid", "--trace"].map((name) => style.getPropertyValue(name).trim());
    const strip = { low: null, high: null };
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 }, font: "12px system-ui, sans-serif", labelFont: "600 13px system-ui, sans-serif" };
    const label = unit ? `${channel} [${unit}]` : channel;
    const holder = element("div", "strip");
    holder.append(element("b", "", label));
    this.box.append(holder);
    const size = this.#size(lowest);
    strip.lowest = lowest;
    strip.plot = new window.uPlot({
      ...size, padding: [8, 12, lowest ? 0 : 6, 0],
      cursor: { show: false }, legend: { show: false }, select: { show: false },
      scales: { x: { time: false, range: [-SHOWN_S, 0] }, y: { range: (_, low, high) => calmRange(strip, low, high) } },
      axes: [
        { ...axis, size: lowest ? 26 : 0, labelSize: lowest ? 20 : 0, label: lowest ? word("before") : undefined, values: (_, ticks) => (lowest ? ticks.map((t) => figure(t)) : ticks.map(() => "")) },
        { ...axis, size: 48, space: 22, values: (_, ticks) => ticks.map((value) => figure(value)) },
      ],
      series: [{}, { stroke: line, width: 1, points: { show: false }, spanGaps: false }],
    }, [[], []], holder);
    holder.setAttribute("role", "img");
    holder.setAttribute("aria-label", label);
    return strip;
  }

  #size(lowest) {
    const shown = Math.min(this.wave.channels.length, MAX_STRIPS);
    const height = Math.max(56, Math.floor((this.box.clientHeight - 46) / shown));
    return { width: Math.max(240, this.box.clientWidth), height: height + (lowest ? 46 : 0) };
  }

  #resize() {
    for (const strip of this.strips) {
      const size = this.#size(strip.lowest);
      if (size.width !== strip.plot.width || size.height !== strip.plot.height) strip.plot.setSize(size);
    }
  }
}

// Grows at once and shrinks slowly, so that the picture does not breathe with every message.
function calmRange(strip, low, high) {
  if (low === null || high === null) return [strip.low ?? -1, strip.high ?? 1];
  const margin = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
  const [wantLow, wantHigh] = [low - margin, high + margin];
  strip.low = strip.low === null || wantLow < strip.low ? wantLow : strip.low + (wantLow - strip.low) * 0.04;
  strip.high = strip.high === null || wantHigh > strip.high ? wantHigh : strip.high + (wantHigh - strip.high) * 0.04;
  return [strip.low, strip.high];
}

// At most N_BINS bins, each drawn from its minimum to its maximum; few samples are drawn as they are.
export function reduce(wave) {
  const { n, step_s: step, envelope } = wave;
  if (!envelope && n <= 2 * N_BINS) return { x: Float64Array.from({ length: n }, (_, at) => at * step), rows: wave.rows };
  const per = Math.ceil(n / N_BINS), bins = Math.ceil(n / per);
  const x = Float64Array.from({ length: 2 * bins }, (_, at) => ((at >> 1) + (at & 1) * 0.5) * per * step);
  const rows = wave.rows.map((row) => {
    const minima = row.subarray(0, n), maxima = envelope ? row.subarray(n) : minima;
    const reduced = new Float32Array(2 * bins).fill(NaN);
    for (let at = 0; at < n; at += 1) {
      const bin = 2 * Math.floor(at / per);
      if (!(reduced[bin] <= minima[at])) reduced[bin] = minima[at];
      if (!(reduced[bin + 1] >= maxima[at])) reduced[bin + 1] = maxima[at];
    }
    return reduced;
  });
  return { x, rows };
}
