"""Simulated recordings: a folder per spindle, labels included, the same bytes for the same plan."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path

from engine.errors import UsageError
from engine.records import Block
from replay.recording import Fault, RecordingWriter
from replay.simulate.faults import FaultKind
from replay.simulate.lives import lived, worn_faults
from replay.simulate.plan import ShopPlan
from replay.simulate.scenario import recurring_faults
from replay.simulate.shop import Shop

START_NS = 1_767_592_800_000_000_000  # 2026-01-05 06:00 UTC, a Monday's early shift
WEAR_LIMIT = "wear_limit"
"""Label that begins when wear reaches 1.0; its note names tool and edge (`lives.Lived.note`)."""
_STEP_S = 1.0
_SOURCE = "spindlewatch simulator"
_LICENCE = "CC0-1.0"


def simulate(
    plan: ShopPlan, duration_s: float, dest: Path, on_progress: Callable[[float], None] | None = None
) -> list[Path]:
    """Write one recording per spindle, with labels.

    Parameters
    ----------
    plan : ShopPlan
        What happens. Faults that begin after the end are refused; those of an endless plan are cut off there.
    duration_s : float
        Length of the recordings, greater than 0.
    dest : Path
        Folder that gets one folder per spindle, named after it.
    on_progress : callable, optional
        Told the share that is done, 0 to 1, about once per simulated second.

    Returns
    -------
    list of Path
        The recordings, in the order of the plan's spindles.

    Raises
    ------
    UsageError
        Nothing to write, or a fault that would begin after the end.
    RecordingError
        If a folder cannot be written.

    Notes
    -----
    All recordings begin at `START_NS`, so the same plan and duration give the same bytes.

    An edge that is used up to its limit is labelled ``tool_wear`` from its first touch to its exchange, and
    ``wear_limit`` from when wear reaches 1.0; the note says which edge, and what it had cut by then.
    """
    faults = _labels(plan, duration_s)
    shop = Shop(plan, START_NS)
    paths = [dest / spindle.name for spindle in shop.spindles]
    notes = (f"seed {plan.seed}, preset {plan.preset}",)
    with ExitStack() as stack:
        writers = {
            spindle.name: stack.enter_context(
                RecordingWriter(
                    path,
                    spindle,
                    START_NS,
                    _SOURCE,
                    _LICENCE,
                    notes,
                    tuple(faults.get(spindle.name, ())),
                    labelled=True,
                )
            )
            for spindle, path in zip(shop.spindles, paths, strict=True)
        }
        to_s = 0.0
        while to_s < duration_s:
            to_s = min(to_s + _STEP_S, duration_s)
            for item in shop.advance(to_s):
                if isinstance(item, Block):
                    writers[item.spindle].write_block(item.group, item.t_ns, item.samples)
                else:
                    writers[item.spindle].write_context(item)
            if on_progress is not None:
                on_progress(to_s / duration_s)
    return paths


def _labels(plan: ShopPlan, duration_s: float) -> dict[str, list[Fault]]:
    """Faults by spindle as a recording states them; an end beyond the recording's is left open."""
    if not duration_s > 0.0:
        raise UsageError(f"the duration must be above 0 s, got {duration_s:g} s")
    for fault in plan.faults:
        if fault.start_s >= duration_s:
            raise UsageError(
                f"{fault.fault} on {fault.spindle} would begin at {fault.start_s:g} s, after the end of a "
                f"simulation of {duration_s:g} s"
            )
    coming = takewhile(lambda fault: fault.start_s < duration_s, recurring_faults(plan))
    labels: dict[str, list[Fault]] = {}
    for fault in (*plan.faults, *coming):
        end_s = fault.end_s if fault.end_s <= duration_s else None
        labels.setdefault(fault.spindle, []).append(Fault(fault.start_s, end_s, str(fault.fault), fault.note))
    for spindle, limit_s, note in worn_faults(plan, duration_s):
        labels[spindle].append(Fault(limit_s, limit_s, WEAR_LIMIT, note))
    for life in lived(plan, duration_s):
        if not life.limited:
            continue
        own = labels.setdefault(life.spindle, [])
        own.append(Fault(life.start_s, life.end_s, str(FaultKind.TOOL_WEAR), life.note))
        if life.limit_s is not None:
            own.append(Fault(life.limit_s, life.end_s, WEAR_LIMIT, life.note))
    return labels
