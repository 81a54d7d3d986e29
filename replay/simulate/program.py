"""What the simulated machines make: tools, cuts, and the NC program that repeats them.

A program is a list of cuts. The timeline turns it into phases (part change, tool change, spin-up, approach, entry,
the cut itself, retract, spin-down), one after the other, for ever. Speed and engagement change linearly within a
phase and never jump, as drives and geometry have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import NamedTuple

import numpy as np

from replay.simulate.cutting import ALUMINIUM, STEEL, Cut, Material, Tool

RAPID_MM_MIN = 20_000.0
CUTTING_SECTIONS = ("rough", "finish")

# How far the work material's resistance departs from its mean, from cut to cut: a few percent within one lot.
_HARDNESS_RANGE = 0.03
# A holder never seats twice in the same way: how far run-out departs from its mean, from one clamping to the next.
_RUNOUT_RANGE = 0.12


class Preset(StrEnum):
    """How long the phases last: as in a shop, or compressed so that a minute shows many parts."""

    SHOP = "shop"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each phase lasts, in seconds.

    Parameters
    ----------
    part_change_s, tool_change_s, spin_up_s, approach_s, entry_s, retract_s, spin_down_s : float
        Greater than 0.
    part_change_jitter_s : float
        The operator's part: the part change takes up to so much longer, evenly distributed.
    cut_s : float or None
        Length of every cut; None = as the program says.
    """

    part_change_s: float
    tool_change_s: float
    spin_up_s: float
    approach_s: float
    entry_s: float
    retract_s: float
    spin_down_s: float
    part_change_jitter_s: float
    cut_s: float | None


PACES = {
    Preset.SHOP: Pace(14.0, 3.0, 1.5, 1.2, 0.8, 0.6, 1.2, 6.0, None),
    Preset.DEMO: Pace(0.25, 0.2, 0.25, 0.1, 0.12, 0.08, 0.12, 0.08, 1.85),
}


