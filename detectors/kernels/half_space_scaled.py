"""Standardising and half-space trees in one call: river's ``StandardScaler | HalfSpaceTrees``.

Numba does not notice when a kernel of another module changes: after work on ``half_space_trees`` the cached form of
this module is to be thrown away too.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels.half_space_trees import AT, as_score, count, count_learned, find_parts, walk_lacking

_Floats = NDArray[np.float64]
_Longs = NDArray[np.int64]

N_STATISTICS = 7
SEEN, MEAN, VARIANCE, DEVIATION, SCALED, RESCALED, KNOWN = range(N_STATISTICS)
"""Rows of a scaler's statistics: rows seen, their mean and variance, its root; then scratch: the row as standardised
before and after it was learned, and 1 where it has a value, else 0."""

_INNER = {"nogil": True, "error_model": "numpy"}
_OPTIONS = {**_INNER, "cache": True}
_STATISTICS = types.Array(types.float64, 2, "C")
_VECTOR = types.Array(types.float64, 1, "C", readonly=True)
_ROWS = types.Array(types.float64, 2, "C", readonly=True)
_FOREST = types.Array(types.float64, 3, "C", readonly=True)
_LEDGER = types.Array(types.int64, 1, "C")
_OUT = types.Array(types.float64, 1, "C")


@njit(**_INNER)
def _scale(x: _Floats, statistics: _Floats, into: int) -> None:
    for j in range(x.size):
        scaled = (x[j] - statistics[MEAN, j]) / statistics[DEVIATION, j]
        statistics[into, j] = scaled if statistics[DEVIATION, j] != 0.0 else 0.0


@njit(**_INNER)
def _follow(x: _Floats, statistics: _Floats) -> None:
    """Learn a row by Welford's recurrences, in river's order of operations."""
    for j in range(x.size):
        if not math.isfinite(x[j]):
            continue
        seen, mean, variance = statistics[SEEN, j] + 1.0, statistics[MEAN, j], statistics[VARIANCE, j]
        gap = x[j] - mean
        mean += gap / seen
        variance += (gap * (x[j] - mean) - variance) / seen
        statistics[SEEN, j], statistics[MEAN, j], statistics[VARIANCE, j] = seen, mean, variance
        statistics[DEVIATION, j] = math.sqrt(variance)


@njit(**_INNER)
def _descend_twice(x: _Floats, y: _Floats, forest: _Floats, ledger: _Longs) -> None:
    """Walk two rows down every tree: a walk waits for memory, and the other one meanwhile goes on.

    Where ``x`` is stands in the upper half of the tree's scratch, where ``y`` is in the lower one.
    """
    feature, n_trees, n_inner = forest.view(np.uint64), forest.shape[0], forest.shape[1]
    two, half, lower = np.uint64(2), np.uint64(32), np.uint64(0xFFFFFFFF)
    for tree in range(n_trees):
        ledger[AT + tree] = 0
    width = 1
    while width <= n_inner:
        for tree in range(n_trees):
            both = np.uint64(ledger[AT + tree])
            of_x, of_y = both >> half, both & lower
            x_left = np.uint64(x[feature[tree, of_x, 1]] < forest[tree, of_x, 0])
            y_left = np.uint64(y[feature[tree, of_y, 1]] < forest[tree, of_y, 0])
            of_x, of_y = two * of_x + two - x_left, two * of_y + two - y_left
            ledger[AT + tree] = np.int64(of_x << half | of_y)
        width *= 2


@njit(**_INNER)
def _walk_twice(x: _Floats, y: _Floats, forest: _Floats, ledger: _Longs) -> float:
    """Score ``x``, then learn ``y``; everything is known of both."""
    _descend_twice(x, y, forest, ledger)
    n_trees, n_leaves, total = forest.shape[0], forest.shape[1] + 1, 0
    profile, _, mass, _ = find_parts(n_trees, n_leaves)
    for tree in range(n_trees):
        of_x, of_y = ledger[AT + tree] >> 32, ledger[AT + tree] & 0xFFFFFFFF
        total += ledger[profile + tree * n_leaves + of_x - (n_leaves - 1)]
        count(ledger, mass + tree * (2 * n_leaves - 1), of_y)
    score: float = as_score(total, n_trees, n_leaves, ledger)
    count_learned(1, n_trees, n_leaves, ledger)
    return score


@njit(**_INNER)
def _score_learn(x: _Floats, statistics: _Floats, forest: _Floats, ledger: _Longs) -> float:
    n_known = 0
    for j in range(x.size):
        known = math.isfinite(x[j])
        statistics[KNOWN, j] = 1.0 if known else 0.0
        n_known += known
    before, after = statistics[SCALED], statistics[RESCALED]
    _scale(x, statistics, SCALED)
    _follow(x, statistics)
    _scale(x, statistics, RESCALED)
    if n_known == x.size:
        score: float = _walk_twice(before, after, forest, ledger)
    else:
        score = walk_lacking(before, statistics[KNOWN], False, forest, ledger)
        walk_lacking(after, statistics[KNOWN], True, forest, ledger)
    return score


@njit(types.float64(_VECTOR, _STATISTICS, _FOREST, _LEDGER), **_OPTIONS)
def scale_score_learn(x: _Floats, statistics: _Floats, forest: _Floats, ledger: _Longs) -> float:
    """Standardise a row by what was seen before, score it, then let scaler and trees learn it, in that order.

    The trees learn the row as the scaler sees it *after* the row, so it is walked twice; river does the same.

    Parameters
    ----------
    x : float64[n_features]
        In the features' units; what is not finite counts as missing.
    statistics : float64[7, n_features]
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
