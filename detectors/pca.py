"""Principal components: T² within the subspace in which usual rows lie, Q outside of it."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from scipy.special import ndtri  # scipy.stats would take half a second to import

from detectors.base import Floats, Parameters, check_rows
from detectors.calibration import chance_distance
from detectors.compiled import CompiledDetector
from detectors.kernels.pca import pca_rows
from detectors.mewma import ewma_covariance

CHANCE = 1e-4
"""Share of Gaussian rows beyond either limit, that of T² and that of Q."""
LEAST_RIDGE = 1e-3
"""In usual deviations: in no direction are rows ever believed to be calmer than that."""


class PcaParameters(Parameters, frozen=True):
    """What ``pca`` may be told.

    Parameters
    ----------
    variance : float
        Share of the variance that the components hold together, if ``n_most`` of them are enough for it.
    n_most : int
        Largest number of components; the state grows with it.
    clip : float
        Deviations beyond this many usual ones count as this one.
    adaptation : float
        Weight of each row that the guard lets be learned, in centre and components. 0 = frozen after the teach-in.
    """

    variance: Annotated[float, Meta(gt=0, le=1)] = 0.9
    n_most: Annotated[int, Meta(ge=1, le=64)] = 32
    clip: Annotated[float, Meta(gt=0)] = 50.0
    adaptation: Annotated[float, Meta(ge=0, lt=0.1)] = 0.0


class Pca(CompiledDetector):
    """The larger of two distances, each over what chance alone reaches: within the usual subspace and from it.

    Features of a machine go together: load raises current, vibration and their harmonics at once. What follows that
    pattern further than usual is found within the subspace (T²); what breaks it, long before any feature leaves its
    own range, outside of it (Q, the squared prediction error). If it adapts, the components follow by CCIPCA.

    Needs features that do go together: of unrelated ones it keeps ``n_most`` directions and calls the others residual,
    which is no better than ``mahalanobis``. Usual operation with several centres makes a subspace that says little.
    The limits are those of Gaussian rows and serve to weigh T² against Q; heavy tails raise the calibrated limit for
    both. A feature that cannot be judged counts as usual, which is itself unusual if the others are not.

    State: ``(n_components + 1) n_features + n_components + 4`` float64; 13 kB for 48 features at most.

    References
    ----------
    Jackson, Mudholkar: Control procedures for residuals associated with principal component analysis, Technometrics 21
    (1979) 341-349.
    Weng, Zhang, Hwang: Candid covariance-free incremental principal component analysis, IEEE Transactions on Pattern
    Analysis and Machine Intelligence 25 (2003) 1034-1040.
    """

    name = "pca"
    parameters_type = PcaParameters
    kept = ("least", "limits", "centre", "components", "variances", "outside")

    def __init__(self, parameters: PcaParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._parameters = parameters
        self._adaptation = parameters.adaptation
        self._least = np.zeros(1)
        self._limits = np.ones(2)
        self._centre = np.zeros(n_features)
        self._components = np.zeros((0, n_features))
        self._variances = np.zeros(0)
        self._outside = np.ones(1)
        self._projections = np.empty(n_features)
        self._rest = np.empty(n_features)

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: D102
        clip = self._parameters.clip
        rows = np.clip(check_rows(rows, self.n_features), -clip, clip)
        ridge = np.maximum(floor, LEAST_RIDGE)
        self._least = np.full(1, np.mean(ridge**2))
        self._centre = rows.mean(axis=0)
        # With weight 1 an EWMA is its row.
        covariance = ewma_covariance(rows - self._centre, 1.0, ridge, None)
        variances, vectors = np.linalg.eigh(covariance)
        variances, components = variances[::-1], vectors[:, ::-1].T
        variances = np.maximum(variances, components**2 @ ridge**2)
        n = self._n_components(variances)
        self._components = np.ascontiguousarray(components[:n])
        self._variances = np.ascontiguousarray(variances[:n])
        self._outside = np.full(1, variances[n:].sum() if n < self.n_features else 1.0)
        self._limits = np.array([chance_distance(n, CHANCE), q_limit(variances[n:], CHANCE)])
        self._ready = True

    def chance_limit(self) -> float:  # noqa: D102
        return 1.0

    def _n_components(self, variances: Floats) -> int:
        """As many as hold the wanted share; all but one at most, so that there is an outside."""
        share = np.cumsum(variances) / variances.sum()
        n = int(np.searchsorted(share, self._parameters.variance)) + 1
        return min(n, self._parameters.n_most, max(1, self.n_features - 1))

    def _run(self, rows: Floats, learnable: NDArray[np.bool_], scores: Floats) -> None:
        pca_rows(
            rows,
            learnable,
            self._adaptation,
            self._parameters.clip,
            self._least.item(),
            self._limits,
            self._centre,
            self._components,
            self._variances,
            self._outside,
            self._projections,
            self._rest,
            scores,
        )

    def _parts(self, values: Floats) -> Floats:
        """Parts of T² (a deviation times its share in the coordinates) or of Q, whichever is further out."""
        self._row[0] = values
        self._run(self._row, self._not_learned, self._only)
        beyond = math.sqrt(np.sum(self._rest**2) / self._outside.item()) / self._limits[1]
        if beyond >= self._only.item():
            return np.asarray(self._rest**2, dtype=np.float64)
        coordinates = self._projections[: self._variances.size] / self._variances
        deviation = np.where(np.isfinite(values), values, np.nan) - self._centre
        return np.asarray(deviation * (coordinates @ self._components), dtype=np.float64)


def q_limit(variances: Floats, chance: float) -> float:
    """Distance from the subspace that Gaussian rows exceed with this probability, over its root mean square.

    Parameters
    ----------
    variances : float64[n]
        Along the directions outside of the subspace, each greater than 0; none: nothing can lie outside.
    chance : float
        0 to 0.5.

    Returns
    -------
    float
        Greater than 1; infinite if there are no directions.

    Examples
    --------
    >>> round(q_limit(np.ones(10), 0.01) ** 2 * 10, 1)  # the textbook's chi-squared quantile is 23.2
    23.2
    """
    if variances.size == 0:
        return math.inf
    first, second, third = (float(np.sum(variances**power)) for power in (1, 2, 3))
    bend = 1.0 - 2.0 * first * third / (3.0 * second**2)
    if bend <= 0.0:  # one direction holds nearly everything: take it alone
        return chance_distance(1, chance)
    deviation = float(ndtri(1.0 - chance)) * math.sqrt(2.0 * second * bend**2) / first
    return math.sqrt((1.0 + deviation + second * bend * (bend - 1.0) / first**2) ** (1.0 / bend))
