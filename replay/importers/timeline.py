"""What the times of a file are like: its rate, its gaps and whether stamps are coarser than rows, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S

# Pauses of so many usual steps are gaps.
GAP_STEPS = 2.5
# The usual step is the median of the first million: all of them would grow with the file.
_N_MEDIAN = 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """What a column of times is like.

    Parameters
    ----------
    first_ns : int
        Of the first row, as it will be written.
    dated : bool
        Whether the source gives dates.
    repeated : bool
        Whether stamps are coarser than rows, so that equal stamps are no copies.
    n_stamps : int
        Stamps that are later than every one before.
    n_rows : int
        Rows that are not earlier than one before.
    tick_ns, n_usual : float
        Usual time from stamp to stamp, and how many rows share one.
    step_ns, rate_hz : float
        Usual time from row to row, and rows per second outside gaps; NaN if there are no two rows.
    """

    first_ns: int
    dated: bool
    repeated: bool
    n_stamps: int
    n_rows: int
    tick_ns: float
    n_usual: float
    step_ns: float
    rate_hz: float


class Steps:
    """Usual step and mean rate of increasing times that come in batches.

    A step is usual as the median of the first million is; where a file changes its rate later, that is no news here
    and its later steps may all be gaps.
    """

    def __init__(self) -> None:
        self._waiting: list[NDArray[np.int64]] = []
        self._n_waiting = 0
        self._last_ns: int | None = None
        self._median_ns = float("nan")
        self._n_steps = 0
        self._length_ns = 0

    def add(self, times_ns: NDArray[np.int64]) -> None:
        """Take more times.

        Parameters
        ----------
        times_ns : int64[n]
            Increasing, later than those before.
        """
        if not len(times_ns):
            return
        steps = np.diff(times_ns, prepend=times_ns[0] if self._last_ns is None else self._last_ns)
        steps = steps[self._last_ns is None :]
        self._last_ns = int(times_ns[-1])
        if self._median_ns == self._median_ns:
            self._count(steps)
            return
        self._waiting.append(steps)
        self._n_waiting += len(steps)
        if self._n_waiting >= _N_MEDIAN:
            self._decide()

    def usual_ns(self) -> float:
        """Median step in nanoseconds; NaN without two times."""
        self._decide()
        return self._median_ns

    def rate_hz(self) -> float:
        """Steps per second outside gaps; NaN if there are none."""
        self._decide()
        return self._n_steps * NS_PER_S / self._length_ns if self._length_ns > 0 else float("nan")

    def _decide(self) -> None:
        if not self._n_waiting:
            return
        steps = np.concatenate(self._waiting)
        self._median_ns = float(np.median(steps))
        self._waiting.clear()
        self._n_waiting = 0
        self._count(steps)

    def _count(self, steps: NDArray[np.int64]) -> None:
        inside = steps[steps <= GAP_STEPS * self._median_ns]
        self._n_steps += len(inside)
        self._length_ns += int(inside.sum())


class Stamps:
    """How many rows share a stamp, of stamps that never decrease and come in batches."""

    def __init__(self) -> None:
        self._counts: list[NDArray[np.int64]] = []
        self._n_counted = 0
        self._open_ns: int | None = None
        self._n_open = 0
        self.n_stamps = 0
        """Different ones so far."""

    def add(self, times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take more stamps and return those that are new.

        Parameters
        ----------
        times_ns : int64[n]
            Not empty.
        """
        stamps, counts = np.unique(times_ns, return_counts=True)
        if stamps[0] == self._open_ns:
            self._n_open += int(counts[0])
            stamps, counts = stamps[1:], counts[1:]
        if len(stamps):
            self._keep(np.concatenate(([self._n_open] if self._open_ns is not None else [], counts[:-1])))
            self._open_ns, self._n_open = int(stamps[-1]), int(counts[-1])
            self.n_stamps += len(stamps)
        return np.asarray(stamps, np.int64)

    def n_usual(self) -> float:
        """Median over the first million stamps but the first and the last; 0 if there are no others."""
        counts = np.concatenate([*self._counts, np.array([], np.int64)])[1:]
        return float(np.median(counts)) if len(counts) else 0.0

    def _keep(self, counts: NDArray[np.int64]) -> None:
        if self._n_counted < _N_MEDIAN:
            self._counts.append(counts)
            self._n_counted += len(counts)
