"""The noise between the lines of a spectrum: what rubs and tears, without what repeats with the revolution."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
}
_F = types.float64
_POWERS = types.Array(types.float32, 2, "C", readonly=True)
_PER_ROW = types.Array(types.float64, 1, "A", readonly=True)

_LARGEST = np.int32(0x7F7FFFFF)  # bits of the largest finite float32; beyond it are infinity and NaN
_LEAST_APART = 2.5  # bins from the nearest order: the main lobe of a Hann taper reaches 2 ...
_WANDER = 0.0015  # ... and speed that wanders widens it by so much of the order's place
_MOST_APART = 0.3  # of the way to the next order, so that something is left between them ...
_HIGHEST_ORDER = 250.0  # ... up to where speed that wanders fills that, too
_LEAST_SPACING = 5.5  # bins from order to order that leave a bin so far from both
_PER_MEDIAN = 1.0 / math.log(2.0)  # mean of a power with two degrees of freedom, over its median


def noise_floor(
    power: NDArray[np.float32],
    first_bin: int,
    bin_hz: float,
    rpm: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Root mean square of the noise from a bin up: of the median bin, as if all bins were like it.

    A line fills a few bins, however strong it is, and leaves the median where it was; so tones hardly count. The teeth,
    whose harmonics reach far up, count still less: where the speed is known and its orders stand 5.5 bins apart or
    more, bins near an order are left out: 2.5 to either side, and some for what speed control leaves.
    What remains is broadband: chips that tear, a wear land that rubs, rolling, cavitation, the sensor's own noise.
    Powers add: the square of a cut's floor less that of the same spindle in the air is the cut's own.

    It misleads where orders stand closer (a spindle below 660 rpm in a window of half a second): strong lines are
    counted then. A speed that is wrong by half an order at the upper end does no worse than one that is unknown. A
    level that is not constant over the range is told as its median, so only like may be compared with like: the same
    sensor, in the same place.

    Parameters
    ----------
    power : float32[n_rows, n_bins]
        From `operators.kernels.spectral.power_spectra`.
    first_bin : int
        Bins below it are left out.
    bin_hz : float
        Distance between bins.
    rpm : float64[n_rows]
        Speed; any stride. NaN if unknown: all bins are looked at.
    out : float64[n_rows]
        Written, in the channel's unit; any stride. For Gaussian white noise the RMS of the part above ``first_bin``,
        to about 3 % for 3000 bins. NaN if there is no bin, or any is NaN or infinite.

    Notes
    -----
    The median is found by dividing the range of the bits of float32, which are ordered like the
    positive numbers they stand for. About 2 µs per row of 3000 bins.
    """
    _find(power, first_bin, bin_hz, rpm, np.empty(power.shape[1], np.int32), out)


@njit(forceinline=True, **_OPTIONS)
def _gather(
    bits: NDArray[np.int32], first_bin: int, spacing: float, chosen: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Bins to look at: those away from all lines, or if lines do not stand apart, all from the first up."""
    n_bins = bits.size
    n = 0
    if _LEAST_SPACING <= spacing < n_bins - first_bin:
        most = max(_LEAST_APART, _MOST_APART * spacing)
        end = min(n_bins, int(_HIGHEST_ORDER * spacing))
        for line in range(int(first_bin / spacing), int(end / spacing) + 1):
            below, above = line * spacing, (line + 1) * spacing
            start = max(math.ceil(below + min(_LEAST_APART + _WANDER * below, most)), first_bin)
            for k in range(start, min(int(above - min(_LEAST_APART + _WANDER * above, most)) + 1, end)):
                chosen[n] = bits[k]
                n += 1
    if n == 0:
        n = n_bins - first_bin
        chosen[:n] = bits[first_bin:]
    return chosen[:n]


@njit(forceinline=True, **_OPTIONS)
def _n_up_to(bits: NDArray[np.int32], most: np.int32) -> int:
    n = 0
    for k in range(bits.size):
        if bits[k] <= most:
            n += 1
    return n


@njit(forceinline=True, **_OPTIONS)
def _middle(bits: NDArray[np.int32]) -> np.int32:
    """The smallest of them that at least half do not exceed."""
    low, high = np.int64(0), np.int64(_LARGEST)  # it lies between, both included ...
    below, up_to = 0, bits.size  # ... and so many lie below the one, and up to the other
    half = 0.5 * bits.size
    while low < high and up_to - below > 1:
        # As if they were spread evenly, but never less than an eighth of the way.
        share = min(max((half - below) / (up_to - below), 0.125), 0.875)
        middle = low + np.int64(share * (high - low))
        n = _n_up_to(bits, np.int32(middle))
        if n >= half:
            high, up_to = middle, n
        else:
            low, below = middle + 1, n
    largest = np.int32(0)
    for k in range(bits.size):
        largest = max(largest, bits[k] if bits[k] <= high else np.int32(0))
    return largest


@njit(
    types.void(_POWERS, types.int64, _F, _PER_ROW, types.int32[::1], types.float64[:]), cache=True, **_OPTIONS
)
def _find(
    power: NDArray[np.float32],
    first_bin: int,
    bin_hz: float,
    rpm: NDArray[np.float64],
    room: NDArray[np.int32],
    out: NDArray[np.float64],
) -> None:
    """`noise_floor`, with room for the bins that are looked at."""
    for row in range(power.shape[0]):
        bits = power[row, first_bin:].view(np.int32)
        out[row] = math.nan
        if bits.size == 0 or _n_up_to(bits, _LARGEST) < bits.size:
            continue
        chosen = _gather(power[row].view(np.int32), first_bin, rpm[row] / 60.0 / bin_hz, room)
        room[0] = _middle(chosen)
        out[row] = math.sqrt(_PER_MEDIAN * bits.size * np.float64(room[:1].view(np.float32)[0]))
