"""From a raw score to a score whose limit is 1.0.

The limit must not come from the rows that a model was fitted to: a model of 24 features and 45 overlapping
windows fits those almost perfectly. So the teach-in is cut into blocks; each block is scored by a model that
has not seen it, and the largest of those honest scores, times a margin, becomes the limit.

In the stream `detectors.spot` learns how high healthy scores really get; as it does, the quantile that a budget of
false alerts asks for takes the place of the margin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import chdtri  # scipy.stats would take half a second to import

from detectors.base import Floats, State, check_version
from detectors.budget import Budget
from detectors.spot import Spot

Teach = Callable[[Floats], Callable[[Floats], Floats]]
"""Takes teach-in rows, returns what gives rows, in stream order, the raw scores of a freshly taught model."""
N_APPROACH = 50
"""Rows before a block that are scored without counting, so that an EWMA arrives there as in the stream."""
N_SHORT = 20
"""Rows of a teach-in for which the margin doubles. Measured on Gaussian rows, of 2 to 48 features,
independent and not: in 9 of 10 streams of 3000 the highest MEWMA score is within 2.2, 2.0, 1.6 and 1.3 times
the highest held-out one after
45, 60, 120 and 400 rows, whatever their number of features."""


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
    __slots__ = ("_floor", "_limit", "_margin")

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

    def save(self) -> State:
        """Return plain values for `restore`."""
        return {"version": self.version, "limit": self._limit}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a saved limit."""
        check_version(state, self.version, "limit")
        self._limit = float(state["limit"])


class BudgetLimit:
    """The limit that healthy scores exceed as often as a budget of false alerts allows.

    A teach-in is far too short to say that: 60 vectors know nothing of what happens once in 800 000. So the limit
    starts as the teach-in's `MarginLimit`. A measured tail that asks for more gets it at once; one that asks for
    less, in proportion to how many clusters of healthy scores it has. From then on its quantile stands alone.

    Parameters
    ----------
    prior : MarginLimit
        What holds until more is known.
    budget : Budget
        With a rate of 0 the prior stays for good.

    Attributes
    ----------
    moved : float
        The limit over that of the teach-in: what makes scores comparable over the whole stream.
    """

    version = 1
    __slots__ = ("_limit", "_may_sink", "_prior", "_spot", "moved")

    def __init__(self, prior: MarginLimit, budget: Budget) -> None:
        self._prior, self._may_sink = prior, budget.may_sink
        self._spot = Spot(budget) if budget.rate > 0.0 else None
        self._limit = math.nan
        self.moved = 1.0

    @property
    def limit(self) -> float:
        """The raw score that becomes 1.0; NaN before `fit`."""
        return self._limit

    def fit(self, held_out: Floats) -> None:
        """Set the limit from held-out raw scores; NaNs among them are passed over."""
        self._prior.fit(held_out)
        self._move(self._prior.limit)

    def score(self, raw_score: float) -> float:
        """Raw score over limit; NaN before `fit`."""
        return raw_score / self._limit

    def observe(self, raw_score: float) -> None:
        """Learn how high healthy scores get."""
        if self._spot is not None and self._spot.observe(raw_score, self._limit):
            quantile, weight = self._spot.quantile(), self._spot.weight
            blend = (1.0 - weight) * self._prior.limit + weight * quantile
            limit = max(quantile, blend)
            self._move(limit if self._may_sink else max(limit, self._prior.limit))

    def _move(self, limit: float) -> None:
        self._limit, self.moved = limit, limit / self._prior.limit

    def save(self) -> State:
        """Return plain values for `restore`."""
        spot = {} if self._spot is None else self._spot.save()
        return {"version": self.version, "limit": self._limit, "prior": self._prior.save(), "spot": spot}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a saved limit.

        Raises
        ------
        ValueError
            If the state is of another version.
        """
        check_version(state, self.version, "budget limit")
        self._prior.restore(state["prior"])
        self._move(float(state["limit"]))
        if self._spot is not None and state["spot"]:  # there is none if no false alert was accepted then
            self._spot.restore(state["spot"])


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
        score_rows = teach(np.delete(rows, block, axis=0))
        first = max(0, block[0] - N_APPROACH)
        scores[block] = score_rows(rows[first : block[-1] + 1])[block[0] - first :]
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
