"""How far the feature furthest out stands from the middle of what is usual for it."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


@njit("void(f8[:, ::1], f8[::1], f8[::1], f8[::1])", cache=True, nogil=True, error_model="numpy")
def furthest(rows: _Floats, middle: _Floats, spread: _Floats, scores: _Floats) -> None:
    """Largest ``|value - middle| / spread`` of every row.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        Values that are not finite are passed over.
    middle, spread : float64[n_features]
        ``spread`` greater than 0.
    scores : float64[n_rows]
        Written; NaN if no value of the row is finite.
    """
    for i in range(rows.shape[0]):
        highest = math.nan
        for j in range(middle.size):
            distance = abs(rows[i, j] - middle[j]) / spread[j]
            if math.isfinite(distance) and not distance <= highest:
                highest = distance
        scores[i] = highest
