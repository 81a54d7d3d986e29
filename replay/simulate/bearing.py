"""The front bearing: a faint tone and some noise when well, impacts when a race or a ball is spalled.

Kinematics of a rolling bearing without slip (Randall and Antoni, "Rolling element bearing diagnostics - a tutorial",
MSSP 25, 2011): with ``r = ball / pitch * cos(contact angle)``, balls pass a point of the outer race ``n/2 (1 - r)``
times per revolution, one of the inner race ``n/2 (1 + r)`` times. The cage turns ``(1 - r)/2`` times, and a ball
``pitch / (2 ball) (1 - r^2)`` times about itself, so a spall on it meets a race twice as often.
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
    def ball_order(self) -> float:
        """Turns of a ball about itself (BSF), per revolution of the spindle."""
        return self.pitch_mm / (2 * self.ball_mm) * (1 - self._ratio**2)

    @property
    def cage_order(self) -> float:
        """Turns of the cage (FTF), per revolution of the spindle."""
        return (1 - self._ratio) / 2

    @property
    def _ratio(self) -> float:
        return self.ball_mm / self.pitch_mm * math.cos(math.radians(self.contact_deg))


# Angular-contact spindle bearing of ISO 15 size 7014 (bore 70, outside diameter 110, hence pitch 90 mm). Number and
# size of the balls vary between makers; these are assumed.
FRONT_BEARING = Bearing(n_elements=18, ball_mm=12.7, pitch_mm=90.0, contact_deg=15.0)
_OUTER, _INNER = FRONT_BEARING.outer_order, FRONT_BEARING.inner_order
_BALL, _CAGE = 2.0 * FRONT_BEARING.ball_order, FRONT_BEARING.cage_order


class RollingBearing:
    """The front bearing under way, chunk by chunk. State: the place of the balls.

    Parameters
    ----------
    sample_rate_hz : float
        Of the vibration.
    chance : numpy.random.Generator
        For the impacts; drawn only while the bearing is damaged.
    """

    def __init__(self, sample_rate_hz: float, chance: np.random.Generator) -> None:
        self._fs = sample_rate_hz
        self._chance = chance
        # Place, modulo 1, in what repeats with each of these orders.
        self._passed = dict.fromkeys((_OUTER, _INNER, _BALL, _CAGE), 0.0)

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
            Force of impacts, each one sample long; zero while races and balls are whole.
        """
        turned = motion.revolution - motion.revolution[0] + motion.rpm / (60.0 * self._fs)
        outer, inner, ball, cage = (self._passed[order] + order * turned for order in self._passed)
        for order in self._passed:
            self._passed[order] = (self._passed[order] + order * float(turned[-1])) % 1.0
        tone = _TONE_M_S2_PER_KRPM / 1000.0 * motion.rpm * np.sin(2.0 * np.pi * outer)
        impacts = np.zeros_like(tone)
        for fault in faults:
            if fault.fault is FaultKind.BEARING:
                impacts += self._impacts(outer, motion, fault)
            elif fault.fault is FaultKind.BEARING_INNER:
                # The spall turns with the shaft: it is struck hardest where the load presses.
                impacts += self._impacts(inner, motion, fault) * (
                    1.0 + np.sin(2.0 * np.pi * motion.revolution)
                )
            elif fault.fault is FaultKind.BEARING_BALL:
                # The ball goes round with the cage, through the loaded zone and out again.
                impacts += self._impacts(ball, motion, fault) * (1.0 + np.sin(2.0 * np.pi * cage))
        return tone, impacts

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
