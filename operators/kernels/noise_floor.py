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
_POWERS = types.Array(types.float32, 2, "C", readonly=True)

_INFINITE = 0x7F800000  # bits of float32 from here on are infinity and NaN
_PER_MEDIAN = 1.0 / math.log(2.0)  # mean of a power with two degrees of freedom, over its median


@njit(types.void(_POWERS, types.int64, types.float64[:]), cache=True, **_OPTIONS)
def noise_floor(power: NDArray[np.float32], first_bin: int, out: NDArray[np.float64]) -> None:
    """Root mean square of the noise from a bin up: of the median bin, as if all bins were like it.

    A line fills a few bins, however strong it is, and leaves the median where it was; so the teeth, whose harmonics
    reach far up, hardly count, and neither does a tone. What remains is broadband: chips that tear, a wear land that
    rubs, rolling, cavitation, the sensor's own noise. Powers add: the square of a cut's floor less that of the same
    spindle in the air is the cut's own.

    It misleads where lines fill the spectrum: lobes of 5 bins, at a distance of 10 bins and less, leave no median
    without them, and speed that wanders makes lobes wider the higher they stand. A level that is not constant over
    the range is told as its median, so only like may be compared with like: the same sensor, in the same place.

    Parameters
    ----------
    power : float32[n_rows, n_bins]
        From `operators.kernels.spectral.power_spectra`.
    first_bin : int
        Bins below it are left out.
    out : float64[n_rows]
        Written, in the channel's unit; any stride. For Gaussian white noise the RMS of the part above ``first_bin``,
        to about 2 % for 3000 bins. NaN if there is no bin, or any is NaN or infinite.

    Notes
    -----
    No allocation: the median is found by halving the range of the bits of float32, which are ordered like the
    positive numbers they stand for. About 8 µs per row of 3000 bins.
    """
    n_used = power.shape[1] - first_bin
    for row in range(power.shape[0]):
        if n_used <= 0:
            out[row] = math.nan
            continue
        bits = power[row, first_bin:].view(np.int32)
        low, high = np.int32(0), np.int32(_INFINITE)
        below = np.int64(0)
        for k in range(n_used):
            below += bits[k] < high
        if below < n_used:
            out[row] = math.nan
            continue
        # The smallest number that at least half of the bins do not exceed.
        while low < high:
            middle = np.int32(low + (high - low) // 2)
            below = np.int64(0)
            for k in range(n_used):
                below += bits[k] <= middle
            if 2 * below >= n_used:
                high = middle
            else:
                low = np.int32(middle + 1)
        for k in range(n_used):
            if bits[k] == low:
                out[row] = math.sqrt(_PER_MEDIAN * n_used * np.float64(power[row, first_bin + k]))
                break
