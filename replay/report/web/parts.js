// Small parts of the document. Names are strangers' text: they reach it as text nodes and attributes' values only.

const SVG = "http://www.w3.org/2000/svg";

function part(tag, className = "", ...inside) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...inside);
  return node;
}

function shapeOf(tag, attributes, ...inside) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...inside);
  return node;
}

function button(text, act, label = "") {
  const node = part("button", "", text);
  node.type = "button";
  if (label) { node.setAttribute("aria-label", label); node.title = label; }
  node.addEventListener("click", act);
  return node;
}

function table(className, heads, rows, caption = "") {
  const node = part("table", className);
  if (caption) node.append(part("caption", "", caption));
  const head = node.createTHead().insertRow();
  for (const text of heads) { const cell = part("th", "", text); cell.scope = "col"; head.append(cell); }
  const body = node.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((value, at) => {
      const cell = part(at ? "td" : "th", "", value ?? "–");
      if (!at) cell.scope = "row";
      line.append(cell);
    });
  }
  const frame = part("div", "wide", node);
  frame.tabIndex = 0; // so that a keyboard can scroll it
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", caption || heads[0]);
  return frame;
}

// What the labels say, by shape as well as by colour: filled circle, triangle, hollow diamond; missed is a cross.
const MARKS = { true: "M0-4A4 4 0 1 1 0 4A4 4 0 1 1 0-4z", false: "M0-5L5 4H-5z", unlabelled: "M0-5L5 0L0 5L-5 0z", missed: "M-4-4L4 4M4-4L-4 4" };
const mark = (kind, x, y) => shapeOf("path", { d: MARKS[kind], class: `mark ${kind}`, transform: `translate(${x.toFixed(1)} ${y})` });
function markIcon(kind) {
  return shapeOf("svg", { viewBox: "-7 -7 14 14", class: "icon", "aria-hidden": "true" }, shapeOf("path", { d: MARKS[kind], class: `mark ${kind}` }));
}

// 16 bits a value, as replay/report/packing.py packs them; what is unknown is NaN.
function unpack({ low, high, data }) {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const view = new DataView(bytes.buffer), values = new Float64Array(bytes.length / 2);
  for (let at = 0; at < values.length; at += 1) {
    const step = view.getUint16(2 * at, true) / 65534;
    values[at] = step > 1 || low === null ? NaN : low * (1 - step) + high * step;
  }
  return values;
}

// Drawings know their width only in the document: they are drawn when they come near the screen, and anew when it changes.
const drawings = new Map();
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) { seen.unobserve(target); drawNow(target); }
}, { rootMargin: "400px" });

function drawNow(holder) {
  const drawing = drawings.get(holder);
  if (!holder.isConnected) return void drawings.delete(holder);
  const width = matchMedia("print").matches ? drawing.share * 700 : holder.clientWidth;
  if (width > 0) { drawing.drawn = true; holder.replaceChildren(drawing.draw(Math.max(240, width))); }
}

function drawing(className, draw, share = 1) {
  const holder = part("div", `drawing ${className}`);
  drawings.set(holder, { draw, share, drawn: false });
  seen.observe(holder);
  return holder;
}

function redraw(every = false) {
  for (const [holder, { drawn }] of drawings) if (drawn || every || !holder.isConnected) drawNow(holder);
}

let resized = 0;
addEventListener("resize", () => { cancelAnimationFrame(resized); resized = requestAnimationFrame(() => redraw()); });
// On paper nothing is scrolled into sight, so everything is drawn, and to the width of the paper.
matchMedia("print").addEventListener("change", () => redraw(true));
addEventListener("beforeprint", () => redraw(true));
