"""How unlike a row is to a mean of kernels."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


@njit(
    "void(f8[:, ::1], f8, f8, f8[:, ::1], f8[::1], f8[::1], f8[::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def unlikeness_rows(
    rows: _Floats,
    width: float,
    clip: float,
    centres: _Floats,
    weights: _Floats,
    work: _Floats,
    scores: _Floats,
) -> None:
    """``sqrt(-2 log sum(weights * exp(-distance² / (2 width²))))`` of every row.

    The largest kernel is taken out of the sum before the exponential, so the farthest row has a finite score.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        Of values that are not finite, a squared distance has the mean over the others.
    width : float
        Greater than 0.
    clip : float
        Larger values count as this one.
    centres : float64[n_features, n_centres]
        Transposed, so that the compiler works on many centres at once.
    weights : float64[n_centres]
        Greater than 0; they sum to 1.
    work : float64[n_centres]
        Written.
    scores : float64[n_rows]
        Written: 0 upwards; NaN for a row without a finite value.
    """
    n_features, n_centres = centres.shape
    for i in range(rows.shape[0]):
        n_known = 0
        work[:] = 0.0
        for j in range(n_features):
            if math.isfinite(rows[i, j]):
                n_known += 1
                value = min(max(rows[i, j], -clip), clip)
                for c in range(n_centres):
                    distance = value - centres[j, c]
                    work[c] += distance * distance
        scores[i] = math.nan
        if n_known == 0:
            continue
        scale = n_features / (2.0 * width * width * n_known)
        nearest = work[0]
        for c in range(1, n_centres):
            nearest = min(nearest, work[c])
        total = 0.0
        for c in range(n_centres):
            total += weights[c] * math.exp((nearest - work[c]) * scale)
        scores[i] = math.sqrt(2.0 * max(nearest * scale - math.log(total), 0.0))
