"""Which spindles run, at which rates, and what goes wrong when: the simulator's whole input.

A plan is data: the same plan gives the same samples, bit for bit, on one version of NumPy and SciPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, repeat

import numpy as np

from engine.errors import UsageError
from replay.simulate.faults import PlannedFault
from replay.simulate.jobs import JOBS
from replay.simulate.program import PACES, Job, Pace, Part, Phase, Preset, timeline
from replay.simulate.variety import Variety, varied_parts
from replay.simulate.wear import Edges, ToolLife

BLOCK_S = 0.05

_STAGGER_S = 0.37  # between the first parts of neighbouring spindles


@dataclass(frozen=True, slots=True)
class ShopPlan:
    """Everything that decides what a simulated shop does.

    Parameters
    ----------
    spindles : tuple[str, ...]
        Names, unique.
    preset : Preset
        Realistic or compressed phases.
    seed : int
        0 upwards.
    faults : tuple[PlannedFault, ...]
        In order of their start; never two at once on one spindle.
    recur_s : float or None
        If given, faults recur without end, about so many seconds apart, beginning after about 30 s; they come in
        addition to ``faults`` and may not be combined with them.
    vib_rate_hz, current_rate_hz : float
        Samples per second; whole samples per block of 0.05 s.
    jobs : tuple[Job, ...]
        What is made: by the first spindle the first, and so on, over and over. With ``variety``, every spindle makes
        all of them, beginning there.
    pace : Pace or None
        Lengths of the phases; None = the preset's.
    lives : tuple[ToolLife, ...]
        How the edges of tools wear, each tool's in the order of use (`wear.Edges`); other tools stay sharp.
    variety : Variety or None
        What differs from hour to hour without being a fault; None = nothing does.

    Raises
    ------
    UsageError
        If something is impossible; says what.
    """

    spindles: tuple[str, ...]
    preset: Preset = Preset.SHOP
    seed: int = 0
    faults: tuple[PlannedFault, ...] = ()
    recur_s: float | None = None
    vib_rate_hz: float = 12_800.0
    current_rate_hz: float = 2_000.0
    jobs: tuple[Job, ...] = JOBS
    pace: Pace | None = None
    lives: tuple[ToolLife, ...] = ()
    variety: Variety | None = None

    def __post_init__(self) -> None:
        if not self.spindles or len(set(self.spindles)) < len(self.spindles):
            raise UsageError(
                f"a shop needs spindles of different names, got {', '.join(self.spindles) or 'none'}"
            )
        if self.seed < 0:
            raise UsageError(f"the seed must be 0 or more, got {self.seed}")
        for what, rate_hz, least_hz in (
            ("vibration", self.vib_rate_hz, 10_000.0),
            ("current", self.current_rate_hz, 500.0),
        ):
            if rate_hz < least_hz or not (rate_hz * BLOCK_S).is_integer():
                raise UsageError(
                    f"the {what} rate must be a multiple of {1 / BLOCK_S:g} Hz and at least {least_hz:g} Hz, "
                    f"got {rate_hz:g} Hz"
                )
        if self.recur_s is not None and self.faults:
            raise UsageError("a plan has either its own faults or recurring ones, got both")
        if not self.jobs:
            raise UsageError("a shop needs something to make, got no jobs")
        self._check_faults()

    def _check_faults(self) -> None:
        for fault in self.faults:
            if fault.spindle not in self.spindles:
                raise UsageError(
                    f"{fault.fault}: no spindle {fault.spindle!r}, wanted one of {', '.join(self.spindles)}"
                )
        for spindle in self.spindles:
            own = sorted((f for f in self.faults if f.spindle == spindle), key=lambda f: f.start_s)
            for one, other in pairwise(own):
                if other.start_s < one.end_s:
                    raise UsageError(
                        f"{spindle}: {other.fault} at {other.start_s:g} s begins before {one.fault} ends at "
                        f"{one.end_s:g} s; only one fault at a time on a spindle"
                    )


def generator(plan: ShopPlan, index: int, purpose: str) -> np.random.Generator:
    """Random numbers of one spindle for one purpose; purposes do not disturb each other.

    Parameters
    ----------
    plan : ShopPlan
        Gives the seed.
    index : int
        Of the spindle.
    purpose : str
        Any word.

    Returns
    -------
    numpy.random.Generator
        The same for the same arguments.
    """
    key = (index, *purpose.encode())
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(plan.seed, spawn_key=key)))


def spindle_timeline(plan: ShopPlan, index: int) -> Iterator[Phase]:
    """Yield what spindle number ``index`` does, phase by phase, for ever."""
    first = index % len(plan.jobs)
    jobs = [job.at(plan.preset) for job in (*plan.jobs[first:], *plan.jobs[:first])]
    lives = [life for life in plan.lives if life.spindle == plan.spindles[index]]
    pace = plan.pace or PACES[plan.preset]
    parts: Iterator[Part] = repeat(Part(jobs[0]))
    if plan.variety is not None:
        parts = varied_parts(plan.variety, jobs, pace, generator(plan, index, "variety"))
    return timeline(parts, pace, generator(plan, index, "program"), Edges(lives), index * _STAGGER_S)
