"""What became of one recording's labelled faults, and which alerts nothing explains."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.verdicts import Alert, AlertState
from replay.labels import Trouble, place_labels
from replay.recording import Fault, Recording
from replay.scoring import Episode, FoundFault, episodes, find_faults


@dataclass(frozen=True, slots=True)
class FaultOutcome:
    """One labelled fault and whether it was alerted, by an alert that may be about it (`replay.labels`).

    Parameters
    ----------
    label : Fault
        The row.
    found : FoundFault
        What became of it.
    alert : str
        Id of the first such alert that was open within it; empty if it was missed.
    """

    label: Fault
    found: FoundFault
    alert: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; times in seconds from the recording's start."""
        delay_s = self.found.delay_s
        return {
            "fault": self.label.fault,
            "start_s": self.label.start_s,
            "end_s": self.label.end_s,
            "detected": self.found.found,
            "delay_s": None if math.isnan(delay_s) else round(delay_s, 3),
            "early": self.found.early,
        }


@dataclass(frozen=True, slots=True)
class RecordingOutcome:
    """What a replay found in one recording.

    Parameters
    ----------
    recording : str
        Its folder's name.
    spindle : str
        Whose it is.
    duration_s : float
        Stream time.
    alerts : tuple[Alert, ...]
        The opening messages, in order.
    faults : tuple[FaultOutcome, ...]
        Labelled ones.
    labelled : bool
        Whether the labels are complete, so that other alerts are false.
    false_alerts : tuple[Alert, ...]
        Opening messages that no labelled fault explains; empty if the labels are not complete.
    """

    recording: str
    spindle: str
    duration_s: float
    alerts: tuple[Alert, ...]
    faults: tuple[FaultOutcome, ...]
    false_alerts: tuple[Alert, ...]
    labelled: bool

    @property
    def n_alerts(self) -> int:
        """How many alerts opened."""
        return len(self.alerts)

    @property
    def unexplained(self) -> tuple[Alert, ...]:
        """False alerts about the machine; recordings seldom label sensor trouble, so that is not called false."""
        return tuple(alert for alert in self.false_alerts if alert.fault != "sensor")

    def as_dict(self) -> dict[str, Any]:
        """Return what ``summary.json`` holds of it."""
        return {
            "recording": self.recording,
            "spindle": self.spindle,
            "duration_s": round(self.duration_s, 6),
            "alerts": dict(sorted(Counter(str(alert.fault) for alert in self.alerts).items())),
            "labelled": self.labelled,
            "faults": [fault.as_dict() for fault in self.faults],
            "false_alerts": [alert.id for alert in self.unexplained],
            "unlabelled_sensor_alerts": [alert.id for alert in self.false_alerts if alert.fault == "sensor"],
        }


@dataclass(frozen=True, slots=True)
class Raised:
    """One alert: its messages joined.

    Parameters
    ----------
    id : str
        The same in all of them.
    fault : str
        What it was called last.
    tier, group : str
        Which tier and sensor group raised it, as it opened.
    episode : Episode
        From onset to closing.
    named_ns : int
        When it was first called what it was called last; the opening, if it never changed its name.
    """

    id: str
    fault: str
    tier: str
    group: str
    episode: Episode
    named_ns: int


def raised_alerts(alerts: Sequence[Alert], end_ns: int) -> tuple[Raised, ...]:
    """Join the messages of each alert.

    Parameters
    ----------
    alerts : sequence of Alert
        Messages of one spindle, in the order sent.
    end_ns : int
        When an alert that never closed ends.

    Returns
    -------
    tuple[Raised, ...]
        In the order of opening.
    """
    messages: dict[str, list[Alert]] = {}
    for alert in alerts:
        messages.setdefault(alert.id, []).append(alert)
    joined = [_joined(own, end_ns) for own in messages.values()]
    return tuple(sorted(joined, key=lambda alert: alert.episode.opened_ns))


def _joined(messages: Sequence[Alert], end_ns: int) -> Raised:
    first, fault = messages[0], str(messages[-1].fault)
    named_ns = next(message.t_ns for message in messages if message.fault == fault)
    return Raised(first.id, fault, str(first.tier), first.group, episodes(messages, end_ns)[0], named_ns)


def judge_recording(recording: Recording, alerts: Sequence[Alert]) -> RecordingOutcome:
    """Hold the alerts of one recording against its labels.

    Parameters
    ----------
    recording : Recording
        With its faults.
    alerts : sequence of Alert
        Messages of any spindles, in the order sent.

    Returns
    -------
    RecordingOutcome
        By the rule of `replay.labels`.
    """
    own = [alert for alert in alerts if alert.spindle == recording.spindle.name]
    opened = tuple(alert for alert in own if alert.state is AlertState.OPENED)
    faults, false_ids = match_faults(recording.faults, own, recording.start_ns, recording.end_ns)
    return RecordingOutcome(
        recording.path.name,
        recording.spindle.name,
        recording.duration_s,
        opened,
        faults,
        tuple(alert for alert in opened if recording.labelled and alert.id in false_ids),
        recording.labelled,
    )


def match_faults(
    labels: Sequence[Fault], alerts: Sequence[Alert], start_ns: int, end_ns: int
) -> tuple[tuple[FaultOutcome, ...], frozenset[str]]:
    """Match labelled faults with the alerts of one spindle, by the rule of `replay.labels`.

    Parameters
    ----------
    labels : sequence of Fault
        In seconds from ``start_ns``, with the rows ``wear_limit``.
    alerts : sequence of Alert
        Messages of this spindle, in the order sent.
    start_ns, end_ns : int
        Of the recording.

    Returns
    -------
    tuple of tuple[FaultOutcome, ...] and frozenset[str]
        What became of each label that is no marker, in order; ids of the alerts that no label explains.
    """
    troubles = place_labels(labels, start_ns, end_ns)
    raised = raised_alerts(alerts, end_ns)
    false_ids = frozenset(
        alert.id
        for alert in raised
        if not any(trouble.explains(alert.fault, alert.episode) for trouble in troubles)
    )
    return tuple(_outcome(trouble, raised) for trouble in troubles), false_ids


def _outcome(trouble: Trouble, raised: Sequence[Raised]) -> FaultOutcome:
    fitting = [alert for alert in raised if trouble.fits(alert.fault, alert.episode.opened_ns)]
    (found,) = find_faults([trouble.span], [alert.episode for alert in fitting])
    first = next((a for a in fitting if a.episode.meets(trouble.span)), None)
    return FaultOutcome(trouble.label, found, "" if first is None else first.id)
