"""What labelled faults and alerts come to when they are counted: sums, and the rates and shares that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from replay.intervals import poisson, wilson
from replay.scoring import per_hour

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
        Those for which an alert that may be about them opened from their start until a second after their end, or one
        that was open already took their name.
    n_early : int
        Those that were alerted already as they began. Such an alert tells nobody anything new: it is false, and the
        fault is found only if another one opens, or if it takes the fault's name.
    delays_s : tuple[float, ...]
        Start of the label to the first of these messages, stream time, ascending; of the faults found
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

    n_recordings: int = 0
    n_faults: int = 0
    n_found: int = 0
    n_early: int = 0
    delays_s: tuple[float, ...] = ()
    n_named: int = 0
    n_right: int = 0
    n_alerts: int = 0
    n_false: int = 0
    n_sensor: int = 0
    watched_s: float = 0.0
    normal_s: float = 0.0
    false_s: float = 0.0
    n_unlabelled: int = 0
    unlabelled_s: float = 0.0

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
    def right_class_95(self) -> tuple[float, float]:
        """Its interval as if faults were independent (Wilson)."""
        return wilson(self.n_right, self.n_named)

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
            "right_class_95": list(self.right_class_95) if self.n_named else None,
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


def known(value: float) -> float | None:
    """Turn NaN, and what is infinite, into None, which JSON can hold."""
    return value if math.isfinite(value) else None


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
