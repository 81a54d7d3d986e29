"""What became of one recording's labelled faults, and which alerts nothing explains."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.clock import NS_PER_S
from engine.verdicts import Alert, AlertState, FaultClass
from replay.recording import Fault, Recording
from replay.scoring import Episode, FoundFault, Span, episodes, false_episodes, find_faults

# An alert belongs to a fault that ended so recently: windows and confirmation lag behind the samples.
AFTERMATH_S = 1.0
# Labels that mark a moment in a tool's life, which is no trouble by itself; `replay.kpi` reads them.
MARKERS = frozenset({"wear_limit"})


@dataclass(frozen=True, slots=True)
class FaultOutcome:
    """One labelled fault and whether it was alerted, by an alert of its kind (sensor or not)."""

    label: Fault
    found: FoundFault

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


def is_sensor_fault(name: str) -> bool:
    """Tell sensor trouble from trouble of the machine, by the label's name.

    Examples
    --------
    >>> is_sensor_fault("sensor_dropout"), is_sensor_fault("chatter")
    (True, False)
    """
    return name.startswith("sensor")


def class_of(label: str) -> FaultClass | None:
    """Class of alert that a labelled fault should raise.

    Parameters
    ----------
    label : str
        As in ``faults.csv``.

    Returns
    -------
    FaultClass or None
        None: the label does not say what it is, or marks a moment.

    Examples
    --------
    >>> [str(class_of(label)) for label in ("bearing_inner", "ball_fault", "sensor_drift", "chatter", "anomaly")]
    ['bearing', 'bearing', 'sensor', 'chatter', 'None']
    """
    if is_sensor_fault(label):
        return FaultClass.SENSOR
    if label.startswith("bearing") or label in ("inner_race_fault", "outer_race_fault", "ball_fault"):
        return FaultClass.BEARING
    return FaultClass(label) if label in list(FaultClass) else None


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
        Sensor faults are matched with sensor alerts, all others with all others.
    """
    own = [alert for alert in alerts if alert.spindle == recording.spindle.name]
    opened = tuple(alert for alert in own if alert.state is AlertState.OPENED)
    labels = [label for label in recording.faults if label.fault not in MARKERS]
    faults, false_ids = match_faults(labels, own, recording.start_ns, recording.end_ns)
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
    """Match labelled faults with the alerts of one spindle.

    Parameters
    ----------
    labels : sequence of Fault
        In seconds from ``start_ns``.
    alerts : sequence of Alert
        Messages of this spindle, in the order sent.
    start_ns, end_ns : int
        Of the recording.

    Returns
    -------
    tuple of tuple[FaultOutcome, ...] and frozenset[str]
        What became of each label, in order; ids of the alerts that no label explains.
    """
    outcomes: dict[int, FaultOutcome] = {}
    false_ids: set[str] = set()
    for sensor in (False, True):
        chosen = [(i, label) for i, label in enumerate(labels) if is_sensor_fault(label.fault) == sensor]
        spans = [_span(label, start_ns, end_ns) for _, label in chosen]
        messages = [alert for alert in alerts if (alert.fault == "sensor") == sensor]
        seen = episodes(messages, end_ns)
        for (i, label), found in zip(chosen, find_faults(spans, seen), strict=True):
            outcomes[i] = FaultOutcome(label, found)
        false_ids |= _ids(messages, false_episodes(seen, spans))
    return tuple(outcomes[i] for i in range(len(labels))), frozenset(false_ids)


def _span(label: Fault, start_ns: int, end_ns: int) -> Span:
    first = start_ns + round(label.start_s * NS_PER_S)
    if label.end_s is None:
        return Span(first, end_ns)
    return Span(first, start_ns + round((label.end_s + AFTERMATH_S) * NS_PER_S))


def _ids(alerts: Sequence[Alert], wanted: Sequence[Episode]) -> set[str]:
    moments = {(episode.onset_ns, episode.opened_ns) for episode in wanted}
    return {
        alert.id
        for alert in alerts
        if alert.state is AlertState.OPENED and (alert.onset_ns, alert.t_ns) in moments
    }
