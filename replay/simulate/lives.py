"""Lives of tools: plans in which nothing happens but wear, and when each edge was at its limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from replay.simulate.cutting import WearResponse
from replay.simulate.faults import FaultKind
from replay.simulate.jobs import draw_cut, draw_material, draw_tool
from replay.simulate.plan import ShopPlan, generator, spindle_timeline
from replay.simulate.program import Job, Pace, Phase, Preset
from replay.simulate.wear import ToolLife

_SPINDLE = "M1"
# One second in the air between cuts, and a quick hand at the part: what a wear test in a shop looks like.
_PACE = Pace(2.0, 1.0, 0.8, 0.7, 0.25, 0.3, 0.6, 0.8, None)
_CUTS_PER_PART = 4
_CUT_S = (2.0, 4.0)
_N_CUTS = (40, 80)
_UNTIL = 1.15  # used so far beyond its limit that a late recommendation is still seen to be late
_RESPONSE_SPREAD = 0.15  # from one edge to the next: coating, grind and seat differ


@dataclass(frozen=True, slots=True)
class Lived:
    """What became of one edge.

    Parameters
    ----------
    spindle, tool, edge : str
        Which.
    start_s : float
        First touch, seconds since the start of the simulation.
    limit_s : float or None
        When wear reached 1.0, within a cut; None = not yet.
    end_s : float or None
        When it was exchanged; None = still in use.
    cutting_s : float
        What it had cut by then: at its limit, or so far.
    n_cuts : int
        Cuts begun by then.
    limited : bool
        False: the shop exchanges it long before its limit, as a healthy one does.
    """

    spindle: str
    tool: str
    edge: str
    start_s: float
    limit_s: float | None
    end_s: float | None
    cutting_s: float
    n_cuts: int
    limited: bool

    @property
    def note(self) -> str:
        """What a label says about it: ``key=value`` words.

        Examples
        --------
        >>> Lived("M1", "T2", "T2#3", 10.0, 200.0, 230.0, 120.25, 52, True).note
        'tool=T2 edge=T2#3 cutting_s=120.250 n_cuts=52'
        """
        return f"tool={self.tool} edge={self.edge} cutting_s={self.cutting_s:.3f} n_cuts={self.n_cuts}"


def tool_life_plan(seed: int, n_lives: int) -> ShopPlan:
    """Plan the lives of several edges of one tool that nobody has seen before, on one spindle.

    Parameters
    ----------
    seed : int
        Draws tool (diameter, teeth, helix, run-out), material, engagement, speed and feed, one or two sections, and
        of each edge the life, the curve of its wear and how forces and noise answer to it.
    n_lives : int
        Edges, 1 upwards. After the last, the first one's life comes again: run the plan for `lives_end_s`.

    Returns
    -------
    ShopPlan
        Without faults: wear is in ``lives``, its labels come with the recording (`write.simulate`). Cuts take 2 to
        4 s with 1 s in the air between them; a life is 40 to 80 cuts.

    Notes
    -----
    Real lives last 15 to 60 minutes of cutting. These are as rich in cuts, not in seconds; what counts time in
    minutes (thermal drift above all) sees less of them than in a shop.
    """
    rng = generator(ShopPlan((_SPINDLE,), Preset.SHOP, seed), 0, "lives")
    tool = draw_tool(rng, f"T{rng.integers(1, 100)}")
    material, speed_m_min = draw_material(rng)
    sections = ("rough", "finish") if rng.random() < 0.3 else (("rough", "finish")[rng.integers(2)],)
    cuts = [
        draw_cut(rng, tool, section, material, speed_m_min, float(rng.uniform(*_CUT_S)))
        for section in sections
    ]
    each = _CUTS_PER_PART // len(cuts)
    job = Job(f"O{rng.integers(2000, 9000)}", material, tuple(cut for cut in cuts for _ in range(each)))
    cut_s = float(np.mean([cut.length_s for cut in job.cuts])) + _PACE.entry_s
    lives = tuple(
        draw_life(rng, _SPINDLE, tool.name, float(rng.integers(*_N_CUTS) * cut_s), _UNTIL)
        for _ in range(n_lives)
    )
    return ShopPlan((_SPINDLE,), Preset.SHOP, seed, jobs=(job,), pace=_PACE, lives=lives)


def draw_life(rng: np.random.Generator, spindle: str, tool: str, life_s: float, until: float) -> ToolLife:
    """Draw how an edge wears: the three phases within what curves in textbooks show, responses within 15 %."""
    typical = WearResponse()
    spread = rng.uniform(1.0 - _RESPONSE_SPREAD, 1.0 + _RESPONSE_SPREAD, 3)
    return ToolLife(
        spindle,
        tool,
        life_s,
        until,
        running_in=float(rng.uniform(0.08, 0.2)),
        running_in_share=float(rng.uniform(0.03, 0.08)),
        final=float(rng.uniform(0.2, 0.45)),
        suddenness=float(rng.uniform(5.0, 9.0)),
        response=WearResponse(
            typical.shear * float(spread[0]),
            typical.edge * float(spread[1]),
            typical.noise * float(spread[2]),
        ),
    )


def lives_end_s(plan: ShopPlan) -> float:
    """Length of a simulation in which every planned life is over: when the edge after the last is fetched.

    Parameters
    ----------
    plan : ShopPlan
        With ``lives``, of tools that its jobs use.
    """
    return max(
        _exchanged_s(plan, index, tool, sum(life.tool == tool for life in own))
        for index, spindle in enumerate(plan.spindles)
        if (own := [life for life in plan.lives if life.spindle == spindle])
        for tool in {life.tool for life in own}
    )


def lived(plan: ShopPlan, duration_s: float) -> tuple[Lived, ...]:
    """Say what becomes of every edge that has a life, up to ``duration_s``.

    Parameters
    ----------
    plan : ShopPlan
        Wear that is a planned fault has no life and is not included.
    duration_s : float
        Of the simulation.

    Returns
    -------
    tuple[Lived, ...]
        By spindle, then in order of first touch.
    """
    found: list[Lived] = []
    for index, spindle in enumerate(plan.spindles):
        tools = {life.tool for life in plan.lives if life.spindle == spindle}
        if tools:
            found.extend(_edges(spindle, tools, _until(plan, index, duration_s)))
    return tuple(found)


def worn_faults(plan: ShopPlan, duration_s: float) -> Iterator[tuple[str, float, str]]:
    """Yield spindle, time and note of each planned wear fault that reaches 1.0 in time."""
    for fault in plan.faults:
        if fault.fault is not FaultKind.TOOL_WEAR or fault.severity < 1.0:
            continue
        limit_s = fault.start_s + (fault.end_s - fault.start_s) / fault.severity
        if limit_s > duration_s:
            continue
        edge = ""
        for phase in _until(plan, plan.spindles.index(fault.spindle), limit_s):
            edge = phase.edge.name if fault.tool in ("", phase.tool.name) else edge
        yield fault.spindle, limit_s, f"tool={edge.partition('#')[0]} edge={edge}"


def _until(plan: ShopPlan, index: int, to_s: float) -> Iterator[Phase]:
    for phase in spindle_timeline(plan, index):
        if phase.start_s >= to_s:
            return
        yield phase


def _exchanged_s(plan: ShopPlan, index: int, tool: str, n_lives: int) -> float:
    """When the spindle takes the edge after the last life of a tool."""
    return next(
        phase.end_s for phase in spindle_timeline(plan, index) if phase.edge.name == f"{tool}#{n_lives + 1}"
    )


def _edges(spindle: str, tools: set[str], phases: Iterator[Phase]) -> Iterator[Lived]:
    """Follow the edges of one spindle."""
    used: dict[str, Lived] = {}
    for phase in phases:
        edge, tool = phase.edge, phase.tool.name
        if tool not in tools:
            continue
        now = used.get(tool)
        if now is not None and now.edge != edge.name:
            yield replace(used.pop(tool), end_s=phase.start_s)
            now = None
        if not phase.cutting:
            continue
        now = now or Lived(spindle, tool, edge.name, phase.start_s, None, None, 0.0, 0, edge.limited)
        used[tool] = now if now.limit_s is not None else _worn(now, phase)
    yield from used.values()


def _worn(now: Lived, phase: Phase) -> Lived:
    """Go on with one cut; it may be the one in which the limit is reached."""
    edge, length_s = phase.edge, phase.end_s - phase.start_s
    limit_s, left_s = None, 0.0
    if edge.wear_to >= 1.0:
        share = (1.0 - edge.wear_from) / (edge.wear_to - edge.wear_from)
        limit_s, left_s = round(phase.start_s + share * length_s, 3), (1.0 - share) * length_s
    return replace(now, limit_s=limit_s, cutting_s=edge.cutting_s - left_s, n_cuts=edge.n_cuts)
