"""Half-space trees that do not learn any more: an average of their scores.

Numba does not notice when a kernel of another module changes: after work on ``half_space_trees`` the cached form of
this module is to be thrown away too.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels.half_space_trees import find_four_leaves

_Floats = NDArray[np.float64]
_Features = NDArray[np.uint32]
_Longs = NDArray[np.int64]

_INNER = {"nogil": True, "error_model": "numpy"}
_OPTIONS = {**_INNER, "cache": True}
_VECTOR = types.Array(types.float64, 1, "C", readonly=True)
_ROWS = types.Array(types.float64, 2, "C", readonly=True)
_OUT = types.Array(types.float64, 1, "C")
_SCRATCH = types.Array(types.float64, 2, "C")
_MODEL = (
    types.Array(types.uint32, 2, "C", readonly=True),
    types.Array(types.float64, 2, "C", readonly=True),
    types.Array(types.int64, 2, "C", readonly=True),
    types.float64,
    types.float64,
    types.float64,
)


@njit(**_INNER)
def _prepare(x: _Floats, scratch: _Floats) -> int:
    """Copy a row; what is not finite goes left everywhere. Return how many values are finite."""
    n_finite = 0
    for j in range(x.size):
        finite = math.isfinite(x[j])
        scratch[0, j] = x[j] if finite else -np.inf
        n_finite += finite
    return n_finite


@njit(types.float64(_VECTOR, _SCRATCH, _OUT, *_MODEL), **_OPTIONS)
def average_strangeness(
    x: _Floats,
    scratch: _Floats,
    memory: _Floats,
    feature: _Features,
    threshold: _Floats,
    profile: _Longs,
    full: float,
    least: float,
    weight: float,
) -> float:
    """Move the average of ``1 / share of mass`` by one row and return it.

    Parameters
    ----------
    x : float64[n_features]
        What is not finite goes to the left child: in river a missing feature follows the heavier child of the window
        under way, which is empty in a model that is frozen at a window's end.
    scratch : float64[1, n_features]
        Overwritten.
    memory : float64[1]
        The average so far, NaN if there is none; changed.
    feature, threshold, profile
        Forest and leaves, as in `detectors.kernels.half_space_trees`.
    full : float
        The largest sum over the trees.
    least : float
        Smallest share of it that is told apart from none.
    weight : float
        Of the new row, 0 to 1.

    Returns
    -------
    float
        1 upwards; NaN, and nothing changed, if no value is finite.
    """
    if _prepare(x, scratch) == 0:
        return math.nan
    n_trees, total = feature.shape[0], 0
    last = n_trees - 1
    for t in range(0, n_trees, 4):
        trees = (t, min(t + 1, last), min(t + 2, last), min(t + 3, last))
        a, b, c, d = find_four_leaves(scratch, (0, 0, 0, 0), feature, threshold, trees)
        total += profile[t, a]
        if t + 1 < n_trees:
            total += profile[t + 1, b]
        if t + 2 < n_trees:
            total += profile[t + 2, c]
        if t + 3 < n_trees:
            total += profile[t + 3, d]
    share = 1.0 - (1.0 - total / full)  # rounded as the complement of river's score is
    raw_score = 1.0 / max(share, least)
    before = memory[0] if math.isfinite(memory[0]) else raw_score
    memory[0] = before + weight * (raw_score - before)
    averaged: float = memory[0]
    return averaged


@njit(types.void(_ROWS, _SCRATCH, _OUT, *_MODEL, _OUT), **_OPTIONS)
def average_strangeness_rows(
    rows: _Floats,
    scratch: _Floats,
    memory: _Floats,
    feature: _Features,
    threshold: _Floats,
    profile: _Longs,
    full: float,
    least: float,
    weight: float,
    out: _Floats,
) -> None:
    """`average_strangeness` row after row.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        In stream order.
    out : float64[n_rows]
        Written.
    """
    for row in range(rows.shape[0]):
        out[row] = average_strangeness(
            rows[row], scratch, memory, feature, threshold, profile, full, least, weight
        )
