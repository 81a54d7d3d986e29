"""Alerts of two configurations side by side: which are the same, which moved, which only one of them raised."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.clock import NS_PER_S
from engine.verdicts import LATCHED, Alert, AlertState, FaultClass
from sinks.alert_json import alert_as_dict

WITHIN_S = 2.0
"""Alerts that begin so close to each other are the same, also if one was over before the other began."""
SAME_SCORE = 0.01
"""Peak scores that differ by less than this share of the larger one have not moved."""


@dataclass(frozen=True, slots=True)
class ToldAlert:
    """One alert as all of its messages tell it.

    Parameters
    ----------
    id : str
        The same in every replay and under every configuration that dates and names it alike.
    spindle, group, tier, regime, detail, config_hash : str
        As it opened.
    fault : str
        As it was named last.
    tool : str
        The tool that was in the spindle as it opened; of a worn tool, that tool; ``-`` where none is known.
    onset_ns, opened_ns : int
        Start of the episode, and when it was told; stream time.
    closed_ns : int or None
        None: still open when the recording or the journal ended.
    score : float
        The highest that was told. Messages tell a rise only when a score has doubled: the true peak lies between this
        and twice this. NaN for sensor alerts.
    messages : tuple of dict
        As `sinks.alert_json.alert_as_dict` gives them, in the order sent.
    """

    id: str
    spindle: str
    group: str
    fault: str
    tier: str
    regime: str
    detail: str
    tool: str
    onset_ns: int
    opened_ns: int
    closed_ns: int | None
    score: float
    config_hash: str
    messages: tuple[Mapping[str, Any], ...]

    def as_dict(self, start_ns: int | None = None) -> dict[str, Any]:
        """Return plain values.

        Parameters
        ----------
        start_ns : int, optional
            Start of the recording: ``opened_s`` counts from there; without it, it is null.
        """
        opened_s = None if start_ns is None else round((self.opened_ns - start_ns) / NS_PER_S, 3)
        return {
            "id": self.id,
            "spindle": self.spindle,
            "tool": self.tool,
            "fault": self.fault,
            "tier": self.tier,
            "onset_ns": self.onset_ns,
            "opened_ns": self.opened_ns,
            "opened_s": opened_s,
            "closed_ns": self.closed_ns,
            "score": None if math.isnan(self.score) else self.score,
            "config_hash": self.config_hash,
        }


class Pair(NamedTuple):
    """An alert of A and the same one of B; None: the other side has none."""

    a: ToldAlert | None
    b: ToldAlert | None


def told_alerts(messages: Iterable[Alert | Mapping[str, Any]]) -> list[ToldAlert]:
    """Join the messages of each alert.

    Parameters
    ----------
    messages : iterable of Alert or mapping
        Records of a replay, or lines of ``alerts.jsonl`` or of a journal; each alert's in the order sent.

    Returns
    -------
    list of ToldAlert
        In the order of their opening. An alert whose opening is not among the messages is left out: it is not known
        when it began.
    """
    by_id: dict[str, list[Mapping[str, Any]]] = {}
    for message in messages:
        told = alert_as_dict(message) if isinstance(message, Alert) else message
        if told["state"] == AlertState.OPENED or told["id"] in by_id:
            by_id.setdefault(told["id"], []).append(told)
    return sorted(map(_joined, by_id.values()), key=lambda alert: (alert.opened_ns, alert.spindle, alert.id))


def _joined(messages: Sequence[Mapping[str, Any]]) -> ToldAlert:
    first, last = messages[0], messages[-1]
    scores = [_number(message["score"]) for message in messages]
    tool = str(first["regime"]).partition("/")[0].rstrip("~")
    if last["fault"] == FaultClass.TOOL_WEAR:
        tool = last.get("key") or tool
    return ToldAlert(
        id=first["id"],
        spindle=first["spindle"],
        group=first["group"],
        fault=str(last["fault"]),
        tier=str(first["tier"]),
        regime=first["regime"],
        detail=first["detail"],
        tool=tool or "-",
        onset_ns=first["onset_ns"],
        opened_ns=first["t_ns"],
        closed_ns=last["t_ns"] if last["state"] == AlertState.CLOSED else None,
        score=max((score for score in scores if score == score), default=math.nan),
        config_hash=first["config_hash"],
        messages=tuple(messages),
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def match_alerts(a: Sequence[ToldAlert], b: Sequence[ToldAlert], within_s: float = WITHIN_S) -> list[Pair]:
    """Find for each alert of A the same one of B.

    Two alerts are the same if they are of one spindle, and overlap in time or begin within ``within_s``; sensor alerts
    only if they are of one sensor group, and never the same as one about the machine. Alerts of another class are the
    same too (the class has moved); but a condition that stays open for hours overlaps with whatever happens
    meanwhile, so between it and another class only the beginning counts. Each alert is paired at most once: equal ids
    first, then equal classes, then the nearest beginnings.

    Parameters
    ----------
    a, b : sequence of ToldAlert
        Of one recording, or of one stretch of a journal.
    within_s : float
        Seconds.

    Returns
    -------
    list of Pair
        Every alert of both sides exactly once, in the order of opening. Exchanging A and B exchanges the sides of
        every pair and nothing else.
    """
    within_ns = round(within_s * NS_PER_S)
    near = [
        (_distance(one, other), i, k)
        for i, one in enumerate(a)
        for k, other in enumerate(b)
        if _may_be_same(one, other, within_ns)
    ]
    partner_of_a: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, k in sorted(near, key=lambda entry: entry[0]):
        if i not in partner_of_a and k not in taken:
            partner_of_a[i] = k
            taken.add(k)
    pairs = [Pair(one, b[partner_of_a[i]] if i in partner_of_a else None) for i, one in enumerate(a)]
    pairs += [Pair(None, other) for k, other in enumerate(b) if k not in taken]
    return sorted(pairs, key=_turn)


def _turn(pair: Pair) -> tuple[int, list[str]]:
    sides = [side for side in pair if side is not None]
    return min(side.opened_ns for side in sides), sorted(side.id for side in sides)


def _distance(a: ToldAlert, b: ToldAlert) -> tuple[bool, bool, int, list[str]]:
    """How unlike two alerts are, the same from either side."""
    return a.id != b.id, a.fault != b.fault, abs(a.onset_ns - b.onset_ns), sorted((a.id, b.id))


def _may_be_same(a: ToldAlert, b: ToldAlert, within_ns: int) -> bool:
    if a.spindle != b.spindle:
        return False
    if FaultClass.SENSOR in (a.fault, b.fault) and (a.fault != b.fault or a.group != b.group):
        return False
    if a.id == b.id or abs(a.onset_ns - b.onset_ns) <= within_ns:
        return True
    if a.fault != b.fault and (a.fault in LATCHED or b.fault in LATCHED):
        return False
    return _before_end(a, b) and _before_end(b, a)


def _before_end(a: ToldAlert, b: ToldAlert) -> bool:
    return b.closed_ns is None or a.onset_ns <= b.closed_ns