@dataclass(frozen=True, slots=True)
class Job:
    """One NC program in one material; ``cuts`` in the order of machining."""

    program: str
    material: Material
    cuts: tuple[Cut, ...]

    def at(self, preset: Preset) -> Job:
        """Shorten to its first and its last cut for the demo."""
        if preset is Preset.SHOP:
            return self
        return Job(self.program, self.material, (self.cuts[0], self.cuts[-1]))


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the program in which speed and engagement each follow one straight line.

    Parameters
    ----------
    start_s, end_s : float
        Since the start of the simulation.
    section : str
        As the controller reports it.
    tool : Tool
        In the spindle, or on its way into it.
    program : str
        The job's.
    cut : Cut or None
        What the tool does when engaged; None where it cannot touch the part.
    rpm_command : float
        What the controller reports.
    feed_mm_min : float
        What the controller reports.
    rpm_from, rpm_to, engaged_from, engaged_to : float
        Actual speed, and share of the cut's width that is engaged (0 to 1), at both ends.
    hardness, runout : float
        Factors of this cut on the material's resistance and on the tool's run-out.
    """

    start_s: float
    end_s: float
    section: str
    tool: Tool
    program: str
    cut: Cut | None
    rpm_command: float
    feed_mm_min: float
    rpm_from: float
    rpm_to: float
    engaged_from: float
    engaged_to: float
    hardness: float
    runout: float

    @property
    def cutting(self) -> bool:
        """Whether the controller reports cutting: from the first touch to the end of the feed motion."""
        return self.section == "entry" or self.section in CUTTING_SECTIONS


# Handbook cutting data: cutting speeds of 160-260 m/min in steel, 400-800 m/min in aluminium (coated carbide).
JOBS = (
    Job(
        "O1001",
        STEEL,
        (
            Cut(Tool("T1", 50.0, 5, 8.0, 0.012), "rough", 1500.0, 0.14, 3.0, 38.0, 38.0),
            Cut(Tool("T2", 20.0, 4, 35.0, 0.008), "rough", 3000.0, 0.09, 8.0, 6.0, 42.0),
            Cut(Tool("T2", 20.0, 4, 35.0, 0.008), "finish", 3600.0, 0.07, 8.0, 0.8, 28.0),
            Cut(Tool("T3", 12.0, 4, 38.0, 0.005), "finish", 5400.0, 0.06, 10.0, 0.8, 30.0),
        ),
    ),
    Job(
        "O1002",
        ALUMINIUM,
        (
            Cut(Tool("T4", 40.0, 3, 20.0, 0.010), "rough", 5100.0, 0.18, 4.0, 28.0, 30.0),
            Cut(Tool("T5", 16.0, 3, 40.0, 0.006), "rough", 7200.0, 0.12, 10.0, 6.0, 36.0),
            Cut(Tool("T6", 16.0, 2, 30.0, 0.006), "finish", 7800.0, 0.10, 12.0, 1.0, 32.0),
        ),
    ),
    Job(
        "O1003",
        STEEL,
        (
            Cut(Tool("T1", 63.0, 6, 6.0, 0.014), "rough", 1260.0, 0.15, 2.5, 45.0, 44.0),
            Cut(Tool("T7", 25.0, 3, 12.0, 0.010), "rough", 2700.0, 0.12, 4.0, 16.0, 40.0),
            Cut(Tool("T8", 16.0, 6, 42.0, 0.004), "finish", 4200.0, 0.05, 12.0, 0.7, 34.0),
        ),
    ),
    Job(
        "O1004",
        STEEL,
        (
            Cut(Tool("T7", 32.0, 4, 10.0, 0.011), "rough", 2100.0, 0.13, 3.5, 24.0, 40.0),
            Cut(Tool("T2", 20.0, 4, 35.0, 0.008), "finish", 3300.0, 0.08, 9.0, 1.0, 30.0),
            Cut(Tool("T9", 10.0, 3, 35.0, 0.005), "finish", 6000.0, 0.06, 9.0, 0.8, 30.0),
        ),
    ),
)


def timeline(job: Job, pace: Pace, rng: np.random.Generator, first_wait_s: float = 0.0) -> Iterator[Phase]:
    """Yield the program's phases one after the other, for ever.

    Parameters
    ----------
    job : Job
        Already shortened to the preset (`Job.at`).
    pace : Pace
        Lengths of the phases.
    rng : numpy.random.Generator
        Drawn in a fixed order, so equal seeds give equal timelines.
    first_wait_s : float
        How much longer the first part change takes, so that spindles do not march in step.

    Yields
    ------
    Phase
        Contiguous: each begins where the one before ended. Boundaries are whole milliseconds.
    """
    at_ms, rpm, engaged = 0, 0.0, 0.0
    for part in count():
        for index, cut in enumerate(job.cuts):
            hardness = 1.0 + _HARDNESS_RANGE * rng.uniform(-1.0, 1.0)
            runout = 1.0 + _RUNOUT_RANGE * rng.uniform(-1.0, 1.0)
            wait_s = pace.part_change_s + pace.part_change_jitter_s * rng.random()
            wait_s += 0.0 if part else first_wait_s
            for step in _steps(job.cuts, index, pace, wait_s):
                end_ms = at_ms + round(1000 * step.length_s)
                yield Phase(
                    start_s=at_ms / 1000,
                    end_s=end_ms / 1000,
                    section=step.section,
                    tool=step.tool,
                    program=job.program,
                    cut=cut if max(engaged, step.engaged_to) > 0.0 else None,
                    rpm_command=step.rpm_to,
                    feed_mm_min=step.feed_mm_min,
                    rpm_from=rpm,
                    rpm_to=step.rpm_to,
                    engaged_from=engaged,
                    engaged_to=step.engaged_to,
                    hardness=hardness,
                    runout=runout,
                )
                at_ms, rpm, engaged = end_ms, step.rpm_to, step.engaged_to


class _Step(NamedTuple):
    """A phase before it has a place in time."""

    section: str
    length_s: float
    tool: Tool
    rpm_to: float = 0.0
    feed_mm_min: float = 0.0
    engaged_to: float = 0.0


def _steps(cuts: tuple[Cut, ...], index: int, pace: Pace, wait_s: float) -> Iterator[_Step]:
    """List what one cut needs, from fetching its tool to the standstill after it."""
    cut, before, after = cuts[index], cuts[index - 1], cuts[(index + 1) % len(cuts)]
    first, last = index == 0, index == len(cuts) - 1
    tool, rpm = cut.tool, cut.rpm
    if first:
        yield _Step("part_change", wait_s, before.tool)
    if first or before.tool != tool:
        yield _Step("tool_change", pace.tool_change_s, tool)
    if first or before.tool != tool or before.rpm != rpm:
        yield _Step("spin_up", pace.spin_up_s, tool, rpm)
    yield _Step("approach", pace.approach_s, tool, rpm, RAPID_MM_MIN)
    yield _Step("entry", pace.entry_s, tool, rpm, cut.feed_mm_min, 1.0)
    yield _Step(cut.section, pace.cut_s or cut.length_s, tool, rpm, cut.feed_mm_min, 1.0)
    yield _Step("retract", pace.retract_s, tool, rpm, RAPID_MM_MIN)
    if last or after.tool != tool:
        yield _Step("spin_down", pace.spin_down_s, tool)
