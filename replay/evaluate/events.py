"""Labelled faults and alerts, counted: what was found, how late, by which name, and what was told for nothing.

Cheap: no score series, no package beside the standard library and NumPy, so a tuner can call it thousands of times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.verdicts import FaultClass
from replay.evaluate.evidence import RecordingEvidence, joined, seconds_outside
from replay.intervals import poisson, wilson
from replay.labels import Trouble
from replay.outcome import Raised
from replay.scoring import Span, per_hour

UNSPECIFIC = "unspecific"
"""Key of the labels that name no class."""

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class EventScores:
    """Counts over recordings; they pool as sums, so long recordings weigh more. Rates and shares are properties.

    Parameters
    ----------
    n_recordings : int
        All of them.
    n_faults : int
        Labels that are there to be found; wear of an edge that was changed before its marked limit is not.
    n_found : int
        Those for which an alert that may be about them opened from their start until a second after their end.
    n_early : int
        Those that were alerted already as they began. Such an alert tells nobody anything new: it is false, and the
        fault is found only if another one opens.
    delays_s : tuple[float, ...]
        Start of the label to the opening of the first such alert, stream time, ascending; of the faults found
        only, so read it with recall. Without wear, whose label begins at the edge's first touch: see `replay.kpi`.
    n_named, n_right : int
        Faults found whose label names a class; those called by it and by no other specific name.
    n_alerts, n_false : int
        Alerts about the machine in recordings whose labels are complete, and those that no label explains.
    n_sensor : int
        Sensor alerts there that no label explains. Recordings seldom label sensor trouble, so that is not called false.
    watched_s, normal_s : float
        Stream time of those recordings without their declared teach-in; the part in which the machine is labelled
        normal (of a worn edge: until its marked limit).
    false_s : float
        Part of ``normal_s`` in which some false alert was open.
    n_unlabelled, unlabelled_s : int, float
        Alerts about the machine, and stream time, of recordings whose labels are not complete: these alerts may
        be true.
    """

    n_recordings: int
    n_faults: int
    n_found: int
    n_early: int
    delays_s: tuple[float, ...]
    n_named: int
    n_right: int
    n_alerts: int
    n_false: int
    n_sensor: int
    watched_s: float
    normal_s: float
    false_s: float
    n_unlabelled: int
    unlabelled_s: float

    @property
    def recall(self) -> float:
        """Share of the faults that were found, 0 to 1; NaN without faults."""
        return _ratio(self.n_found, self.n_faults)

    @property
    def recall_95(self) -> tuple[float, float]:
        """Its interval as if faults were independent (Wilson); those of one recording are not."""
        return wilson(self.n_found, self.n_faults)

    @property
    def delay_median_s(self) -> float:
        """Half of the faults found took no longer; NaN if none was found."""
        return self.delay_s(50.0)

    @property
    def delay_p90_s(self) -> float:
        """Nine in ten of the faults found took no longer."""
        return self.delay_s(90.0)

    def delay_s(self, percent: float) -> float:
        """Percentile of the delays, the next longer one that was measured; NaN if none was.

        Parameters
        ----------
        percent : float
            0 to 100.
        """
        if not self.delays_s:
            return math.nan
        return float(np.percentile(self.delays_s, percent, method="higher"))

    @property
    def right_class_share(self) -> float:
        """Share of the faults found and of known class that were called by their name, 0 to 1."""
        return _ratio(self.n_right, self.n_named)

    @property
    def precision(self) -> float:
        """Share of the alerts about the machine that a label explains, 0 to 1; NaN without alerts."""
        return _ratio(self.n_alerts - self.n_false, self.n_alerts)

    @property
    def precision_95(self) -> tuple[float, float]:
        """Its interval as if alerts were independent (Wilson)."""
        return wilson(self.n_alerts - self.n_false, self.n_alerts)

    @property
    def false_per_hour(self) -> float:
        """False alerts per hour in which the machine is labelled normal; NaN without such time."""
        return per_hour(self.n_false, self.normal_s)

    @property
    def false_per_hour_95(self) -> tuple[float, float]:
        """Its interval (Poisson); few hours say little: look at the upper end."""
        return poisson(self.n_false, self.normal_s / 3600.0)

    @property
    def false_per_machine_day(self) -> float:
        """False alerts per day that a machine is watched, faults included, as `replay.kpi` counts them."""
        return _ratio(self.n_false * _DAY_S, self.watched_s)

    @property
    def false_share(self) -> float:
        """Share of the normal time in which a false alert was open, 0 to 1."""
        return _ratio(self.false_s, self.normal_s)

    @property
    def alerts_per_hour_unlabelled(self) -> float:
        """Alerts about the machine per hour where labels are not complete; some of them may be true."""
        return per_hour(self.n_unlabelled, self.unlabelled_s)

    def as_dict(self) -> dict[str, Any]:
        """Return counts and what follows from them as plain values; None where nothing can be said."""
        return {
            "n_recordings": self.n_recordings,
            "n_faults": self.n_faults,
            "n_found": self.n_found,
            "n_early": self.n_early,
            "recall": known(self.recall),
            "recall_95": list(self.recall_95) if self.n_faults else None,
            "delay_s": {
                "n": len(self.delays_s),
                "median": known(self.delay_median_s),
                "p90": known(self.delay_p90_s),
            },
            "n_named": self.n_named,
            "n_right": self.n_right,
            "right_class_share": known(self.right_class_share),
            "n_alerts": self.n_alerts,
            "n_false": self.n_false,
            "n_unlabelled_sensor_alerts": self.n_sensor,
            "precision": known(self.precision),
            "precision_95": list(self.precision_95) if self.n_alerts else None,
            "false_per_normal_hour": known(self.false_per_hour),
            "false_per_normal_hour_95": list(self.false_per_hour_95) if self.normal_s > 0 else None,
            "false_per_machine_day": known(self.false_per_machine_day),
            "false_alert_h": self.false_s / 3600.0,
            "false_alert_share": known(self.false_share),
            "watched_h": self.watched_s / 3600.0,
            "normal_h": self.normal_s / 3600.0,
            "unlabelled": {
                "n_alerts": self.n_unlabelled,
                "hours": self.unlabelled_s / 3600.0,
                "alerts_per_hour": known(self.alerts_per_hour_unlabelled),
            },
        }


def event_scores(
    evidence: Sequence[RecordingEvidence], *, fault_class: str | None = None, tier: str | None = None
) -> EventScores:
    """Count labelled faults found and false alerts over recordings.

    Parameters
    ----------
    evidence : sequence of RecordingEvidence
        From `gather_evidence`.
    fault_class : str, optional
        Only labels of this class (`UNSPECIFIC`: of none), found by any alert about them; only alerts called so.
    tier : str, optional
        Only alerts that this tier raised; all labels.

    Returns
    -------
    EventScores
        Sums over the recordings.
    """
    return pooled([_of_recording(own, fault_class, tier) for own in evidence])


def pooled(scores: Sequence[EventScores]) -> EventScores:
    """Add up the scores of several recordings."""
    return EventScores(
        n_recordings=sum(s.n_recordings for s in scores),
        n_faults=sum(s.n_faults for s in scores),
        n_found=sum(s.n_found for s in scores),
        n_early=sum(s.n_early for s in scores),
        delays_s=tuple(sorted(delay_s for s in scores for delay_s in s.delays_s)),
        n_named=sum(s.n_named for s in scores),
        n_right=sum(s.n_right for s in scores),
        n_alerts=sum(s.n_alerts for s in scores),
        n_false=sum(s.n_false for s in scores),
        n_sensor=sum(s.n_sensor for s in scores),
        watched_s=math.fsum(s.watched_s for s in scores),
        normal_s=math.fsum(s.normal_s for s in scores),
        false_s=math.fsum(s.false_s for s in scores),
        n_unlabelled=sum(s.n_unlabelled for s in scores),
        unlabelled_s=math.fsum(s.unlabelled_s for s in scores),
    )


def class_key(trouble: Trouble) -> str:
    """Under which class a label is counted.

    Parameters
    ----------
    trouble : Trouble
        The label.

    Returns
    -------
    str
        A value of `FaultClass`, or `UNSPECIFIC`.
    """
    return UNSPECIFIC if trouble.wanted is None else str(trouble.wanted)


def known(value: float) -> float | None:
    """Turn NaN, and what is infinite, into None, which JSON can hold."""
    return value if math.isfinite(value) else None


def _of_recording(own: RecordingEvidence, fault_class: str | None, tier: str | None) -> EventScores:
    kept = [tier in (None, alert.tier) for alert in own.raised]
    counted = [i for i, alert in enumerate(own.raised) if kept[i] and fault_class in (None, alert.fault)]
    machine = [i for i in counted if own.raised[i].fault != FaultClass.SENSOR]
    false = [i for i in counted if own.labelled and not own.explained[i]]
    n_false = sum(own.raised[i].fault != FaultClass.SENSOR for i in false)
    n_faults = n_found = n_early = n_named = n_right = 0
    delays_s: list[float] = []
    for trouble, finders, early in zip(own.troubles, own.finders, own.early, strict=True):
        if fault_class not in (None, class_key(trouble)):
            continue
        hits = [own.raised[i] for i in finders if kept[i]]
        n_faults, n_found, n_early = n_faults + 1, n_found + bool(hits), n_early + early
        if hits and trouble.wanted is not FaultClass.TOOL_WEAR:
            delays_s.append((hits[0].episode.opened_ns - trouble.span.start_ns) / 1e9)
        if hits and trouble.wanted is not None:
            n_named, n_right = n_named + 1, n_right + _is_right(trouble, hits)
    return EventScores(
        n_recordings=1,
        n_faults=n_faults,
        n_found=n_found,
        n_early=n_early,
        delays_s=tuple(delays_s),
        n_named=n_named,
        n_right=n_right,
        n_alerts=len(machine) if own.labelled else 0,
        n_false=n_false,
        n_sensor=len(false) - n_false,
        watched_s=own.watched_s if own.labelled else 0.0,
        normal_s=own.normal_s if own.labelled else 0.0,
        false_s=_false_s(own, [own.raised[i] for i in false]),
        n_unlabelled=0 if own.labelled else len(machine),
        unlabelled_s=0.0 if own.labelled else own.watched_s,
    )


def _is_right(trouble: Trouble, hits: Sequence[Raised]) -> bool:
    """Some alert has the fault's own name and none has another that is as specific: as `replay.inject.trials`."""
    names = {alert.fault for alert in hits}
    return trouble.wanted in names and names <= {str(trouble.wanted), str(FaultClass.PROCESS)}


def _false_s(own: RecordingEvidence, false: Sequence[Raised]) -> float:
    """Normal time in which a false alert about the machine was open, those at once counted once."""
    spans = [
        Span(max(alert.episode.opened_ns, own.judged_from_ns), min(alert.episode.closed_ns, own.end_ns))
        for alert in false
        if alert.fault != FaultClass.SENSOR
    ]
    return seconds_outside(joined(spans), own.faulty) if spans else 0.0


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
