"""Exponentially weighted moving averages of rows and their Mahalanobis distance."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_SIGNATURE_MEWMA = "f8(f8[::1], f8[::1], f8[::1], f8, f8, f8[:, ::1])"
_SIGNATURE_EWMA = "void(f8[:, ::1], f8, f8[:, ::1])"
_SIGNATURE_PARTS = "void(f8[::1], f8[:, ::1], f8[::1])"


@njit(_SIGNATURE_MEWMA, cache=True, nogil=True)
def mewma_step(
    values: _Floats, memory: _Floats, centre: _Floats, weight: float, clip: float, precision: _Floats
) -> float:
    """Move the EWMA by one row and return its Mahalanobis distance from 0.

    Parameters
    ----------
    values : float64[n_features]
        Standardised; a NaN counts as usual, so that what a sensor said before it failed is forgotten.
    memory : float64[n_features]
        The EWMA of deviations from the centre; changed in place.
    centre : float64[n_features]
        What is usual, in standardised units: 0 unless the detector adapts.
    weight : float
        Of the new row, 0 to 1.
    clip : float
        Larger deviations count as this one, so that one wild row is forgotten in bounded time.
    precision : float64[n_features, n_features]
        Inverse covariance of the EWMA; symmetric, positive definite.

    Returns
    -------
    float
        0 upwards; NaN, and nothing changed, if no value is finite.
    """
    n = values.size
    if not np.isfinite(values).any():
        return math.nan
    for i in range(n):
        value = 0.0
        if math.isfinite(values[i]):
            value = min(max(values[i] - centre[i], -clip), clip)
        memory[i] += weight * (value - memory[i])
    squared = 0.0
    for i in range(n):
        row = 0.0
        for j in range(n):
            row += precision[i, j] * memory[j]
        squared += memory[i] * row
    return math.sqrt(max(squared, 0.0))


@njit(_SIGNATURE_EWMA, cache=True, nogil=True)
def ewma_rows(rows: _Floats, weight: float, out: _Floats) -> None:
    """Exponentially weighted moving average of rows that starts from 0.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        In stream order; a NaN spoils its column from there on.
    weight : float
        Of the newest row, 0 to 1.
    out : float64[n_rows, n_features]
        Written.
    """
    n_rows, n_features = rows.shape
    for j in range(n_features):
        average = 0.0
        for i in range(n_rows):
            average += weight * (rows[i, j] - average)
            out[i, j] = average


@njit(_SIGNATURE_PARTS, cache=True, nogil=True)
def mahalanobis_parts(memory: _Floats, precision: _Floats, out: _Floats) -> None:
    """Each feature's part of a squared Mahalanobis distance; parts may be negative, their sum is the square.

    Parameters
    ----------
    memory : float64[n_features]
        Deviations.
    precision : float64[n_features, n_features]
        Inverse covariance.
    out : float64[n_features]
        Written.
    """
    n = memory.size
    for i in range(n):
        row = 0.0
        for j in range(n):
            row += precision[i, j] * memory[j]
        out[i] = memory[i] * row
