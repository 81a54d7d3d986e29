"""One machining spindle: from the program and the faults to samples.

Everything is computed in chunks of half a second on a fixed grid, one NumPy expression per quantity; what carries
over is state (angle, filters, random numbers). Nobody's way of asking for samples can therefore change them.

Random numbers are drawn in equal amounts whatever happens, and faults draw from their own generator: a fault
changes nothing before it starts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from replay.simulate.bearing import OUTER_ORDER, ROLLING_N_PER_KRPM, TONE_M_S2_PER_KRPM, RollingBearing
from replay.simulate.drive import Drive
from replay.simulate.faults import FaultKind, PlannedFault
from replay.simulate.kernels import shake
from replay.simulate.motion import Motion, Rotation
from replay.simulate.plan import ShopPlan, generator, spindle_timeline
from replay.simulate.process import CutForces, Process
from replay.simulate.program import WET_SECTIONS, Phase, kind_of
from replay.simulate.structure import HEAD, NOSE, WALL, Structure
from replay.simulate.variety import Mood, Moods

CHUNK_S = 0.5  # also the period of the load meter
VIB_FULL_SCALE_G = 50.0  # the usual 100 mV/g accelerometer
CURRENT_FULL_SCALE_A = 100.0

_FLOOR_G = 0.008  # broadband noise of the accelerometer with its cable
_PUMP_G, _PUMP_HZ = 0.006, 49.2  # coolant pump: two poles on a 50 Hz mains, with slip
# Residual imbalance of a tool in its holder, about G 2.5 (ISO 21940-11) with a tenth of it reaching the housing.
_IMBALANCE_M_S2_PER_KRPM2 = 0.008
_MISALIGNMENT = 0.3  # second order, as a share of the first
_BENT_IMBALANCE = 12.0  # after a collision
_IMBALANCE_FACTOR = 16.0 / 2.5  # of a tool that sits badly: G 16 where G 2.5 was
_DRIFT_GAIN, _DRIFT_A = 0.6, 4.0  # what a drifting sensor gains, at the end


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Half a second of one spindle.

    Parameters
    ----------
    phases : tuple[Phase, ...]
        Those that begin in this chunk.
    vib_g : float32[2, n_samples]
        Along and across the feed.
    current_a : float32[1, n_current]
        Motor current.
    load : float32[2, 1]
        Load in percent and temperature in °C.
    """

    phases: tuple[Phase, ...]
    vib_g: NDArray[np.float32]
    current_a: NDArray[np.float32]
    load: NDArray[np.float32]


