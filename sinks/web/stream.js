// The connection: resume by (epoch, seq), reconnect with backoff, and the binary waveform messages.

const SILENT_MS = 10_000; // heartbeats come every 2 s: a connection silent for so long is dead, whatever TCP thinks
const FIRST_WAIT_MS = 250, LONGEST_WAIT_MS = 5_000;

export class Stream {
  // tell: {message(json), waveform(wave), status(name, detail)}
  constructor(tell) {
    this.tell = tell;
    this.epoch = null;
    this.seq = 0;
    this.failures = 0;
    this.commandId = 0;
    this.wanted = null; // "spindle/group" whose waveform is wanted
    this.heard = 0;
    setInterval(() => this.#watch(), 1_000);
    addEventListener("online", () => this.#now());
    document.addEventListener("visibilitychange", () => this.#subscribe());
    this.#connect();
  }

  show(key) {
    if (key === this.wanted) return;
    this.wanted = key;
    this.#subscribe();
  }

  #connect() {
    clearTimeout(this.timer);
    this.timer = null;
    this.tell.status("connecting");
    const query = new URLSearchParams();
    for (const name of new URLSearchParams(location.search).getAll("spindle")) query.append("spindle", name);
    if (this.epoch !== null) {
      query.set("epoch", this.epoch);
      query.set("since", String(this.seq));
    }
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/stream${query.size ? `?${query}` : ""}`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.began = performance.now();
    socket.onmessage = ({ data }) => socket === this.socket && this.#receive(data);
    socket.onclose = ({ code, reason }) => socket === this.socket && this.#closed(code, reason);
  }

  #receive(data) {
    this.heard = performance.now();
    if (typeof data !== "string") {
      const wave = readWaveform(data);
      if (`${wave.spindle}/${wave.group}` === this.wanted) this.tell.waveform(wave);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "hello") {
      this.failures = 0;
      this.epoch = message.epoch;
      if (!message.recovered) this.seq = message.head; // the snapshot stands for everything up to the head
      this.tell.status("live");
      this.#subscribe();
    } else if (message.type === "alert") {
      if (message.seq <= this.seq) return; // known already
      this.seq = message.seq;
    }
    this.tell.message(message);
  }

  #closed(code, reason) {
    this.socket = null;
    if (code >= 3500 && code <= 3999) {
      this.tell.status("refused", `${reason || "–"} (${code})`);
      return;
    }
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures);
    this.failures += 1;
    const wait = longest * (0.5 + Math.random() / 2); // so that a shop full of pages does not return at once
    this.timer = setTimeout(() => this.#connect(), wait);
    this.tell.status("waiting", performance.now() + wait);
  }

  #now() {
    if (this.timer) this.#connect();
  }

  #watch() {
    if (!this.socket || performance.now() - Math.max(this.heard, this.began) < SILENT_MS) return;
    const dead = this.socket;
    this.#closed(1006, "");
    dead.close();
  }

  #subscribe() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const key = document.hidden ? null : this.wanted; // nobody looks: spare the network
    this.commandId += 1;
    const command = key === null ? { op: "unsubscribe" } : { op: "subscribe", waveform: key };
    this.socket.send(JSON.stringify({ ...command, id: this.commandId }));
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
