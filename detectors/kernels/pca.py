"""Principal components that may follow the stream: distance within their subspace and outside of it."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Flags = NDArray[np.bool_]
_SIGNATURE_ROWS = (
    "void(f8[:, ::1], b1[::1], f8, f8, f8, f8[::1], f8[::1], f8[:, ::1], f8[::1], f8[::1], f8[::1], f8[::1],"
    " f8[::1])"
)
# A dot product that may be summed in any order takes a quarter of the time; NaN and infinity stay what they are.
_REORDER = {"reassoc", "contract", "nsz", "arcp"}


@njit(forceinline=True, nogil=True, error_model="numpy", fastmath=_REORDER)
def _dot(one: _Floats, other: _Floats) -> float:
    total = 0.0
    for j in range(one.size):
        total += one[j] * other[j]
    return total


@njit(nogil=True, error_model="numpy")
def _deviate(row: _Floats, centre: _Floats, clip: float, out: _Floats) -> int:
    n_known = 0
    for j in range(centre.size):
        deviation = row[j] - centre[j]
        out[j] = 0.0
        if math.isfinite(deviation):
            out[j] = min(max(deviation, -clip), clip)
            n_known += 1
    return n_known


@njit(nogil=True, error_model="numpy")
def _score(
    row: _Floats,
    clip: float,
    limits: _Floats,
    centre: _Floats,
    components: _Floats,
    variances: _Floats,
    outside: _Floats,
    projections: _Floats,
    rest: _Floats,
) -> float:
    if _deviate(row, centre, clip, rest) == 0:
        return math.nan
    squared = 0.0
    for i in range(variances.size):
        along = _dot(rest, components[i])
        projections[i] = along
        squared += along * along / variances[i]
        for j in range(rest.size):
            rest[j] -= along * components[i, j]
    within = math.sqrt(squared) / limits[0]
    beyond = math.sqrt(_dot(rest, rest) / outside[0]) / limits[1]
    return float(max(within, beyond))


@njit(nogil=True, error_model="numpy")
def _learn(
    row: _Floats,
    adaptation: float,
    clip: float,
    least: float,
    centre: _Floats,
    components: _Floats,
    variances: _Floats,
    outside: _Floats,
    rest: _Floats,
) -> None:
    n = centre.size
    if _deviate(row, centre, clip, rest) < n:
        return
    for j in range(n):
        centre[j] += adaptation * rest[j]
    for i in range(variances.size):
        kept, pulled = (1.0 - adaptation) * variances[i], adaptation * _dot(rest, components[i])
        for j in range(n):
            components[i, j] = kept * components[i, j] + pulled * rest[j]
        length = math.sqrt(_dot(components[i], components[i]))
        for j in range(n):
            components[i, j] /= length
        variances[i] = max(length, least)
        along = _dot(rest, components[i])
        for j in range(n):
            rest[j] -= along * components[i, j]
    energy = (1.0 - adaptation) * outside[0] + adaptation * _dot(rest, rest)
    outside[0] = max(energy, least * max(1, n - variances.size))


@njit(_SIGNATURE_ROWS, cache=True, nogil=True, error_model="numpy")
def pca_rows(
    rows: _Floats,
    learnable: _Flags,
    adaptation: float,
    clip: float,
    least: float,
    limits: _Floats,
    centre: _Floats,
    components: _Floats,
    variances: _Floats,
    outside: _Floats,
    projections: _Floats,
    rest: _Floats,
    scores: _Floats,
) -> None:
    """Score rows in order, and learn those that may be learned by candid covariance-free incremental PCA.

    Components are taken off one after the other, in scoring as in learning: while they are learned they are orthogonal
    only nearly.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        A value that is not finite counts as usual; a row with such a value is not learned.
    learnable : bool[n_rows]
        Which rows to learn once they are scored.
    adaptation : float
        Weight of a learned row, 0 to 1; 0 = nothing is learned.
    clip : float
        Larger deviations count as this one.
    least : float
        Smallest variance along a component.
    limits : float64[2]
        What counts as 1: of the standardised length within, and of that outside relative to its root mean square.
    centre : float64[n_features]
        Changed in place.
    components : float64[n_components, n_features]
        Of length 1, the most varying first; changed in place.
    variances : float64[n_components]
        Along the components; changed in place.
    outside : float64[1]
        Mean square outside of the components; changed in place.
    projections, rest : float64[n_components], float64[n_features]
        Written: of the row scored last, its coordinates, and what lies outside.
    scores : float64[n_rows]
        Written: the larger of both lengths over its limit; NaN for a row without a finite value.
    """
    for i in range(rows.shape[0]):
        scores[i] = _score(rows[i], clip, limits, centre, components, variances, outside, projections, rest)
        if learnable[i] and adaptation > 0.0:
            _learn(rows[i], adaptation, clip, least, centre, components, variances, outside, rest)
