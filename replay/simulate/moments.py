"""When a fault can strike: in a steady cut, at a moment that the program provides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.errors import UsageError
from replay.simulate.faults import LASTING, NEEDS_CUT, FaultKind, FaultOrder, PlannedFault, parse_fault
from replay.simulate.plan import ShopPlan, spindle_timeline
from replay.simulate.program import CUTTING_SECTIONS, Phase, Preset, kind_of

_SETTLED_S = 0.55  # a cut so old is steady: longer than the engine's settling time and window
_REMAINING_S = 0.6  # so much of the cut is left to see a fault in
_LASTING_S = {Preset.DEMO: 60.0, Preset.SHOP: 1200.0}  # how long faults last that outlast a part
_BRIEF_S = 3.0  # a collision and what follows it; sensor trouble


@dataclass(frozen=True, slots=True)
class CutMoment:
    """A cut in which a fault could begin.

    Parameters
    ----------
    phase : Phase
        The section, without entry and exit.
    entry_s : float
        When the tool should first touch the part.
    n_seen : int
        How often this tool has finished this section before.
    change_s : float
        When the tool next leaves the spindle, or the part the machine.
    """

    phase: Phase
    entry_s: float
    n_seen: int
    change_s: float


def cut_moments(plan: ShopPlan, spindle: str) -> Iterator[CutMoment]:
    """Yield the cuts of a spindle in order of time, for ever."""
    seen: dict[tuple[str, str], int] = {}
    waiting: list[tuple[Phase, float]] = []
    entry_s = 0.0
    for phase in spindle_timeline(plan, plan.spindles.index(spindle)):
        if kind_of(phase.section) == "entry":
            entry_s = phase.start_s
        if kind_of(phase.section) in CUTTING_SECTIONS:
            waiting.append((phase, entry_s))
        if phase.section not in ("tool_change", "part_change"):
            continue
        for cut, touched_s in waiting:
            key = (cut.tool.name, cut.section)
            yield CutMoment(cut, touched_s, seen.get(key, 0), phase.start_s)
            seen[key] = seen.get(key, 0) + 1
        waiting.clear()


def place_fault(
    plan: ShopPlan, order: FaultOrder, moments: Iterator[CutMoment], least_seen: int = 0, delay_s: float = 0.0
) -> PlannedFault:
    """Fix when a fault begins and ends: at the first moment in a steady cut, until what ends it.

    Parameters
    ----------
    plan : ShopPlan
        Gives the preset.
    order : FaultOrder
        What was asked for.
    moments : iterator of CutMoment
        Of the spindle; consumed up to the chosen one.
    least_seen : int
        The section must have been finished so often.
    delay_s : float
        Begin so much later within the cut, if it is long enough.

    Returns
    -------
    PlannedFault
        Starts not before ``order.at_s``, in a cut that goes on for a while; a missing tool at the moment of its first
        touch. A broken or missing tool ends with the next tool or part change, chatter with its cut, the others
        after their usual time; or all at ``order.until_s``.

    Raises
    ------
    UsageError
        If there is no steady cut before ``order.until_s``.
    """
    missing = order.fault is FaultKind.MISSING_TOOL
    moment = next(
        m for m in moments if (m.entry_s if missing else _latest(m)) >= order.at_s and m.n_seen >= least_seen
    )
    cut = moment.phase
    start_s = round(min(max(cut.start_s + _SETTLED_S, order.at_s) + delay_s, _latest(moment)), 3)
    start_s = moment.entry_s if missing else start_s
    if order.until_s is not None and order.until_s <= start_s:
        raise UsageError(
            f"{order.fault} on {order.spindle}: no steady cut between {order.at_s:g} and {order.until_s:g} s, "
            f"the next one is at {start_s:g} s"
        )
    ends_with = {
        FaultKind.TOOL_BREAKAGE: moment.change_s,
        FaultKind.MISSING_TOOL: moment.change_s,
        FaultKind.CHATTER: cut.end_s,
    }
    end_s = order.until_s or ends_with.get(order.fault, start_s + _usual_s(plan, order.fault))
    return PlannedFault(
        spindle=order.spindle,
        fault=order.fault,
        start_s=start_s,
        end_s=round(end_s, 3),
        severity=order.severity,
        note=f"severity {order.severity:g}, tool {cut.tool.name}, section {cut.section}",
        tool=cut.tool.name if order.fault is FaultKind.TOOL_WEAR else "",
    )


def order_faults(plan: ShopPlan, texts: Sequence[str]) -> ShopPlan:
    """Add faults given as on the command line.

    Parameters
    ----------
    plan : ShopPlan
        Without recurring faults.
    texts : sequence of str
        Each as `parse_fault` reads it. A fault that needs a cut begins with the first steady cut after its START;
        sensor and bearing faults and imbalance begin at START.

    Returns
    -------
    ShopPlan
        With these faults too.

    Raises
    ------
    UsageError
        Unreadable text, unknown spindle, no cut in the time given, or two faults at once on one spindle.
    """
    placed = list(plan.faults)
    for text in texts:
        order = parse_fault(text)
        if order.spindle not in plan.spindles:
            raise UsageError(
                f"--fault {text!r}: no spindle {order.spindle!r}, wanted one of {', '.join(plan.spindles)}"
            )
        if order.fault in NEEDS_CUT:
            placed.append(place_fault(plan, order, cut_moments(plan, order.spindle)))
        else:
            end_s = order.until_s or order.at_s + _usual_s(plan, order.fault)
            note = f"severity {order.severity:g}"
            placed.append(PlannedFault(order.spindle, order.fault, order.at_s, end_s, order.severity, note))
    return replace(plan, faults=tuple(sorted(placed, key=lambda fault: fault.start_s)))


def _latest(moment: CutMoment) -> float:
    """Latest start of a fault that leaves something to see of it."""
    return moment.phase.end_s - _REMAINING_S


def _usual_s(plan: ShopPlan, fault: FaultKind) -> float:
    return _LASTING_S[plan.preset] if fault in LASTING else _BRIEF_S
