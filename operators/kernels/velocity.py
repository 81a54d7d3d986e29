"""Severity of vibration: velocity, integrated from the spectrum of an acceleration."""

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


@njit(types.void(_POWERS, _F, _F, _F, _F, types.float64[:]), cache=True, **_OPTIONS)
def velocity_rms(
    power: NDArray[np.float32],
    bin_hz: float,
    low_hz: float,
    high_hz: float,
    to_mm_s2: float,
    out: NDArray[np.float64],
) -> None:
    """Root mean square of vibration velocity, from the spectrum of an acceleration.

    What zones of severity are stated in. Integration weights by 1/f²: the lowest bins decide, and there a short
    window leaks. With a Hann taper of ``1 / bin_hz`` seconds, a component below ``low_hz`` by less than two bins
    is counted in part; slow swaying of a machine table that is no vibration of the spindle is counted in full.

    Parameters
    ----------
    power : float32[n_rows, n_bins]
        From `power_spectra`.
    bin_hz : float
        Distance between bins.
    low_hz, high_hz : float
        Range that counts, both ends included; 10 and 1000 Hz by convention.
    to_mm_s2 : float
        Millimetres per second squared in one unit: 9806.65 for g, 1000 for m/s².
    out : float64[n_rows]
        Written, in mm/s; any stride. All NaN if the window is shorter than a period of ``low_hz``, or the
        spectrum ends below ``high_hz``; NaN for a row with NaN or infinite power in the range.

    Notes
    -----
    No allocation.

    References
    ----------
    ISO 20816-1:2016, Mechanical vibration - Measurement and evaluation of machine vibration.
    """
    n_bins = power.shape[1]
    # A bin that rounding has put a hair outside the range still counts.
    first = np.int64(math.ceil(low_hz / bin_hz - 1e-9))
    last = np.int64(math.floor(high_hz / bin_hz + 1e-9))
    if first < 1 or last > n_bins - 1 or bin_hz * (1.0 - 1e-9) > low_hz:
        out[:] = math.nan
        return
    factor = to_mm_s2 / (2.0 * math.pi * bin_hz)
    for row in range(power.shape[0]):
        total = 0.0
        p = power[row, first : last + 1]
        for k in range(p.size):
            position = np.float64(first + k)
            total += p[k] / (position * position)
        out[row] = factor * math.sqrt(total) if total < math.inf else math.nan
