"""Short-term over long-term average: abrupt change, as seismologists pick the arrival of a wave."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from scipy.special import chdtri  # scipy.stats would take half a second to import

from detectors.base import Floats, Parameters, check_rows
from detectors.compiled import LEAST, CompiledDetector
from detectors.kernels.sta_lta import sta_lta_rows

MOST = 4.0
"""Times the teach-in's energy up to which the long-term average follows: twice the usual deviation. What creeps further
than that is no background any more."""


class StaLtaParameters(Parameters, frozen=True):
    """What ``sta_lta`` may be told.

    Parameters
    ----------
    short : float
        Rows that the short-term average reaches back: about the length of the shortest event to be found.
    long : float
        Rows that the long-term average reaches back: longer than anything that shall be found.
    freeze : float
        Ratio from which the long-term average stands still, lest an event become its own background.
    clip : float
        Deviations beyond this many usual ones count as this one.
    """

    short: Annotated[float, Meta(ge=1)] = 3.0
    long: Annotated[float, Meta(ge=10)] = 600.0
    freeze: Annotated[float, Meta(gt=1)] = 2.0
    clip: Annotated[float, Meta(gt=0)] = 50.0


class StaLta(CompiledDetector):
    """Recent energy of the rows over their energy in the last minute; 1 is usual.

    Energy is the mean square of all standardised features, so it finds what takes hold of many features at once, a tool
    that breaks, a collision, and a single feature only if it stands out by about ``sqrt(n_features)`` usual
    deviations. By design it is blind to slow change, which the long-term average follows up to `MOST` times
    the teach-in's energy, and to falls: a machine gone quiet has no energy.

    The long-term average moves with scored rows, it is a memory and nothing learned: it never falls below the
    teach-in's energy, stands still during an event, and starts from the teach-in's energy again after `forget`.
    State: ``n + 3`` float64.

    References
    ----------
    Allen: Automatic earthquake recognition and timing from single traces, Bulletin of the Seismological Society of
    America 68 (1978) 1521-1532.
    Withers et al.: A comparison of select trigger algorithms for automated global seismic phase and event detection,
    Bulletin of the Seismological Society of America 88 (1998) 95-106; recursive as in obspy.signal.trigger.
    """

    name = "sta_lta"
    parameters_type = StaLtaParameters
    kept = ("usual", "averages", "energies")

    def __init__(self, parameters: StaLtaParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._parameters = parameters
        self._usual = np.ones(1)
        self._averages = np.ones(2)
        self._energies = np.zeros(n_features)

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: D102
        rows = np.clip(check_rows(rows, self.n_features), -self._parameters.clip, self._parameters.clip)
        self._usual = np.full(1, max(np.mean(rows**2), np.mean(floor**2), LEAST))
        self._ready = True
        self.forget()

    def forget(self) -> None:  # noqa: D102
        self._averages[:] = self._usual
        self._energies[:] = 0.0

    def chance_limit(self) -> float:
        """Return what independent Gaussian features reach; real ones are alike, which the held-out limit knows."""
        n_independent = self.n_features * (2.0 * self._parameters.short - 1.0)
        return float(chdtri(n_independent, 1e-4) / n_independent)

    def _run(self, rows: Floats, learnable: NDArray[np.bool_], scores: Floats) -> None:  # noqa: ARG002
        told, usual = self._parameters, self._usual.item()
        sta_lta_rows(
            rows,
            1.0 / told.short,
            1.0 / told.long,
            told.freeze,
            usual,
            MOST * usual,
            told.clip,
            self._averages,
            self._energies,
            scores,
        )

    def _parts(self, values: Floats) -> Floats:  # noqa: ARG002
        return self._energies
