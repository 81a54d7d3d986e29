// The live page: takes the stream into the model and draws it: the waveform at most five times a second,
// the rest twice, and news at once.

import { Login } from "./access.js";
import { Card, arrange } from "./alerts.js";
import { NOT_ADMITTED } from "./client.js";
import { Shop } from "./model.js";
import { Stream } from "./stream.js";
import { Tile, element, say, shape } from "./tiles.js";
import { Waveform } from "./waveform.js";
import { code, duration, language, moment, speak, word } from "./words.js";

const DRAW_EVERY_MS = 200, TICK_MS = 500, STALE_MS = 3_000;
const MANY = 9; // more spindles than this get smaller tiles, so that all are in sight
const MAX_LAG_S = 600; // more than this behind is a recording being replayed, not a slow network
const CONDITIONS = ["alerting", "sensor", "learning", "ok"];

const at = (id) => document.getElementById(id);
const shop = new Shop();
const waveform = new Waveform(at("strips"));
const tiles = new Map(), cards = new Map();
const chosen = { spindle: null, group: null };
let status = { name: "connecting", detail: null, code: null };
let alertsChanged = true, scheduled = false, drawAll = true, drawnAt = 0, refusedWaveform = "";
let rate = { shown: 0, n: 0, since: performance.now() };

const login = new Login(at("login"), at("leave"), () => stream.open());
const stream = new Stream({
  message: (message) => {
    const news = shop.take(message, performance.now());
    if (news?.id) say(at("announce"), news.text?.[language] ?? `${news.spindle}: ${code(news.fault)}`);
    if (message.type === "hello" || message.type === "snapshot" || message.type === "alert") alertsChanged = true;
    if (message.type === "result") refusedWaveform = message.ok ? "" : message.error;
    if (news) schedule(true); // scores wait for the tick: figures that flicker cannot be read
  },
  waveform: (wave) => { waveform.take(wave); schedule(); },
  status: (name, detail = null, code = null) => {
    status = { name, detail, code };
    if (code === NOT_ADMITTED) login.ask();
    if (name === "live") login.done();
    schedule(true);
  },
});

function schedule(all = false) {
  drawAll ||= all;
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => requestAnimationFrame(draw), Math.max(0, drawnAt + DRAW_EVERY_MS - performance.now()));
}

function draw() {
  scheduled = false;
  drawnAt = performance.now();
  if (drawAll) {
    drawAll = false;
    drawTiles();
    if (alertsChanged) drawAlerts();
    drawHeader();
    drawWaveformHead();
  }
  waveform.draw();
  at("wave-says").hidden = waveform.strips.length > 0;
}

function choose(spindle, group = null) {
  Object.assign(chosen, { spindle, group });
  for (const name of tiles.keys()) shop.changed.add(name);
  schedule(true);
}

function drawTiles() {
  for (const [name, tile] of tiles) if (!shop.spindles.has(name)) { tile.item.remove(); tiles.delete(name); }
  if (!shop.spindles.has(chosen.spindle)) Object.assign(chosen, { spindle: shop.spindles.keys().next().value ?? null, group: null });
  for (const name of shop.changed) {
    const spindle = shop.spindles.get(name);
    if (!spindle) continue;
    if (!tiles.has(name)) {
      tiles.set(name, new Tile(name, choose));
      at("tiles").append(tiles.get(name).item);
    }
    tiles.get(name).draw(spindle, name === chosen.spindle, drawnAt);
  }
  shop.changed.clear();
  at("no-spindles").hidden = shop.spindles.size > 0;
  at("tiles").classList.toggle("many", shop.spindles.size > MANY);
}

const newestOf = (name) => shop.spindles.get(name)?.newest ?? 0;

function drawAlerts() {
  alertsChanged = false;
  const open = shop.open(), closed = shop.closed();
  for (const id of cards.keys()) if (!shop.alerts.has(id)) cards.delete(id);
  for (const [list, entries] of [[at("open"), open], [at("closed"), closed]]) {
    arrange(list, entries.map((entry) => {
      const { id, spindle } = entry.alert;
      if (!cards.has(id)) cards.set(id, new Card(id, (alert) => choose(alert.spindle, alert.group)));
      cards.get(id).draw(entry, newestOf(spindle), shop.nowNs());
      return cards.get(id);
    }));
  }
  say(at("n-open"), String(open.length));
  at("no-alerts").hidden = open.length > 0;
  at("title-closed").hidden = closed.length === 0;
}

