"""Hotelling's T²: the Mahalanobis distance of each row, by a covariance that may follow the stream."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from detectors.base import Floats, Parameters, check_rows
from detectors.calibration import chance_distance
from detectors.compiled import CompiledDetector
from detectors.kernels.mahalanobis import distance_parts, mahalanobis_rows
from detectors.mewma import ewma_covariance

LEAST_RIDGE = 1e-3
"""In usual deviations: no feature is ever believed to be calmer than that."""


class MahalanobisParameters(Parameters, frozen=True):
    """What ``mahalanobis`` may be told.

    Parameters
    ----------
    shrinkage : float, optional
        0 = the measured covariance, 1 = its diagonal only. Default: from the number of rows and features.
    clip : float
        Deviations beyond this many usual ones count as this one.
    adaptation : float
        Weight of each row that the guard lets be learned, in centre and covariance. 0 = frozen after the teach-in.
        0.003 follows a machine that warms up for an hour, and wear that takes as long: use with care.
    """

    shrinkage: Annotated[float, Meta(ge=0, le=1)] | None = None
    clip: Annotated[float, Meta(gt=0)] = 50.0
    adaptation: Annotated[float, Meta(ge=0, lt=0.1)] = 0.0


class Mahalanobis(CompiledDetector):
    """Distance of a row from the usual centre, in units of how far rows usually lie from it in that direction.

    Finds combinations that are unusual although each feature by itself is not, in the very row in which they occur;
    has no memory, so small lasting shifts are left to ``mewma`` and ``cusum``. If it adapts, mean and covariance are
    exponentially weighted, kept as a Cholesky factor that each row changes by one rank: an inverse that is
    updated instead loses its positive sign within 10 000 rows of a constant feature. The floor, as a ridge,
    keeps the factor invertible.

    Do not trust it where usual operation has several centres (mix of regimes), nor its scale with fewer rows in the
    teach-in than ten for each feature: the held-out limit makes up for that, at the price of sensitivity. A feature
    that cannot be judged counts as what the features before it lead one to expect, so the distance is a little
    more than that of the known features alone. A row with such a feature is not learned.

    State: ``n (n + 1) / 2 + 2 n + 1`` float64, 10 kB for 48 features.

    References
    ----------
    Hotelling: Multivariate quality control, in Techniques of Statistical Analysis, McGraw-Hill 1947.
    Gill, Golub, Murray, Saunders: Methods for modifying matrix factorizations, Mathematics of Computation 28 (1974)
    505-535.
    """

    name = "mahalanobis"
    parameters_type = MahalanobisParameters
    kept = ("ridge", "centre", "factor", "turn")

    def __init__(self, parameters: MahalanobisParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._shrinkage, self._clip = parameters.shrinkage, parameters.clip
        self._adaptation = parameters.adaptation
        self._ridge = np.ones(n_features)
        self._centre = np.zeros(n_features)
        self._factor = np.zeros(n_features * (n_features + 1) // 2)
        self._turn = np.zeros(1)
        self._work = np.empty(n_features)

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: D102
        rows = np.clip(check_rows(rows, self.n_features), -self._clip, self._clip)
        self._ridge = np.maximum(floor, LEAST_RIDGE)
        self._centre = rows.mean(axis=0)
        # With weight 1 an EWMA is its row.
        covariance = ewma_covariance(rows - self._centre, 1.0, self._ridge, self._shrinkage)
        lower = np.linalg.cholesky(covariance)
        self._factor = np.concatenate([lower[column:, column] for column in range(self.n_features)])
        self._turn = np.zeros(1)
        self._ready = True

    def chance_limit(self) -> float:  # noqa: D102
        return chance_distance(self.n_features, 1e-4)

    def _run(self, rows: Floats, learnable: NDArray[np.bool_], scores: Floats) -> None:
        mahalanobis_rows(
            rows,
            learnable,
            self._adaptation,
            self._clip,
            self._ridge,
            self._centre,
            self._factor,
            self._turn,
            self._work,
            scores,
        )

    def _parts(self, values: Floats) -> Floats:
        parts = np.empty(self.n_features)
        self._row[0] = values
        distance_parts(self._row[0], self._centre, self._clip, self._factor, self._work, parts)
        return parts
