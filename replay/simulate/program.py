"""What the simulated machines make: tools, cuts, and the NC program that repeats them.

A program is a list of cuts. The timeline turns it into phases (part change, tool change, spin-up, approach, entry,
the cut itself, retract, spin-down), one after the other, for ever. Speed and engagement change linearly within a
phase and never jump, as drives and geometry have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from replay.simulate.cutting import Cut, Material, Tool
from replay.simulate.wear import Edge, Edges

RAPID_MM_MIN = 20_000.0
CUTTING_SECTIONS = ("rough", "finish")
WET_SECTIONS = ("approach", "entry", *CUTTING_SECTIONS, "retract")  # where programs ask for coolant

# How far the work material's resistance departs from its mean, from cut to cut: a few percent within one lot.
_HARDNESS_RANGE = 0.03
# A holder never seats twice in the same way: how far run-out departs from its mean, from one clamping to the next.
_RUNOUT_RANGE = 0.12


def kind_of(section: str) -> str:
    """Tell what kind of section it is: ``rough`` of ``rough 2``, the second cut of a program that counts them."""
    return section.partition(" ")[0]


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
class Part:
    """One workpiece: a job, and what is different about it this time.

    Parameters
    ----------
    job : Job
        Already shortened to the preset (`Job.at`).
    speed, feed : float
        Overrides set at the panel: factors on the spindle speed and on the feed rate.
    hardness : float
        Factor of its lot of material on the resistance.
    wait_s : float
        So much longer does it take until the part is there.
    coolant : bool
        Whether it is cut wet.
    """

    job: Job
    speed: float = 1.0
    feed: float = 1.0
    hardness: float = 1.0
    wait_s: float = 0.0
    coolant: bool = True

    def cuts(self) -> tuple[Cut, ...]:
        """Return the job's cuts at these overrides."""
        if self.speed == self.feed == 1.0:
            return self.job.cuts
        return tuple(
            replace(
                cut,
                rpm=cut.rpm * self.speed,
                chip_mm=cut.chip_mm * self.feed / self.speed,
                length_s=cut.length_s / self.feed,
            )
            for cut in self.job.cuts
        )


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
    material : Material
        Of the part.
    edge : Edge
        Of the tool.
    coolant : bool
        Whether it flows if the program asks for it.
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
    material: Material
    edge: Edge
    coolant: bool

    @property
    def cutting(self) -> bool:
        """Whether the controller reports cutting: from the first touch to the end of the feed motion."""
        return kind_of(self.section) in ("entry", *CUTTING_SECTIONS)


def timeline(
    parts: Iterable[Part], pace: Pace, rng: np.random.Generator, edges: Edges, first_wait_s: float = 0.0
) -> Iterator[Phase]:
    """Yield the phases in which parts are made, one after the other.

    Parameters
    ----------
    parts : iterable of Part
        In order, usually without end.
    pace : Pace
        Lengths of the phases.
    rng : numpy.random.Generator
        Drawn in a fixed order, so equal seeds give equal timelines.
    edges : Edges
        Of the tools, as new.
    first_wait_s : float
        How much longer the first part change takes, so that spindles do not march in step.

    Yields
    ------
    Phase
        Contiguous: each begins where the one before ended. Boundaries are whole milliseconds.
    """
    at_ms, rpm, engaged, held = 0, 0.0, 0.0, None
    for number, part in enumerate(parts):
        cuts = part.cuts()
        for index, cut in enumerate(cuts):
            hardness = part.hardness * (1.0 + _HARDNESS_RANGE * rng.uniform(-1.0, 1.0))
            runout = 1.0 + _RUNOUT_RANGE * rng.uniform(-1.0, 1.0)
            wait_s = pace.part_change_s + pace.part_change_jitter_s * rng.random() + part.wait_s
            wait_s += 0.0 if number else first_wait_s
            for step in _steps(cuts, index, pace, wait_s, held or cuts[-1].tool):
                n_ms = round(1000 * step.length_s)
                touches = cut if max(engaged, step.engaged_to) > 0.0 else None
                if step.section == "tool_change":
                    edges.fetch(step.tool.name)
                cutting_s = n_ms / 1000 if step.engaged_to > 0.0 else 0.0
                yield Phase(
                    start_s=at_ms / 1000,
                    end_s=(at_ms + n_ms) / 1000,
                    section=step.section,
                    tool=step.tool,
                    program=part.job.program,
                    cut=touches,
                    rpm_command=step.rpm_to,
                    feed_mm_min=step.feed_mm_min,
                    rpm_from=rpm,
                    rpm_to=step.rpm_to,
                    engaged_from=engaged,
                    engaged_to=step.engaged_to,
                    hardness=hardness,
                    runout=runout,
                    material=part.job.material,
                    edge=edges.use(step.tool.name, cutting_s, first_touch=kind_of(step.section) == "entry"),
                    coolant=part.coolant,
                )
                at_ms, rpm, engaged = at_ms + n_ms, step.rpm_to, step.engaged_to
            held = cut.tool


class _Step(NamedTuple):
    """A phase before it has a place in time."""

    section: str
    length_s: float
    tool: Tool
    rpm_to: float = 0.0
    feed_mm_min: float = 0.0
    engaged_to: float = 0.0


def _steps(cuts: tuple[Cut, ...], index: int, pace: Pace, wait_s: float, held: Tool) -> Iterator[_Step]:
    """List what one cut needs, from fetching its tool to the standstill after it; ``held`` is in the spindle."""
    cut, before, after = cuts[index], cuts[index - 1], cuts[(index + 1) % len(cuts)]
    first, last = index == 0, index == len(cuts) - 1
    tool, rpm = cut.tool, cut.rpm
    if first:
        yield _Step("part_change", wait_s, held)
    if first or before.tool != tool:
        yield _Step("tool_change", pace.tool_change_s, tool)
    if first or before.tool != tool or before.rpm != rpm:
        yield _Step("spin_up", pace.spin_up_s, tool, rpm)
    yield _Step("approach", pace.approach_s, tool, rpm, RAPID_MM_MIN)
    yield _Step(
        f"entry{cut.section.removeprefix(kind_of(cut.section))}",
        pace.entry_s,
        tool,
        rpm,
        cut.feed_mm_min,
        1.0,
    )
    yield _Step(cut.section, pace.cut_s or cut.length_s, tool, rpm, cut.feed_mm_min, 1.0)
    yield _Step("retract", pace.retract_s, tool, rpm, RAPID_MM_MIN)
    if last or after.tool != tool:
        yield _Step("spin_down", pace.spin_down_s, tool)