class Machine:
    """A spindle with its machine, its program and its sensors.

    State: a few dozen numbers, and the phases of the current half second.

    Parameters
    ----------
    plan : ShopPlan
        Rates, preset and seed.
    index : int
        Which spindle of the plan.
    """

    def __init__(self, plan: ShopPlan, index: int) -> None:
        build = generator(plan, index, "build")
        nose = replace(NOSE, natural_hz=NOSE.natural_hz * build.uniform(0.9, 1.1))
        self._fs, self._fs_current = plan.vib_rate_hz, plan.current_rate_hz
        self._timeline = spindle_timeline(plan, index)
        self._phases: deque[Phase] = deque()
        self._n_chunks = 0
        self._noise = generator(plan, index, "noise")
        self._bearing = RollingBearing(self._fs, generator(plan, index, "bearing"))
        self._rotation = Rotation(self._fs, generator(plan, index, "motion"))
        self._process = Process(nose)
        self._drive = Drive(self._fs_current, generator(plan, index, "drive"))
        along = (HEAD, nose, WALL)
        across = tuple(replace(mode, natural_hz=0.93 * mode.natural_hz) for mode in along)
        self._filters = np.stack([Structure(modes, self._fs).filters for modes in (along, across)])
        self._states = np.zeros((2, len(along), 2))
        self._imbalance = _IMBALANCE_M_S2_PER_KRPM2 * float(build.uniform(0.7, 1.4))
        self._held_g = 0.0
        self._moods = Moods(plan.variety, generator(plan, index, "moods"))
        self._always_wet = plan.variety is None

    @property
    def time_s(self) -> float:
        """End of what has been made so far."""
        return self._n_chunks * CHUNK_S

    def run(self, faults: Sequence[PlannedFault]) -> Chunk:
        """Make the next half second.

        Parameters
        ----------
        faults : sequence of PlannedFault
            Of this spindle; those that do not touch this half second are ignored.

        Returns
        -------
        Chunk
            Finite; read-only arrays.
        """
        from_s, to_s = self.time_s, self.time_s + CHUNK_S
        self._n_chunks += 1
        phases = self._phases_until(from_s, to_s)
        active = [fault for fault in faults if fault.start_s < to_s and fault.end_s > from_s]
        motion = self._rotation.turn(phases, from_s, CHUNK_S)
        coarse_s = from_s + np.arange(round(CHUNK_S * self._fs_current)) / self._fs_current
        coarse = motion.at(coarse_s)
        forces = self._process.cut(phases, active, motion, coarse)
        mood = self._moods.move(from_s, CHUNK_S, turning=bool(motion.rpm[-1] > 0.0))
        vib_g = self._shake(phases, motion, forces, active, mood)
        current_a, load_pct, temperature_c = self._drive.advance(
            coarse.rpm, coarse.revolution, forces.torque_nm, mood
        )
        for fault in active:
            self._spoil(fault, motion.t_s, vib_g, coarse_s, current_a)
        return Chunk(
            phases=tuple(phase for phase in phases if phase.start_s >= from_s),
            vib_g=_digitise(vib_g, VIB_FULL_SCALE_G),
            current_a=_digitise(current_a[None, :], CURRENT_FULL_SCALE_A),
            load=_digitise(np.array([[load_pct], [temperature_c]]), np.inf),
        )

    def _phases_until(self, from_s: float, to_s: float) -> list[Phase]:
        while not self._phases or self._phases[-1].end_s < to_s:
            self._phases.append(next(self._timeline))
        while self._phases[0].end_s <= from_s:
            self._phases.popleft()
        return [phase for phase in self._phases if phase.start_s < to_s]

    def _shake(
        self,
        phases: Sequence[Phase],
        motion: Motion,
        forces: CutForces,
        faults: Sequence[PlannedFault],
        mood: Mood,
    ) -> NDArray[np.float64]:
        """Acceleration that the sensor shows, g: float64[2, n_samples]."""
        outer_place = self._bearing.roll(motion, faults, forces.impact_n)
        noise = self._noise.standard_normal((4, motion.t_s.size), dtype=np.float32)
        levels = np.array(
            [
                self._imbalance,
                _MISALIGNMENT,
                mood.rolling * ROLLING_N_PER_KRPM,
                TONE_M_S2_PER_KRPM,
                OUTER_ORDER,
                outer_place,
                _PUMP_G,
                _PUMP_HZ,
                mood.floor * _FLOOR_G,
                mood.flow_g,
            ]
        )
        shaken = np.empty((2, motion.t_s.size))
        shake(
            motion.rows,
            forces.rows,
            noise,
            self._factors(phases, motion.t_s, faults),
            self._filters,
            self._states,
            levels,
            shaken,
        )
        return shaken

    def _factors(
        self, phases: Sequence[Phase], t_s: NDArray[np.float64], faults: Sequence[PlannedFault]
    ) -> NDArray[np.float64]:
        """Factors on rolling noise and on imbalance, and whether the coolant's pump runs: float64[3, n_samples]."""
        factors = np.ones((3, t_s.size))
        if not self._always_wet:
            factors[2] = 0.0
            for phase in phases:
                if phase.coolant and kind_of(phase.section) in WET_SECTIONS:
                    factors[2, slice(*np.searchsorted(t_s, (phase.start_s, phase.end_s)))] = 1.0
        for fault in faults:
            during = slice(*np.searchsorted(t_s, (fault.start_s, fault.end_s)))
            if fault.fault is FaultKind.COLLISION:
                factors[0, during] += fault.severity
                factors[1, during] += (_BENT_IMBALANCE - 1.0) * fault.severity
            elif fault.fault is FaultKind.IMBALANCE:
                factors[1, during] += (_IMBALANCE_FACTOR - 1.0) * fault.severity
        return factors

    def _spoil(
        self,
        fault: PlannedFault,
        fine_s: NDArray[np.float64],
        vib_g: NDArray[np.float64],
        coarse_s: NDArray[np.float64],
        current_a: NDArray[np.float64],
    ) -> None:
        """Let a sensor lie, in place: drift or a flat line. A dropout is for the shop, which owns the blocks."""
        fine = slice(*np.searchsorted(fine_s, (fault.start_s, fault.end_s)))
        coarse = slice(*np.searchsorted(coarse_s, (fault.start_s, fault.end_s)))
        if fault.fault is FaultKind.SENSOR_DRIFT:
            length_s = fault.end_s - fault.start_s
            vib_g[0, fine] *= 1.0 + _DRIFT_GAIN * fault.severity * (fine_s[fine] - fault.start_s) / length_s
            current_a[coarse] += _DRIFT_A * fault.severity * (coarse_s[coarse] - fault.start_s) / length_s
        elif fault.fault is FaultKind.SENSOR_FLAT_LINE:
            if fault.start_s >= fine_s[0]:
                self._held_g = float(vib_g[0, fine.start])
            vib_g[0, fine] = self._held_g


def _digitise(values: NDArray[np.float64], full_scale: float) -> NDArray[np.float32]:
    """Clip at the converter's limit and round to float32, read-only."""
    samples: NDArray[np.float32] = np.clip(values, -full_scale, full_scale).astype(np.float32)
    samples.flags.writeable = False
    return samples
