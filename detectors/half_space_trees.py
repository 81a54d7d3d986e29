"""Half-space trees: mass in random boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from detectors.base import Detector, Floats, Parameters, State, check_rows, check_version, to_shares
from detectors.half_space_forest import Counts, grow_forest
from detectors.kernels.half_space_frozen import (
    FULL,
    LEAST,
    MEMORY,
    N_AVERAGE,
    WEIGHT,
    average_strangeness,
    average_strangeness_rows,
)
from detectors.kernels.half_space_trees import score_learn_many

LIMIT = 4.0
"""Half width of the space that the trees divide, in usual deviations; what lies outside falls into the outer
boxes.
With river's default of [0, 1] on standardised rows most of the trees would look at nothing."""


class HalfSpaceTreesParameters(Parameters, frozen=True):
    """What ``half_space_trees`` may be told.

    Parameters
    ----------
    n_trees : int
        More trees, steadier scores, in proportion more time.
    height : int
        Halvings from root to leaf; memory and time to build double with each.
    weight : float
        Of the newest row in the average that is the raw score; 1 = no average.
    """

    n_trees: Annotated[int, Meta(ge=1, le=100)] = 25
    height: Annotated[int, Meta(ge=1, le=12)] = 8
    weight: Annotated[float, Meta(gt=0, le=1)] = 0.15


class HalfSpaceTrees(Detector):
    """How few rows of the teach-in share the random boxes of this one.

    Needs no shape of the usual: several centres are as good as one. Weak on small shifts of single features
    among many, because a tree looks at ``height`` of them only, and useless with fewer than about 100 rows.
    Learning stops with the teach-in: half-space trees that go on learning call a fault usual after two
    windows. A feature that cannot be judged counts as very low, in which river's trees agree once frozen: with one
    missing, healthy rows look somewhat strange.

    The raw score is an exponentially weighted mean of one over river's share of mass. It is bounded: no row
    can be stranger than one alone in all its boxes, so the margin is 1.

    State: ``n_trees * 2**height`` counts of the teach-in's rows, in two bytes each up to 65 535 rows. The trees are
    grown again from the seed, and models of one seed share them.

    References
    ----------
    Tan, Ting, Liu: Fast anomaly detection for streaming data, IJCAI 2011.
    """

    name = "half_space_trees"
    version = 2
    margin = 1.0
    parameters_type = HalfSpaceTreesParameters

    def __init__(self, parameters: HalfSpaceTreesParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._parameters = parameters
        self._average = np.full(N_AVERAGE + n_features, math.nan)
        self._average[WEIGHT] = parameters.weight
        self._leaves = np.empty((0, 2**parameters.height), dtype=np.uint16)
        self._n_rows = 0
        self._forest, self._ledger = np.empty((0, 0, 2)), np.empty(0, dtype=np.int64)

    @property
    def ready(self) -> bool:  # noqa: D102
        return self._n_rows > 0

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: ARG002, D102
        rows = check_rows(rows, self.n_features)
        # One window: its end is the end of the teach-in, and from then on the trees score.
        counts = self._fresh_counts(rows.shape[0])
        score_learn_many(rows, counts.forest, counts.ledger, np.empty(rows.shape[0]))
        self._average[MEMORY] = math.nan
        self._take(counts)

    def score(self, values: Floats) -> float:  # noqa: D102
        if not self._n_rows:
            return math.nan
        return float(average_strangeness(values, self._forest, self._ledger, self._average))

    def score_rows(self, rows: Floats) -> Floats:  # noqa: D102
        scores = np.full(rows.shape[0], math.nan)
        if self._n_rows:
            average_strangeness_rows(rows, self._forest, self._ledger, self._average, scores)
        return scores

    def score_learn(self, rows: Floats, learnable: NDArray[np.bool_]) -> Floats:  # noqa: ARG002, D102
        return self.score_rows(rows)  # frozen

    def forget(self) -> None:  # noqa: D102
        self._average[MEMORY] = math.nan

    def attribute(self, values: Floats) -> Floats:
        """Divide by distance from the centre, which names a moved feature better than the trees can.

        Each tree looks at a few features only: among 40, what emptied the boxes on the row's way names one moved by 3
        deviations in 29 % of trials, distance in 72 % (83 and 79 % among 16). Neither names a feature that is strange
        by lying between two usual values.
        """
        if not self._n_rows or not np.isfinite(values).any():
            return np.full(self.n_features, np.nan)
        return to_shares(np.where(np.isfinite(values), values, 0.0) ** 2)

    def save(self) -> State:  # noqa: D102
        return {
            "version": self.version,
            "n_features": self.n_features,
            "seed": self.seed,
            "n_rows": self._n_rows,
            "leaves": self._leaves.copy(),
            "memory": float(self._average[MEMORY]),
        }

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: D102
        check_version(state, self.version, self.name)
        for key, wanted in (("n_features", self.n_features), ("seed", self.seed)):
            if state[key] != wanted:
                raise ValueError(f"{self.name}: got a state of {key}={state[key]}, wanted {wanted}")
        n_rows = int(state["n_rows"])
        if n_rows:
            counts = self._fresh_counts(n_rows)
            leaves = np.asarray(state["leaves"])
            counts.restore({"reference": leaves, "current": np.zeros_like(leaves), "n_learned": 0})
            self._take(counts)
        self._n_rows = n_rows
        self._average[MEMORY] = float(state["memory"])

    def _fresh_counts(self, n_rows: int) -> Counts:
        parameters, limits = self._parameters, ((-LIMIT, LIMIT),) * self.n_features
        return Counts(grow_forest(self.seed, parameters.n_trees, parameters.height, limits), n_rows)

    def _take(self, counts: Counts) -> None:
        """Keep of a finished teach-in what scoring and saving need."""
        n_trees, n_leaves, self._n_rows = counts.forest.shape[0], counts.forest.shape[1] + 1, counts.window
        self._average[FULL] = n_trees * self._n_rows * (2 * n_leaves - 1)
        # The share of a single row in a single leaf, the smallest there is, bounds the raw score.
        self._average[LEAST] = 1.0 / (n_trees * self._n_rows * 2.0 * n_leaves)
        self._forest, self._ledger = counts.forest, counts.freeze()
        self._leaves = counts.save()["reference"]
