"""Cumulative sums of every feature, upwards and downwards."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


@njit(
    "void(f8[:, ::1], f8, f8, f8[::1], f8[::1], f8[::1], f8[::1], f8[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def cusum_rows(
    rows: _Floats,
    clip: float,
    cap: float,
    slack: _Floats,
    gain: _Floats,
    above: _Floats,
    below: _Floats,
    scores: _Floats,
) -> None:
    """Add each row to the sums, in order; the highest of them is the row's score.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        A value that is not finite counts as usual, so that what a sensor said before it failed is forgotten; a row of
        nothing else is passed over.
    clip : float
        Larger deviations count as this one.
    cap : float
        No sum grows beyond.
    slack : float64[n_features]
        Deviation from 0 that may last for ever.
    gain : float64[n_features]
        Of the deviation beyond the slack.
    above, below : float64[n_features]
        The sums, 0 to ``cap``; changed in place.
    scores : float64[n_rows]
        Written; NaN for a row without a finite value.
    """
    for i in range(rows.shape[0]):
        known = False
        for j in range(slack.size):
            known |= math.isfinite(rows[i, j])
        scores[i] = math.nan
        if not known:
            continue
        highest = 0.0
        for j in range(slack.size):
            value = rows[i, j] if math.isfinite(rows[i, j]) else 0.0
            value = min(max(value, -clip), clip)
            above[j] = min(max(above[j] + gain[j] * (value - slack[j]), 0.0), cap)
            below[j] = min(max(below[j] - gain[j] * (value + slack[j]), 0.0), cap)
            highest = max(highest, above[j], below[j])
        scores[i] = highest


@njit("void(f8[:, ::1], f8[::1], f8[::1])", cache=True, nogil=True, error_model="numpy")
def long_run_deviation(rows: _Floats, correlation: _Floats, out: _Floats) -> None:
    """Standard deviation that independent rows would need for their sums to wander as far as these rows' sums do.

    Bartlett's window over autocovariances about 0, as wide as suits a first-order autoregression of this correlation.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        In stream order, finite, of usual value 0.
    correlation : float64[n_features]
        Between neighbours.
    out : float64[n_features]
        Written, 0 upwards.
    """
    n = rows.shape[0]
    for j in range(rows.shape[1]):
        rho = min(abs(correlation[j]), 0.97)
        width = 1.1447 * (4.0 * rho * rho / (1.0 - rho * rho) ** 2 * n) ** (1.0 / 3.0)
        n_lags = min(int(width), n // 4)
        total = 0.0
        for lag in range(n_lags + 1):
            covariance = 0.0
            for i in range(lag, n):
                covariance += rows[i, j] * rows[i - lag, j]
            share = 1.0 - lag / (n_lags + 1.0)
            total += (1.0 if lag == 0 else 2.0) * share * covariance / n
        out[j] = math.sqrt(max(total, 0.0))
