"""The tool in the material: forces of the cut as it is now, sharp or worn, whole or broken, calm or chattering."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from replay.simulate.cutting import Forces, WearResponse, cutting_forces
from replay.simulate.faults import FaultKind, PlannedFault
from replay.simulate.kernels import look_up
from replay.simulate.motion import Motion
from replay.simulate.program import Phase
from replay.simulate.structure import Mode, chatter_amplitude, chatter_hz, order_line

# Chip formation is not smooth: broadband force, as a share of the mean cutting force.
_NOISE_SHARE = 0.03
# What the filter before a converter lets through, as a share of the sampling rate.
_PASS = 0.45
_BROKEN_NOISE = 0.8  # a broken edge rubs: so much more of it
_BENT_RUNOUT = 4.0  # run-out after a collision: the holder no longer sits as it did
_BENT_NOISE = 1.5
_BREAK_N, _BREAK_S = 2500.0, 0.0006  # blow when an edge breaks out
_CRASH_N, _CRASH_S = 12_000.0, 0.001  # blow when the tool hits solid metal at rapid feed ...
_CRASH_BOUNCES = ((0.0, 1.0), (0.031, -0.5), (0.074, 0.3))  # ... and bounces: seconds after, share
_CRASH_NM, _CRASH_DECAY_S = 250.0, 0.08  # torque until the control stops the feed


@dataclass(frozen=True, slots=True)
class ToolState:
    """What faults have made of the tool; sharp, whole and straight by default.

    Parameters
    ----------
    wear : float
        0 = sharp, 1 = ready for the bin.
    broken : float
        Share of one edge that is gone.
    bent : float
        0 = straight, 1 = as after a collision of severity 1.
    missing : float
        Share of the engagement that does not happen.
    """

    wear: float = 0.0
    broken: float = 0.0
    bent: float = 0.0
    missing: float = 0.0

    def noise(self, response: WearResponse) -> float:
        """Factor on the broadband part of the force."""
        return 1.0 + response.noise * self.wear + _BROKEN_NOISE * self.broken + _BENT_NOISE * self.bent


@dataclass(slots=True, eq=False)
class CutForces:
    """What shakes the spindle during one chunk; filled stretch by stretch.

    Parameters
    ----------
    rows : float64[6, n_samples]
        All but the torque, one below the other, for `kernels`.
    x_n, y_n : float64[n_samples]
        Force along and across the feed.
    rough_n : float64[n_samples]
        Standard deviation of the broadband force on top.
    tone_x_m_s2, tone_y_m_s2 : float64[n_samples]
        Acceleration of the housing by chatter.
    impact_n : float64[n_samples]
        Impacts of the bearing, which are not the cut's to say.
    torque_nm : float64[n_current]
        At the current's rate.
    """

    rows: NDArray[np.float64]
    x_n: NDArray[np.float64]
    y_n: NDArray[np.float64]
    rough_n: NDArray[np.float64]
    tone_x_m_s2: NDArray[np.float64]
    tone_y_m_s2: NDArray[np.float64]
    impact_n: NDArray[np.float64]
    torque_nm: NDArray[np.float64]

    @classmethod
    def none(cls, n_fine: int, n_coarse: int) -> CutForces:
        """Nothing shakes it yet."""
        rows = np.zeros((6, n_fine))
        x_n, y_n, rough_n, tone_x, tone_y, impact_n = rows
        return cls(rows, x_n, y_n, rough_n, tone_x, tone_y, impact_n, np.zeros(n_coarse))


class Process:
    """Forces of one spindle's cuts, chunk by chunk. State: when the current cut began, and its force table.

    Parameters
    ----------
    nose : Mode
        The mode that chatters.
    """

    def __init__(self, nose: Mode) -> None:
        self._nose = nose
        self._cut_since_s = 0.0
        self._known: tuple[tuple[Phase, ToolState], tuple[Forces, float]] | None = None

    def cut(
        self, phases: Sequence[Phase], faults: Sequence[PlannedFault], fine: Motion, coarse: Motion
    ) -> CutForces:
        """Work out the forces of one chunk.

        Parameters
        ----------
        phases : sequence of Phase
            Covering the chunk.
        faults : sequence of PlannedFault
            Of this spindle, overlapping the chunk.
        fine, coarse : Motion
            At the rates of vibration and current.

        Returns
        -------
        CutForces
            Zero where the tool is in the air.
        """
        forces = CutForces.none(fine.t_s.size, coarse.t_s.size)
        rates_hz = 1.0 / (fine.t_s[1] - fine.t_s[0]), 1.0 / (coarse.t_s[1] - coarse.t_s[0])
        for phase, from_s, to_s in _stretches(phases, faults, fine.t_s):
            if phase.engaged_from == 0.0:
                self._cut_since_s = phase.start_s
            if phase.cut is None:
                continue
            here = slice(*np.searchsorted(fine.t_s, (from_s, to_s)))
            there = slice(*np.searchsorted(coarse.t_s, (from_s, to_s)))
            state = _tool_state(phase, faults, (from_s + to_s) / 2.0)
            table, mean_n = self._table(phase, state, rates_hz)
            share = phase.hardness * (1.0 - state.missing)
            rough_n = _NOISE_SHARE * mean_n * state.noise(phase.edge.response)
            forces.rough_n[here] = share * rough_n * fine.engaged[here]
            look_up(fine.revolution[here], fine.engaged[here], share, table.x_n, forces.x_n[here])
            look_up(fine.revolution[here], fine.engaged[here], share, table.y_n, forces.y_n[here])
            look_up(
                coarse.revolution[there],
                coarse.engaged[there],
                share,
                table.torque_nm,
                forces.torque_nm[there],
            )
            self._chatter(forces, here, phase, faults, fine)
        _blows(forces, faults, fine.t_s, coarse.t_s)
        return forces

    def _table(self, phase: Phase, state: ToolState, rates_hz: tuple[float, float]) -> tuple[Forces, float]:
        """Forces over one revolution as they are sampled, and their true mean magnitude."""
        assert phase.cut is not None
        known = self._known
        if known is None or known[0][0] is not phase or known[0][1] != state:
            forces = cutting_forces(
                phase.cut,
                phase.material,
                runout=phase.runout * (1.0 + (_BENT_RUNOUT - 1.0) * state.bent),
                wear=state.wear,
                broken=state.broken,
                response=phase.edge.response,
            )
            rpm = max(phase.rpm_from, phase.rpm_to)
            sampled = forces.below(_PASS * rates_hz[0], _PASS * rates_hz[1], rpm)
            self._known = known = ((phase, state), (sampled, forces.mean_n))
        return known[1]

    def _chatter(
        self, forces: CutForces, here: slice, phase: Phase, faults: Sequence[PlannedFault], motion: Motion
    ) -> None:
        """Add the tone of a chatter that began in this cut, or in an earlier one and comes back."""
        for fault in faults:
            if fault.fault is not FaultKind.CHATTER or phase.cut is None:
                continue
            t_s = motion.t_s[here]
            tone_hz = chatter_hz(self._nose, phase.cut.rpm)
            since_s = max(fault.start_s, self._cut_since_s)
            amplitude = chatter_amplitude(t_s - since_s, phase.cut.chip_mm, tone_hz)
            amplitude *= fault.severity * motion.engaged[here] * (t_s < fault.end_s)
            forces.tone_x_m_s2[here] += 0.7 * amplitude * order_line(t_s, tone_hz)
            forces.tone_y_m_s2[here] += amplitude * order_line(t_s, tone_hz, lead=0.2)


def _stretches(
    phases: Sequence[Phase], faults: Sequence[PlannedFault], t_s: NDArray[np.float64]
) -> Iterator[tuple[Phase, float, float]]:
    """Split the chunk where a phase or a fault begins or ends, so that each stretch has one state of the tool."""
    after_s = 2.0 * t_s[-1] - t_s[-2]
    corners_s = {time_s for fault in faults for time_s in (fault.start_s, fault.end_s)}
    for phase in phases:
        first_s, last_s = max(phase.start_s, float(t_s[0])), min(phase.end_s, float(after_s))
        bounds_s = [first_s, *sorted(time_s for time_s in corners_s if first_s < time_s < last_s), last_s]
        for from_s, to_s in pairwise(bounds_s):
            yield phase, from_s, to_s


def _tool_state(phase: Phase, faults: Sequence[PlannedFault], at_s: float) -> ToolState:
    edge = phase.edge
    share = (at_s - phase.start_s) / (phase.end_s - phase.start_s)
    wear = edge.wear_from + (edge.wear_to - edge.wear_from) * share
    broken = bent = missing = 0.0
    for fault in faults:
        if not fault.start_s <= at_s < fault.end_s:
            continue
        if fault.fault is FaultKind.TOOL_WEAR and fault.tool in ("", phase.tool.name):
            wear += fault.severity * fault.growth(at_s)
        elif fault.fault is FaultKind.TOOL_BREAKAGE:
            broken = min(fault.severity, 1.0)
        elif fault.fault is FaultKind.COLLISION:
            bent = fault.severity
        elif fault.fault is FaultKind.MISSING_TOOL:
            missing = min(fault.severity, 1.0)
    return ToolState(wear, broken, bent, missing)


def _blows(
    forces: CutForces,
    faults: Sequence[PlannedFault],
    fine_s: NDArray[np.float64],
    coarse_s: NDArray[np.float64],
) -> None:
    """Add the short blows with which a breakage and a collision begin, and the torque of a collision."""
    for fault in faults:
        if fault.fault is FaultKind.TOOL_BREAKAGE:
            _add_blow(forces, fine_s, fault.start_s, _BREAK_S, fault.severity * _BREAK_N)
        elif fault.fault is FaultKind.COLLISION:
            for after_s, share in _CRASH_BOUNCES:
                force_n = share * fault.severity * _CRASH_N
                _add_blow(forces, fine_s, fault.start_s + after_s, _CRASH_S, force_n)
            age_s = coarse_s - fault.start_s
            decay = np.where(age_s >= 0.0, np.exp(-np.maximum(age_s, 0.0) / _CRASH_DECAY_S), 0.0)
            forces.torque_nm += fault.severity * _CRASH_NM * decay


def _add_blow(
    forces: CutForces, t_s: NDArray[np.float64], start_s: float, length_s: float, force_n: float
) -> None:
    first, last = np.searchsorted(t_s, (start_s, start_s + length_s))
    shape = np.sin(np.pi * (t_s[first:last] - start_s) / length_s)
    forces.x_n[first:last] += force_n * shape
    forces.y_n[first:last] += 0.6 * force_n * shape
