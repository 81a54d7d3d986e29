// A subscriber to the stream, for pages and for Node 22: it resumes, comes back when that helps, and needs nothing else.
//
//   const client = new Client("ws://127.0.0.1:8765/v1/stream", {
//     types: ["alert"],
//     message: (message) => { if (message.type === "alert") console.log(message.seq, message.alert.text.en); },
//   });
//
// Keep `client.position` after you have dealt with a message, and give it as `after` to go on behind it another day.

const SILENT_MS = 10_000; // heartbeats come every 2 s: a connection silent for so long is dead, whatever TCP thinks
const FIRST_WAIT_MS = 250, LONGEST_WAIT_MS = 5_000;
export const NOT_ADMITTED = 3500; // of the close codes

export class Client {
  // url: ws:// or wss://, without a query
  // spindles, faults, types: only these; empty = all
  // after: {seq, epoch}, go on behind this alert; by default behind the newest
  // token: what says it when the server asks, or null; never part of the address
  // message(json), waveform(wave): told of what comes, each alert once and in order
  // status(name, detail, code): "connecting", "live", "waiting" until performance.now() is detail, "refused": why and by
  //   which code; 3500 = a token is wanted, or this one holds no more: open() again with another
  constructor(url, { spindles = [], faults = [], types = [], after = null, token = () => null, message = () => {}, waveform = () => {}, status = () => {} } = {}) {
    this.url = url;
    this.filter = [...spindles.map((name) => ["spindle", name]), ...faults.map((name) => ["fault", name])];
    if (types.length) this.filter.push(["types", types.join(",")]);
    this.tell = { token, message, waveform, status };
    this.position = after;
    this.heard = 0; // performance.now() of the newest message
    this.shown = null; // "spindle/group" whose waveform is wanted
    this.failures = 0;
    this.commandId = 0;
    this.waiting = new Map(); // commands by id, until they are answered; the answers come in their order
    this.open();
  }

  // Connects; also after a refusal, once its reason is mended.
  open() {
    this.#stop();
    this.clock = setInterval(() => this.#watch(), 1_000);
    this.#connect();
  }

  // Ends it; no status is told.
  close() {
    this.#stop();
  }

  // Comes back at once if it is waiting: a network may be there again.
  hurry() {
    if (this.timer) this.#connect();
  }

  // Wants this waveform and no other from now on, also after coming back; null = none.
  show(key) {
    this.shown = key;
    if (!this.greeted) return;
    const asked = key === null ? this.ask("unsubscribe") : this.ask("subscribe", { waveform: key });
    asked.catch(() => {}); // it is asked for again with the next connection
  }

  // Gives a command; resolves to its result. Rejected if the connection is lost before: nobody knows then, ask again.
  ask(op, rest = {}) {
    return new Promise((resolve, reject) => {
      if (!this.greeted) return reject(new Error("not connected"));
      this.commandId += 1;
      this.waiting.set(this.commandId, { resolve, reject });
      this.socket.send(JSON.stringify({ op, ...rest, id: this.commandId }));
    });
  }

  #connect() {
    clearTimeout(this.timer);
    this.timer = null;
    this.greeted = false;
    this.tell.status("connecting");
    const query = new URLSearchParams(this.filter);
    if (this.position) {
      query.set("since", String(this.position.seq));
      if (this.position.epoch != null) query.set("epoch", this.position.epoch);
    }
    const socket = new WebSocket(`${this.url}${String(query) && `?${query}`}`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.began = performance.now();
    socket.onmessage = ({ data }) => socket === this.socket && this.#receive(data);
    socket.onclose = ({ code, reason }) => socket === this.socket && this.#closed(code, reason);
  }

  #receive(data) {
    this.heard = performance.now();
    let message;
    try {
      message = typeof data === "string" ? JSON.parse(data) : readWaveform(data);
    } catch {
      return this.#refused("that is no spindlewatch stream");
    }
    if (typeof data !== "string") {
      if (`${message.spindle}/${message.group}` === this.shown) this.tell.waveform(message);
      return;
    }
    if (message.type === "auth_required") return this.#introduce(this.tell.token());
    if (message.type === "alert" && message.seq <= (this.position?.seq ?? 0)) return; // known already
    this.#note(message);
    this.tell.message(message);
  }

  #introduce(token) {
    if (token === null) return this.#refused("a token is wanted", NOT_ADMITTED);
    this.socket.send(JSON.stringify({ type: "auth", token }));
  }

  #note(message) {
    if (message.type === "hello") {
      this.failures = 0;
      this.epoch = message.epoch; // its numbers count from the snapshot on, not the old ones until then
    } else if (message.type === "snapshot") {
      this.position = { seq: message.seq, epoch: this.epoch }; // asked for, or where a new journal starts
      this.greeted = true;
      this.tell.status("live");
      if (this.shown !== null) this.show(this.shown);
    } else if (message.type === "alert") {
      this.position = { seq: message.seq, epoch: this.epoch };
    } else if (message.type === "result") {
      this.#answer(message);
    }
  }

  // An answer without an id is for the oldest command: its id could not be read.
  #answer(result) {
    const id = result.id ?? this.waiting.keys().next().value;
    this.waiting.get(id)?.resolve(result);
    this.waiting.delete(id);
  }

  #closed(code, reason) {
    this.#forget();
    if (code >= 3500 && code <= 3999) return this.#refused(`${reason || "–"} (${code})`, code);
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures);
    this.failures += 1;
    const wait = longest * (0.5 + Math.random() / 2); // so that a shop full of pages does not return at once
    this.timer = setTimeout(() => this.#connect(), wait);
    this.tell.status("waiting", performance.now() + wait);
  }

  #refused(why, code = null) {
    this.#stop();
    this.tell.status("refused", why, code);
  }

  #watch() {
    if (!this.socket || performance.now() - Math.max(this.heard, this.began) < SILENT_MS) return;
    const dead = this.socket;
    this.#closed(1006, "");
    dead.close();
  }

  #stop() {
    clearInterval(this.clock);
    clearTimeout(this.timer);
    this.timer = null;
    const socket = this.socket;
    this.#forget();
    socket?.close();
  }

  #forget() {
    this.socket = null;
    this.greeted = false;
    for (const { reject } of this.waiting.values()) reject(new Error("connection lost before the answer"));
    this.waiting.clear();
  }
}

// uint32 header length, JSON header, float32 per channel: n samples, or n minima and n maxima.
export function readWaveform(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const wave = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const n = wave.n * (wave.envelope ? 2 : 1);
  wave.rows = wave.channels.map((_, row) => new Float32Array(buffer, 4 + length + row * n * 4, n));
  return wave;
}
