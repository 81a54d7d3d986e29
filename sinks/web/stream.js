// The page's connection: to the server it came from, with the filter of its own address.

import { token } from "./access.js";
import { Client } from "./client.js";

export class Stream {
  // tell: {message(json), waveform(wave), status(name, detail)}
  constructor(tell) {
    this.wanted = null; // "spindle/group" whose waveform is wanted
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const spindles = new URLSearchParams(location.search).getAll("spindle");
    this.client = new Client(`${scheme}://${location.host}/v1/stream`, { ...tell, spindles, token });
    addEventListener("online", () => this.client.hurry());
    document.addEventListener("visibilitychange", () => this.#show());
  }

  // Connects again, after a refusal.
  open() {
    this.client.open();
  }

  get heard() {
    return this.client.heard;
  }

  show(key) {
    if (key === this.wanted) return;
    this.wanted = key;
    this.#show();
  }

  #show() {
    this.client.show(document.hidden ? null : this.wanted); // nobody looks: spare the network
  }
}
