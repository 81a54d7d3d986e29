"""What the calibration of limits does with every healthy score: mostly nothing, and that quickly."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

N_WATCH = 4
THRESHOLD, PEAK, N_CALM, N_SEEN = range(N_WATCH)
"""The threshold (-inf while it is not known), highest value of the open cluster (-inf if none is open), values of calm
since, values seen below the limit. Behind them stand the latest scores, oldest first."""

_F = types.float64


@njit(types.boolean(_F, _F, _F, types.int64, types.float64[::1]), cache=True, nogil=True)
def watch_score(raw_score: float, limit: float, immediate: float, n_quiet: int, watch: _Floats) -> bool:
    """Take a score; say whether it ends a cluster, or a block of the warm-up.

    Parameters
    ----------
    raw_score : float
        NaN is passed over.
    limit : float
        That held for it.
    immediate : float
        A score so many times the limit alerts without confirmation.
    n_quiet : int
        Values below the threshold that end a cluster.
    watch : float64[4 + n_confirm - 1]
        Changed in place.

    Returns
    -------
    bool
        True if ``watch[PEAK]`` is now the peak of a cluster, for the caller to take.
    """
    if math.isnan(raw_score):
        return False
    value = raw_score
    if watch.size > N_WATCH:
        # The height that a limit may have for the judge to alert at this score.
        for i in range(N_WATCH, watch.size):
            value = min(value, watch[i])
        value = max(value, raw_score / immediate)
        for i in range(N_WATCH, watch.size - 1):
            watch[i] = watch[i + 1]
        watch[watch.size - 1] = raw_score
    if value < limit:  # what an episode lasts is not time in which others could have begun
        watch[N_SEEN] += 1.0
    if value > watch[THRESHOLD]:
        watch[PEAK] = max(watch[PEAK], value)
        watch[N_CALM] = watch[N_CALM] + 1.0 if watch[THRESHOLD] == -math.inf else 0.0
    elif watch[PEAK] == -math.inf:
        return False
    else:
        watch[N_CALM] += 1.0
    return bool(watch[N_CALM] >= n_quiet)
