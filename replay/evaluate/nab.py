"""The score of the Numenta Anomaly Benchmark, for alerts in continuous time.

Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark", ICMLA 2015,
arXiv:1510.03336; the arithmetic follows ``nab/sweeper.py`` of numenta/NAB, which no published package offers by
itself. Within a window the first detection counts, the more the earlier it is; a window without one costs; each
detection outside costs the more the farther it lies behind the last window. 100 = all windows found at their left
edge and nothing else told, 0 = nothing told at all; negative if telling was worse than silence.

Where this differs from the benchmark: a detection is the *opening of an alert*, not every row beyond a threshold, so
that an alert costs the same whatever the row rate; the threshold is the engine's own, none is optimised on the
labels; probation is the recording's declared teach-in, not 15 % of its rows; wear told before its marked limit is
left out. So figures are not comparable with
Numenta's table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from replay.scoring import Span


class Profile(NamedTuple):
    """What a detection in a window earns, one outside costs, and a missed window costs."""

    name: str
    tp: float
    fp: float
    fn: float


STANDARD = Profile("standard", 1.0, 0.11, 1.0)
LOW_FP = Profile("reward_low_fp", 1.0, 0.22, 1.0)
LOW_FN = Profile("reward_low_fn", 1.0, 0.11, 2.0)
PROFILES = (STANDARD, LOW_FP, LOW_FN)


class NabSum(NamedTuple):
    """Raw score of one recording and how many windows it had; recordings add up."""

    raw: float
    n_windows: int


def sigmoid(position: float) -> float:
    """Worth of a detection by its place relative to a window, -1 to 1.

    Parameters
    ----------
    position : float
        -1 = left edge of the window, 0 = right edge, above 0 = behind it, in widths of the window.

    Examples
    --------
    >>> [round(sigmoid(position), 5) for position in (-1.0, -0.5, 0.0, 1.0, 3.0)]
    [0.98661, 0.84828, 0.0, -0.98661, -1.0]
    """
    return -1.0 if position >= 3.0 else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def nab_sum(windows: Sequence[Span], detected_ns: Sequence[int], profile: Profile, row_ns: int = 0) -> NabSum:
    """Score the detections of one recording.

    Parameters
    ----------
    windows : sequence of Span
        Disjoint and in order, both ends included.
    detected_ns : sequence of int
        When something was told, in order.
    profile : Profile
        Weights.
    row_ns : int
        Length of a row, where the series is made of rows, as in the benchmark: a window then lasts until the end of
        its last row. 0 = continuous.

    Returns
    -------
    NabSum
        Before normalisation: between ``-fn`` and ``tp`` for each window, less what false detections cost.
    """
    best = [-profile.fn] * len(windows)
    cost = 0.0
    for at_ns in detected_ns:
        last = max((i for i, window in enumerate(windows) if window.start_ns <= at_ns), default=None)
        if last is None:
            cost += profile.fp
            continue
        window = windows[last]
        width_ns = window.end_ns - window.start_ns
        if at_ns <= window.end_ns:
            position = -(window.end_ns - at_ns + row_ns) / max(width_ns + row_ns, 1)
            best[last] = max(best[last], profile.tp * sigmoid(position) / sigmoid(-1.0))
        else:
            cost -= profile.fp * sigmoid((at_ns - window.end_ns) / max(width_ns, 1))
    return NabSum(math.fsum(best) - cost, len(windows))


def nab_score(sums: Sequence[NabSum], profile: Profile) -> float:
    """Normalise the scores of recordings.

    Parameters
    ----------
    sums : sequence of NabSum
        From `nab_sum`, of one profile.
    profile : Profile
        That one.

    Returns
    -------
    float
        100 = perfect, 0 = silent; NaN without windows.

    Examples
    --------
    >>> nab_score([nab_sum([Span(10, 20)], [10], STANDARD), nab_sum([Span(10, 20)], [], STANDARD)], STANDARD)
    50.0
    """
    n_windows = sum(part.n_windows for part in sums)
    if not n_windows:
        return math.nan
    null, perfect = -profile.fn * n_windows, profile.tp * n_windows
    return 100.0 * (math.fsum(part.raw for part in sums) - null) / (perfect - null)
