// Who looks: asks for a token where the server wants one. It is kept for this tab only, and never in an address.

import { say } from "./tiles.js";
import { word } from "./words.js";

const KEPT = "spindlewatch.token";
const THIS_MACHINE = ["localhost", "127.0.0.1", "[::1]"];

let held = kept();

function kept() {
  try { return sessionStorage.getItem(KEPT); } catch { return null; } // storage may be forbidden; then until a reload
}

export const token = () => held;

function keep(text) {
  held = text;
  try {
    if (text === null) sessionStorage.removeItem(KEPT); else sessionStorage.setItem(KEPT, text);
  } catch { /* not remembered then */ }
}

export class Login {
  // dialog: with a form, an input and what it says; enter: called once there is a token to try
  constructor(dialog, leave, enter) {
    this.dialog = dialog;
    this.leave = leave;
    this.input = dialog.querySelector("input");
    this.says = dialog.querySelector("[role=alert]");
    this.refused = false;
    dialog.querySelector(".plain").hidden = location.protocol === "https:" || THIS_MACHINE.includes(location.hostname);
    dialog.addEventListener("cancel", (event) => event.preventDefault()); // there is nothing to see without
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.input.value.trim();
      this.input.value = "";
      if (!text) return;
      keep(text);
      enter();
    });
    leave.addEventListener("click", () => {
      keep(null);
      location.reload(); // so that nothing of what was shown is left
    });
  }

  // A token is wanted; the one that was tried, if any, is worth nothing.
  ask() {
    this.refused = held !== null;
    keep(null);
    this.draw();
    if (!this.dialog.open) this.dialog.showModal();
    this.input.focus();
  }

  // It was taken, or none is wanted.
  done() {
    if (this.dialog.open) this.dialog.close();
    this.draw();
  }

  draw() {
    say(this.says, this.refused ? word("tokenRefused") : "");
    this.leave.hidden = held === null;
  }
}
