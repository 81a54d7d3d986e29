"""Exponentially weighted moving averages of rows and their Mahalanobis distance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_FACTOR = types.Array(types.float32, 1, "C", readonly=True)
_ROW = types.Array(types.float64, 1, "C", readonly=True)
_ROWS = types.Array(types.float64, 2, "C", readonly=True)
_EDGES = types.Array(types.int64, 1, "C", readonly=True)
_MEMORY = types.float64[:, ::1]
_F8, _F = types.float64[::1], types.float64

MEMORY, CENTRE = range(2)
"""Rows of a detector's memory: the EWMA of deviations from the centre, and the centre."""

# Where only finite numbers go: sums in any order, so that they vectorise.
_SUMS = {"reassoc", "contract", "nsz"}


def packed_factor(covariances: Sequence[_Floats]) -> NDArray[np.float32]:
    """Inverse of the Cholesky factor, row by row: ``W`` with ``W' W`` = inverse covariance.

    A sum of squares cannot become negative by rounding, so float32 is enough, and half a matrix of it is a quarter of
    the memory that the inverse takes. With hundreds of spindles that is what decides: the processor waits for it.

    Parameters
    ----------
    covariances : sequence of float64[n, n]
        Of each block of features; positive definite.

    Returns
    -------
    float32[sum of n * (n + 1) / 2]
        Lower triangles, one block after the other.
    """
    factors = [np.linalg.inv(np.linalg.cholesky(covariance)) for covariance in covariances]
    return np.concatenate([factor[np.tril_indices(len(factor))] for factor in factors]).astype(np.float32)


@njit(forceinline=True, nogil=True, fastmath=_SUMS)
def _part(row: NDArray[np.float32], memory: _Floats) -> float:
    total = 0.0
    for j in range(row.size):
        total += np.float64(row[j]) * memory[j]
    return total


@njit(nogil=True)
def _move(values: _Floats, both: _Floats, weight: float, clip: float) -> bool:
    """Move the EWMA by one row, if any of its values is finite; say whether."""
    memory, centre = both[MEMORY], both[CENTRE]
    known = False
    for i in range(values.size):
        known |= math.isfinite(values[i])
    if known:
        for i in range(values.size):
            value = 0.0
            if math.isfinite(values[i]):
                value = min(max(values[i] - centre[i], -clip), clip)
            memory[i] += weight * (value - memory[i])
    return known


@njit(nogil=True)
def _distance(memory: _Floats, factor: NDArray[np.float32], edges: NDArray[np.int64]) -> float:
    squared, start = 0.0, 0
    for block in range(edges.size - 1):
        own = memory[edges[block] : edges[block + 1]]
        for i in range(own.size):
            part = _part(factor[start : start + i + 1], own)
            squared += part * part
            start += i + 1
    return math.sqrt(squared)


@njit(_F(_ROW, _MEMORY, _F, _F, _FACTOR, _EDGES), cache=True, nogil=True)
def mewma_step(
    values: _Floats,
    memory: _Floats,
    weight: float,
    clip: float,
    factor: NDArray[np.float32],
    edges: NDArray[np.int64],
) -> float:
    """Move the EWMA by one row and return its Mahalanobis distance from 0.

    Parameters
    ----------
    values : float64[n_features]
        Standardised; a NaN counts as usual, so that what a sensor said before it failed is forgotten.
    memory : float64[2, n_features]
        MEMORY: the EWMA of deviations from the centre; changed in place. CENTRE: what is usual, in standardised
        units; 0 unless the detector adapts.
    weight : float
        Of the new row, 0 to 1.
    clip : float
        Larger deviations count as this one, so that one wild row is forgotten in bounded time.
    factor : float32[...]
        `packed_factor` of the EWMA's covariances.
    edges : int64[n_blocks + 1]
        Where each block of features begins; features of different blocks count as independent.

    Returns
    -------
    float
        0 upwards; NaN, and nothing changed, if no value is finite.
    """
    known = _move(values, memory, weight, clip)
    return _distance(memory[MEMORY], factor, edges) if known else math.nan


@njit(types.void(_ROWS, _MEMORY, _F, _F, _FACTOR, _EDGES, _F8), cache=True, nogil=True)
def mewma_rows(
    rows: _Floats,
    memory: _Floats,
    weight: float,
    clip: float,
    factor: NDArray[np.float32],
    edges: NDArray[np.int64],
    out: _Floats,
) -> None:
    """`mewma_step` for each of several rows in stream order.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        As ``values`` there.
    memory, weight, clip, factor, edges
        As there.
    out : float64[n_rows]
        Written.
    """
    for i in range(rows.shape[0]):
        known = _move(rows[i], memory, weight, clip)
        out[i] = _distance(memory[MEMORY], factor, edges) if known else math.nan


@njit(types.void(types.float64[:, ::1], _F, types.float64[:, ::1]), cache=True, nogil=True)
def ewma_rows(rows: _Floats, weight: float, out: _Floats) -> None:
    """Exponentially weighted moving average of rows that starts from 0.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        In stream order; a NaN spoils its column from there on.
    weight : float
        Of the newest row, 0 to 1.
    out : float64[n_rows, n_features]
        Written.
    """
    n_rows, n_features = rows.shape
    for i in range(n_rows):
        for j in range(n_features):  # inside, so that neighbours are averaged at once
            before = out[i - 1, j] if i > 0 else 0.0
            out[i, j] = before + weight * (rows[i, j] - before)


@njit(types.void(_F8, _FACTOR, _EDGES, _F8), cache=True, nogil=True)
def mahalanobis_parts(
    memory: _Floats, factor: NDArray[np.float32], edges: NDArray[np.int64], out: _Floats
) -> None:
    """Each feature's part of a squared Mahalanobis distance; parts may be negative, their sum is the square.

    Parameters
    ----------
    memory : float64[n_features]
        Deviations.
    factor, edges : float32[...], int64[n_blocks + 1]
        As for `mewma_step`.
    out : float64[n_features]
        Written.
    """
    out[:] = 0.0
    start = 0
    for block in range(edges.size - 1):
        own, parts = memory[edges[block] : edges[block + 1]], out[edges[block] : edges[block + 1]]
        for i in range(own.size):
            row = factor[start : start + i + 1]
            part = _part(row, own)
            for j in range(row.size):
                parts[j] += part * np.float64(row[j])
            start += i + 1
    for j in range(memory.size):
        out[j] *= memory[j]
