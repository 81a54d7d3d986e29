"""One Gaussian per feature; the feature furthest out counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.base import Floats, Parameters, check_rows
from detectors.compiled import LEAST, CompiledDetector
from detectors.kernels.furthest import furthest


class GaussianScorer(CompiledDetector):
    """Distance from the mean in standard deviations, of the feature furthest out.

    It puts rows in the same order as river's score ``2 |CDF - 0.5|``, which is 1.0 for everything beyond eight
    standard deviations and therefore cannot be held against a limit out there.

    Blind to features that are each usual but not in this combination, and too strict on features with heavy tails;
    there ``p2_quantile`` is fairer. State: two numbers per feature.

    References
    ----------
    river.anomaly.GaussianScorer.
    """

    name = "gaussian_scorer"
    version = 2
    kept = ("middle", "spread")

    def __init__(self, parameters: Parameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._middle = np.zeros(n_features)
        self._spread = np.ones(n_features)

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: D102
        rows = check_rows(rows, self.n_features)
        self._middle = rows.mean(axis=0)
        self._spread = np.maximum(rows.std(axis=0, ddof=1), np.maximum(floor, LEAST))
        self._ready = True

    def _run(self, rows: Floats, learnable: NDArray[np.bool_], scores: Floats) -> None:  # noqa: ARG002
        furthest(rows, self._middle, self._spread, scores)

    def _parts(self, values: Floats) -> Floats:
        return squares(values, self._middle, self._spread)


def squares(values: Floats, middle: Floats, spread: Floats) -> Floats:
    """Each feature's squared distance from the middle of what is usual; NaN where the value is not finite.

    Parameters
    ----------
    values, middle, spread : float64[n_features]
        ``spread`` greater than 0.

    Returns
    -------
    float64[n_features]
        In squared spreads.
    """
    distances = (np.where(np.isfinite(values), values, np.nan) - middle) / spread
    return np.asarray(distances**2, dtype=np.float64)
