"""Mahalanobis distance by a Cholesky factor that follows the stream, one rank at a time.

A factor is the lower triangle of L in ``L L' = covariance``, column by column: ``n (n + 1) / 2`` numbers. Every loop
runs down a column, which the compiler turns into vector instructions without being allowed to reorder sums.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Flags = NDArray[np.bool_]
_SIGNATURE_ROWS = "void(f8[:, ::1], b1[::1], f8, f8, f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1])"


@njit(nogil=True, error_model="numpy")
def _whiten(row: _Floats, centre: _Floats, clip: float, factor: _Floats, work: _Floats) -> float:
    """Solve ``L work = row - centre``; return the length of ``work``, of which unknown entries are 0."""
    n = centre.size
    known = False
    for i in range(n):
        deviation = row[i] - centre[i]
        if math.isfinite(deviation):
            work[i] = min(max(deviation, -clip), clip)
            known = True
        else:
            work[i] = math.nan
    if not known:
        return math.nan
    squared = 0.0
    start = 0
    for j in range(n):
        part = work[j] / factor[start]
        if math.isnan(part):
            part = 0.0  # as the features before it lead one to expect
        work[j] = part
        squared += part * part
        for i in range(1, n - j):
            work[j + i] -= part * factor[start + i]
        start += n - j
    return math.sqrt(squared)


@njit(nogil=True, error_model="numpy")
def _add_square(factor: _Floats, vector: _Floats, first: int) -> None:
    """Add ``vector vector'`` to the covariance; entries before ``first`` are 0. The vector is used up."""
    n = vector.size
    start = first * n - first * (first - 1) // 2
    for j in range(first, n):
        diagonal, value = factor[start], vector[j]
        grown = math.sqrt(diagonal * diagonal + value * value)
        cosine, sine = diagonal / grown, value / grown
        factor[start] = grown
        for i in range(1, n - j):
            old = factor[start + i]
            factor[start + i] = cosine * old + sine * vector[j + i]
            vector[j + i] = cosine * vector[j + i] - sine * old
        start += n - j


@njit(nogil=True, error_model="numpy")
def _learn(
    row: _Floats,
    adaptation: float,
    clip: float,
    ridge: _Floats,
    centre: _Floats,
    factor: _Floats,
    turn: _Floats,
    work: _Floats,
) -> None:
    n = centre.size
    for i in range(n):
        if not math.isfinite(row[i]):
            return
    root = math.sqrt(adaptation)
    for i in range(n):
        deviation = min(max(row[i] - centre[i], -clip), clip)
        work[i] = root * deviation
        centre[i] += adaptation * deviation
    _add_square(factor, work, 0)
    # The ridge of a feature fades like everything else that was learned, and is renewed every n rows.
    renewed = int(turn[0])
    work[:] = 0.0
    work[renewed] = ridge[renewed] * math.sqrt(adaptation * n)
    _add_square(factor, work, renewed)
    turn[0] = (renewed + 1) % n
    fade = math.sqrt(1.0 - adaptation)
    for i in range(factor.size):
        factor[i] *= fade


@njit(_SIGNATURE_ROWS, cache=True, nogil=True, error_model="numpy")
def mahalanobis_rows(
    rows: _Floats,
    learnable: _Flags,
    adaptation: float,
    clip: float,
    ridge: _Floats,
    centre: _Floats,
    factor: _Floats,
    turn: _Floats,
    work: _Floats,
    scores: _Floats,
) -> None:
    """Score rows in order and learn those that may be learned.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        An unknown value is not judged: it counts as what the features before it in the row lead one to expect.
    learnable : bool[n_rows]
        Which rows to learn once they are scored, if they are complete.
    adaptation : float
        Weight of a learned row in centre and covariance, 0 to 1; 0 = nothing is learned.
    clip : float
        Larger deviations count as this one.
    ridge : float64[n_features]
        Standard deviations; the covariance keeps at least their squares on its diagonal, however constant the rows.
    centre : float64[n_features]
        Changed in place.
    factor : float64[n_features * (n_features + 1) / 2]
        Of the covariance; changed in place.
    turn : float64[1]
        The feature whose ridge is renewed next; changed in place.
    work : float64[n_features]
        Written.
    scores : float64[n_rows]
        Written; NaN where no value of the row is finite.
    """
    for i in range(rows.shape[0]):
        scores[i] = _whiten(rows[i], centre, clip, factor, work)
        if learnable[i] and adaptation > 0.0:
            _learn(rows[i], adaptation, clip, ridge, centre, factor, turn, work)


@njit("void(f8[::1], f8[::1], f8, f8[::1], f8[::1], f8[::1])", cache=True, nogil=True, error_model="numpy")
def distance_parts(
    row: _Floats, centre: _Floats, clip: float, factor: _Floats, work: _Floats, parts: _Floats
) -> None:
    """Each feature's part of the squared distance: its deviation times its entry of ``covariance^-1 deviation``.

    Parameters
    ----------
    row, centre, clip, factor, work
        As for `mahalanobis_rows`.
    parts : float64[n_features]
        Written; may be negative. They sum to the square if no value is unknown. NaN where the value is unknown.
    """
    n = centre.size
    _whiten(row, centre, clip, factor, work)
    start = factor.size
    for j in range(n - 1, -1, -1):
        start -= n - j
        rest = work[j]
        for i in range(1, n - j):
            rest -= factor[start + i] * work[j + i]
        work[j] = rest / factor[start]
        deviation = row[j] - centre[j]
        parts[j] = min(max(deviation, -clip), clip) * work[j] if math.isfinite(deviation) else math.nan
