"""False alerts of a healthy shop, per machine-day: what decides whether alerts are believed.

Simulated, since no public recording of a machine tool is days long and known to be healthy. Every day of every spindle
has programs that come and go, tools of its own with edges that wear to half of their lives and are exchanged, lots of
harder and softer stock, speed and feed overrides, parts cut dry, pauses, breaks after which the spindle is cold, a hall
that warms and cools, and a sensor whose noise wanders (`replay.simulate.variety` gives each its size and its reason).
Nothing is labelled; every alert about the machine or its tools is false, from the first second on, teach-in included.

Each spindle is a flow of its own with the default configuration. To be done within an hour it is heard by one
accelerometer at 10 kHz instead of two at 12.8, beside the motor current at 2 kHz, load and temperature at 2 Hz. A
machine-day is 24 hours of one spindle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

from engine.clock import NoClock
from engine.config import load_config
from engine.flow import build_flow
from engine.runtime import run_flow
from engine.verdicts import Alert, FaultClass
from perf.figures import Bench, FailedError, Measured, figure
from perf.shop_source import ShopSource
from replay.intervals import poisson
from replay.simulate import START_NS, Shop
from replay.simulate.everyday import variety_plan

_S_PER_DAY = 86_400.0
_QUICK = (101, 4, 6.0)  # first seed, spindles, hours of each: one machine-day
_FULL = (201, 10, 24.0)
_N_PROCESSES = 2
_VIB_HZ = 10_000.0


class _Day(NamedTuple):
    """What one spindle told in its time."""

    n_sensor: int
    told: tuple[tuple[str, str], ...]  # fault as last named, tier


class _LastWord:
    """A writer that keeps what each alert said last."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}

    def write(self, records: Sequence[Any]) -> None:
        for record in records:
            if isinstance(record, Alert):
                self.alerts[record.id] = record


def _run(seed: int, hours: float) -> _Day:
    shop, kept = Shop(variety_plan(seed, vib_rate_hz=_VIB_HZ), START_NS), _LastWord()
    source = ShopSource(shop, START_NS, hours * 3600.0, n_vib=1)
    run_flow(build_flow(source, source.spindles, load_config(), NoClock(), [kept]))
    machine = tuple((a.fault, a.tier) for a in kept.alerts.values() if a.fault != FaultClass.SENSOR)
    return _Day(len(kept.alerts) - len(machine), machine)


@figure("healthy_alerts_per_day", unit="1/machine-day")
def healthy_alerts_per_day(bench: Bench) -> Measured:
    first_seed, n_spindles, hours = _FULL if bench.full else _QUICK
    seeds = range(first_seed, first_seed + n_spindles)
    with ProcessPoolExecutor(_N_PROCESSES) as pool:
        days = list(pool.map(_run, seeds, [hours] * n_spindles))
    n_days = n_spindles * hours / 24.0
    counted = Counter(told for day in days for told in day.told)
    n_told, n_sensor = counted.total(), sum(day.n_sensor for day in days)
    if n_sensor:
        raise FailedError(f"{n_sensor} sensor alerts of healthy sensors")
    low, high = poisson(n_told, n_days)
    kinds = ", ".join(f"{n} {fault} ({tier})" for (fault, tier), n in counted.most_common()) or "none"
    note = (
        f"{n_told} in {n_days:g} machine-days ({n_spindles} spindles, {hours:g} h each, seeds {seeds[0]} to "
        f"{seeds[-1]}); 95 %: {low:.2g} to {high:.2g} a day; {kinds}"
    )
    return Measured(n_told / n_days, note=note)
