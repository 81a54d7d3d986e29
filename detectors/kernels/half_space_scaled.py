"""Standardising and half-space trees in one call: river's ``StandardScaler | HalfSpaceTrees``.

Numba does not notice when a kernel of another module changes: after work on ``half_space_trees`` the cached form of
this module is to be thrown away too.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels.half_space_trees import walk, walk_lacking

_Floats = NDArray[np.float64]
_Longs = NDArray[np.int64]

N_STATISTICS = 6
SEEN, MEAN, VARIANCE, DEVIATION, SCALED, KNOWN = range(N_STATISTICS)
"""Rows of a scaler's statistics: rows seen, their mean and variance, its root; then scratch: the row as standardised,
and 1 where it has a value, else 0."""

_INNER = {"nogil": True, "error_model": "numpy"}
_OPTIONS = {**_INNER, "cache": True}
_STATISTICS = types.Array(types.float64, 2, "C")
_VECTOR = types.Array(types.float64, 1, "C", readonly=True)
_ROWS = types.Array(types.float64, 2, "C", readonly=True)
_FOREST = types.Array(types.float64, 3, "C", readonly=True)
_LEDGER = types.Array(types.int64, 1, "C")
_OUT = types.Array(types.float64, 1, "C")


# A loop for each quantity: each vectorises then, which halves the time of all.


@njit(**_INNER)
def _scale(x: _Floats, statistics: _Floats) -> None:
    for j in range(x.size):
        scaled = (x[j] - statistics[MEAN, j]) / statistics[DEVIATION, j]
        statistics[SCALED, j] = scaled if statistics[DEVIATION, j] != 0.0 else 0.0


@njit(**_INNER)
def _follow(x: _Floats, statistics: _Floats) -> None:
    """Learn a row by Welford's recurrences, in river's order of operations."""
    for j in range(x.size):
        statistics[SEEN, j] += statistics[KNOWN, j]
    for j in range(x.size):
        gap, mean = x[j] - statistics[MEAN, j], statistics[MEAN, j]
        statistics[SCALED, j] = gap
        statistics[MEAN, j] = mean + gap / statistics[SEEN, j] if statistics[KNOWN, j] != 0.0 else mean
    for j in range(x.size):
        variance, product = statistics[VARIANCE, j], statistics[SCALED, j] * (x[j] - statistics[MEAN, j])
        moved = variance + (product - variance) / statistics[SEEN, j]
        statistics[VARIANCE, j] = moved if statistics[KNOWN, j] != 0.0 else variance
    for j in range(x.size):
        statistics[DEVIATION, j] = math.sqrt(statistics[VARIANCE, j])


@njit(**_INNER)
def _score_learn(x: _Floats, statistics: _Floats, forest: _Floats, ledger: _Longs) -> float:
    n_known = 0
    for j in range(x.size):
        known = math.isfinite(x[j])
        statistics[KNOWN, j] = 1.0 if known else 0.0
        n_known += known
    scaled = statistics[SCALED]
    _scale(x, statistics)
    if n_known == x.size:
        score: float = walk(scaled, False, forest, ledger)
        _follow(x, statistics)
        _scale(x, statistics)
        walk(scaled, True, forest, ledger)
    else:
        score = walk_lacking(scaled, statistics[KNOWN], False, forest, ledger)
        _follow(x, statistics)
        _scale(x, statistics)
        walk_lacking(scaled, statistics[KNOWN], True, forest, ledger)
    return score


@njit(types.float64(_VECTOR, _STATISTICS, _FOREST, _LEDGER), **_OPTIONS)
def scale_score_learn(x: _Floats, statistics: _Floats, forest: _Floats, ledger: _Longs) -> float:
    """Standardise a row by what was seen before, score it, then let scaler and trees learn it, in that order.

    The trees learn the row as the scaler sees it *after* the row, so it is walked twice; river does the same.

    Parameters
    ----------
    x : float64[n_features]
        In the features' units; what is not finite counts as missing.
    statistics : float64[6, n_features]
        Of the scaler; changed.
    forest : float64[n_trees, n_inner, 2]
        See `detectors.kernels.half_space_trees`.
    ledger : int64[...]
        See there; changed.

    Returns
    -------
    float
        Between 0 (usual) and 1; 0 until a window is complete.
    """
    return _score_learn(x, statistics, forest, ledger)  # type: ignore[no-any-return]


@njit(types.void(_ROWS, _STATISTICS, _FOREST, _LEDGER, _OUT), **_OPTIONS)
def scale_score_learn_many(
    rows: _Floats, statistics: _Floats, forest: _Floats, ledger: _Longs, out: _Floats
) -> None:
    """`scale_score_learn` row after row.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        In stream order.
    out : float64[n_rows]
        Written: scores.
    """
    for row in range(rows.shape[0]):
        out[row] = _score_learn(rows[row], statistics, forest, ledger)
