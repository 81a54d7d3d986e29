"""How a simulated spindle turns and meets the part: speed, angle and engagement, sample by sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replay.simulate.program import Phase

_KNOT_S = 0.1
_SPEED_SPREAD = 0.0005  # what the speed control leaves
_STRENGTH_SPREAD = 0.02  # of the material's resistance along the path
_MEMORY_S = 0.5  # over which both wander


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """What the spindle does during one chunk.

    Parameters
    ----------
    t_s : float64[n_samples]
        Since the start of the simulation.
    rpm : float64[n_samples]
        Actual speed.
    revolution : float64[n_samples]
        Angle in revolutions, continuous within the chunk, at its start less than 1.
    engaged : float64[n_samples]
        Share of the cut that is engaged, times how the material's resistance wanders along the path.
    """

    t_s: NDArray[np.float64]
    rpm: NDArray[np.float64]
    revolution: NDArray[np.float64]
    engaged: NDArray[np.float64]

    def at(self, t_s: NDArray[np.float64]) -> Motion:
        """Interpolate at other times of the same chunk, for a sensor of a lower rate."""
        rpm, revolution, engaged = (
            np.interp(t_s, self.t_s, values) for values in (self.rpm, self.revolution, self.engaged)
        )
        return Motion(t_s, rpm, revolution, engaged)


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
        t_s = start_s + np.arange(round(chunk_s * self._fs)) / self._fs
        corners_s = [phases[0].start_s, *(phase.end_s for phase in phases)]
        rpm = np.interp(t_s, corners_s, [phases[0].rpm_from, *(phase.rpm_to for phase in phases)])
        engaged = np.interp(t_s, corners_s, [phases[0].engaged_from, *(phase.engaged_to for phase in phases)])
        speed, strength = self._wandering(t_s - start_s, chunk_s)
        rpm *= 1.0 + _SPEED_SPREAD * speed
        engaged *= 1.0 + _STRENGTH_SPREAD * strength
        step = rpm / (60.0 * self._fs)
        turned = np.cumsum(step)
        revolution = self._revolution + turned - step
        self._revolution = (self._revolution + float(turned[-1])) % 1.0
        return Motion(t_s, rpm, revolution, engaged)

    def _wandering(self, since_s: NDArray[np.float64], chunk_s: float) -> tuple[NDArray[np.float64], ...]:
        """Two slow random signals of unit spread: first-order autoregressive knots, joined by straight lines."""
        n_knots = round(chunk_s / _KNOT_S)
        keep = math.exp(-_KNOT_S / _MEMORY_S)
        knots = [self._wander]
        for step in self._rng.standard_normal((n_knots, 2)):
            knots.append(keep * knots[-1] + math.sqrt(1.0 - keep**2) * step)
        self._wander = knots[-1]
        grid_s = np.arange(n_knots + 1) * _KNOT_S
        return tuple(np.interp(since_s, grid_s, column) for column in np.array(knots).T)
