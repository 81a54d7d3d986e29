"""Mean and variance of every feature that follow the stream, and how far the feature furthest out stands from them."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Flags = NDArray[np.bool_]


@njit(nogil=True, error_model="numpy")
def _follow(row: _Floats, weight: float, clip: float, mean: _Floats, variance: _Floats) -> None:
    for j in range(mean.size):
        deviation = row[j] - mean[j]
        if math.isfinite(deviation):
            deviation = min(max(deviation, -clip), clip)
            mean[j] += weight * deviation
            variance[j] = (1.0 - weight) * (variance[j] + weight * deviation * deviation)


@njit("void(f8[:, ::1], f8, f8, f8[::1], f8[::1])", cache=True, nogil=True, error_model="numpy")
def ew_moments(rows: _Floats, adaptation: float, clip: float, mean: _Floats, variance: _Floats) -> None:
    """Mean and variance in which no row weighs less than in a plain mean, and the newest at least ``adaptation``.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        In stream order. Values that are not finite are passed over.
    adaptation : float
        Smallest weight of the newest row, 0 to 1; 0 = plain mean and (biased) variance.
    clip : float
        Larger deviations from the mean so far count as this one.
    mean, variance : float64[n_features]
        Written.
    """
    mean[:] = 0.0
    variance[:] = 0.0
    for i in range(rows.shape[0]):
        _follow(rows[i], max(adaptation, 1.0 / (i + 1.0)), clip, mean, variance)


@njit(
    "void(f8[:, ::1], b1[::1], f8, f8, f8[::1], f8[::1], f8[::1], f8[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def zscore_rows(
    rows: _Floats,
    learnable: _Flags,
    adaptation: float,
    clip: float,
    least: _Floats,
    mean: _Floats,
    variance: _Floats,
    scores: _Floats,
) -> None:
    """Largest ``|value - mean| / deviation`` of every row, in order; learn the rows that may be learned.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        Values that are not finite are passed over.
    learnable : bool[n_rows]
        Which rows to learn once they are scored.
    adaptation : float
        Weight of a learned row, 0 to 1; 0 = nothing is learned.
    clip : float
        Larger deviations are learned as this one.
    least : float64[n_features]
        Smallest standard deviation, greater than 0.
    mean, variance : float64[n_features]
        Changed in place.
    scores : float64[n_rows]
        Written; NaN where no value of the row is finite.
    """
    for i in range(rows.shape[0]):
        highest = math.nan
        for j in range(mean.size):
            distance = abs(rows[i, j] - mean[j]) / max(math.sqrt(variance[j]), least[j])
            if math.isfinite(distance) and not distance <= highest:
                highest = distance
        scores[i] = highest
        if learnable[i] and adaptation > 0.0:
            _follow(rows[i], adaptation, clip, mean, variance)
