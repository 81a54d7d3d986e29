"""When a worn tool's change is recommended, beside when it was due: simulated lives through the whole flow.

Every life is of a tool, a material, a feed and an edge that nobody has seen before (`replay.simulate.lives`):
diameter, teeth and helix, engagement, speed and chip load are drawn from handbook ranges; the curve of wear, and how
strongly forces and noise answer to it, are drawn for each edge, within 15 %. Each tool has two edges, one after the
other. The shop exchanges an edge at 115 % of its life, so that a late recommendation is seen to be late. The seeds were
not used in development.

- ``wear_timing_pct``: lives whose change was recommended within 10 % of the labelled life (in cuts) of the limit.
- ``wear_interval_pct``: how often the cuts that were really left, told at 30 to 90 % of the labelled life, lay in the
  interval that should hold nine times in ten.
- ``tool_change_alerts``: wear or process alerts that an exchange of edges raised, within 30 s of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.clock import NS_PER_S, NoClock
from engine.config import load_config
from engine.flow import build_flow
from engine.runtime import run_flow
from engine.verdicts import Alert, AlertState, FaultClass, ToolLife
from perf.figures import Bench, Measured, figure
from perf.shop_source import ShopSource
from replay.simulate import START_NS, Shop
from replay.simulate.lives import Lived, lived, lives_end_s, tool_life_plan

_SEEDS = range(1100, 1135)
_N_EDGES = 2
_WITHIN = 0.10
_AFTER_CHANGE_S = 30.0


@dataclass(slots=True)
class _Told:
    """A writer that keeps tool lives and the openings of alerts."""

    lives: list[ToolLife] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)

    def write(self, records: Sequence[Any]) -> None:
        for record in records:
            if isinstance(record, ToolLife):
                self.lives.append(record)
            elif isinstance(record, Alert) and record.state is AlertState.OPENED:
                self.alerts.append(record)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One life: what is true, what was told of it, and alerts after its edge came."""

    seed: int
    truth: Lived
    told: tuple[ToolLife, ...]
    alerts_after_change: tuple[Alert, ...]

    @property
    def error(self) -> float:
        """Recommended too early (negative) or too late, as a share of the life; NaN: never."""
        cuts = next((life.recommended_cuts for life in self.told if life.recommended_cuts), None)
        return math.nan if cuts is None else (cuts - self.truth.n_cuts) / self.truth.n_cuts

    @property
    def by_noise(self) -> bool:
        """Whether its noise stood out enough from idling for wear to be read from it alone."""
        before = [life for life in self.told if life.n_cuts <= self.truth.n_cuts and life.evidence]
        return (
            bool(before) and before[-1].evidence[0].share == 1.0 and before[-1].evidence[0].feature != "load"
        )


def _outcomes(bench: Bench) -> list[_Outcome]:
    return bench.once("tool-lives", lambda: [one for seed in _SEEDS for one in _live(seed)])


def _live(seed: int) -> list[_Outcome]:
    plan, told = tool_life_plan(seed, _N_EDGES), _Told()
    end_s = math.ceil(lives_end_s(plan))
    shop = Shop(plan, START_NS)
    source = ShopSource(shop, START_NS, end_s)
    run_flow(build_flow(source, shop.spindles, load_config(), NoClock(), [told]))
    outcomes = []
    for truth in lived(plan, end_s):
        if truth.limit_s is None:
            continue
        own = tuple(life for life in told.lives if life.edge == truth.edge)
        came_ns = START_NS + round(truth.start_s * NS_PER_S)
        after = tuple(
            alert
            for alert in told.alerts
            if alert.fault in (FaultClass.TOOL_WEAR, FaultClass.PROCESS)
            and 0 <= alert.t_ns - came_ns < _AFTER_CHANGE_S * NS_PER_S
        )
        outcomes.append(_Outcome(seed, truth, own, after))
    return outcomes


@figure("wear_timing_pct", unit="%")
def wear_timing(bench: Bench) -> Measured:
    found = _outcomes(bench)
    errors = np.array([one.error for one in found])
    good = np.abs(errors) <= _WITHIN
    missed = [
        f"{one.seed}/{one.truth.edge} {100 * one.error:+.0f}"
        for one, ok in zip(found, good, strict=True)
        if not ok
    ]
    n_never = int(np.isnan(errors).sum())
    noisy = np.array([one.by_noise for one in found])
    note = (
        f"{good.sum()} of {good.size} lives, seeds {_SEEDS.start} to {_SEEDS.stop - 1}; error as a share of the life: "
        f"median {100 * np.nanmedian(errors):+.1f} %, median size {100 * np.nanmedian(np.abs(errors)):.1f} %, "
        f"{n_never} never; where noise stands out from idling {good[noisy].sum()} of {noisy.sum()}; "
        f"missed: {', '.join(missed) or 'none'}"
    )
    return Measured(100.0 * float(good.mean()), note=note)


@figure("wear_interval_pct", unit="%")
def wear_interval(bench: Bench) -> Measured:
    held = []
    for one in _outcomes(bench):
        n_cuts = one.truth.n_cuts
        for life in one.told:
            if 0.3 * n_cuts <= life.n_cuts <= 0.9 * n_cuts and not math.isnan(life.remaining_low):
                left = n_cuts - life.n_cuts
                held.append(life.remaining_low - 0.5 <= left <= life.remaining_high + 0.5)
    return Measured(100.0 * float(np.mean(held)), note=f"{len(held)} cuts of {len(_outcomes(bench))} lives")


@figure("tool_change_alerts", unit="")
def tool_change_alerts(bench: Bench) -> Measured:
    found = [alert for one in _outcomes(bench) for alert in one.alerts_after_change]
    n_changes = sum(not one.truth.edge.endswith("#1") for one in _outcomes(bench))
    told = ", ".join(f"{alert.fault} ({alert.text_en})" for alert in found[:3])
    return Measured(float(len(found)), note=f"{n_changes} changes; {told or 'nothing told'}")
