"""A few machines side by side: the live source of the demo and the origin of simulated recordings."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from operator import itemgetter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import Bearing, Channel, SensorGroup, Spindle
from engine.records import Block, Context, complete_ns, samples_to_ns
from replay.simulate.bearing import FRONT_BEARING
from replay.simulate.faults import FaultKind, PlannedFault
from replay.simulate.machine import CHUNK_S, CURRENT_FULL_SCALE_A, VIB_FULL_SCALE_G, Chunk, Machine
from replay.simulate.plan import BLOCK_S, ShopPlan
from replay.simulate.program import Phase
from replay.simulate.scenario import recurring_faults

Item: TypeAlias = Block | Context

_IN_ORDER = itemgetter(0, 1)
_IN_ORDER_OF_ALL = itemgetter(0, 1, 2)

# A recurring fault is planned this long before it can begin; longer than any chunk.
_HORIZON_S = 2 * CHUNK_S


class Shop:
    """Runs a plan and hands out what its sensors and controllers say, in order of time.

    State: a few kilobytes per spindle, and at most a second of its samples.

    Parameters
    ----------
    plan : ShopPlan
        What happens.
    start_ns : int
        Time of the first sample.
    """

    def __init__(self, plan: ShopPlan, start_ns: int) -> None:
        self._plan = plan
        self._start_ns = start_ns
        self._to_s = 0.0
        self._machines = [Machine(plan, index) for index in range(len(plan.spindles))]
        self._waiting: list[deque[tuple[int, bool, Item]]] = [deque() for _ in plan.spindles]
        self._faults = list(plan.faults)
        self._coming = recurring_faults(plan)
        self._ahead = list(plan.faults)  # not yet over
        self.spindles = tuple(_spindle(plan, name) for name in plan.spindles)

    @property
    def faults(self) -> tuple[PlannedFault, ...]:
        """The plan's faults; of an endless plan, those known so far: every one that has begun, and the next."""
        return tuple(self._faults)

    def advance(self, to_s: float) -> list[Item]:
        """Run on, and hand out everything that is complete by then and was not handed out before.

        Parameters
        ----------
        to_s : float
            Seconds since the start, not less than last time.

        Returns
        -------
        list of Block or Context
            In order of completion (`engine.records.complete_ns`); a context comes before a block that is complete
            at its time. However the calls are spaced, their results together are the same.

        Raises
        ------
        ValueError
            If time runs backwards.
        """
        if to_s < self._to_s:
            raise ValueError(f"to_s must not run backwards: got {to_s} after {self._to_s}")
        self._to_s = to_s
        to_ns = self._start_ns + round(to_s * NS_PER_S)
        self._plan_until(to_s + _HORIZON_S)
        ahead_s = CHUNK_S / len(self._machines)  # not all at once: a live flow runs in the same process
        due: list[tuple[int, bool, int, Item]] = []
        for index, (machine, waiting) in enumerate(zip(self._machines, self._waiting, strict=True)):
            while machine.time_s <= to_s + ahead_s * index:
                self._run(index, machine)
            while waiting and waiting[0][0] <= to_ns:
                end_ns, is_block, item = waiting.popleft()
                due.append((end_ns, is_block, index, item))
        self._ahead = [fault for fault in self._ahead if fault.end_s > to_s]
        due.sort(key=_IN_ORDER_OF_ALL)
        return [item for *_, item in due]

    def _plan_until(self, horizon_s: float) -> None:
        """Learn of recurring faults until one begins beyond the horizon."""
        if self._plan.recur_s is None:
            return
        while not self._faults or self._faults[-1].start_s < horizon_s:
            fault = next(self._coming)
            self._faults.append(fault)
            self._ahead.append(fault)

    def _run(self, index: int, machine: Machine) -> None:
        """Make one chunk of one machine and put it in line, cut into blocks."""
        name, from_s = self._plan.spindles[index], machine.time_s
        faults = [fault for fault in self._ahead if fault.spindle == name]
        chunk = machine.run(faults)
        items = list(self._items(index, from_s, chunk))
        for fault in faults:
            if fault.fault is FaultKind.SENSOR_DROPOUT:
                items = [entry for entry in items if not self._is_lost(entry[2], fault)]
        items.sort(key=_IN_ORDER)
        self._waiting[index].extend(items)

    def _items(self, index: int, from_s: float, chunk: Chunk) -> Iterator[tuple[int, bool, Item]]:
        """Give everything in a chunk the time at which it is complete, and say whether it is a block."""
        spindle = self.spindles[index]
        for phase in chunk.phases:
            context = _context(spindle.name, self._start_ns + round(phase.start_s * NS_PER_S), phase)
            yield context.t_ns, False, context
        for group, samples in zip(spindle.groups, (chunk.vib_g, chunk.current_a, chunk.load), strict=True):
            rate_hz = group.sample_rate_hz
            n_block = max(round(BLOCK_S * rate_hz), 1)
            # The load meter says at the end of its period what it was.
            first = round((from_s if group.kind == "waveform" else from_s + CHUNK_S) * rate_hz)
            lasts_ns = 0
            for at, part in enumerate(_cut(samples, n_block)):
                t_ns = self._start_ns + samples_to_ns(first + at * n_block, rate_hz)
                block = Block(spindle.name, group.name, t_ns, rate_hz, part)
                lasts_ns = lasts_ns or complete_ns(block, group) - t_ns
                yield t_ns + lasts_ns, True, block

    def _is_lost(self, item: Item, fault: PlannedFault) -> bool:
        """Whether a dropout swallows this: every block of the accelerometer that it touches."""
        if not (isinstance(item, Block) and item.group == "vib"):
            return False
        from_ns = self._start_ns + round(fault.start_s * NS_PER_S)
        to_ns = self._start_ns + round(fault.end_s * NS_PER_S)
        return item.t_ns < to_ns and item.end_ns > from_ns


def _cut(samples: NDArray[np.float32], n_block: int) -> NDArray[np.float32]:
    """Cut rows into blocks: float32[n_blocks, n_channels, n_block], each contiguous, read-only."""
    n_channels = samples.shape[0]
    blocks = np.ascontiguousarray(samples.reshape(n_channels, -1, n_block).transpose(1, 0, 2))
    blocks.flags.writeable = False
    return blocks


def _context(spindle: str, t_ns: int, phase: Phase) -> Context:
    return Context(
        spindle=spindle,
        t_ns=t_ns,
        tool=phase.tool.name,
        program=phase.program,
        section=phase.section,
        rpm=phase.rpm_command,
        feed_mm_min=phase.feed_mm_min,
        cutting=phase.cutting,
        n_teeth=phase.tool.n_teeth,
        tool_edge=phase.edge.name,
    )


def _spindle(plan: ShopPlan, name: str) -> Spindle:
    balls = FRONT_BEARING
    bearing = Bearing(balls.n_elements, balls.ball_mm, balls.pitch_mm, balls.contact_deg)
    vib = tuple(Channel(channel, "g", VIB_FULL_SCALE_G, bearing=bearing) for channel in ("vib_x", "vib_y"))
    current = (Channel("current_u", "A", CURRENT_FULL_SCALE_A, dc_coupled=True),)
    load = (Channel("load_pct", "%", dc_coupled=True), Channel("temperature_c", "°C", dc_coupled=True))
    return Spindle(
        name,
        (
            SensorGroup("vib", "waveform", plan.vib_rate_hz, vib),
            SensorGroup("current", "waveform", plan.current_rate_hz, current),
            SensorGroup("load", "scalar", 1.0 / CHUNK_S, load),
        ),
    )
