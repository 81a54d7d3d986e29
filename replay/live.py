"""A simulated shop as a live Bytewax source: blocks come when they would come from real sensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from engine.clock import NS_PER_S, WallClock, wake_in
from engine.records import Block, Context, Tick
from engine.runtime import Stop
from replay.simulate import Shop

Item = tuple[str, Block | Context | Tick]

_TICK_S = 0.1  # silence is noticed that much later
# How often blocks are fetched; much less than a block's length, so that it adds next to nothing to a latency.
_POLL_S = 0.005


class _LivePart(StatefulSourcePartition[Item, None]):
    """The whole shop. It keeps no position: what was not read live is gone."""

    def __init__(self, live: LiveShop) -> None:
        self._live = live
        self._ticked_s = 0.0

    def next_batch(self) -> list[Item]:
        live = self._live
        now_ns = live.clock.now_ns()
        now_s = (now_ns - live.start_ns) / NS_PER_S
        over = live.duration_s is not None and now_s >= live.duration_s
        if live.stop.asked or over:
            raise StopIteration
        batch: list[Item] = [
            (item.spindle, replace(item, received_ns=now_ns)) for item in live.shop.advance(max(now_s, 0.0))
        ]
        if now_s - self._ticked_s >= _TICK_S:
            self._ticked_s = now_s
            batch.extend((spindle.name, Tick(spindle.name, now_ns)) for spindle in live.shop.spindles)
        live.on_time(now_s)
        return batch

    def next_awake(self) -> datetime:
        return wake_in(_POLL_S)

    def snapshot(self) -> None:
        return None


def _nobody(_now_s: float) -> None:
    """Tell nobody."""


class LiveShop(FixedPartitionedSource[Item, None]):
    """A simulated shop in real time.

    Parameters
    ----------
    shop : Shop
        Started at ``start_ns``.
    start_ns : int
        Wall time of the shop's second 0.
    clock : WallClock
        Says what is due and stamps what is received.
    duration_s : float, optional
        Ends by itself after so long.
    stop : Stop, optional
        Ends on request.
    on_time : callable, optional
        Told the shop's time, for a progress bar.
    """

    def __init__(
        self,
        shop: Shop,
        start_ns: int,
        clock: WallClock,
        duration_s: float | None = None,
        stop: Stop | None = None,
        on_time: Callable[[float], None] = _nobody,
    ) -> None:
        self.shop, self.start_ns, self.clock = shop, start_ns, clock
        self.duration_s, self.stop, self.on_time = duration_s, stop or Stop(), on_time

    def list_parts(self) -> list[str]:
        """One partition: the shop."""
        return ["shop"]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> _LivePart:  # noqa: ARG002
        """Open the shop."""
        return _LivePart(self)
