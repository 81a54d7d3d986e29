"""Standardising and half-space trees in one call: river's ``StandardScaler | HalfSpaceTrees``.

Numba does not notice when a kernel of another module changes: after work on ``half_space_trees`` the cached form of
this module is to be thrown away too.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels.half_space_trees import walk, walk_known

_Floats = NDArray[np.float64]
_Features = NDArray[np.uint32]
_Masses = NDArray[np.int32]
_Longs = NDArray[np.int64]
_Known = NDArray[np.bool_]

N_STATISTICS = 5
SEEN, MEAN, VARIANCE, DEVIATION, SCALED = range(N_STATISTICS)
"""Rows of a scaler's statistics; the last one is scratch, the one before the root of the variance."""

_INNER = {"nogil": True, "error_model": "numpy"}
_OPTIONS = {**_INNER, "cache": True}
_MODEL = (
    types.Array(types.uint32, 2, "C", readonly=True),
    types.Array(types.float64, 2, "C", readonly=True),
    types.Array(types.int32, 3, "C"),
    types.Array(types.int64, 2, "C"),
    types.Array(types.int64, 1, "C"),
)
_STATISTICS = types.Array(types.float64, 2, "C")
_KNOWN = types.Array(types.bool_, 1, "C")
_VECTOR = types.Array(types.float64, 1, "C", readonly=True)
_ROWS = types.Array(types.float64, 2, "C", readonly=True)
_OUT = types.Array(types.float64, 1, "C")


@njit(**_INNER)
def _scale(x: _Floats, statistics: _Floats) -> None:
    for j in range(x.size):
        deviation = statistics[DEVIATION, j]
        scaled = (x[j] - statistics[MEAN, j]) / deviation
        statistics[SCALED, j] = scaled if deviation != 0.0 else 0.0


@njit(**_INNER)
def _follow(x: _Floats, known: _Known, statistics: _Floats) -> None:
    """Welford's recurrences, in river's order of operations."""
    for j in range(x.size):
        n, mean, variance = statistics[SEEN, j] + 1.0, statistics[MEAN, j], statistics[VARIANCE, j]
        moved = mean + (x[j] - mean) / n
        spread = variance + ((x[j] - mean) * (x[j] - moved) - variance) / n
        statistics[SEEN, j] = n if known[j] else n - 1.0
        statistics[MEAN, j] = moved if known[j] else mean
        statistics[VARIANCE, j] = spread if known[j] else variance
        statistics[DEVIATION, j] = math.sqrt(statistics[VARIANCE, j])


@njit(types.float64(_VECTOR, _STATISTICS, _KNOWN, *_MODEL), **_OPTIONS)
def scale_score_learn(
    x: _Floats,
    statistics: _Floats,
    known: _Known,
    feature: _Features,
    threshold: _Floats,
    masses: _Masses,
    profile: _Longs,
    clock: _Longs,
) -> float:
    """Standardise a row by what was seen before, score it, then let scaler and trees learn it, in that order.

    The trees learn the row as the scaler sees it *after* the row, so it is walked twice; river does the same.

    Parameters
    ----------
    x : float64[n_features]
        In the features' units; what is not finite counts as missing.
    statistics : float64[5, n_features]
        Of the scaler; changed.
    known : bool[n_features]
        Scratch.
    feature, threshold, masses, profile, clock
        As for `detectors.kernels.half_space_trees.walk`; the last three are changed.

    Returns
    -------
    float
        Between 0 (usual) and 1; 0 until a window is complete.
    """
    n_known = 0
    for j in range(x.size):
        known[j] = math.isfinite(x[j])
        n_known += known[j]
    scaled = statistics[SCALED]
    _scale(x, statistics)
    if n_known == x.size:
        score: float = walk(scaled, False, feature, threshold, masses, profile, clock)
        _follow(x, known, statistics)
        _scale(x, statistics)
        walk(scaled, True, feature, threshold, masses, profile, clock)
    else:
        score = walk_known(scaled, known, False, feature, threshold, masses, profile, clock)
        _follow(x, known, statistics)
        _scale(x, statistics)
        walk_known(scaled, known, True, feature, threshold, masses, profile, clock)
    return score


@njit(types.void(_ROWS, _STATISTICS, _KNOWN, *_MODEL, _OUT), **_OPTIONS)
def scale_score_learn_many(
    rows: _Floats,
    statistics: _Floats,
    known: _Known,
    feature: _Features,
    threshold: _Floats,
    masses: _Masses,
    profile: _Longs,
    clock: _Longs,
    out: _Floats,
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
        out[row] = scale_score_learn(rows[row], statistics, known, feature, threshold, masses, profile, clock)
