"""Alerts and labelled faults of a replay as rows of the report, each with what the labels say of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.clock import NS_PER_S
from engine.verdicts import Alert, AlertState, Reason
from replay.labels import MARKERS, class_of
from replay.outcome import FaultOutcome, judge_recording
from replay.recording import Recording
from replay.report.results import Replayed

TRUE, FALSE, UNLABELLED = "true", "false", "unlabelled"
_MOST_REASONS = 6


@dataclass(frozen=True, slots=True)
class Told:
    """One alert: its messages joined.

    Parameters
    ----------
    first, last : Alert
        Opening message and the latest.
    closed_ns : int or None
        None if it never closed.
    truth : str
        ``true``: a label explains it; ``false``: none does, though the labels are complete; ``unlabelled``: nobody
        can say, for the labels are not complete or it is about a sensor, whose trouble is seldom labelled.
    """

    first: Alert
    last: Alert
    closed_ns: int | None
    truth: str

    def as_dict(self, start_ns: int) -> dict[str, Any]:
        """Return plain values; times in seconds from ``start_ns``."""
        last = self.last
        return {
            "id": last.id,
            "fault": last.fault,
            "tier": last.tier,
            "group": last.group,
            "regime": last.regime,
            "onset_s": seconds(self.first.onset_ns, start_ns),
            "opened_s": seconds(self.first.t_ns, start_ns),
            "closed_s": None if self.closed_ns is None else seconds(self.closed_ns, start_ns),
            "score": last.score,
            "certainty": last.certainty,
            "detail": last.detail,
            "key": last.key,
            "reasons": [_reason(reason) for reason in last.reasons[:_MOST_REASONS]],
            "text": {"en": last.text_en, "ko": last.text_ko},
            "advice": {"en": last.advice_en, "ko": last.advice_ko},
            "truth": self.truth,
        }


def seconds(t_ns: int, start_ns: int) -> float:
    """Seconds from ``start_ns``, to the microsecond."""
    return round((t_ns - start_ns) / NS_PER_S, 6)


def join_alerts(alerts: Sequence[Alert], replayed: Replayed, recording: Recording | None) -> list[Told]:
    """Join the messages of one spindle's alerts and say what the labels say of each.

    Parameters
    ----------
    alerts : sequence of Alert
        Messages of any spindles, in the order sent.
    replayed : Replayed
        The spindle's recording as the replay summed it up.
    recording : Recording or None
        The same, opened: then its labels as they are now count, else those of the replay.

    Returns
    -------
    list of Told
        In the order of opening.
    """
    messages: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.spindle == replayed.spindle:
            messages.setdefault(alert.id, []).append(alert)
    labelled, false_ids = replayed.labelled, {*replayed.false_alerts, *replayed.unlabelled_sensor_alerts}
    if recording is not None:
        labelled = recording.labelled
        false_ids = {alert.id for alert in judge_recording(recording, alerts).false_alerts}
    told = []
    for id, own in messages.items():
        closed = next((one.t_ns for one in own if one.state is AlertState.CLOSED), None)
        unsure = not labelled or (id in false_ids and own[-1].fault == "sensor")
        truth = UNLABELLED if unsure else FALSE if id in false_ids else TRUE
        told.append(Told(own[0], own[-1], closed, truth))
    return sorted(told, key=lambda one: one.first.t_ns)


def fault_rows(
    alerts: Sequence[Alert], replayed: Replayed, recording: Recording | None, numbers: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Labelled faults and what became of them.

    Parameters
    ----------
    alerts, replayed, recording
        As for `join_alerts`.
    numbers : mapping of str to int
        Number of each alert in the report, by its id.

    Returns
    -------
    list of dict
        ``alert``: number of the one that found it, None if it was missed or the recording is not at hand; ``right``:
        whether that one was called by the class labelled, None if there is no such class or no such alert.
    """
    if recording is None:
        return [
            {
                "fault": own.fault,
                "start_s": own.start_s,
                "end_s": own.end_s,
                "found": own.detected,
                "delay_s": own.delay_s,
                "early": own.early,
                "alert": None,
                "right": None,
                "note": "",
            }
            for own in replayed.faults
        ]
    named = {alert.id: alert.fault for alert in alerts}  # the latest message names it best
    return [
        {
            "fault": own.label.fault,
            "start_s": own.label.start_s,
            "end_s": own.label.end_s,
            "found": own.found.found,
            "delay_s": None if math.isnan(own.found.delay_s) else round(own.found.delay_s, 6),
            "early": own.found.early,
            "alert": numbers.get(own.alert),
            "right": _right(own, named),
            "note": own.label.note,
        }
        for own in judge_recording(recording, alerts).faults
    ]


def _right(outcome: FaultOutcome, named: Mapping[str, str]) -> bool | None:
    """Whether the alert that found it was called what is labelled; None if missed, or the label names no class."""
    wanted = class_of(outcome.label.fault)
    return None if wanted is None or not outcome.alert else named[outcome.alert] == wanted


def marker_rows(recording: Recording | None) -> list[dict[str, Any]]:
    """Labels that mark a moment and are no trouble by themselves: the limit of a tool's wear."""
    labels = () if recording is None else recording.faults
    return [
        {"fault": label.fault, "start_s": label.start_s, "note": label.note}
        for label in labels
        if label.fault in MARKERS
    ]


def _reason(reason: Reason) -> dict[str, Any]:
    return reason._asdict()
