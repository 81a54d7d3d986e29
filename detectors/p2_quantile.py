"""Two quantiles per feature by the P² algorithm; the feature furthest outside counts."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from detectors.base import Floats, Parameters, check_rows
from detectors.compiled import LEAST, CompiledDetector
from detectors.gaussian_scorer import squares
from detectors.kernels.furthest import furthest
from detectors.kernels.p2_quantile import p2_quantile


class P2QuantileParameters(Parameters, frozen=True):
    """What ``p2_quantile`` may be told.

    Parameters
    ----------
    tail : float
        Share of rows beyond each of the two quantiles.
    """

    tail: Annotated[float, Meta(gt=0, le=0.25)] = 0.05


class P2Quantile(CompiledDetector):
    """Distance from the middle of the usual range, 1 at its edges, of the feature furthest out.

    Makes no assumption about the shape of a feature's distribution, so heavy tails and skewed features are
    judged fairly. Blind to unusual combinations of usual values, and coarse below ``2 / tail`` rows.
    State: two numbers per feature.

    References
    ----------
    Jain, Chlamtac: The P² algorithm for dynamic calculation of quantiles and histograms without storing
    observations, Communications of the ACM 28 (1985) 1076-1085.
    """

    name = "p2_quantile"
    version = 2
    parameters_type = P2QuantileParameters
    kept = ("middle", "spread")

    def __init__(self, parameters: P2QuantileParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._tail = parameters.tail
        self._middle = np.zeros(n_features)
        self._spread = np.ones(n_features)

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: D102
        rows = check_rows(rows, self.n_features)
        markers = np.empty((3, 5))
        low, high = (
            np.array([p2_quantile(rows, column, share, *markers) for column in range(self.n_features)])
            for share in (self._tail, 1.0 - self._tail)
        )
        self._middle = (low + high) / 2.0
        self._spread = np.maximum((high - low) / 2.0, np.maximum(floor, LEAST))
        self._ready = True

    def _run(self, rows: Floats, learnable: NDArray[np.bool_], scores: Floats) -> None:  # noqa: ARG002
        furthest(rows, self._middle, self._spread, scores)

    def _parts(self, values: Floats) -> Floats:
        return squares(values, self._middle, self._spread)
