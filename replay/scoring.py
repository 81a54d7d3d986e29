"""What a replay is worth: its alerts held against the labelled faults of the recording.

Pure functions over times. Point-wise F1 alone is nearly useless, since an alert that is always on scores 0.70
on SKAB: say the false and missed alert rates beside it, and prefer the view of events (which faults were
found, how late, how many false episodes an hour), which is what a machinist lives with.

Nothing here is point-adjusted: that metric reverses rankings (TSB-AD, Liu and Paparrizos, NeurIPS 2024).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.verdicts import Alert, AlertState


class Span(NamedTuple):
    """A stretch of stream time, both ends included."""

    start_ns: int
    end_ns: int


class Episode(NamedTuple):
    """One alert from its opening to its closing.

    Parameters
    ----------
    onset_ns : int
        When what it alerts of began.
    opened_ns : int
        When it was known: the end of the deciding window, exclusive; that of an `engine.verdicts.Alert`.
    closed_ns : int
        When it was over; the end of the recording if it never closed.
    """

    onset_ns: int
    opened_ns: int
    closed_ns: int

    def meets(self, fault: Span) -> bool:
        """Whether the alert was open at some time within a label, both ends included."""
        return self.opened_ns <= fault.end_ns and self.closed_ns >= fault.start_ns


class FoundFault(NamedTuple):
    """What became of one labelled fault.

    Parameters
    ----------
    fault : Span
        The label.
    found : bool
        Whether an episode was open at some time within it.
    delay_s : float
        Start of the label to the opening of the first such episode, stream time; 0 if that was open already,
        NaN if the fault was missed.
    early : bool
        True if that episode had opened before the label starts: luck, foresight or a false alert; look.
    """

    fault: Span
    found: bool
    delay_s: float
    early: bool


@dataclass(frozen=True, slots=True)
class Confusion:
    """Rows by what was labelled and what was alerted; counts of several recordings add up (micro average).

    Parameters
    ----------
    n_hit, n_false, n_missed, n_calm : int
        Alerting and faulty, alerting and normal, silent and faulty, silent and normal.

    Examples
    --------
    >>> total = Confusion(8, 2, 2, 88) + Confusion(0, 0, 0, 0)
    >>> total.f1, total.false_alert_rate, total.missed_alert_rate
    (0.8, 0.022222222222222223, 0.2)
    """

    n_hit: int = 0
    n_false: int = 0
    n_missed: int = 0
    n_calm: int = 0

    def __add__(self, other: Confusion) -> Confusion:
        """Pool the rows of two recordings."""
        return Confusion(
            self.n_hit + other.n_hit,
            self.n_false + other.n_false,
            self.n_missed + other.n_missed,
            self.n_calm + other.n_calm,
        )

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 to 1; NaN if nothing was labelled or alerted."""
        return _ratio(self.n_hit, self.n_hit + (self.n_false + self.n_missed) / 2)

    @property
    def false_alert_rate(self) -> float:
        """Part of the normal rows that alert, 0 to 1 (FAR); NaN without normal rows."""
        return _ratio(self.n_false, self.n_false + self.n_calm)

    @property
    def missed_alert_rate(self) -> float:
        """Part of the faulty rows that are silent, 0 to 1 (MAR); NaN without faulty rows."""
        return _ratio(self.n_missed, self.n_missed + self.n_hit)

    @property
    def always_on(self) -> Confusion:
        """The same rows under an alert that never ends: what any F1 must beat."""
        return Confusion(self.n_hit + self.n_missed, self.n_false + self.n_calm, 0, 0)


def within(t_ns: NDArray[np.int64], spans: Iterable[Span]) -> NDArray[np.bool_]:
    """Say for each time whether it lies in any of the spans.

    Parameters
    ----------
    t_ns : int64[n]
        Any order.
    spans : Iterable[Span]
        May overlap; both ends count.

    Returns
    -------
    bool[n]
        True within.
    """
    inside = np.zeros(t_ns.shape, dtype=np.bool_)
    for span in spans:
        inside |= (t_ns >= span.start_ns) & (t_ns <= span.end_ns)
    return inside


def confusion(t_ns: NDArray[np.int64], alerting: NDArray[np.bool_], faults: Iterable[Span]) -> Confusion:
    """Count rows, each on its own, without adjustment.

    Parameters
    ----------
    t_ns : int64[n]
        Times of the rows judged; leave out what was learnt from.
    alerting : bool[n]
        Whether an alert was open.
    faults : Iterable[Span]
        The labels.

    Returns
    -------
    Confusion
        Of ``n`` rows.

    Raises
    ------
    ValueError
        The two arrays differ in length.
    """
    if t_ns.shape != alerting.shape:
        raise ValueError(f"times and alerts must be of one length: got {t_ns.shape} and {alerting.shape}")
    faulty = within(t_ns, faults)
    return Confusion(
        n_hit=int(np.sum(alerting & faulty)),
        n_false=int(np.sum(alerting & ~faulty)),
        n_missed=int(np.sum(~alerting & faulty)),
        n_calm=int(np.sum(~alerting & ~faulty)),
    )


def episodes(alerts: Iterable[Alert], end_ns: int) -> tuple[Episode, ...]:
    """Join the messages of each alert into its episode, in order of opening.

    Parameters
    ----------
    alerts : Iterable[Alert]
        Messages in the order sent. Leave out sensor alerts: a dead sensor is true, whatever the labels say.
    end_ns : int
        When an alert that never closed ends.

    Returns
    -------
    tuple[Episode, ...]
        One for each id.
    """
    found: dict[str, Episode] = {}
    for alert in alerts:
        known = found.setdefault(alert.id, Episode(alert.onset_ns, alert.t_ns, end_ns))
        if alert.state is AlertState.CLOSED:
            found[alert.id] = known._replace(closed_ns=alert.t_ns)
    return tuple(sorted(found.values(), key=lambda episode: episode.opened_ns))


def find_faults(faults: Iterable[Span], seen: Sequence[Episode]) -> tuple[FoundFault, ...]:
    """Look up what became of each labelled fault.

    Parameters
    ----------
    faults : Iterable[Span]
        The labels.
    seen : Sequence[Episode]
        In order of opening, as `episodes` returns them.

    Returns
    -------
    tuple[FoundFault, ...]
        One for each fault, in order.
    """
    outcomes = []
    for fault in faults:
        first = next((episode for episode in seen if episode.meets(fault)), None)
        if first is None:
            outcomes.append(FoundFault(fault, found=False, delay_s=math.nan, early=False))
            continue
        delay_s = max(0, first.opened_ns - fault.start_ns) / NS_PER_S
        outcomes.append(
            FoundFault(fault, found=True, delay_s=delay_s, early=first.opened_ns < fault.start_ns)
        )
    return tuple(outcomes)


def per_hour(n: int, duration_s: float) -> float:
    """Rate of ``n`` in ``duration_s`` seconds; NaN where no time passed.

    Examples
    --------
    >>> per_hour(3, 1800.0)
    6.0
    """
    return _ratio(n * 3600.0, duration_s)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
