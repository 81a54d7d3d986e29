"""The P² algorithm: a quantile of a stream from five markers."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


@njit(nogil=True, error_model="numpy")
def _move(heights: _Floats, positions: _Floats, i: int, way: float) -> None:
    """Move marker ``i`` by one position; its height follows a parabola through its neighbours, or else a line."""
    height, position = heights[i], positions[i]
    after, before = positions[i + 1] - position, position - positions[i - 1]
    curved = height + way / (positions[i + 1] - positions[i - 1]) * (
        (before + way) * (heights[i + 1] - height) / after
        + (after - way) * (height - heights[i - 1]) / before
    )
    if heights[i - 1] < curved < heights[i + 1]:
        heights[i] = curved
    else:
        to = i + int(way)
        heights[i] = height + way * (heights[to] - height) / (positions[to] - position)
    positions[i] = position + way


@njit("f8(f8[:, ::1], i8, f8, f8[::1], f8[::1], f8[::1])", cache=True, nogil=True, error_model="numpy")
def p2_quantile(
    rows: _Floats, column: int, share: float, heights: _Floats, positions: _Floats, wanted: _Floats
) -> float:
    """Estimate a quantile of a column without keeping or sorting it.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        Finite; at least one row.
    column : int
        Which feature.
    share : float
        Of values below the quantile, 0 to 1, both excluded.
    heights, positions, wanted : float64[5]
        Room for the markers: their values, their ranks and the ranks that they should have. Written.

    Returns
    -------
    float
        Up to five rows, the value of rank ``int(n_rows * share)``.
    """
    n_rows = rows.shape[0]
    n_first = min(n_rows, 5)
    for i in range(n_first):
        heights[i] = rows[i, column]
    heights[:n_first].sort()
    if n_rows <= 5:
        return float(heights[min(n_first - 1, int(n_first * share))])
    for i in range(5):
        positions[i] = i + 1.0
    wanted[0], wanted[1], wanted[2] = 1.0, 1.0 + 2.0 * share, 1.0 + 4.0 * share
    wanted[3], wanted[4] = 3.0 + 2.0 * share, 5.0
    for row in range(5, n_rows):
        value = rows[row, column]
        heights[0], heights[4] = min(heights[0], value), max(heights[4], value)
        for i in range(1, 5):
            # Every marker above the value has one more value below it.
            if i == 4 or value < heights[i]:
                positions[i] += 1.0
        wanted[1] += share / 2.0
        wanted[2] += share
        wanted[3] += (1.0 + share) / 2.0
        wanted[4] += 1.0
        for i in range(1, 4):
            off = wanted[i] - positions[i]
            after, before = positions[i + 1] - positions[i], positions[i - 1] - positions[i]
            if (off >= 1.0 and after > 1.0) or (off <= -1.0 and before < -1.0):
                _move(heights, positions, i, math.copysign(1.0, off))
    return float(heights[2])