function drawHeader() {
  const counts = shop.counts(), n = shop.spindles.size;
  const worst = CONDITIONS.find((condition) => counts.get(condition) > 0) ?? "none";
  const says = { alerting: "someAlert", sensor: "someSensor", learning: "someLearning" }[worst];
  document.body.dataset.worst = worst;
  at("shop-shape").setAttribute("href", `#shape-${worst}`);
  say(at("shop-says"), says ? word(says)(counts.get(worst), n) : word(worst === "ok" ? "allCalm" : "nothing"));
  const list = at("counts");
  if (!list.children.length) for (const condition of CONDITIONS) {
    const item = element("li", condition);
    item.append(shape(condition), element("b"), element("span"));
    list.append(item);
  }
  CONDITIONS.forEach((condition, place) => {
    say(list.children[place].children[1], String(counts.get(condition)));
    say(list.children[place].children[2], condition === "sensor" ? word("sensorShort") : word(condition));
  });
  drawStatus();
}

function drawStatus() {
  const { name, detail } = status, now = performance.now();
  document.body.dataset.connection = name;
  say(at("connection"), name === "waiting" ? word("waiting")(Math.max(1, Math.ceil((detail - now) / 1000))) : word(name));
  const nowNs = shop.nowNs();
  say(at("clock"), moment(nowNs, nowNs));
  const lag = (nowNs - shop.newestScore) / 1e9;
  say(at("lag"), !shop.newestScore ? "" : lag < MAX_LAG_S ? word("lag")(duration(lag)) : word("recorded")(moment(shop.newestScore, nowNs)));
  const f = { open: shop.open().length, closed: shop.closed().length, rate: rate.shown, seq: shop.seq, epoch: shop.epoch.slice(0, 6) };
  say(at("figures"), word("figures")(f));
  const silence = now - stream.heard, pause = now - shop.heardData;
  let banner = "";
  if (name === "refused") banner = status.code === NOT_ADMITTED ? word("tokenWanted") : word("stopped")(detail);
  else if (silence > STALE_MS) banner = word("staleLink")(duration(silence / 1000));
  else if (shop.heardData && pause > STALE_MS) banner = word("staleData")(duration(pause / 1000));
  say(at("banner"), banner);
  at("banner").hidden = banner === "";
  document.body.classList.toggle("stale", banner !== "");
}

function drawWaveformHead() {
  const spindle = shop.spindles.get(chosen.spindle);
  const groups = (spindle?.groups ?? []).filter((group) => group.kind === "waveform").map((group) => group.name);
  const group = groups.includes(chosen.group) ? chosen.group : groups[0] ?? null;
  const key = group === null ? null : `${chosen.spindle}/${group}`;
  if (key !== stream.wanted) {
    waveform.clear();
    refusedWaveform = "";
    stream.show(key);
  }
  say(at("wave-of"), spindle ? spindle.name : "");
  drawCover(spindle?.state?.cover ?? []);
  drawGroups(groups, group);
  const waiting = refusedWaveform || word(!spindle ? "chooseSpindle" : key ? "waitWaveform" : "noWaveform");
  say(at("wave-says"), waiting);
}

// Which faults are being looked for at this moment, and why others cannot be.
function drawCover(cover) {
  const name = (one) => code(one.fault);
  const watched = cover.filter((one) => !one.why).map(name);
  const others = cover.filter((one) => one.why).map((one) => `${name(one)} (${code(one.why)})`);
  const parts = [`${word("watched")}: ${watched.join(", ") || word("nothingWatched")}`];
  if (others.length) parts.push(`${word("notWatched")}: ${others.join(", ")}`);
  say(at("cover"), parts.join(" · "));
  at("cover").hidden = cover.length === 0;
}

function drawGroups(groups, shown) {
  const box = at("wave-groups");
  const same = groups.length === box.children.length && groups.every((name, place) => box.children[place].textContent === name);
  if (!same) box.replaceChildren(...groups.map((name) => {
    const button = element("button", "", name);
    button.type = "button";
    button.addEventListener("click", () => choose(chosen.spindle, name));
    return button;
  }));
  for (const button of box.children) button.setAttribute("aria-pressed", String(button.textContent === shown));
}

function drawWords() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-word]")) say(node, word(node.dataset.word));
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language));
  for (const name of tiles.keys()) shop.changed.add(name);
  waveform.clear(); // axis labels are words too
  alertsChanged = true;
  login.draw();
  schedule(true);
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => { speak(button.dataset.language); drawWords(); });
}

// Time passes even when nothing arrives: durations, lag, and who has fallen silent.
setInterval(() => {
  const now = performance.now();
  if (now - rate.since > 2_000) rate = { shown: Math.round((shop.nScores - rate.n) / ((now - rate.since) / 1000)), n: shop.nScores, since: now };
  for (const { alert } of shop.open()) cards.get(alert.id)?.drawLength(newestOf(alert.spindle));
  for (const [name, spindle] of shop.spindles) if (now - spindle.heard > 1_000) shop.changed.add(name);
  schedule(true);
}, TICK_MS);

drawWords();
