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

ROLLING_N_PER_KRPM = 5.0  # broadband force of a healthy bearing ...
TONE_M_S2_PER_KRPM = 0.02  # ... and its tone
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
OUTER_ORDER, _INNER = FRONT_BEARING.outer_order, FRONT_BEARING.inner_order
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
        self._passed = dict.fromkeys((OUTER_ORDER, _INNER, _BALL, _CAGE), 0.0)

    def roll(self, motion: Motion, faults: Sequence[PlannedFault], impact_n: NDArray[np.float64]) -> float:
        """Let the balls pass for one chunk.

        Parameters
        ----------
        motion : Motion
            Continues where the last call ended.
        faults : sequence of PlannedFault
            Of this spindle, overlapping the chunk.
        impact_n : float64[n_samples]
            Force of impacts is added to it, each one sample long; none while races and balls are whole.

        Returns
        -------
        float
            Place of the balls on the outer race at the first sample: phase of the healthy tone, in turns.
        """
        step = float(motion.rpm[0]) / (60.0 * self._fs)
        outer_place = self._passed[OUTER_ORDER] + OUTER_ORDER * step
        for fault in faults:
            if fault.fault is FaultKind.BEARING:
                impact_n += self._impacts(OUTER_ORDER, motion, fault)
            elif fault.fault is FaultKind.BEARING_INNER:
                # The spall turns with the shaft: it is struck hardest where the load presses.
                impact_n += self._impacts(_INNER, motion, fault) * (
                    1.0 + np.sin(2.0 * np.pi * motion.revolution)
                )
            elif fault.fault is FaultKind.BEARING_BALL:
                # The ball goes round with the cage, through the loaded zone and out again.
                cage = self._passing(_CAGE, motion)
                impact_n += self._impacts(_BALL, motion, fault) * (1.0 + np.sin(2.0 * np.pi * cage))
        turned = float(motion.revolution[-1] - motion.revolution[0] + motion.rpm[-1] / (60.0 * self._fs))
        for order in self._passed:
            self._passed[order] = (self._passed[order] + order * turned) % 1.0
        return outer_place % 1.0

    def _passing(self, order: float, motion: Motion) -> NDArray[np.float64]:
        """Place in what repeats with an order, sample by sample."""
        turned = motion.revolution - motion.revolution[0] + motion.rpm / (60.0 * self._fs)
        passed: NDArray[np.float64] = self._passed[order] + order * turned
        return passed

    def _impacts(self, order: float, motion: Motion, fault: PlannedFault) -> NDArray[np.float64]:
        """One-sample forces where a ball meets the spall, within the fault's time."""
        passed = self._passing(order, motion)
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
