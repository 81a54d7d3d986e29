"""Are these samples usable? Counted per channel over one hop, if a screen that costs next to nothing has doubts."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from operators.kernels.time_domain import P_HIGH, P_LOW

N_COUNTS = 4
NONFINITE, LONGEST_RUN, AT_LIMIT, CHANGES = range(N_COUNTS)

N_MEMORY = 3
LAST, RUN, EXTREME = range(N_MEMORY)
"""What is remembered from hop to hop: last value, length of the run that it ends, largest magnitude ever seen."""

_HOP = types.Array(types.float32, 2, "C", readonly=True)
_MEMORY = types.float64[:, ::1]
_LIMIT = types.Array(types.float64, 1, "C", readonly=True)
_N_FLAT = types.Array(types.int64, 1, "C", readonly=True)

# Inferred clipping wants this many samples in a row at the largest magnitude ever seen.
_RUN_AT_LIMIT = 3


@njit(nogil=True)
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


@njit(types.void(_HOP, _LIMIT, _MEMORY, types.int64[:, ::1]), cache=True, nogil=True)
def count_quality(
    samples: NDArray[np.float32],
    limit: NDArray[np.float64],
    memory: NDArray[np.float64],
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
    memory : float64[3, n_channels]
        LAST, RUN and EXTREME, updated in place. Start with NaN, 0, 0.
    counts : int64[n_channels, 4]
        Result: NaN or infinite samples; longest run of equal values (in samples, runs begun earlier count
        whole); samples at the limit; changes from one sample to the next.
    """
    n_channels, n_samples = samples.shape
    for channel in range(n_channels):
        bad = 0
        longest = 0
        changes = 0
        previous = memory[LAST, channel]
        length = int(memory[RUN, channel])
        peak = memory[EXTREME, channel]
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
        memory[LAST, channel] = previous
        memory[RUN, channel] = length
        memory[EXTREME, channel] = peak
        counts[channel, NONFINITE] = bad
        counts[channel, LONGEST_RUN] = longest
        counts[channel, CHANGES] = changes
        counts[channel, AT_LIMIT] = _count_at_limit(samples[channel], limit[channel], peak)


@njit(nogil=True)
def _run_at_end(samples: NDArray[np.float32]) -> int:
    """Length of the run of equal values that a hop ends with."""
    length = 1
    while length < samples.size and samples[samples.size - 1 - length] == samples[samples.size - 1]:
        length += 1
    return length


@njit(nogil=True)
def _may_be_flat(samples: NDArray[np.float32], n_flat: int, last: float, run: int) -> bool:
    """Whether a run of ``n_flat`` equal values may end or lie in this hop; never False where one does."""
    n = samples.size
    length = run if float(samples[0]) == last else 0
    i = 0
    while i < n and samples[i] == samples[0]:
        i += 1
    if length + i >= n_flat:
        return True
    # A run that begins and ends inside holds one of the slices that are half as long as it, whole.
    n_slice = max(1, n_flat // 2)
    for start in range(0, n - n_slice + 1, n_slice):
        first = samples[start]
        if first == samples[start + n_slice // 2] and first == samples[start + n_slice - 1]:
            return True
    return False


@njit(types.boolean(_HOP, types.float64[:, ::1], _LIMIT, _N_FLAT, _MEMORY), cache=True, nogil=True)
def pass_quality(
    samples: NDArray[np.float32],
    partials: NDArray[np.float64],
    limit: NDArray[np.float64],
    n_flat: NDArray[np.int64],
    memory: NDArray[np.float64],
) -> bool:
    """Whether a hop is beyond doubt: finite, away from the converter's limit, no channel flat.

    It looks at the hop's extremes and at a few samples, so it may doubt a sound hop, which `count_quality` then
    clears; it never passes one that `count_quality` would find fault with.

    Parameters
    ----------
    samples : float32[n_channels, n_samples]
        One hop of at least one sample.
    partials : float64[n_channels, 12]
        Its `operators.kernels.time_domain.hop_partials`.
    limit : float64[n_channels]
        As for `count_quality`.
    n_flat : int64[n_channels]
        So many equal values in a row make a flat line.
    memory : float64[3, n_channels]
        As for `count_quality`; updated only if the hop passes.

    Returns
    -------
    bool
        False: `count_quality` must look.

    Notes
    -----
    No allocation. About 20 ns per channel, whatever the length of the hop.
    """
    n_channels, n_samples = samples.shape
    for channel in range(n_channels):
        low, high = partials[channel, P_LOW], partials[channel, P_HIGH]
        if not low < high:  # constant, or NaN
            return False
        bound = memory[EXTREME, channel] if math.isnan(limit[channel]) else limit[channel]
        if max(-low, high) >= bound:
            return False
        run = int(memory[RUN, channel])
        if _may_be_flat(samples[channel], n_flat[channel], memory[LAST, channel], run):
            return False
    for channel in range(n_channels):
        memory[RUN, channel] = _run_at_end(samples[channel])  # shorter than the hop: it is not constant
        memory[LAST, channel] = samples[channel, n_samples - 1]
        peak = max(-partials[channel, P_LOW], partials[channel, P_HIGH])
        memory[EXTREME, channel] = max(memory[EXTREME, channel], peak)
    return True


def fresh_memory(n_channels: int) -> NDArray[np.float64]:
    """Memory of a group of which nothing was seen yet.

    Parameters
    ----------
    n_channels : int
        Of the group.

    Returns
    -------
    float64[3, n_channels]
        For `pass_quality` and `count_quality`.
    """
    memory = np.zeros((N_MEMORY, n_channels))
    memory[LAST] = np.nan
    return memory
