"""Recordings with faults for the bench: simulated spindles with their own, healthy recordings with injected ones.

A *batch* is a piece of work for one process: it writes its recordings to a scratch folder, replays them through
the flow and says what became of every fault. Everything in it is decided by its numbers, so any process gives
the same trials.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.config import Config
from engine.errors import UsageError
from replay.inject.judging import Outcome, joined, judged
from replay.inject.orders import BEARINGS, IN_THE_CUT, Injection, Order
from replay.inject.story import Story
from replay.inject.write import inject, story_of
from replay.recording import Recording
from replay.simulate import FaultKind, PlannedFault, Preset, ShopPlan, simulate
from replay.simulate.faults import FaultOrder
from replay.simulate.jobs import JOBS, draw_cut, draw_material, draw_tool
from replay.simulate.moments import cut_moments, place_fault
from replay.simulate.program import Job, Pace

# Cuts of ten seconds: shorter than most, so that a minute shows every tool.
_PACE = Pace(3.0, 2.0, 1.0, 1.0, 0.5, 0.5, 0.8, 2.0, 10.0)
_SPINDLES = ("M1", "M2", "M3", "M4")
_LEARNT_S = 150.0  # two parts or more: every cut's baseline is ready
_APART_S = 8.0  # from the end of one fault to the next: the alert has closed, learning goes on
_OWN = (
    FaultKind.TOOL_BREAKAGE,
    FaultKind.COLLISION,
    FaultKind.CHATTER,
    FaultKind.MISSING_TOOL,
    FaultKind.SENSOR_DROPOUT,
    FaultKind.SENSOR_FLAT_LINE,
)
_SENSOR_S, _SENSOR_SAMPLES = 6.0, 700  # as the plan of an injection has them
_SEEN_S = 3.0  # so much of its cut is left when a fault begins: what must be found in a second can be
_IMBALANCE_S = 10.0  # it is told by a line that has to be known from before
_LASTING_S = 60.0  # faults of the spindle are watched for so long
_FROM, _TO = (
    0.4,
    0.7,
)  # shares of a recording between which a fault begins: learnt before, something left behind
_STEADY_S, _LEFT_S = 1.0, 1.5  # a cut so old, with so much still to come
_N_DRAWS = 100
_AT_ONCE = 4  # copies in one flow: memory, and a start of the flow is shared


@dataclass(frozen=True, slots=True)
class SimulatedBatch:
    """Four simulated spindles, each with a row of the simulator's own faults, at one severity.

    Parameters
    ----------
    seed : int
        Draws faults; and, if odd, jobs, tools and materials that nobody has seen before.
    severity : float
        1.0 = clearly visible to a machinist.
    n_each : int
        Faults of each kind, over all four.
    """

    seed: int
    severity: float
    n_each: int

    def run(self, config: Config) -> Outcome:
        """Simulate, replay and judge."""
        plan, duration_s = self.plan()
        with tempfile.TemporaryDirectory(prefix="spindlewatch-bench-") as folder:
            paths = simulate(plan, duration_s, Path(folder))
            return judged("simulated", f"seed {self.seed}", self.severity, paths, config)

    def plan(self) -> tuple[ShopPlan, float]:
        """What happens, and for how long."""
        plan = _healthy_plan(self.seed)
        faults: list[PlannedFault] = []
        for index, spindle in enumerate(plan.spindles):
            faults += self._row(plan, spindle, (_OWN * self.n_each)[index :: len(_SPINDLES)])
        duration_s = float(np.ceil(max(fault.end_s for fault in faults) + _APART_S))
        return replace(plan, faults=tuple(sorted(faults, key=lambda fault: fault.start_s))), duration_s

    def _row(self, plan: ShopPlan, spindle: str, kinds: Sequence[FaultKind]) -> Iterator[PlannedFault]:
        rng = np.random.default_rng((self.seed, *spindle.encode()))
        moments, at_s = cut_moments(plan, spindle), _LEARNT_S
        for kind in kinds:
            at_s += float(rng.uniform(0.0, 8.0))
            roomy = (moment for moment in moments if moment.phase.end_s - _SEEN_S >= at_s)
            order = FaultOrder(kind, at_s, None, spindle, self.severity)
            fault = place_fault(plan, order, roomy, least_seen=1)
            yield fault
            at_s = fault.end_s + _APART_S


@dataclass(frozen=True, slots=True)
class InjectedBatch:
    """Copies of one healthy recording, each with one injected fault, at one severity.

    Parameters
    ----------
    source : str
        Kind of recording, for the record.
    path : Path
        Of the healthy recording.
    kinds : tuple[Injection, ...]
        What to inject.
    severity : float
        1.0 = moderate.
    n_each : int
        Copies for each kind.
    seed : int
        Draws onsets, and what is random in a fault.
    """

    source: str
    path: Path
    kinds: tuple[Injection, ...]
    severity: float
    n_each: int
    seed: int

    def run(self, config: Config) -> Outcome:
        """Inject, replay and judge."""
        recording = Recording.open(self.path)
        story, _ = story_of(recording)
        found: list[Outcome] = []
        refused: list[str] = []
        with tempfile.TemporaryDirectory(prefix="spindlewatch-bench-") as folder:
            waiting: list[Path] = []
            for number, order in enumerate(self._orders(recording, story)):
                dest = Path(folder) / f"{number}"
                senseless = _senseless(order, recording, story)
                if senseless:
                    refused.append(f"{self.path.name}: {senseless}")
                    continue
                try:
                    inject(
                        self.path,
                        dest,
                        [order],
                        seed=self.seed + number,
                        spindle=f"{recording.spindle.name}#{number}",
                    )
                except UsageError as error:
                    refused.append(f"{self.path.name}: {error}")
                    continue
                waiting.append(dest)
                if len(waiting) == _AT_ONCE:
                    found.append(judged(self.source, self.path.name, self.severity, waiting, config))
                    waiting = []
            if waiting:
                found.append(judged(self.source, self.path.name, self.severity, waiting, config))
        return joined([*found, Outcome((), (), tuple(dict.fromkeys(refused)))])

    def _orders(self, recording: Recording, story: Story) -> Iterator[Order]:
        for index, kind in enumerate(self.kinds):
            rng = np.random.default_rng((self.seed, index))
            for _ in range(self.n_each):
                start_s = _onset_s(kind, recording, story, rng)
                lasting = kind in BEARINGS or kind is Injection.IMBALANCE
                end_s = start_s + max(_LASTING_S, 0.1 * recording.duration_s)
                yield Order(
                    kind, start_s, min(end_s, recording.duration_s) if lasting else None, self.severity
                )


Batch = SimulatedBatch | InjectedBatch


def healthy_simulation(seed: int, dest: Path, duration_s: float = 200.0) -> list[Path]:
    """Write recordings of simulated spindles without faults, to inject into."""
    return simulate(_healthy_plan(seed), duration_s, dest)


def _senseless(order: Order, recording: Recording, story: Story) -> str:
    """Say why a fault makes no trial in a recording that could carry it; empty if it makes one."""
    if order.kind in IN_THE_CUT and not story.knows_cuts:
        return f"{order.kind} needs cuts, and no context says that anything cuts"
    group = recording.spindle.groups[0]
    brief = order.kind in (Injection.COLLISION, Injection.IMBALANCE) or order.kind.startswith("sensor")
    if brief and group.duty_cycle is not None:
        return f"{order.kind} is not to be seen in the short bursts of a sensor that sleeps"
    if order.kind is Injection.IMBALANCE and order.start_s + _IMBALANCE_S > recording.duration_s:
        return f"{order.kind} needs {_IMBALANCE_S:g} s, the recording ends before"
    if order.kind.startswith("sensor"):
        long_s = _SENSOR_SAMPLES / group.sample_rate_hz if group.kind == "scalar" else _SENSOR_S
        if order.start_s + long_s + _LEFT_S > recording.duration_s:
            return f"{order.kind} needs {long_s:g} s and what follows, the recording ends before"
    return ""


def _onset_s(kind: Injection, recording: Recording, story: Story, rng: np.random.Generator) -> float:
    """Draw an onset: in a steady cut for what needs one; else while the spindle turns, if that is known."""
    low_s, high_s = _FROM * recording.duration_s, _TO * recording.duration_s
    if kind in IN_THE_CUT or kind is Injection.COLLISION:
        spans = [
            (max(cut.start_s + _STEADY_S, low_s), cut.end_s - _LEFT_S)
            for cut in story.cuts()
            if cut.end_s - _LEFT_S > max(cut.start_s + _STEADY_S, low_s) and cut.start_s < high_s
        ]
        if spans:
            from_s, to_s = spans[rng.integers(len(spans))]
            # A missing tool is missing from the first touch on: ask for the cut that is meant.
            return round(
                from_s - 2.0 * _STEADY_S
                if kind is Injection.MISSING_TOOL
                else float(rng.uniform(from_s, to_s)),
                3,
            )
    for _ in range(_N_DRAWS):
        start_s = round(float(rng.uniform(low_s, high_s)), 3)
        if story.rev_hz(np.array([start_s]))[0] > 0.0:
            break
    return start_s


def _healthy_plan(seed: int) -> ShopPlan:
    """Four spindles with the usual jobs if the seed is even; if it is odd, with drawn ones."""
    jobs = JOBS if seed % 2 == 0 else _drawn_jobs(seed)
    return ShopPlan(_SPINDLES, Preset.SHOP, seed, jobs=jobs, pace=_PACE)


def _drawn_jobs(seed: int) -> tuple[Job, ...]:
    """Four programs of three cuts each, in drawn materials with drawn tools."""
    rng = np.random.default_rng((seed, 77))
    jobs = []
    for number in range(len(_SPINDLES)):
        material, speed_m_min = draw_material(rng)
        tools = [draw_tool(rng, f"T{number}{at}") for at in range(3)]
        sections = ("rough", "rough", "finish")
        cuts = tuple(
            draw_cut(rng, tool, section, material, speed_m_min, 10.0)
            for tool, section in zip(tools, sections, strict=True)
        )
        jobs.append(Job(f"O{3000 + number}", material, cuts))
    return tuple(jobs)
