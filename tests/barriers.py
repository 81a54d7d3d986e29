"""A simulated shop in memory, and flows over it that a barrier passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from bytewax.testing import TestingSource

from engine.barriers import Reconfigure, Resume, Snapshot
from engine.clock import NS_PER_S, NoClock
from engine.config import Config, load_config
from engine.flow import build_flow
from engine.records import Block, Context, Tick
from engine.runtime import run_flow
from engine.verdicts import Alert
from replay.simulate import Shop, demo_plan, plan_from_options
from sinks.alert_json import alert_as_dict
from sinks.baselines import BaselineFile

T0 = 1_700_000_000_000_000_000
Item = Block | Context | Tick | Snapshot | Resume | Reconfigure


class Collect:
    """A writer that keeps everything."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def write(self, records: Sequence[Any]) -> None:
        """Keep."""
        self.records.extend(records)


def live_items(
    duration_s: float, seed: int = 1, n_spindles: int = 1, faults: Sequence[str] = (), poll_s: float = 0.05
) -> tuple[Shop, list[Item]]:
    """What a live shop sends, in the order in which it sends it, with a tick each tenth of a second."""
    plan = demo_plan(duration_s, seed, n_spindles)
    if faults:
        plan = plan_from_options(
            preset="demo", duration_s=duration_s, n_spindles=n_spindles, seed=seed, faults=tuple(faults)
        )
    shop = Shop(plan, T0)
    items: list[Item] = []
    for turn in range(1, round(duration_s / poll_s) + 1):
        items += shop.advance(turn * poll_s)
        if turn % round(0.1 / poll_s) == 0:
            t_ns = T0 + round(turn * poll_s * NS_PER_S)
            items += [Tick(spindle.name, t_ns) for spindle in shop.spindles]
    return shop, items


def source_of(items: Sequence[Item]) -> TestingSource:
    """A Bytewax source."""
    return TestingSource([(item.spindle, item) for item in items], 16)


def run_items(shop: Shop, items: Sequence[Item], config: Config | None = None) -> list[Any]:
    """Everything that the flow makes of items."""
    collected = Collect()
    flow = build_flow(
        source_of(items),
        shop.spindles,
        config or load_config(),
        NoClock(),
        [collected],
        store=BaselineFile(None),
    )
    run_flow(flow)
    return collected.records


def messages(records: Sequence[Any]) -> list[bytes]:
    """The alert messages among records, as JSON without wall times."""
    alerts = (record for record in records if isinstance(record, Alert))
    return [orjson.dumps(alert_as_dict(alert, wall_times=False)) for alert in alerts]
