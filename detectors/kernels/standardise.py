"""From a vector in the features' units to a standardised row."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

# Vectors come read-only from the stream; Numba hands a writable array to a read-only signature, not the reverse.
_READ_ONLY = types.Array(types.float64, 1, "C", readonly=True)
_WRITABLE = types.Array(types.float64, 1, "C")
_SIGNATURE_STANDARDISE = types.int64(
    _READ_ONLY,
    types.Array(types.bool_, 1, "C", readonly=True),
    types.Array(types.int64, 1, "C", readonly=True),
    types.Array(types.float64, 2, "C", readonly=True),
    _WRITABLE,
)

CENTRE, SCALE = range(2)
"""Rows of what is usual."""


@njit(_SIGNATURE_STANDARDISE, cache=True, nogil=True)
def standardise(
    values: _Floats,
    logarithmic: NDArray[np.bool_],
    active: NDArray[np.int64],
    usual: _Floats,
    out: _Floats,
) -> int:
    """Logarithm where asked, then (value - centre) / scale, of the active features.

    Parameters
    ----------
    values : float64[n_features]
        In the features' own units.
    logarithmic : bool[n_features]
        Which to take the logarithm of; values that are not positive become NaN.
    active : int64[n_active]
        Indices into ``values``.
    usual : float64[2, n_active]
        CENTRE, and SCALE, which is greater than 0.
    out : float64[n_active]
        Written. NaN or infinite values become NaN.

    Returns
    -------
    int
        How many entries of ``out`` are finite.
    """
    n_finite = 0
    for i in range(active.size):
        value = values[active[i]]
        if logarithmic[active[i]]:
            value = math.log(value) if value > 0.0 else math.nan
        z = (value - usual[CENTRE, i]) / usual[SCALE, i]
        if math.isfinite(z):
            out[i] = z
            n_finite += 1
        else:
            out[i] = math.nan
    return n_finite
