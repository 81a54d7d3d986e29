// What the page knows: bounded, and free of the document. Names are strangers' strings, so Maps and never objects.

export const N_HISTORY = 60; // bars of one second of stream time
const MAX_CLOSED = 40, MAX_OPEN = 200;
const NS_PER_S = 1e9;

class Spindle {
  constructor(name) {
    this.name = name;
    this.groups = [];
    this.state = null;
    this.heard = 0; // performance.now() of the latest state or score
    this.scores = new Map(); // group → latest
    this.bars = new Float32Array(N_HISTORY).fill(NaN); // worst score of each second, newest last
    this.second = null;
  }

  // The worst of the groups' latest scores; null = cannot say.
  get score() {
    const values = [...this.scores.values()].filter((one) => one.t_ns >= this.newest - 3 * NS_PER_S).map((one) => one.score);
    const said = values.filter((value) => typeof value === "number");
    return said.length ? Math.max(...said) : values.length ? null : this.state?.score ?? null;
  }

  get newest() {
    return Math.max(this.state?.t_ns ?? 0, ...[...this.scores.values()].map((one) => one.t_ns));
  }

  addBar(tNs, score) {
    const second = Math.floor(tNs / NS_PER_S);
    const passed = this.second === null ? N_HISTORY : second - this.second;
    if (passed > 0 || passed < -N_HISTORY) { // far back: another recording began
      const keep = passed > 0 && passed < N_HISTORY ? this.bars.subarray(passed) : [];
      const bars = new Float32Array(N_HISTORY).fill(NaN);
      bars.set(keep, 0);
      this.bars = bars;
      this.second = second;
    }
    const at = N_HISTORY - 1 - (this.second - second);
    if (at >= 0 && typeof score === "number") this.bars[at] = Math.max(Number.isNaN(this.bars[at]) ? 0 : this.bars[at], score);
  }
}

export class Shop {
  constructor() {
    this.spindles = new Map();
    this.alerts = new Map(); // id → {seq, alert}, in order of the latest message
    this.changed = new Set(); // names of spindles to draw again
    this.clear();
  }

  clear() {
    this.alerts.clear();
    this.seq = 0;
    this.head = 0;
    this.epoch = "–";
    this.nScores = 0;
    this.newestScore = 0;
    this.heardData = 0;
    this.serverSkewMs = 0;
  }

  // Takes a JSON message. Returns the alert if one has just opened, and else whether it should be seen at once.
  take(message, now) {
    switch (message.type) {
      case "hello": return this.#hello(message);
      case "snapshot": return this.#snapshot(message, now);
      case "alert": return this.#alert(message, now);
      case "state": return this.#state(message.state, now);
      case "scores": return void message.scores.forEach((score) => this.#score(score, now));
      case "heartbeat": if (message.t_ns) this.serverSkewMs = message.t_ns / 1e6 - Date.now();
    }
  }

  nowNs() { return (Date.now() + this.serverSkewMs) * 1e6; } // the server's wall clock, not the tablet's

  open() { return [...this.alerts.values()].filter((one) => one.alert.state !== "closed").reverse(); }
  closed() { return [...this.alerts.values()].filter((one) => one.alert.state === "closed").reverse(); }

  counts() {
    const counts = new Map([["alerting", 0], ["sensor", 0], ["learning", 0], ["ok", 0]]);
    for (const { state } of this.spindles.values()) if (state) counts.set(state.condition, (counts.get(state.condition) ?? 0) + 1);
    return counts;
  }

  #spindle(name) {
    if (!this.spindles.has(name)) this.spindles.set(name, new Spindle(name));
    this.changed.add(name);
    return this.spindles.get(name);
  }

  #hello(message) {
    if (!message.recovered) this.clear();
    this.epoch = message.epoch;
    this.head = message.head; // what comes after it is news
    if (!message.recovered) this.seq = message.head;
    return true;
  }

  #snapshot(message, now) {
    const declared = new Set(message.spindles.map((one) => one.name));
    for (const name of this.spindles.keys()) if (!declared.has(name)) this.spindles.delete(name);
    for (const one of message.spindles) this.#spindle(one.name).groups = one.groups;
    for (const one of message.alerts) if (!(this.alerts.get(one.alert.id)?.seq >= one.seq)) this.alerts.set(one.alert.id, one);
    for (const state of message.states) this.#state(state, now);
    return true;
  }

  #alert({ seq, alert }, now) {
    const known = this.alerts.get(alert.id);
    this.seq = Math.max(this.seq, seq);
    if (known?.seq >= seq) return false; // replayed, but the snapshot was newer
    if (alert.state === "closed") this.alerts.delete(alert.id); // the end of the list is the latest to have closed
    this.alerts.set(alert.id, { seq, alert });
    this.#forget();
    this.heardData = now;
    return alert.state === "opened" && seq > this.head ? alert : true;
  }

  #forget() {
    const open = this.open(), closed = this.closed();
    for (const { alert } of [...open.slice(MAX_OPEN), ...closed.slice(MAX_CLOSED)]) this.alerts.delete(alert.id);
  }

  #state(state, now) {
    const spindle = this.#spindle(state.spindle);
    const turned = spindle.state?.condition !== state.condition;
    spindle.state = state;
    spindle.heard = this.heardData = now;
    spindle.addBar(state.t_ns, null);
    return turned;
  }

  #score(score, now) {
    const spindle = this.#spindle(score.spindle);
    spindle.scores.set(score.group, score);
    spindle.addBar(score.t_ns, score.score);
    spindle.heard = this.heardData = now;
    this.newestScore = score.t_ns;
    this.nScores += 1;
  }
}
