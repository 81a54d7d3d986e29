"""The demo's faults: which, where and when, so that a minute shows learning first and trouble then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, product

from engine.errors import UsageError
from replay.simulate.faults import FaultKind, FaultOrder, PlannedFault
from replay.simulate.moments import cut_moments, place_fault
from replay.simulate.plan import ShopPlan, generator
from replay.simulate.program import Preset

_FAULTS = (
    FaultKind.TOOL_BREAKAGE,
    FaultKind.COLLISION,
    FaultKind.SENSOR_DROPOUT,
    FaultKind.CHATTER,
    FaultKind.SENSOR_FLAT_LINE,
)
_EARLIEST = 0.4  # of the run: before that, baselines are learnt
_PERIOD_S = 15.0  # one fault per so many seconds of a longer demo
_MARGIN_S = 4.0  # after the last fault, so that its alert can close
_ENDLESS_PERIOD_S = 40.0
_SEEN_WANTED = 5  # cuts of a regime before its first fault, if the run is long enough; else fewer
_SEEN_LEAST = 3


def demo_plan(duration_s: float | None, seed: int, n_spindles: int = 4) -> ShopPlan:
    """Plan the demo: a minute or more in which every regime is learnt and then three or more faults strike.

    Parameters
    ----------
    duration_s : float or None
        Length of the run; None = endless, with a fault about every 40 s.
    seed : int
        Decides everything random.
    n_spindles : int
        1 upwards. From two on, the last spindle stays healthy.

    Returns
    -------
    ShopPlan
        With at least a breakage, a collision and a dropout. Each begins after 40 % of the run, in a steady cut of
        a section that this spindle has finished at least three times (five, if the run is long enough), and ends
        before the run does. Only one thing goes wrong at a time.

    Raises
    ------
    UsageError
        If the run is too short for that, or there is no spindle.
    """
    names = tuple(f"M{number + 1}" for number in range(n_spindles))
    plan = ShopPlan(names, Preset.DEMO, seed)
    if duration_s is None:
        return replace(plan, recur_s=_ENDLESS_PERIOD_S)
    n_faults = max(3, int(duration_s * (1 - _EARLIEST) / _PERIOD_S))
    for least_seen, share in product(range(_SEEN_WANTED, _SEEN_LEAST - 1, -1), (0.45, 0.3, 0.15)):
        faults = _spread(plan, n_faults, _EARLIEST * duration_s, share * duration_s / n_faults, least_seen)
        if faults[-1].end_s <= duration_s - _MARGIN_S:
            return replace(plan, faults=faults)
    raise UsageError(
        f"a demo of {duration_s:g} s is too short to learn and then show three faults; take 60 s or more"
    )


def recurring_faults(plan: ShopPlan) -> Iterator[PlannedFault]:
    """Yield the faults of an endless plan in order of time, one at a time in the whole shop.

    Parameters
    ----------
    plan : ShopPlan
        With ``recur_s``; without it, nothing is yielded.
    """
    if plan.recur_s is None:
        return
    yield from _one_by_one(plan, 0.75 * plan.recur_s, plan.recur_s, _SEEN_WANTED)


def _spread(
    plan: ShopPlan, n_faults: int, at_s: float, period_s: float, least_seen: int
) -> tuple[PlannedFault, ...]:
    faults = _one_by_one(plan, at_s, period_s, least_seen)
    return tuple(next(faults) for _ in range(n_faults))


def _one_by_one(plan: ShopPlan, at_s: float, period_s: float, least_seen: int) -> Iterator[PlannedFault]:
    """Let one kind after the other strike one spindle after the other; the last spindle stays healthy."""
    rng = generator(plan, len(plan.spindles), "faults")
    faulty = plan.spindles[:-1] or plan.spindles
    moments = {spindle: cut_moments(plan, spindle) for spindle in faulty}
    for number in count():
        spindle = faulty[number % len(faulty)]
        order = FaultOrder(_FAULTS[number % len(_FAULTS)], at_s, None, spindle, 1.0)
        fault = place_fault(plan, order, moments[spindle], least_seen, delay_s=0.3 * rng.random())
        yield fault
        at_s = max(fault.start_s + period_s * rng.uniform(0.9, 1.1), fault.end_s + 1.0)
