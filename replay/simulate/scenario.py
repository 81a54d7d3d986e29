"""Faults nobody ordered: which, where and when, so that a run shows learning first and trouble then."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice, product

from engine.errors import UsageError
from replay.simulate.everyday import variety_plan
from replay.simulate.faults import FaultKind, FaultOrder, PlannedFault
from replay.simulate.lives import tool_life_plan
from replay.simulate.moments import cut_moments, order_faults, place_fault
from replay.simulate.plan import ShopPlan, generator
from replay.simulate.program import Preset

_FAULTS = (
    FaultKind.TOOL_BREAKAGE,
    FaultKind.COLLISION,
    FaultKind.SENSOR_DROPOUT,
    FaultKind.CHATTER,
    FaultKind.SENSOR_FLAT_LINE,
)
# What a shorter run still has time for: neither needs a learned baseline.
_QUICK_FAULTS = (FaultKind.COLLISION, FaultKind.SENSOR_DROPOUT)
_QUICK_SEEN = 3
_EARLIEST = 0.4  # of the run: before that, baselines are learnt
_PERIOD_S = {Preset.DEMO: 15.0, Preset.SHOP: 240.0}  # one fault per so many seconds of a longer run
_MARGIN_S = 4.0  # after the last fault, so that its alert can close
_ENDLESS_PERIOD_S = 40.0
_SEEN_WANTED = 5  # cuts of a regime before its first fault, if the run is long enough
_SEEN_LEAST = 5  # fewer, and the baseline that must recognise a breakage is not ready
_HEALTHY = "none"
_EVERYDAY, _LIVES = "everyday", "lives"
_SHORTEST_LIFE_S = 150.0


def demo_plan(duration_s: float | None, seed: int, n_spindles: int = 4) -> ShopPlan:
    """Plan the demo: first every regime is learnt, then faults strike.

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
        a section that this spindle has finished at least five times, and ends before the run does. Only one thing
        goes wrong at a time. A run too short for that has a collision and a dropout, or one of them, or none.

    Raises
    ------
    UsageError
        If there is no spindle.
    """
    plan = ShopPlan(_names(n_spindles), Preset.DEMO, seed)
    if duration_s is None:
        return replace(plan, recur_s=_ENDLESS_PERIOD_S)
    fitting = _fitting(plan, duration_s, _SEEN_LEAST, _n_faults(plan, duration_s))
    for n_faults in (2, 1):
        fitting = fitting or _fitting(plan, duration_s, _QUICK_SEEN, n_faults, _QUICK_FAULTS)
    return fitting or plan


def plan_from_options(
    *, preset: str, duration_s: float, n_spindles: int, seed: int, faults: Sequence[str]
) -> ShopPlan:
    """Plan what the command line asks for.

    Parameters
    ----------
    preset : {"shop", "demo", "everyday", "lives"}
        Realistic or compressed phases; a healthy shop that varies (`everyday.variety_plan`); edges of a tool that wear
        until after their limit (`lives.tool_life_plan`).
    duration_s : float
        Length of the run.
    n_spindles : int
        1 upwards; they are called M1, M2, ...
    seed : int
        0 upwards.
    faults : sequence of str
        As `parse_fault` reads them. None given: breakage, collision, dropout and more, spread over the later part of
        the run, the last of several spindles staying healthy; but nothing in ``everyday`` and ``lives``. ``none``
        alone: a healthy shop.

    Returns
    -------
    ShopPlan
        Valid.

    Raises
    ------
    UsageError
        Something impossible, or a run too short for the faults of its own choice.
    """
    plan = _plan_of(preset, duration_s, n_spindles, seed)
    if faults and tuple(faults) != (_HEALTHY,):
        return order_faults(plan, faults)
    if faults or preset in (_EVERYDAY, _LIVES):
        return plan
    fitting = _fitting(plan, duration_s, 0, _n_faults(plan, duration_s))
    if fitting is None:
        raise UsageError(
            f"{duration_s:g} s of preset {preset} are too short for three faults; take longer, or choose with "
            f"--fault (--fault {_HEALTHY}: a healthy shop)"
        )
    return fitting


def _plan_of(preset: str, duration_s: float, n_spindles: int, seed: int) -> ShopPlan:
    if preset == _EVERYDAY:
        return variety_plan(seed, n_spindles)
    if preset == _LIVES:
        if n_spindles != 1:
            raise UsageError(f"preset {_LIVES} is of one spindle, got {n_spindles}")
        return tool_life_plan(seed, math.ceil(duration_s / _SHORTEST_LIFE_S))
    return ShopPlan(_names(n_spindles), Preset(preset), seed)


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


def _names(n_spindles: int) -> tuple[str, ...]:
    return tuple(f"M{number + 1}" for number in range(n_spindles))


def _n_faults(plan: ShopPlan, duration_s: float) -> int:
    return max(3, int(duration_s * (1 - _EARLIEST) / _PERIOD_S[plan.preset]))


def _fitting(
    plan: ShopPlan, duration_s: float, least_seen: int, n_faults: int, kinds: Sequence[FaultKind] = _FAULTS
) -> ShopPlan | None:
    """Spread faults over the later part of a run, after as much learning as fits; None if nothing fits."""
    for n_seen, share in product(range(_SEEN_WANTED, least_seen - 1, -1), (0.45, 0.3, 0.15)):
        coming = _one_by_one(plan, _EARLIEST * duration_s, share * duration_s / n_faults, n_seen, kinds)
        faults = tuple(islice(coming, n_faults))
        if faults[-1].end_s <= duration_s - _MARGIN_S:
            return replace(plan, faults=faults)
    return None


def _one_by_one(
    plan: ShopPlan, at_s: float, period_s: float, least_seen: int, kinds: Sequence[FaultKind] = _FAULTS
) -> Iterator[PlannedFault]:
    """Let one kind after the other strike one spindle after the other; the last spindle stays healthy."""
    rng = generator(plan, len(plan.spindles), "faults")
    faulty = plan.spindles[:-1] or plan.spindles
    moments = {spindle: cut_moments(plan, spindle) for spindle in faulty}
    for number in count():
        spindle = faulty[number % len(faulty)]
        order = FaultOrder(kinds[number % len(kinds)], at_s, None, spindle, 1.0)
        fault = place_fault(plan, order, moments[spindle], least_seen, delay_s=0.3 * rng.random())
        yield fault
        at_s = max(fault.start_s + period_s * rng.uniform(0.9, 1.1), fault.end_s + 1.0)
