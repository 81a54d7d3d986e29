"""The front bearing: a faint tone and some noise when well, impacts when a race is spalled.

Kinematics of a rolling bearing without slip (Randall and Antoni, "Rolling element bearing diagnostics - a tutorial",
MSSP 25, 2011): with ``r = ball / pitch * cos(contact angle)``, balls pass a point of the outer race ``n/2 (1 - r)``
times per revolution, one of the inner race ``n/2 (1 + r)`` times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replay.simulate.faults import FaultKind, PlannedFault
from replay.simulate.motion import Motion

_ROLLING_N_PER_KRPM = 5.0  # broadband force of a healthy bearing ...
_TONE_M_S2_PER_KRPM = 0.02  # ... and its tone
_IMPACT_NS_PER_KRPM = 0.006  # impulse when a ball meets a fully grown spall
_IMPACT_SPREAD = 0.15  # from one impact to the next
_SLIP = 0.01  # balls slip: each passes a little early or late, in shares of their distance


@dataclass(frozen=True, slots=True)
class Bearing:
    """Geometry of a rolling bearing; outer race at rest.

    Parameters
    ----------
    n_elements : int
        Balls.
    ball_mm, pitch_mm : float
        Ball diameter and pitch diameter.
    contact_deg : float
        Contact angle.

    Examples
    --------
    The 6205 of a well-known test rig at 1797 rpm:

    >>> round(Bearing(9, 7.94, 39.04, 0.0).outer_order * 1797 / 60, 1)
    107.4
    """

    n_elements: int
    ball_mm: float
    pitch_mm: float
    contact_deg: float

    @property
    def outer_order(self) -> float:
        """Balls passing a point of the outer race (BPFO), per revolution of the spindle."""
        return self.n_elements / 2 * (1 - self._ratio)

    @property
    def inner_order(self) -> float:
        """Balls passing a point of the inner race (BPFI), per revolution of the spindle."""
        return self.n_elements / 2 * (1 + self._ratio)

    @property
    def _ratio(self) -> float:
        return self.ball_mm / self.pitch_mm * math.cos(math.radians(self.contact_deg))


# Angular-contact spindle bearing of ISO 15 size 7014 (bore 70, outside diameter 110, hence pitch 90 mm). Number and
# size of the balls vary between makers; these are assumed.
FRONT_BEARING = Bearing(n_elements=18, ball_mm=12.7, pitch_mm=90.0, contact_deg=15.0)


class RollingBearing:
    """The front bearing under way, chunk by chunk. State: the place of the balls.

    Parameters
    ----------
    sample_rate_hz : float
        Of the vibration.
    chance : numpy.random.Generator
        For the impacts; drawn only while a race is damaged.
    """

    def __init__(self, sample_rate_hz: float, chance: np.random.Generator) -> None:
        self._fs = sample_rate_hz
        self._chance = chance
        self._passed = {False: 0.0, True: 0.0}  # balls past the sensor, modulo 1: outer race, inner race

    def roughness_n(self, motion: Motion) -> NDArray[np.float64]:
        """Standard deviation of the broadband force of rolling: float64[n_samples]."""
        return _ROLLING_N_PER_KRPM / 1000.0 * motion.rpm

    def roll(
        self, motion: Motion, faults: Sequence[PlannedFault]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Let the balls pass for one chunk.

        Parameters
        ----------
        motion : Motion
            Continues where the last call ended.
        faults : sequence of PlannedFault
            Of this spindle, overlapping the chunk.

        Returns
        -------
        tone_m_s2 : float64[n_samples]
            Acceleration of the housing at the outer race's ball-passing frequency.
        impact_n : float64[n_samples]
            Force of impacts, each one sample long; zero while the races are whole.
        """
        outer = self._passing(motion, inner=False)
        tone = _TONE_M_S2_PER_KRPM / 1000.0 * motion.rpm * np.sin(2.0 * np.pi * outer)
        inner = self._passing(motion, inner=True)
        impacts = np.zeros_like(tone)
        for fault in faults:
            if fault.fault is FaultKind.BEARING:
                impacts += self._impacts(outer, motion, fault)
            elif fault.fault is FaultKind.BEARING_INNER:
                # The spall turns with the shaft: it is struck hardest where the load presses.
                impacts += self._impacts(inner, motion, fault) * (
                    1.0 + np.sin(2.0 * np.pi * motion.revolution)
                )
        return tone, impacts

    def _passing(self, motion: Motion, *, inner: bool) -> NDArray[np.float64]:
        order = FRONT_BEARING.inner_order if inner else FRONT_BEARING.outer_order
        step = order * motion.rpm / (60.0 * self._fs)
        passed = self._passed[inner] + np.cumsum(step)
        self._passed[inner] = float(passed[-1]) % 1.0
        return passed

    def _impacts(
        self, passed: NDArray[np.float64], motion: Motion, fault: PlannedFault
    ) -> NDArray[np.float64]:
        """One-sample forces where a ball meets the spall, within the fault's time."""
        on_time = np.flatnonzero(np.diff(np.floor(passed)) > 0.0) + 1
        apart = passed.size / max(passed[-1] - passed[0], 1.0)  # samples from one ball to the next
        early = np.rint(_SLIP * apart * self._chance.standard_normal(on_time.size)).astype(np.intp)
        struck = np.clip(on_time - early, 0, passed.size - 1)
        during = (motion.t_s[struck] >= fault.start_s) & (motion.t_s[struck] < fault.end_s)
        strength = 1.0 + _IMPACT_SPREAD * self._chance.standard_normal(struck.size)
        grown = fault.severity * (motion.t_s[struck] - fault.start_s) / (fault.end_s - fault.start_s)
        impulse_ns = _IMPACT_NS_PER_KRPM / 1000.0 * motion.rpm[struck] * grown * strength
        force = np.zeros_like(passed)
        np.add.at(force, struck, np.where(during, impulse_ns * self._fs, 0.0))
        return force
