// The alert list: one card for each alert, open ones unfolded.

import { element, say, shape } from "./tiles.js";
import { code, duration, figure, language, moment, regimeText, scoreText, word } from "./words.js";

const MAX_REASONS = 6;

export class Card {
  constructor(id, choose) {
    this.item = element("li", "card");
    this.item.dataset.id = id;
    this.head = element("button", "head");
    this.head.type = "button";
    this.head.addEventListener("click", () => {
      this.unfolded = this.details.hidden;
      this.#unfold();
      choose(this.alert);
    });
    this.fault = element("b", "fault");
    this.where = element("span", "where");
    this.onset = element("time", "onset");
    this.length = element("span", "length");
    this.text = element("p", "text");
    this.advice = element("p", "advice");
    this.basis = element("p", "basis");
    this.table = element("table");
    this.details = element("div", "details");
    this.details.append(this.advice, this.basis, this.table);
    this.shape = shape("alerting");
    this.head.append(this.shape, this.where, this.fault, this.onset, this.length);
    this.item.append(this.head, this.text, this.details);
    this.unfolded = null; // not yet chosen by a person: open alerts are unfolded, closed ones folded
  }

  draw({ alert }, newestNs, nowNs) {
    this.alert = alert;
    const closed = alert.state === "closed";
    this.item.dataset.state = alert.state;
    this.item.dataset.fault = alert.fault;
    this.shape.firstChild.setAttribute("href", `#shape-${closed ? "ok" : alert.fault === "sensor" ? "sensor" : "alerting"}`);
    say(this.fault, code(alert.fault));
    say(this.where, alert.spindle);
    say(this.onset, moment(alert.onset_ns, nowNs));
    this.onset.dateTime = new Date(alert.onset_ns / 1e6).toISOString();
    this.drawLength(newestNs);
    const text = alert.text?.[language] ?? alert.text?.en ?? alert.detail;
    const said = [`${code(alert.fault)} on ${alert.spindle} `, `${code(alert.fault)} · ${alert.spindle} `].find((one) => text.startsWith(one));
    say(this.text, said ? text.slice(said.length) : text); // the heading says it already
    const advice = alert.advice?.[language] ?? "";
    say(this.advice, advice ? `${word("check")}: ${advice}` : "");
    this.advice.hidden = !advice;
    const scored = typeof alert.score === "number" ? `${word("score")} ${scoreText(alert.score)} (${word("limit")}) · ` : "";
    say(this.basis, `${scored}${alert.fault === "sensor" ? "" : `${code(alert.tier)} · `}${alert.group} · ${regimeText(alert.regime)}`);
    this.#drawReasons(alert.reasons ?? []);
    this.#unfold();
  }

  drawLength(newestNs) {
    const closed = this.alert.state === "closed";
    const end = closed ? this.alert.t_ns : Math.max(newestNs, this.alert.t_ns);
    say(this.length, `${word(closed ? "lasted" : "since")} ${duration((end - this.alert.onset_ns) / 1e9)}`);
  }

  #unfold() {
    const unfolded = this.unfolded ?? this.alert.state !== "closed";
    this.details.hidden = !unfolded;
    this.head.setAttribute("aria-expanded", String(unfolded));
  }

  #drawReasons(reasons) {
    this.table.replaceChildren();
    this.table.hidden = reasons.length === 0;
    if (!reasons.length) return;
    const head = this.table.createTHead().insertRow();
    for (const key of ["feature", "value", "normal", "share"]) {
      const cell = element("th", key, word(key));
      cell.scope = "col";
      head.append(cell);
    }
    const body = this.table.createTBody();
    for (const reason of reasons.slice(0, MAX_REASONS)) this.#drawReason(body.insertRow(), reason);
  }

  #drawReason(row, { feature, value, expected, low, high, unit, share }) {
    const range = low === null || high === null ? figure(expected) : `${figure(expected)} (${figure(low)} – ${figure(high)})`;
    row.append(element("td", "feature", feature), element("td", "value", `${figure(value)} ${unit}`.trim()));
    const meter = document.createElement("meter");
    meter.value = share ?? 0;
    meter.title = `${Math.round((share ?? 0) * 100)} %`;
    meter.setAttribute("aria-label", meter.title);
    const cell = element("td", "share");
    cell.append(meter);
    row.append(element("td", "normal", `${range} ${unit}`.trim()), cell);
  }
}

// Keeps a list's cards in order without moving those that stand where they belong: focus stays.
export function arrange(list, cards) {
  cards.forEach((card, at) => {
    if (list.children[at] !== card.item) list.insertBefore(card.item, list.children[at] ?? null);
  });
  while (list.children.length > cards.length) list.lastChild.remove();
}
