"""Two heaps of a level with a clear valley between them: a histogram that is asked where it splits, if it does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LOW, _HIGH, _WIDTH = -14.0, 14.0, 0.1  # e-folds: a millionth to a million of any unit
_N_BINS = round((_HIGH - _LOW) / _WIDTH)
_N_BETWEEN = 25  # levels from one look at the valley to the next
_LEAST_COUNT = 20.0  # in each heap, two seconds at ten a second
_LEAST_APART = math.log(2.5)  # no speed or cut changes a quiet machine's level so much at once
_SHALLOW = 0.1  # of the lower heap's top, in the emptiest place between the tops
_N_CLEAR = 2  # bins above the lower heap, at least
_HALVED_AT = 36_000.0  # an hour at ten a second: what was long ago counts half


class LevelHeaps:
    """Logarithmic levels of one channel, and the split between their two heaps.

    The split is a little above the lower heap, at the foot of the widest nearly empty stretch that has a heap on either
    side. There is none unless both heaps have been seen for seconds and their tops are far apart. A threshold that
    divides the variance (Otsu) would do worse: of standstill, fine and heavy cuts it may take the fine ones for idle.

    State: 280 counts, halved in the long run, so that the last hours count most.
    """

    __slots__ = ("_counts", "_n_since", "split")

    def __init__(self) -> None:
        self._counts = np.zeros(_N_BINS)
        self._n_since = 0
        self.split = math.nan
        """Level between the heaps; NaN as long as there are not clearly two."""

    def add(self, level: float) -> None:
        """Count a level.

        Parameters
        ----------
        level : float
            Natural logarithm; finite. Beyond a millionth or a million it counts as that.
        """
        index = int((min(max(level, _LOW), _HIGH - _WIDTH) - _LOW) / _WIDTH)
        self._counts[index] += 1.0
        self._n_since += 1
        if self._n_since == _N_BETWEEN:
            self._n_since = 0
            if self._counts.sum() >= _HALVED_AT:
                self._counts *= 0.5
            self.split = _split(self._counts)

    def save(self) -> Any:
        """State for recovery."""
        return self._counts.copy(), self._n_since, self.split

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        counts, self._n_since, self.split = state
        self._counts = np.array(counts, np.float64)


def _split(counts: NDArray[np.float64]) -> float:
    """Foot of the widest nearly empty stretch between two heaps; NaN if there is none."""
    below = np.cumsum(counts)
    above = below[-1] - below
    smooth = np.convolve(counts, (1.0, 1.0, 1.0), "same")
    lower_top = np.maximum.accumulate(smooth)
    upper_top = np.maximum.accumulate(smooth[::-1])[::-1]
    enough = np.minimum(below, above) >= _LEAST_COUNT
    empty = enough & (smooth <= _SHALLOW * np.minimum(lower_top, upper_top))
    edges = np.flatnonzero(np.diff(empty, prepend=False, append=False))
    if not edges.size:
        return math.nan
    starts, ends = edges[::2], edges[1::2]
    widest = int(np.argmax(ends - starts))
    start, end = int(starts[widest]), int(ends[widest])
    apart = end + int(np.argmax(smooth[end:])) - int(np.argmax(smooth[:start]))
    if apart * _WIDTH < _LEAST_APART:
        return math.nan
    return _LOW + (start + max(_N_CLEAR, 0.25 * (end - start))) * _WIDTH
