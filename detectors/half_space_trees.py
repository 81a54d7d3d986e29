"""Half-space trees: mass in random boxes, by river."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from river import anomaly

from detectors.base import Floats, Parameters, State, to_shares
from detectors.river_model import RiverModel

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


class HalfSpaceTrees(RiverModel):
    """How few rows of the teach-in share the random boxes of this one.

    Needs no shape of the usual: several centres are as good as one. Weak on small shifts of single features
    among many, because a tree looks at ``height`` of them only, and useless with fewer than about 100 rows.
    Learning stops with the teach-in: half-space trees that go on learning call a fault usual after two
    windows.

    The raw score is an exponentially weighted mean of one over river's share of mass. It is bounded: no row
    can be stranger than one alone in all its boxes, so the margin is 1. About 40 µs for 25 trees.

    References
    ----------
    Tan, Ting, Liu: Fast anomaly detection for streaming data, IJCAI 2011.
    """

    name = "half_space_trees"
    margin = 1.0
    parameters_type = HalfSpaceTreesParameters

    def __init__(self, parameters: HalfSpaceTreesParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._parameters = parameters
        self._memory = math.nan

    def save(self) -> State:  # noqa: D102
        return super().save() | {"memory": self._memory}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: D102
        super().restore(state)
        self._memory = float(state["memory"])

    def attribute(self, values: Floats) -> Floats:
        """Divide by distance from the centre: trees do not say which feature led to an empty box."""
        if not self.ready or not np.isfinite(values).any():
            return np.full(self.n_features, np.nan)
        return to_shares(values**2)

    def _teach(self, rows: Floats) -> None:
        parameters = self._parameters
        self._memory = math.nan
        self._model = anomaly.HalfSpaceTrees(
            n_trees=parameters.n_trees,
            height=parameters.height,
            window_size=rows.shape[0],  # one window: the trees score from the row that ends the teach-in
            limits=dict.fromkeys(range(self.n_features), (-LIMIT, LIMIT)),
            seed=self.seed,
        )
        # The share of a single row in a single leaf, the smallest there is, bounds the raw score.
        self._least = 1.0 / (parameters.n_trees * rows.shape[0] * 2.0 ** (parameters.height + 1))
        for row in rows.tolist():
            self._model.learn_one(dict(enumerate(row)))

    def _strangeness(self, values: Floats) -> float:
        known = {index: value for index, value in enumerate(values.tolist()) if math.isfinite(value)}
        share = 1.0 - float(self._model.score_one(known))
        raw_score = 1.0 / max(share, self._least)
        before = self._memory if math.isfinite(self._memory) else raw_score
        self._memory = before + self._parameters.weight * (raw_score - before)
        return self._memory
