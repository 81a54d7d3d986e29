"""The energy of rows, averaged over a short and a long time."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


@njit(nogil=True, error_model="numpy")
def _energy(row: _Floats, clip: float) -> float:
    n_known, energy = 0, 0.0
    for j in range(row.size):
        if math.isfinite(row[j]):
            value = min(max(row[j], -clip), clip)
            energy += value * value
            n_known += 1
    return energy / n_known if n_known > 0 else math.nan


@njit(
    "void(f8[:, ::1], f8, f8, f8, f8, f8, f8, f8[::1], f8[::1], f8[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def sta_lta_rows(
    rows: _Floats,
    short: float,
    long: float,
    freeze: float,
    least: float,
    most: float,
    clip: float,
    averages: _Floats,
    parts: _Floats,
    scores: _Floats,
) -> None:
    """Short-term over long-term average of the rows' energy, in order.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        The energy of a row is the mean square of its finite values; a row without any is passed over.
    short, long : float
        Weights of the newest row in the two averages, 0 to 1.
    freeze : float
        While the ratio is at least this, the long-term average stands still.
    least, most : float
        Bounds of the long-term average.
    clip : float
        Larger deviations count as this one.
    averages : float64[2]
        Short-term, long-term; changed in place.
    parts : float64[n_features]
        Short-term average of every feature's square, in which an unknown value is 0; changed in place.
    scores : float64[n_rows]
        Written; NaN for a row without a finite value.
    """
    for i in range(rows.shape[0]):
        energy = _energy(rows[i], clip)
        scores[i] = math.nan
        if math.isnan(energy):
            continue
        for j in range(parts.size):
            value = rows[i, j] if math.isfinite(rows[i, j]) else 0.0
            value = min(max(value, -clip), clip)
            parts[j] += short * (value * value - parts[j])
        averages[0] += short * (energy - averages[0])
        if averages[0] < freeze * averages[1]:
            averages[1] = min(max(averages[1] + long * (energy - averages[1]), least), most)
        scores[i] = averages[0] / averages[1]
