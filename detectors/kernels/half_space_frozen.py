"""Half-space trees that do not learn any more: an average of their scores.

Numba does not notice when a kernel of another module changes: after work on ``half_space_trees`` the cached form of
this module is to be thrown away too.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels.half_space_trees import AT, descend, find_parts

_Floats = NDArray[np.float64]
_Longs = NDArray[np.int64]

N_AVERAGE = 4
MEMORY, WEIGHT, FULL, LEAST = range(N_AVERAGE)
"""First entries of what scoring works on, float64[4 + n_features]: the average so far, NaN if there is none; the
weight of a new row in it; the largest sum over the trees; the smallest share of it that is told apart from none. Then
scratch, the row."""

_INNER = {"nogil": True, "error_model": "numpy"}
_OPTIONS = {**_INNER, "cache": True}
_MODEL = (
    types.Array(types.float64, 3, "C", readonly=True),
    types.Array(types.int64, 1, "C"),
    types.Array(types.float64, 1, "C"),
)
_VECTOR = types.Array(types.float64, 1, "C", readonly=True)
_ROWS = types.Array(types.float64, 2, "C", readonly=True)


@njit(**_INNER)
def _average(x: _Floats, forest: _Floats, ledger: _Longs, average: _Floats) -> float:
    row, n_finite = average[N_AVERAGE:], 0
    for j in range(x.size):
        finite = math.isfinite(x[j])
        row[j] = x[j] if finite else -np.inf
        n_finite += finite
    if n_finite == 0:
        return math.nan
    descend(row, forest, ledger)
    n_trees, n_leaves, total = forest.shape[0], forest.shape[1] + 1, 0
    profile, _, _, _ = find_parts(n_trees, n_leaves)
    for tree in range(n_trees):
        total += ledger[profile + tree * n_leaves + ledger[AT + tree] - (n_leaves - 1)]
    share = 1.0 - (1.0 - total / average[FULL])  # rounded as the complement of river's score is
    raw_score = 1.0 / max(share, average[LEAST])
    before = average[MEMORY] if math.isfinite(average[MEMORY]) else raw_score
    average[MEMORY] = before + average[WEIGHT] * (raw_score - before)
    averaged: float = average[MEMORY]
    return averaged


@njit(types.float64(_VECTOR, *_MODEL), **_OPTIONS)
def average_strangeness(x: _Floats, forest: _Floats, ledger: _Longs, average: _Floats) -> float:
    """Move the average of ``1 / share of mass`` by one row and return it.

    Parameters
    ----------
    x : float64[n_features]
        What is not finite goes to the left child: in river a missing feature follows the heavier child of the window
        under way, which is empty in a model that is frozen at a window's end.
    forest : float64[n_trees, n_inner, 2]
        See `detectors.kernels.half_space_trees`.
    ledger : int64[...]
        See there; up to the end of the profile. Only scratch changes.
    average : float64[4 + n_features]
        See `MEMORY` and the others; changed.

    Returns
    -------
    float
        1 upwards; NaN, and nothing changed, if no value is finite.
    """
    return _average(x, forest, ledger, average)  # type: ignore[no-any-return]


@njit(types.void(_ROWS, *_MODEL, types.Array(types.float64, 1, "C")), **_OPTIONS)
def average_strangeness_rows(
    rows: _Floats, forest: _Floats, ledger: _Longs, average: _Floats, out: _Floats
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
        out[row] = _average(rows[row], forest, ledger, average)
