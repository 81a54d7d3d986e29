"""The spindle drive as its own sensors see it: motor current, load meter, temperature.

Torque of the cut, of friction and of acceleration asks for torque-producing current; the drive follows within its
control lag and no further than its limit. What a clamp around the motor cable shows is that current together with
the magnetising one, ``sqrt(i_m² + i_q²)``: an induction motor's current is insensitive at light load, which is why
load monitors prefer true power. The load meter is the torque-producing part, averaged, in percent of the rating.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from replay.simulate.kernels import follow
from replay.simulate.variety import USUAL, Mood

# A 15 kW motor spindle: 70 Nm at its rated 46 A, magnetised by a sixth of that, twice the rating for short times.
RATED_A = 46.0
MAGNETISING_A = 7.0
LIMIT_A = 92.0
AMPERE_PER_NM = 0.65
INERTIA_KG_M2 = 0.03
FRICTION_A = 1.2
FRICTION_A_PER_KRPM = 0.55

_CONTROL_LAG_S = 0.004  # speed loop of about 40 Hz
_WARM_C = 25.0
_FRICTION_PER_C = -0.004  # grease thins as it warms
_FRICTION_SPREAD, _FRICTION_MEMORY_S = 0.015, 5.0  # and moves about
_THERMAL_S = 900.0
_RISE_C_PER_KRPM = 1.6
_RISE_C_PER_LOAD = 14.0  # at 100 % load
_CURRENT_NOISE_A = 0.08
_LOAD_NOISE_PCT = 0.25
_TEMPERATURE_NOISE_C = 0.03


class Drive:
    """Motor current, load and temperature of one spindle, chunk by chunk. State: five numbers.

    Parameters
    ----------
    sample_rate_hz : float
        Of the current.
    rng : numpy.random.Generator
        For noise; drawn in equal amounts whatever happens.
    """

    def __init__(self, sample_rate_hz: float, rng: np.random.Generator) -> None:
        self._fs = sample_rate_hz
        self._rng = rng
        self._keep = math.exp(-1.0 / (_CONTROL_LAG_S * sample_rate_hz))
        self._torque_a = 0.0
        self._rpm_before = 0.0
        self._stiff = float(rng.standard_normal())
        self.temperature_c = float(_WARM_C + rng.uniform(2.0, 6.0))

    def advance(
        self,
        rpm: NDArray[np.float64],
        revolution: NDArray[np.float64],
        torque_nm: NDArray[np.float64],
        mood: Mood = USUAL,
    ) -> tuple[NDArray[np.float64], float, float]:
        """Run the drive for one chunk.

        Parameters
        ----------
        rpm, revolution, torque_nm : float64[n_samples]
            Speed, angle in revolutions, and torque of the cut at the current's rate.
        mood : Mood
            Of the machine: its friction and its hall.

        Returns
        -------
        current_a : float64[n_samples]
            As a clamp shows it.
        load_pct : float
            Load meter, averaged over the chunk.
        temperature_c : float
            Of the spindle's housing at the end of the chunk.
        """
        krpm = rpm / 1000.0
        spinning = np.minimum(krpm / 0.3, 1.0)
        thick = 1.0 + _FRICTION_PER_C * (self.temperature_c - _WARM_C)
        moves = 1.0 + _FRICTION_SPREAD * self._stiffness(rpm.size)
        friction_a = mood.friction * spinning * thick * moves * (FRICTION_A + FRICTION_A_PER_KRPM * krpm)
        rad_s2 = np.empty(rpm.size)
        rad_s2[0], rad_s2[1:] = rpm[0] - self._rpm_before, rpm[1:] - rpm[:-1]
        rad_s2 *= self._fs * (2.0 * math.pi / 60.0)
        self._rpm_before = float(rpm[-1])
        wanted_a = friction_a + AMPERE_PER_NM * (torque_nm + INERTIA_KG_M2 * rad_s2)
        torque_a = np.empty(wanted_a.size)
        self._torque_a = follow(wanted_a, LIMIT_A, self._keep, self._torque_a, torque_a)
        # The rotor is never quite centred in the stator: a ripple once per revolution.
        ripple = 1.0 + 0.01 * np.sin(2.0 * np.pi * revolution)
        noise_a = _CURRENT_NOISE_A * self._rng.standard_normal(rpm.size)
        current_a = ripple * np.hypot(MAGNETISING_A * spinning, torque_a) + noise_a
        load_pct, temperature_c = self._slow(torque_a, float(krpm.mean()), rpm.size / self._fs, mood.hall_c)
        return current_a, load_pct, temperature_c

    def _stiffness(self, n_samples: int) -> NDArray[np.float64]:
        """Slow random signal of unit spread: how stiff the grease is just now."""
        before, keep = self._stiff, math.exp(-n_samples / self._fs / _FRICTION_MEMORY_S)
        self._stiff = keep * before + math.sqrt(1.0 - keep**2) * float(self._rng.standard_normal())
        ramp: NDArray[np.float64] = np.arange(n_samples, dtype=np.float64)
        return before + (self._stiff - before) / n_samples * ramp

    def _slow(
        self, torque_a: NDArray[np.float64], krpm: float, chunk_s: float, hall_c: float
    ) -> tuple[float, float]:
        """Load meter and temperature: first-order warming towards what speed and load can hold."""
        load_noise, temperature_noise = self._rng.standard_normal(2)
        load = float(np.abs(torque_a).mean()) / RATED_A
        settled_c = _WARM_C + hall_c + _RISE_C_PER_KRPM * krpm + _RISE_C_PER_LOAD * load
        self.temperature_c += (settled_c - self.temperature_c) * (1.0 - math.exp(-chunk_s / _THERMAL_S))
        return (
            100.0 * load + _LOAD_NOISE_PCT * float(load_noise),
            self.temperature_c + _TEMPERATURE_NOISE_C * float(temperature_noise),
        )
