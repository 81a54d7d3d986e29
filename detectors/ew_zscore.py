"""Exponentially weighted z-score of every feature; the feature furthest out counts."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from detectors.base import Floats, Parameters, check_rows
from detectors.calibration import chance_distance
from detectors.compiled import LEAST, CompiledDetector
from detectors.gaussian_scorer import squares
from detectors.kernels.ew_zscore import ew_moments, zscore_rows


class EwZscoreParameters(Parameters, frozen=True):
    """What ``ew_zscore`` may be told.

    Parameters
    ----------
    adaptation : float
        Weight of each row that the guard lets be learned, in mean and variance. 0 = frozen after the teach-in, in which
        all rows then weigh the same.
    clip : float
        Deviations beyond this many usual ones are learned as this one.
    """

    adaptation: Annotated[float, Meta(ge=0, lt=0.1)] = 0.0
    clip: Annotated[float, Meta(gt=0)] = 10.0


class EwZscore(CompiledDetector):
    """Distance from the recent mean in recent standard deviations, of the feature furthest out.

    The plainest of the detectors, and the one whose reasons need no explanation. With an ``adaptation`` above 0 a
    feature may wander as far as it likes, if it takes longer than ``1 / adaptation`` learned rows: a fault
    that grows so slowly is learned. Frozen, as by default, it is ``gaussian_scorer`` with a floor for what
    chance alone reaches.

    Blind to features that are each usual but not in this combination (``mahalanobis`` is not), and too strict on heavy
    tails (``p2_quantile`` is not). State: three numbers per feature.

    References
    ----------
    Finch: Incremental calculation of weighted mean and variance, University of Cambridge 2009.
    Roberts: Control chart tests based on geometric moving averages, Technometrics 1 (1959) 239-250.
    """

    name = "ew_zscore"
    parameters_type = EwZscoreParameters
    kept = ("least", "mean", "variance")

    def __init__(self, parameters: EwZscoreParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._adaptation, self._clip = parameters.adaptation, parameters.clip
        self._least = np.ones(n_features)
        self._mean = np.zeros(n_features)
        self._variance = np.ones(n_features)

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: D102
        rows = check_rows(rows, self.n_features)
        self._least = np.maximum(floor, LEAST)
        ew_moments(rows, self._adaptation, self._clip, self._mean, self._variance)
        self._ready = True

    def chance_limit(self) -> float:  # noqa: D102
        return chance_distance(1, 1e-4 / self.n_features)

    def _run(self, rows: Floats, learnable: NDArray[np.bool_], scores: Floats) -> None:
        zscore_rows(
            rows, learnable, self._adaptation, self._clip, self._least, self._mean, self._variance, scores
        )

    def _parts(self, values: Floats) -> Floats:
        return squares(values, self._mean, np.maximum(np.sqrt(self._variance), self._least))
