// The shop view: one button for each spindle.

import { N_HISTORY } from "./model.js";
import { code, duration, regimeText, scoreText, word } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const TOP = 1.5; // the highest score drawn; the number says more
const QUIET_MS = 5_000;

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function drawn(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export function shape(condition) {
  const svg = drawn("svg", { class: "shape", "aria-hidden": "true" });
  svg.append(drawn("use", { href: `#shape-${condition}` }));
  return svg;
}

// Counts by kind, as pairs or as an object.
const troublesOf = (state) => (Array.isArray(state?.troubles) ? state.troubles : Object.entries(state?.troubles ?? {}));

// Text only where it differs, so that an unchanged page costs no layout.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export class Tile {
  constructor(name, choose) {
    this.item = element("li");
    this.button = element("button", "tile");
    this.button.type = "button";
    this.button.dataset.spindle = name;
    this.button.addEventListener("click", () => choose(name));
    this.shape = shape("none");
    this.name = element("span", "name", name);
    this.score = element("span", "score");
    this.condition = element("span", "condition");
    this.limit = element("span", "limit");
    this.regime = element("span", "regime");
    this.learned = element("span", "learned");
    this.troubles = element("span", "troubles");
    this.learning = document.createElement("progress");
    this.button.append(this.shape, this.name, this.score, this.condition, this.limit, this.#history(), this.regime, this.learning, this.learned, this.troubles);
    this.item.append(this.button);
  }

  #history() {
    const svg = drawn("svg", { class: "history", viewBox: `0 0 ${N_HISTORY} 30`, preserveAspectRatio: "none", role: "img" });
    this.within = drawn("path", { class: "within" });
    this.over = drawn("path", { class: "over" });
    const y = 30 * (1 - 1 / TOP);
    svg.append(this.within, this.over, drawn("path", { class: "limit-line", d: `M0 ${y}H${N_HISTORY}` }));
    this.history = svg;
    return svg;
  }

  draw(spindle, chosen, now) {
    const state = spindle.state;
    const quiet = state !== null && now - spindle.heard > QUIET_MS;
    const condition = state?.condition ?? "none";
    this.button.dataset.condition = condition;
    this.button.classList.toggle("quiet", quiet);
    this.button.setAttribute("aria-pressed", String(chosen));
    this.shape.firstChild.setAttribute("href", `#shape-${condition}`);
    say(this.score, scoreText(spindle.score));
    say(this.condition, quiet ? word("noData")(duration((now - spindle.heard) / 1000)) : word(condition) ?? condition);
    say(this.limit, word("limit"));
    say(this.regime, regimeText(state?.regime));
    say(this.troubles, troublesOf(state).map(([kind, n]) => `${code(kind)} ${n}`).join(" · "));
    this.#drawLearning(state);
    this.#drawHistory(spindle.bars);
  }

  #drawLearning(state) {
    const wanted = state?.wanted ?? 0, learned = state?.learned ?? 0;
    const ready = wanted > 0 && learned >= wanted;
    const [cuts, ofCuts] = state?.cuts ?? [0, 0];
    this.learning.hidden = ready || wanted === 0;
    this.learned.hidden = this.learning.hidden && cuts >= ofCuts;
    say(this.learned, this.learning.hidden ? word("cuts")(cuts, ofCuts) : word("learned")(learned, wanted));
    this.learning.max = wanted || 1;
    this.learning.value = Math.min(learned, wanted);
    this.learning.setAttribute("aria-label", word("learning"));
  }

  #drawHistory(bars) {
    let within = "", over = "", worst = NaN;
    bars.forEach((score, at) => {
      if (Number.isNaN(score)) return;
      worst = Number.isNaN(worst) ? score : Math.max(worst, score);
      const bar = `M${at} 30V${(30 * (1 - Math.min(Math.max(score, 0.03), TOP) / TOP)).toFixed(1)}h.8V30z`;
      if (score >= 1) over += bar; else within += bar;
    });
    if (within + over === this.barsDrawn) return;
    this.barsDrawn = within + over;
    this.within.setAttribute("d", within);
    this.over.setAttribute("d", over);
    this.history.setAttribute("aria-label", word("history")(Number.isNaN(worst) ? "–" : scoreText(worst)));
  }
}
