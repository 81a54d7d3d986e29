"""Are these samples usable? Counted per channel over one hop."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

N_COUNTS = 4
NONFINITE, LONGEST_RUN, AT_LIMIT, CHANGES = range(N_COUNTS)

# Inferred clipping wants this many samples in a row at the largest magnitude ever seen.
_RUN_AT_LIMIT = 3


@njit("i8(f4[::1], f8, f8)", cache=True, nogil=True)
def _count_at_limit(samples: NDArray[np.float32], limit: float, peak: float) -> int:
    """Samples at a known limit, or in runs at the largest magnitude where the limit is unknown."""
    known = not math.isnan(limit)
    level = limit if known else peak
    if not level > 0.0:
        return 0
    count = 0
    length = 0
    for value in samples:
        if abs(float(value)) >= level:
            length += 1
        else:
            if known or length >= _RUN_AT_LIMIT:
                count += length
            length = 0
    if known or length >= _RUN_AT_LIMIT:
        count += length
    return count


@njit("void(f4[:, ::1], f8[::1], f8[::1], i8[::1], f8[::1], i8[:, ::1])", cache=True, nogil=True)
def count_quality(
    samples: NDArray[np.float32],
    limit: NDArray[np.float64],
    last: NDArray[np.float64],
    run: NDArray[np.int64],
    extreme: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """Count what makes samples unusable, carrying runs of equal values over from the previous hop.

    Parameters
    ----------
    samples : float32[n_channels, n_samples]
        One hop.
    limit : float64[n_channels]
        Magnitude at which the converter clips; NaN = unknown, then clipping is inferred from three or more
        samples in a row at the largest magnitude ever seen. Inference is blind to a signal that has clipped
        only once, and is meaningless for coarsely quantised signals: see ``counts[:, CHANGES]``.
    last, run, extreme : float64[n_channels], int64[n_channels], float64[n_channels]
        State, updated in place: last value, length of the run of equal values that it ends, largest magnitude.
        Start with NaN, 0, 0.
    counts : int64[n_channels, 4]
        Result: NaN or infinite samples; longest run of equal values (in samples, runs begun earlier count
        whole); samples at the limit; changes from one sample to the next.
    """
    n_channels, n_samples = samples.shape
    for channel in range(n_channels):
        bad = 0
        longest = 0
        changes = 0
        previous = last[channel]
        length = run[channel]
        peak = extreme[channel]
        for i in range(n_samples):
            value = float(samples[channel, i])
            if not math.isfinite(value):
                bad += 1
            elif abs(value) > peak:
                peak = abs(value)
            if value == previous:
                length += 1
            else:
                length = 1
                changes += 1
            previous = value
            longest = max(longest, length)
        last[channel] = previous
        run[channel] = length
        extreme[channel] = peak
        counts[channel, NONFINITE] = bad
        counts[channel, LONGEST_RUN] = longest
        counts[channel, CHANGES] = changes
        counts[channel, AT_LIMIT] = _count_at_limit(samples[channel], limit[channel], peak)


class QualityState:
    """The counters of one sensor group, for `count_quality`.

    Parameters
    ----------
    limit : float64[n_channels]
        As in `count_quality`.
    """

    def __init__(self, limit: NDArray[np.float64]) -> None:
        n_channels = limit.size
        self._limit = limit
        self.last = np.full(n_channels, np.nan)
        self.run = np.zeros(n_channels, np.int64)
        self.extreme = np.zeros(n_channels)
        self._counts = np.zeros((n_channels, N_COUNTS), np.int64)

    def count(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        """Count one hop; the result is overwritten by the next call.

        Parameters
        ----------
        samples : float32[n_channels, n_samples]
            One hop.

        Returns
        -------
        int64[n_channels, 4]
            See `count_quality`.
        """
        count_quality(samples, self._limit, self.last, self.run, self.extreme, self._counts)
        return self._counts
