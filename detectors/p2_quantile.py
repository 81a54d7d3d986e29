"""Two quantiles per feature by the P² algorithm, from river; the feature furthest outside counts."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from river import stats

from detectors.base import Floats, Parameters, to_shares
from detectors.river_model import RiverModel


class P2QuantileParameters(Parameters, frozen=True):
    """What ``p2_quantile`` may be told.

    Parameters
    ----------
    tail : float
        Share of rows beyond each of the two quantiles.
    """

    tail: Annotated[float, Meta(gt=0, le=0.25)] = 0.05


class P2Quantile(RiverModel):
    """Distance from the middle of the usual range, 1 at its edges, of the feature furthest out.

    Makes no assumption about the shape of a feature's distribution, so heavy tails and skewed features are
    judged fairly. Blind to unusual combinations of usual values, and coarse below ``2 / tail`` rows.

    References
    ----------
    Jain, Chlamtac: The P² algorithm for dynamic calculation of quantiles and histograms without storing
    observations, Communications of the ACM 28 (1985) 1076-1085.
    """

    name = "p2_quantile"
    parameters_type = P2QuantileParameters

    def __init__(self, parameters: P2QuantileParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._tail = parameters.tail

    def attribute(self, values: Floats) -> Floats:  # noqa: D102
        if not self.ready or not np.isfinite(values).any():
            return np.full(self.n_features, np.nan)
        return to_shares(self._distances(values) ** 2)

    def _teach(self, rows: Floats) -> None:
        edges = np.empty((2, self.n_features))
        for index, column in enumerate(rows.T.tolist()):
            low, high = stats.Quantile(self._tail), stats.Quantile(1.0 - self._tail)
            for value in column:
                low.update(value)
                high.update(value)
            edges[:, index] = low.get(), high.get()
        self._middle = edges.mean(axis=0)
        self._half = np.maximum((edges[1] - edges[0]) / 2.0, np.maximum(self._floor, 1e-9))

    def _strangeness(self, values: Floats) -> float:
        return float(np.nanmax(self._distances(values)))

    def _distances(self, values: Floats) -> Floats:
        finite = np.where(np.isfinite(values), values, np.nan)
        return np.asarray(np.abs(finite - self._middle) / self._half, dtype=np.float64)
