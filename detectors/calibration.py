"""From a raw score to a score whose limit is 1.0.

The limit must not come from the rows that a model was fitted to: a model of 24 features and 45 overlapping
windows fits those almost perfectly. So the teach-in is cut into blocks; each block is scored by a model that
has not seen it, and the largest of those honest scores, times a margin, becomes the limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from scipy.stats import chi2

from detectors.base import Floats, State, check_version

Scorer = Callable[[Floats], float]
"""Takes a vector, returns its raw score."""
Teach = Callable[[Floats], Scorer]
"""Takes teach-in vectors, returns a freshly taught scorer."""


class Calibration(Protocol):
    """What turns raw scores into scores; a limit from extreme-value theory (SPOT) fits the same protocol."""

    def fit(self, held_out: Floats) -> None:
        """Learn the limit from raw scores of vectors that the model has not seen."""
        ...

    def score(self, raw_score: float) -> float:
        """Turn a raw score into a score; NaN stays NaN."""
        ...

    def save(self) -> State:
        """Return plain values for `restore`."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        ...


class MarginLimit:
    """The limit is the largest held-out raw score times a margin, and never below a floor.

    Parameters
    ----------
    margin : float
        What lies between the strangest healthy row seen and the limit.
    floor : float
        Smallest limit, in raw scores: what theory says that chance alone reaches.
    """

    version = 1

    def __init__(self, margin: float, floor: float) -> None:
        self._margin = margin
        self._floor = floor
        self._limit = math.nan

    @property
    def limit(self) -> float:
        """The raw score that becomes 1.0; NaN before `fit`."""
        return self._limit

    def fit(self, held_out: Floats) -> None:
        """Set the limit from held-out raw scores; NaNs among them are passed over."""
        finite = held_out[np.isfinite(held_out)]
        highest = float(np.max(finite, initial=0.0))
        self._limit = max(self._floor, self._margin * highest)

    def score(self, raw_score: float) -> float:
        """Raw score over limit; NaN before `fit`."""
        return raw_score / self._limit

    def save(self) -> State:
        """Return plain values for `restore`."""
        return {"version": self.version, "limit": self._limit}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a saved limit."""
        check_version(state, self.version, "limit")
        self._limit = float(state["limit"])


def held_out_scores(vectors: Floats, n_blocks: int, teach: Teach) -> Floats:
    """Raw score of every teach-in vector by a model that was taught on the other blocks.

    Parameters
    ----------
    vectors : float64[n_rows, n_features]
        The teach-in, in stream order.
    n_blocks : int
        Contiguous blocks, 2 upwards; contiguous because neighbours are alike.
    teach : callable
        Makes a scorer from vectors.

    Returns
    -------
    float64[n_rows]
        NaN where nothing could be said.
    """
    blocks = np.array_split(np.arange(vectors.shape[0]), n_blocks)
    scores = np.full(vectors.shape[0], np.nan)
    for block in blocks:
        scorer = teach(np.delete(vectors, block, axis=0))
        scores[block] = [scorer(vectors[row]) for row in block]
    return scores


def chance_distance(n_features: int, probability: float) -> float:
    """Mahalanobis distance that a healthy row exceeds with this probability, were the model exact.

    Parameters
    ----------
    n_features : int
        Degrees of freedom.
    probability : float
        0 to 1.

    Returns
    -------
    float
        Square root of the chi-squared quantile.

    Examples
    --------
    >>> round(chance_distance(1, 0.0027), 3)
    3.0
    """
    return math.sqrt(float(chi2.isf(probability, n_features)))
