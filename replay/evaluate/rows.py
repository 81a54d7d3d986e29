"""The score series on a grid of rows, beside labels and alerts: what scores of rows and ranges are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.verdicts import FaultClass
from replay.evaluate.events import class_key
from replay.evaluate.evidence import RecordingEvidence, joined
from replay.evaluate.series import ScoreSeries
from replay.scoring import Span

MOST_ROWS = 4000
LEAST_ROWS = 500
ROW_BUDGET = 40_000
_ROW_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Rows:
    """One recording in rows of equal length; rows that nothing can be said of are left out, and counted.

    A row takes the largest score of the windows that end within it, of all sensor groups; it is faulty, or alerting,
    if a label, or an open alert, covers its end.

    Parameters
    ----------
    row_s : float
        Length of a row.
    score : float64[n]
        Finite; 1.0 is the limit.
    faulty, alerting : bool[n]
        Whether the machine is labelled faulty; whether an alert about it was open.
    n_taught, n_warming_up, n_unknown : int
        Rows left out: of the declared teach-in; while the regime's baseline was being learnt; where no score could be
        given.
    """

    row_s: float
    score: NDArray[np.float64]
    faulty: NDArray[np.bool_]
    alerting: NDArray[np.bool_]
    n_taught: int
    n_warming_up: int
    n_unknown: int

    @property
    def n_rows(self) -> int:
        """Rows that are judged."""
        return len(self.score)


def rows_of(
    own: RecordingEvidence, series: ScoreSeries, fault_class: str | None = None, most: int = MOST_ROWS
) -> Rows:
    """Put a recording on a grid.

    Parameters
    ----------
    own : RecordingEvidence
        Labels and alerts.
    series : ScoreSeries
        Scores of its spindle.
    fault_class : str, optional
        Only labels of this class are faulty; rows of all others are left out.
    most : int
        Rows at most; a longer recording gets longer rows.

    Returns
    -------
    Rows
        Of a length that the series fills, at least 0.1 s.
    """
    row_ns = round(row_length_s(own, series, most) * NS_PER_S)
    n = max(1, -(-(own.end_ns - own.start_ns) // row_ns))
    row = np.clip((series.t_ns - own.start_ns - 1) // row_ns, 0, n - 1)
    scored = np.isfinite(series.score)
    score = np.full(n, -np.inf)
    usable = scored & series.ready
    np.maximum.at(score, row[usable], series.score[usable])
    warming_up = _any_in(row[scored & ~series.ready], n)
    t_ns = own.start_ns + row_ns * (1 + np.arange(n, dtype=np.int64))
    taught = t_ns <= own.judged_from_ns
    known = np.isfinite(score)
    chosen, others = _faulty(own, fault_class)
    faulty = _covered(t_ns, chosen)
    kept = known & ~taught & ~(_covered(t_ns, others) & ~faulty)
    open_ = [alert.episode for alert in own.raised if alert.fault != FaultClass.SENSOR]
    alerting = _covered(t_ns, joined(Span(e.opened_ns, e.closed_ns) for e in open_))
    return Rows(
        row_ns / NS_PER_S,
        score[kept],
        faulty[kept],
        alerting[kept],
        n_taught=int(taught.sum()),
        n_warming_up=int((~known & ~taught & warming_up).sum()),
        n_unknown=int((~known & ~taught & ~warming_up).sum()),
    )


def rows_each(n_recordings: int) -> int:
    """How many rows a recording may have, so that many recordings take no hours.

    Parameters
    ----------
    n_recordings : int
        That are to be scored together.

    Returns
    -------
    int
        `MOST_ROWS`, or an even share of `ROW_BUDGET` if that is less, but at least `LEAST_ROWS`.

    Examples
    --------
    >>> rows_each(1), rows_each(40), rows_each(1000)
    (4000, 1000, 500)
    """
    return max(LEAST_ROWS, min(MOST_ROWS, ROW_BUDGET // max(1, n_recordings)))


def row_length_s(own: RecordingEvidence, series: ScoreSeries, most: int = MOST_ROWS) -> float:
    """Choose the length of a row: no shorter than scores come, and so that there are not too many.

    Parameters
    ----------
    own : RecordingEvidence
        Its length counts.
    series : ScoreSeries
        Its usual pause counts.
    most : int
        Rows at most.

    Returns
    -------
    float
        A round number of seconds, 0.1 to 3600, or longer where even that makes too many.
    """
    length_s = (own.end_ns - own.start_ns) / NS_PER_S
    steps_ns = np.diff(np.unique(series.t_ns))
    usual_s = float(np.median(steps_ns)) / NS_PER_S if steps_ns.size else 0.0
    least_s = max(usual_s, length_s / most)
    return next((row_s for row_s in _ROW_S if row_s >= least_s * (1.0 - 1e-9)), least_s)


def _faulty(own: RecordingEvidence, fault_class: str | None) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Spans of the class asked for, and those of all others."""
    if fault_class is None:
        return own.faulty, ()
    chosen = [trouble.faulty for trouble in own.troubles if class_key(trouble) == fault_class]
    return joined(chosen), own.faulty


def _any_in(rows: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    return np.bincount(rows, minlength=n).astype(np.bool_)


def _covered(t_ns: NDArray[np.int64], spans: Sequence[Span]) -> NDArray[np.bool_]:
    """Whether disjoint spans in order cover each time, both ends included."""
    if not spans:
        return np.zeros(t_ns.shape, dtype=np.bool_)
    starts, ends = (np.array(side, dtype=np.int64) for side in zip(*spans, strict=True))
    last = np.searchsorted(starts, t_ns, side="right") - 1
    inside: NDArray[np.bool_] = (last >= 0) & (t_ns <= ends[np.maximum(last, 0)])
    return inside
