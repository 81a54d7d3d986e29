"""Two-sided cumulative sums of every feature: small deviations that last."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from scipy.special import stdtrit  # scipy.stats would take half a second to import

from detectors.base import Floats, Parameters, check_rows
from detectors.compiled import LEAST, CompiledDetector
from detectors.kernels.cusum import cusum_rows, long_run_deviation

HEADROOM = 5.0
"""The cap lies at least so many times above the highest sum of the teach-in: a limit must fit between."""

MOST_SLACK = 3.0
"""In usual deviations: the mean of even a single row is hardly farther off."""


class CusumParameters(Parameters, frozen=True):
    """What ``cusum`` may be told.

    Parameters
    ----------
    allowance : float
        k: deviation that may last for ever, in usual ones. Half of the shift that shall be found soonest.
    clip : float
        Deviations beyond this many usual ones count as this one: a single wild row is no trend.
    cap : float
        Sums grow no further, so that they are back soon after a fault has gone. Natural logarithms of how rarely chance
        alone gets so far.
    reach : float
        Rows within which a sum falls from the cap to 0 once the fault is gone. Rows that are alike need more slack for
        that: a shorter reach finds larger shifts only.
    """

    allowance: Annotated[float, Meta(gt=0, le=5)] = 0.5
    clip: Annotated[float, Meta(ge=1)] = 6.0
    cap: Annotated[float, Meta(ge=30)] = 60.0
    reach: Annotated[float, Meta(ge=50)] = 900.0


class Cusum(CompiledDetector):
    """How improbable it is that chance alone has carried a feature so far: the highest of all sums.

    Every row adds a feature's deviation less its slack to the sum above, and the opposite to the sum below; no sum
    falls below 0. Healthy sums exceed h with a probability of ``exp(-2 slack h / s²)``, where ``s²`` is the long-run
    variance: that of independent rows whose sums wander as far. Rows that overlap or drift are alike, and sums of such
    rows wander further than their spread says. Sums are scaled by ``2 slack / s²``, so the raw score is the
    exponent, the same for all features; for independent rows and the usual allowance of 0.5 it is the
    textbook's sum.

    The slack is the largest of four: the allowance; the floor; what brings sums back within ``reach`` rows;
    and, up to `MOST_SLACK`, the error of a centre that was learned from so few alike rows, which by itself
    would fill a sum in time. It is therefore blind to shifts within the teach-in's own error. Overlapping
    windows are worth a tenth of their number: wait for some 300 rows, or expect large shifts only.

    What wanders more slowly than the teach-in can show fills sums although nothing is wrong: on SKAB's pump,
    whose levels drift, a fifth of the healthy rows before a fault exceed the limit. A tool that wears as it
    should is a trend too. If one part of the teach-in, to a model of the others, is a fault itself, the limit
    can come to lie above the cap, and the detector is silent. It is late on abrupt change; ``mewma`` and
    ``sta_lta`` are there first.

    After a fault the sums fall from the cap to 0 within ``reach`` rows, 120 if these are independent; in
    proportion more where a restless teach-in has raised the cap.

    State: four numbers per feature, and the cap.

    References
    ----------
    Page: Continuous inspection schemes, Biometrika 41 (1954) 100-115.
    Lucas: Combined Shewhart-CUSUM quality control schemes, Journal of Quality Technology 14 (1982) 51-59.
    Andrews: Heteroskedasticity and autocorrelation consistent covariance matrix estimation, Econometrica 59 (1991)
    817-858.
    """

    name = "cusum"
    margin = 1.25  # of an exponent: a little goes a long way
    parameters_type = CusumParameters
    kept = ("slack", "gain", "cap", "above", "below")

    def __init__(self, parameters: CusumParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._parameters = parameters
        self._slack = np.ones(n_features)
        self._gain = np.ones(n_features)
        self._cap = np.full(1, parameters.cap)
        self._above = np.zeros(n_features)
        self._below = np.zeros(n_features)

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: D102
        rows = np.clip(check_rows(rows, self.n_features), -self._parameters.clip, self._parameters.clip)
        wander = self._wander(rows)
        error = mean_error(wander, rows.shape[0], 0.01 / self.n_features)
        brisk = wander * math.sqrt(self._parameters.cap / (2.0 * self._parameters.reach))
        allowance = np.maximum(self._parameters.allowance, floor)
        self._slack = np.maximum(np.maximum(allowance, brisk), np.minimum(error, MOST_SLACK))
        self._gain = 2.0 * self._slack / wander**2
        self._cap = np.full(1, math.inf)
        self._ready = True
        self.forget()
        highest = float(np.max(self.score_rows(rows)))
        self._cap = np.full(1, max(self._parameters.cap, HEADROOM * highest))
        self.forget()

    def _wander(self, rows: Floats) -> Floats:
        """Long-run deviation, never less than a usual one: rows that happen to alternate are not believed."""
        n_rows = rows.shape[0]
        squared = np.maximum(np.sum(rows**2, axis=0), LEAST)
        correlation = np.sum(rows[1:] * rows[:-1], axis=0) / squared
        # Few rows look less alike than they are: about their own mean, and by chance (Kendall 1954).
        correlation = np.clip(correlation + (1.0 + 3.0 * correlation) / n_rows, 0.0, 0.97)
        wander = np.empty(self.n_features)
        long_run_deviation(rows, correlation, wander)
        regression = np.sqrt(squared / n_rows * (1.0 + correlation) / (1.0 - correlation))
        return np.asarray(np.maximum(np.maximum(wander, regression), 1.0), dtype=np.float64)

    def forget(self) -> None:  # noqa: D102
        self._above[:] = 0.0
        self._below[:] = 0.0

    def chance_limit(self) -> float:  # noqa: D102
        return math.log(2 * self.n_features / 1e-4)

    def _run(self, rows: Floats, learnable: NDArray[np.bool_], scores: Floats) -> None:  # noqa: ARG002
        cusum_rows(
            rows,
            self._parameters.clip,
            self._cap.item(),
            self._slack,
            self._gain,
            self._above,
            self._below,
            scores,
        )

    def _parts(self, values: Floats) -> Floats:  # noqa: ARG002
        return np.maximum(self._above, self._below) ** 2


def mean_error(deviation: Floats, n_rows: int, chance: float) -> Floats:
    """How far a teach-in's mean may be off, by Student's t for as many independent rows as the teach-in is worth.

    Parameters
    ----------
    deviation : float64[n]
        Long-run deviations, in usual ones.
    n_rows : int
        Of the teach-in.
    chance : float
        That it lies farther, 0 to 1.

    Returns
    -------
    float64[n]
        In usual deviations.
    """
    freedom = np.maximum(n_rows / deviation**2 - 1.0, 1.0)
    return np.asarray(stdtrit(freedom, 1.0 - chance / 2.0) * deviation / math.sqrt(n_rows), dtype=np.float64)
