"""Several detectors, each calibrated by itself, and the one score that they make."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from detectors.base import Detector, Floats, State, check_version
from detectors.budget import Budget
from detectors.calibration import BudgetLimit, MarginLimit, held_out_scores
from detectors.registry import build
from engine.config import DetectorConfig, EnsembleConfig

N_BLOCKS = 5
"""Parts of the teach-in that are scored by a model which has not seen them."""


class Ensemble:
    """The detectors of one baseline.

    Every member has its own limit, so their scores mean the same: ``max`` alerts when one member does, ``agree`` when
    so many do, ``mean`` when they do on average. The budget is divided so that it holds for the whole, see
    `detectors.budget.Budget.share`; under ``mean`` at least one member exceeds its limit whenever the mean does, so the
    same division holds as for ``max``.

    A member that cannot say anything is passed over. If fewer can say something than must agree, all of these must.

    Parameters
    ----------
    configs : sequence of DetectorConfig
        At least one.
    rule : EnsembleConfig
        How scores become one.
    budget : Budget
        For the whole.
    n_features : int
        Length of a standardised row.
    seed : int
        For detectors that draw.

    Raises
    ------
    ConfigError
        If a detector is unknown or its parameters are impossible.
    """

    version = 1
    __slots__ = (
        "_configs",
        "_limits",
        "_members",
        "_n_features",
        "_raw_scores",
        "_rule",
        "_scores",
        "_seed",
        "adapts",
    )

    def __init__(
        self,
        configs: Sequence[DetectorConfig],
        rule: EnsembleConfig,
        budget: Budget,
        n_features: int,
        seed: int,
    ) -> None:
        self._configs, self._rule = tuple(configs), rule
        self._n_features, self._seed = n_features, seed
        self._members = [self._build(index) for index in range(len(self._configs))]
        self.adapts = any(member.adapts for member in self._members)
        n_agreeing = min(rule.agree, len(self._configs)) if rule.rule == "agree" else 1
        share = budget.share(len(self._configs), n_agreeing)
        self._limits = [
            BudgetLimit(_prior(config, member), share)
            for config, member in zip(self._configs, self._members, strict=True)
        ]
        self._raw_scores = [math.nan] * len(self._members)
        self._scores = [math.nan] * len(self._members)

    def fit(self, rows: Floats, floor: Floats) -> None:
        """Teach every member and set its limit from rows that it had not seen.

        Parameters
        ----------
        rows : float64[n_rows, n_features]
            The teach-in, standardised, in stream order.
        floor : float64[n_features]
            As for `Detector.fit`.
        """
        for index, (member, limit) in enumerate(zip(self._members, self._limits, strict=True)):
            limit.fit(held_out_scores(rows, N_BLOCKS, self._teacher(index, floor)))
            member.fit(rows, floor)

    def score(self, row: Floats) -> float:
        """Score a row; learns nothing.

        Parameters
        ----------
        row : float64[n_features]
            Standardised; NaN where unknown.

        Returns
        -------
        float
            1.0 = limit; NaN if no member can say anything.
        """
        self._raw_scores = [member.score(row) for member in self._members]
        self._scores = [
            limit.score(raw_score) for limit, raw_score in zip(self._limits, self._raw_scores, strict=True)
        ]
        return combine(self._scores, self._rule)

    @property
    def loudest(self) -> int:
        """Index of the member that scored the last row highest; the first of them that can say anything."""
        loudest, highest = 0, -math.inf
        for index, score in enumerate(self._scores):
            if score > highest:
                loudest, highest = index, score
        return loudest

    @property
    def name(self) -> str:
        """What the member that scored the last row highest is called."""
        return self._members[self.loudest].name

    def unmoved(self) -> float:
        """The last row's highest score, held against the limit of the teach-in: comparable over the whole stream."""
        loudest = self.loudest
        return self._scores[loudest] * self._limits[loudest].moved

    def shares(self, row: Floats) -> Floats:
        """Divide the score of the row scored last among the features.

        Under ``max`` as the highest member does; under ``mean`` in proportion to the members' scores; under ``agree``
        by the mean over the members that agree. Members of equal height count alike.

        Parameters
        ----------
        row : float64[n_features]
            The row scored last.

        Returns
        -------
        float64[n_features]
            Sum to 1. NaN if nothing could be said.
        """
        found = np.zeros(self._n_features)
        for index, weight in enumerate(weights(self._scores, self._rule)):
            if weight > 0.0:
                found += weight * self._members[index].attribute(row)
        return found if found.any() else np.full(self._n_features, np.nan)

    def observe(self) -> None:
        """Let the limits learn from the row scored last: the guard calls it healthy."""
        for limit, raw_score in zip(self._limits, self._raw_scores, strict=True):
            limit.observe(raw_score)

    def learn(self, row: Floats) -> None:
        """Let members that adapt follow a row."""
        for member in self._members:
            member.learn(row)

    def forget(self) -> None:
        """Drop the members' short memory."""
        for member in self._members:
            member.forget()

    def save(self) -> State:
        """Return plain arrays and numbers for `restore`."""
        return {
            "version": self.version,
            "members": [member.save() for member in self._members],
            "limits": [limit.save() for limit in self._limits],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another ensemble of the same members stopped.

        Raises
        ------
        ValueError
            If the state is of another version, of other members or of another number of features.
        """
        check_version(state, self.version, "ensemble")
        for member, saved in zip(self._members, state["members"], strict=True):
            member.restore(saved)
        for limit, saved in zip(self._limits, state["limits"], strict=True):
            limit.restore(saved)

    def _build(self, index: int) -> Detector:
        config = self._configs[index]
        return build(config.name, config.parameters, self._n_features, self._seed, f"$.detectors[{index}]")

    def _teacher(self, index: int, floor: Floats) -> Callable[[Floats], Callable[[Floats], Floats]]:
        def teach(rows: Floats) -> Callable[[Floats], Floats]:
            detector = self._build(index)
            detector.fit(rows, floor)
            return detector.score_rows

        return teach


def combine(scores: Sequence[float], rule: EnsembleConfig) -> float:
    """Make one score of the members'.

    Parameters
    ----------
    scores : sequence of float
        1.0 = limit; NaN ("cannot say") is passed over.
    rule : EnsembleConfig
        ``max``, ``mean`` or ``agree``.

    Returns
    -------
    float
        NaN if all are.

    Examples
    --------
    >>> combine([0.5, 1.5, math.nan], EnsembleConfig(rule="agree", agree=2))
    0.5
    """
    known = [score for score in scores if score == score]
    if not known:
        return math.nan
    if rule.rule == "max":
        return max(known)
    if rule.rule == "mean":
        return sum(known) / len(known)
    return sorted(known, reverse=True)[min(rule.agree, len(known)) - 1]


def weights(scores: Sequence[float], rule: EnsembleConfig) -> list[float]:
    """Say how much each member has to do with the combined score; the weights sum to 1.

    Parameters
    ----------
    scores, rule
        As for `combine`.

    Returns
    -------
    list of float
        All 0 if every score is NaN.
    """
    combined = combine(scores, rule)
    if rule.rule == "mean":
        parts = [max(score, 0.0) if score == score else 0.0 for score in scores]
    else:
        parts = [float(score >= combined) for score in scores]  # under "max" the highest
    total = sum(parts)
    return [part / total if total > 0.0 else 0.0 for part in parts]


def _prior(config: DetectorConfig, member: Detector) -> MarginLimit:
    margin = member.margin if config.margin is None else config.margin
    return MarginLimit(margin, member.chance_limit())
