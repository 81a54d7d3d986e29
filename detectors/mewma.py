"""Multivariate exponentially weighted moving average (MEWMA); with weight 1 it is Hotelling's T²."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from detectors.base import Detector, Floats, Parameters, State, check_rows, check_version, to_shares
from detectors.calibration import chance_distance
from detectors.kernels.mewma import (
    CENTRE,
    MEMORY,
    ewma_rows,
    mahalanobis_parts,
    mewma_rows,
    mewma_step,
    packed_factor,
)

MOST_TOGETHER = 48
"""Features whose covariance is measured as a whole."""


class MewmaParameters(Parameters, frozen=True):
    """What ``mewma`` may be told.

    Parameters
    ----------
    weight : float
        Of the newest row. 1 = Hotelling's T² (quickest on large jumps); 0.05 to 0.2 finds small lasting
        shifts.
    shrinkage : float, optional
        0 = the measured covariance, 1 = its diagonal only. Default: from the number of rows and features.
    clip : float
        Deviations beyond this many usual ones count as this one.
    adaptation : float
        Share by which the centre moves towards each row that the guard lets be learned. 0 = frozen after the
        teach-in. 0.003 follows a machine that warms up for an hour, and wear that takes as long: use with
        care.
    """

    weight: Annotated[float, Meta(gt=0, le=1)] = 0.15
    shrinkage: Annotated[float, Meta(ge=0, le=1)] | None = None
    clip: Annotated[float, Meta(gt=0)] = 50.0
    adaptation: Annotated[float, Meta(ge=0, lt=0.1)] = 0.0


class Mewma(Detector):
    """Distance of the recent mean from the teach-in's, in units of how far that mean usually wanders.

    The covariance is that of the EWMA itself over the teach-in, not of the rows: rows that follow one another
    are alike (overlapping windows, slow temperatures), and an EWMA of such rows wanders further than the
    textbook's ``weight / (2 - weight)`` says. Shrinking it towards its diagonal keeps it invertible when
    there are fewer rows than features.

    Do not trust it where usual operation has several centres (mix of regimes), and not for single spikes
    shorter than ``1 / weight`` rows; a higher weight or the dynamic tier finds those.

    Of more than `MOST_TOGETHER` features, only neighbours (those of one channel) are related to each other: a teach-in
    says next to nothing about the rest, and shrinking would leave next to nothing of it. State: half a block squared
    in float32 for each block, and ``2 n`` float64: 5.5 kB for 48 features, 15 kB for 156.

    References
    ----------
    Lowry, Woodall, Champ, Rigdon: A multivariate exponentially weighted moving average control chart,
    Technometrics 34 (1992) 46-53.
    """

    name = "mewma"
    version = 2
    parameters_type = MewmaParameters
    __slots__ = ("_clip", "_edges", "_factor", "_memory", "_parameters", "_ready", "_weight")

    def __init__(self, parameters: MewmaParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._parameters, self._weight, self._clip = parameters, parameters.weight, parameters.clip
        self._memory = np.zeros((2, n_features))  # of deviations from the centre, and the centre
        self._edges = block_edges(n_features)
        self._factor = np.empty(0, np.float32)
        self._ready = False

    @property
    def ready(self) -> bool:  # noqa: D102
        return self._ready

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: D102
        rows = check_rows(rows, self.n_features)
        weight, clip = self._parameters.weight, self._parameters.clip
        rows = np.clip(rows, -clip, clip)
        self._factor = packed_factor(
            [
                ewma_covariance(rows[:, first:last], weight, floor[first:last], self._parameters.shrinkage)
                for first, last in pairwise(self._edges.tolist())
            ]
        )
        self._memory[MEMORY], self._memory[CENTRE] = _ewma(rows, weight)[-1], 0.0
        self._ready = True

    @property
    def adapts(self) -> bool:  # noqa: D102
        return self._parameters.adaptation > 0.0

    def score(self, values: Floats) -> float:  # noqa: D102
        if not self._ready:
            return math.nan
        return float(mewma_step(values, self._memory, self._weight, self._clip, self._factor, self._edges))

    def score_rows(self, rows: Floats) -> Floats:  # noqa: D102
        scores = np.full(rows.shape[0], math.nan)
        if self._ready:
            mewma_rows(rows, self._memory, self._weight, self._clip, self._factor, self._edges, scores)
        return scores

    def forget(self) -> None:  # noqa: D102
        self._memory[MEMORY] = 0.0

    def attribute(self, values: Floats) -> Floats:  # noqa: D102
        if not self._ready or not np.isfinite(values).any():
            return np.full(self.n_features, np.nan)
        parts = np.empty(self.n_features)
        mahalanobis_parts(self._memory[MEMORY], self._factor, self._edges, parts)
        return to_shares(parts)

    def learn(self, values: Floats) -> None:  # noqa: D102
        if self._ready and self._parameters.adaptation > 0.0:
            moves = self._parameters.adaptation * (values - self._memory[CENTRE])
            self._memory[CENTRE] += np.where(np.isfinite(moves), moves, 0.0)

    def chance_limit(self) -> float:  # noqa: D102
        return chance_distance(self.n_features, 1e-4)

    def save(self) -> State:  # noqa: D102
        return {
            "version": self.version,
            "ready": self._ready,
            "memory": self._memory.copy(),
            "factor": self._factor.copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: D102
        check_version(state, self.version, self.name)
        memory = np.array(state["memory"], dtype=np.float64)
        if memory.shape != self._memory.shape:
            raise ValueError(
                f"{self.name}: got a state of {memory.shape[-1]} features, wanted {self.n_features}"
            )
        self._memory = memory
        self._factor = np.array(state["factor"], dtype=np.float32)
        self._ready = bool(state["ready"])


@cache
def block_edges(n_features: int) -> NDArray[np.int64]:
    """Where blocks of related features begin: as few as can be, and equally long to within one.

    Parameters
    ----------
    n_features : int
        At least 1.

    Returns
    -------
    int64[n_blocks + 1]
        From 0 to ``n_features``; read-only.

    Examples
    --------
    >>> block_edges(48).tolist(), block_edges(156).tolist()
    ([0, 48], [0, 39, 78, 117, 156])
    """
    n_blocks = -(-n_features // MOST_TOGETHER)
    edges = np.arange(n_blocks + 1) * n_features // n_blocks
    edges.flags.writeable = False
    return edges


def ewma_covariance(rows: Floats, weight: float, floor: Floats, shrinkage: float | None) -> Floats:
    """Covariance, about 0, of the EWMA of standardised rows.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        Standardised, in stream order.
    weight : float
        Of the newest row.
    floor : float64[n_features]
        Smallest standard deviation of each feature's EWMA.
    shrinkage : float or None
        Share of the diagonal; None = ``n_features / (n_features + n_independent)``, where ``n_independent``
        is the number of rows that an EWMA does not share with its past.

    Returns
    -------
    float64[n_features, n_features]
        Positive definite. No diagonal entry is below that of independent rows, ``weight / (2 - weight)``.
    """
    n_rows, n_features = rows.shape
    # An EWMA that starts at 0 is too calm at first by a known factor; undone here instead of discarding rows,
    # of which a short teach-in has too few.
    calm = np.sqrt(1.0 - (1.0 - weight) ** (2.0 * np.arange(1, n_rows + 1)))
    wander = _ewma(rows, weight) / calm[:, None]
    covariance = wander.T @ wander / n_rows
    independent = weight / (2.0 - weight)
    spread = np.sqrt(np.maximum(np.diag(covariance), np.maximum(independent, floor**2)))
    usual = np.sqrt(np.maximum(np.diag(covariance), np.finfo(np.float64).tiny))
    correlation = covariance / np.outer(usual, usual)
    if shrinkage is None:
        shrinkage = n_features / (n_features + n_rows * independent)
    correlation *= 1.0 - shrinkage
    np.fill_diagonal(correlation, 1.0 + 1e-6)  # a whisker of ridge: features that are copies of one another
    return np.asarray(correlation * np.outer(spread, spread), dtype=np.float64)


def _ewma(rows: Floats, weight: float) -> Floats:
    averages = np.empty(rows.shape)
    ewma_rows(np.ascontiguousarray(rows), weight, averages)
    return averages
