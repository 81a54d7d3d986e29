"""What became of each injected fault: found or not, how late, and called by which name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.clock import NS_PER_S
from engine.verdicts import Alert, AlertState, FaultClass
from replay.intervals import wilson
from replay.labels import AFTERMATH_S, class_of
from replay.recording import Fault

# What says only that something is odd contradicts no name.
_UNSPECIFIC = frozenset({FaultClass.PROCESS})


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault that was there, and what was said.

    Parameters
    ----------
    source : str
        Kind of recording: ``simulated``, ``injected``, or the name of a data set.
    recording : str
        Which.
    fault : str
        The label.
    severity : float
        1.0 = moderate.
    start_s, end_s : float
        Seconds from the recording's start.
    detected : bool
        Whether, from the onset on until a second after the end, an alert opened, or one that was open already took
        the fault's own name; of a sensor's fault, a sensor alert.
    delay_s : float
        Onset to the first of these messages, stream time; NaN if missed.
    named : tuple[str, ...]
        What these alerts were called when they closed, or last, in the order of these messages.
    alert_ids : tuple[str, ...]
        Theirs.
    blind : bool
        An alert was open already at the onset, so that a new one may have joined it unseen.
    """

    source: str
    recording: str
    fault: str
    severity: float
    start_s: float
    end_s: float
    detected: bool
    delay_s: float
    named: tuple[str, ...]
    alert_ids: tuple[str, ...]
    blind: bool

    @property
    def right_class(self) -> bool:
        """Whether some alert has the fault's own name and none has another that is as specific."""
        wanted = class_of(self.fault)
        return wanted in self.named and set(self.named) <= {wanted, *_UNSPECIFIC}


def judge_trials(
    source: str,
    recording: str,
    severity: float,
    labels: Sequence[Fault],
    alerts: Sequence[Alert],
    start_ns: int,
    end_ns: int,
) -> list[Trial]:
    """Hold a spindle's alerts against what was injected.

    Parameters
    ----------
    source, recording : str
        For the record.
    severity : float
        For the record.
    labels : sequence of Fault
        Of the recording; markers such as ``wear_limit`` are left out.
    alerts : sequence of Alert
        Messages of this spindle, in the order sent.
    start_ns, end_ns : int
        Of the recording.

    Returns
    -------
    list of Trial
        One for each label that names a class.
    """
    last: dict[str, Alert] = {}
    opened: dict[str, int] = {}
    closed: dict[str, int] = {}
    renamed: dict[
        tuple[str, str], int
    ] = {}  # alert and class: when it was first called so, if not from the start
    for alert in alerts:
        if alert.id in last and alert.fault != last[alert.id].fault:
            renamed.setdefault((alert.id, alert.fault), alert.t_ns)
        last[alert.id] = alert
        opened.setdefault(alert.id, alert.t_ns)
        if alert.state is AlertState.CLOSED:
            closed[alert.id] = alert.t_ns
    trials = []
    for label in labels:
        wanted = class_of(label.fault)
        if wanted is None:
            continue
        from_ns = start_ns + round(label.start_s * NS_PER_S)
        until_s = math.inf if label.end_s is None else label.end_s + AFTERMATH_S
        to_ns = end_ns if math.isinf(until_s) else start_ns + round(until_s * NS_PER_S)
        kin = [id for id in opened if (last[id].fault == FaultClass.SENSOR) == (wanted is FaultClass.SENSOR)]
        told = {id: opened[id] for id in kin}
        told |= {id: renamed[id, wanted] for id in kin if opened[id] <= from_ns and (id, wanted) in renamed}
        new = sorted((id for id in kin if from_ns < told[id] <= to_ns), key=told.__getitem__)
        trials.append(
            Trial(
                source=source,
                recording=recording,
                fault=label.fault,
                severity=severity,
                start_s=label.start_s,
                end_s=(to_ns - start_ns) / NS_PER_S if label.end_s is None else label.end_s,
                detected=bool(new),
                delay_s=(told[new[0]] - from_ns) / NS_PER_S if new else math.nan,
                named=tuple(str(last[id].fault) for id in new),
                alert_ids=tuple(new),
                blind=any(opened[id] <= from_ns and closed.get(id, end_ns) > from_ns for id in kin),
            )
        )
    return trials


@dataclass(frozen=True, slots=True)
class Cell:
    """Trials of one fault at one severity, summed up.

    Parameters
    ----------
    fault : str
        The label.
    severity : float
        1.0 = moderate.
    trials : tuple[Trial, ...]
        At least one.
    """

    fault: str
    severity: float
    trials: tuple[Trial, ...]

    @property
    def n_detected(self) -> int:
        """How many were found."""
        return sum(trial.detected for trial in self.trials)

    @property
    def n_right(self) -> int:
        """How many of those found were called by their name."""
        return sum(trial.right_class for trial in self.trials if trial.detected)

    def delay_s(self, percent: float) -> float:
        """Percentile of the delays of those found, the next longer one that was measured; NaN if none was."""
        delays = [trial.delay_s for trial in self.trials if trial.detected]
        return float(np.percentile(delays, percent, method="higher")) if delays else math.nan

    def within_s(self, most_s: float) -> int:
        """How many were found within so many seconds."""
        return sum(trial.delay_s <= most_s for trial in self.trials if trial.detected)

    def as_dict(self) -> dict[str, object]:
        """Return plain values; probabilities in percent, None where nothing was measured."""
        n = len(self.trials)
        low, high = wilson(self.n_detected, n)
        class_low, class_high = wilson(self.n_right, self.n_detected)
        return {
            "fault": self.fault,
            "severity": self.severity,
            "n": n,
            "n_detected": self.n_detected,
            "detected_pct": 100.0 * self.n_detected / n,
            "detected_pct_95": [100.0 * low, 100.0 * high],
            "delay_s": {f"p{percent}": _known(self.delay_s(percent)) for percent in (50, 90, 99)},
            "n_within_1s": self.within_s(1.0),
            "right_class_pct": 100.0 * self.n_right / self.n_detected if self.n_detected else None,
            "right_class_pct_95": [100.0 * class_low, 100.0 * class_high],
            "n_blind": sum(trial.blind for trial in self.trials),
        }


def cells(trials: Iterable[Trial]) -> list[Cell]:
    """Sum up trials by fault and severity, in that order."""
    found: dict[tuple[str, float], list[Trial]] = {}
    for trial in trials:
        found.setdefault((trial.fault, trial.severity), []).append(trial)
    return [Cell(*key, tuple(own)) for key, own in sorted(found.items())]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
