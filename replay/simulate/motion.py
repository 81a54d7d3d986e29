"""How a simulated spindle turns and meets the part: speed, angle and engagement, sample by sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replay.simulate.kernels import turn
from replay.simulate.program import Phase

_KNOT_S = 0.1
_SPEED_SPREAD = 0.0005  # what the speed control leaves
_STRENGTH_SPREAD = 0.02  # of the material's resistance along the path
_SPREADS = np.array([_SPEED_SPREAD, _STRENGTH_SPREAD])
_MEMORY_S = 0.5  # over which both wander
_KEEP = math.exp(-_KNOT_S / _MEMORY_S)
_STEP = math.sqrt(1.0 - _KEEP**2)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """What the spindle does during one chunk.

    Parameters
    ----------
    rows : float64[4, n_samples]
        The others, one below the other, for `kernels`.
    t_s : float64[n_samples]
        Since the start of the simulation.
    rpm : float64[n_samples]
        Actual speed.
    revolution : float64[n_samples]
        Angle in revolutions, continuous within the chunk, at its start less than 1.
    engaged : float64[n_samples]
        Share of the cut that is engaged, times how the material's resistance wanders along the path.
    """

    rows: NDArray[np.float64]
    t_s: NDArray[np.float64]
    rpm: NDArray[np.float64]
    revolution: NDArray[np.float64]
    engaged: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.float64]) -> Motion:
        """Name the rows."""
        return cls(rows, *rows)

    def at(self, t_s: NDArray[np.float64]) -> Motion:
        """Interpolate at other times of the same chunk, for a sensor of a lower rate."""
        others = [np.interp(t_s, self.t_s, row) for row in self.rows[1:]]
        return Motion.of(np.stack([t_s, *others]))


class Rotation:
    """Turns phases into motion, chunk by chunk. State: the angle and two wandering numbers.

    Parameters
    ----------
    sample_rate_hz : float
        Of the motion.
    rng : numpy.random.Generator
        Drawn in equal amounts for equal chunks.
    """

    def __init__(self, sample_rate_hz: float, rng: np.random.Generator) -> None:
        self._fs = sample_rate_hz
        self._rng = rng
        self._revolution = float(rng.random())
        self._wander = rng.standard_normal(2)

    def turn(self, phases: Sequence[Phase], start_s: float, chunk_s: float) -> Motion:
        """Move on by one chunk.

        Parameters
        ----------
        phases : sequence of Phase
            Contiguous, covering the chunk.
        start_s, chunk_s : float
            Continues where the last call ended.

        Returns
        -------
        Motion
            Of ``chunk_s * sample_rate_hz`` samples.
        """
        corners_s = [phases[0].start_s, *(phase.end_s for phase in phases)]
        corners = [
            (phases[0].rpm_from, phases[0].engaged_from),
            *((phase.rpm_to, phase.engaged_to) for phase in phases),
        ]
        rows = np.empty((4, round(chunk_s * self._fs)))
        turned = turn(
            start_s,
            self._fs,
            np.array(corners_s),
            np.array(corners),
            _KNOT_S,
            self._wandering(chunk_s),
            self._revolution,
            rows,
        )
        self._revolution = turned % 1.0
        return Motion.of(rows)

    def _wandering(self, chunk_s: float) -> NDArray[np.float64]:
        """Factors on speed and engagement: first-order autoregressive knots, to be joined by straight lines."""
        n_knots = round(chunk_s / _KNOT_S)
        knots = np.empty((n_knots + 1, 2))
        knots[0] = self._wander
        for index, step in enumerate(self._rng.standard_normal((n_knots, 2))):
            knots[index + 1] = _KEEP * knots[index] + _STEP * step
        self._wander = knots[-1].copy()
        return 1.0 + _SPREADS * knots
