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
from scipy.special import chdtri  # scipy.stats would take half a second to import

from detectors.base import Floats, State, check_version

Teach = Callable[[Floats], Callable[[Floats], float]]
"""Takes teach-in rows, returns the raw score of a freshly taught model."""
N_APPROACH = 50
"""Rows before a block that are scored without counting, so that an EWMA arrives there as in the stream."""
N_SHORT = 20
"""Rows of a teach-in for which the margin doubles. Measured on Gaussian rows, of 2 to 48 features,
independent and not: in 9 of 10 streams of 3000 the highest MEWMA score is within 2.2, 2.0, 1.6 and 1.3 times
the highest held-out one after
45, 60, 120 and 400 rows, whatever their number of features."""


class Calibration(Protocol):
    """What turns raw scores into scores; a limit from extreme-value theory (SPOT) fits the same protocol."""

    def fit(self, held_out: Floats) -> None:
        """Learn the limit from raw scores of rows that the model has not seen."""
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
        """Set the limit from held-out raw scores; NaNs among them are passed over.

        The margin is wider after a short teach-in, by ``N_SHORT / n_rows``.
        """
        finite = held_out[np.isfinite(held_out)]
        highest = float(np.max(finite, initial=0.0))
        margin = self._margin * (1.0 + N_SHORT / max(1, held_out.size))
        self._limit = max(self._floor, margin * highest)

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


def held_out_scores(rows: Floats, n_blocks: int, teach: Teach) -> Floats:
    """Raw score of every teach-in row by a model that was taught on the other blocks.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        The teach-in, standardised, in stream order.
    n_blocks : int
        Contiguous blocks, 2 upwards; contiguous because neighbours are alike.
    teach : callable
        Makes a scorer from rows.

    Returns
    -------
    float64[n_rows]
        NaN where nothing could be said.
    """
    scores = np.full(rows.shape[0], np.nan)
    for block in np.array_split(np.arange(rows.shape[0]), n_blocks):
        score = teach(np.delete(rows, block, axis=0))
        for row in range(max(0, block[0] - N_APPROACH), block[0]):
            score(rows[row])
        scores[block] = [score(rows[row]) for row in block]
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
    return math.sqrt(float(chdtri(n_features, probability)))
