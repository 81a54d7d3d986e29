"""How far levels stand above the loudest recent moment, and how that reference moves on."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

_READ_ONLY = types.Array(types.float64, 1, "C", readonly=True)
_LEVELS = types.int64[::1]
_MEMORY = types.float64[:, ::1]
_SCORE = types.UniTuple(types.float64, 2)(_READ_ONLY, _LEVELS, _MEMORY)
_LEARN = types.void(_READ_ONLY, _LEVELS, _MEMORY, types.int64, types.int64, types.float64)

REFERENCE = 0
"""Row of the memory that holds the highest logarithms so far, fading; the others are a ring of the latest ones."""


@njit(nogil=True)
def _level(value: float) -> float:
    return math.log(value) if 0.0 < value < math.inf else math.nan


@njit(_SCORE, cache=True, nogil=True)
def highest_rise(values: _Floats, levels: NDArray[np.int64], memory: _Floats) -> tuple[float, float]:
    """Largest logarithmic rise of a level over its reference.

    Parameters
    ----------
    values : float64[n_features]
        In the features' units.
    levels : int64[n_levels]
        Indices into ``values``.
    memory : float64[1 + n_delay, n_levels]
        See `move_reference`.

    Returns
    -------
    highest, top : float
        Largest rise, and which level it is; NaN and -1 if none is known. A value that is not positive and finite has no
        rise.
    """
    highest, top = math.nan, -1.0
    for i in range(levels.size):
        rise = _level(values[levels[i]]) - memory[REFERENCE, i]
        if math.isnan(rise):
            continue
        if not rise <= highest:
            highest, top = rise, float(i)
    return highest, top


@njit(_LEARN, cache=True, nogil=True)
def move_reference(
    values: _Floats, levels: NDArray[np.int64], memory: _Floats, n_learned: int, n_warm: int, fade: float
) -> None:
    """Let a vector into the recent past, and what has become old enough into the reference.

    Parameters
    ----------
    values, levels : float64[n_features], int64[n_levels]
        As for `highest_rise`.
    memory : float64[1 + n_delay, n_levels]
        `REFERENCE`, then the latest logarithms as a ring; changed in place. NaN where nothing was seen yet.
    n_learned : int
        Vectors learned before this one; the first ``n_warm`` enter the reference at once.
    n_warm : int
        See above.
    fade : float
        By how much the reference falls with every vector.
    """
    slot = 1 + n_learned % (memory.shape[0] - 1)
    warm = n_learned >= n_warm
    for i in range(levels.size):
        level = _level(values[levels[i]])
        entering = memory[slot, i] if warm else level
        faded = memory[REFERENCE, i] - fade
        if math.isnan(faded) or entering > faded:
            faded = entering
        memory[REFERENCE, i] = faded
        memory[slot, i] = level if warm else math.nan
