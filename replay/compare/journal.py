"""What a shadow configuration would have told, beside what was told: from the journal of a running engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from engine.clock import NS_PER_S, to_datetime
from engine.errors import UsageError
from replay.compare.alerts import WITHIN_S, ToldAlert, match_alerts, told_alerts
from replay.compare.result import UNKNOWN, Change, Comparison
from sinks.journal import Journal
from sinks.shadow import ShadowSpan, read_spans, shadow_beside

_PAGE = 1000
_COLD = (
    "a shadow begins without baselines: what it did not tell while it learnt says nothing about its settings"
)


def read_messages(path: Path) -> list[Mapping[str, Any]]:
    """Read every alert message of a journal.

    Parameters
    ----------
    path : Path
        Of the journal.

    Returns
    -------
    list of mapping
        As `sinks.alert_json.alert_as_dict` gave them, in the order told.

    Raises
    ------
    UsageError
        There is no such file.
    SpindlewatchError
        It is no journal.
    """
    if not path.is_file():
        raise UsageError(f"--journal {path}: there is no such file")
    journal, messages, seq = Journal(path), [], 0
    try:
        while page := journal.page(seq, _PAGE):
            messages += [orjson.loads(entry.json) for entry in page]
            seq = page[-1].seq
    finally:
        journal.close()
    return messages


def compare_journal(path: Path, within_s: float = WITHIN_S) -> Comparison:
    """Compare what was told (A) with what the shadow beside it would have told (B).

    Compared are the stretches that the newest shadow configuration watched: outside them, its silence means nothing.

    Parameters
    ----------
    path : Path
        Journal of the running engine; the shadow's is beside it (`sinks.shadow.shadow_beside`).
    within_s : float
        As for `replay.compare.alerts.match_alerts`.

    Returns
    -------
    Comparison
        Without labels: a journal has none.

    Raises
    ------
    UsageError
        There is no such file, or no shadow ever ran.
    SpindlewatchError
        It is no journal.
    """
    beside = shadow_beside(path)
    live = told_alerts(read_messages(path))
    if not beside.is_file():
        raise UsageError(
            f"--journal {path}: wanted the journal of a shadow beside it, {beside.name}; got none"
        )
    every = read_spans(beside)
    if not every:
        raise UsageError(f"{beside}: the shadow has not watched anything yet")
    newest = every[-1].config_hash
    spans = [span for span in every if span.config_hash == newest]
    shadow = [alert for alert in told_alerts(read_messages(beside)) if alert.config_hash == newest]
    pairs = match_alerts(_within(live, spans), _within(shadow, spans), within_s)
    changes = [
        Change("", None, pair, "" if pair.a is None else UNKNOWN, "" if pair.b is None else UNKNOWN)
        for pair in pairs
    ]
    duration_s = sum(span.until_ns - span.began_ns for span in spans) / NS_PER_S
    hashes = ",".join(dict.fromkeys(span.live_hash for span in spans))
    return Comparison(
        "live",
        "shadow",
        hashes,
        newest,
        within_s,
        duration_s,
        tuple(changes),
        (),
        tuple(_notes(spans, every)),
    )


def _within(alerts: Sequence[ToldAlert], spans: Sequence[ShadowSpan]) -> list[ToldAlert]:
    return [
        alert for alert in alerts if any(span.began_ns <= alert.opened_ns <= span.until_ns for span in spans)
    ]


def _notes(spans: Sequence[ShadowSpan], every: Sequence[ShadowSpan]) -> list[str]:
    notes = [_COLD]
    n_other = len({span.config_hash for span in every}) - 1
    if n_other:
        notes.append(f"{n_other} earlier shadow configurations are left out")
    for span in spans:
        if span.trouble:
            at = to_datetime(span.until_ns).isoformat(timespec="seconds")
            notes.append(f"the shadow was cut off at {at}: {span.trouble}")
    return notes
