"""What a feeder would send, printed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import orjson

from engine.clock import to_datetime
from engine.feeders.spindle_feed import Item
from engine.records import Block, Tick
from engine.runtime import Stop

_FIRST = 4


class Printed:
    """Prints blocks and contexts as lines of JSON, and asks to end after some.

    Parameters
    ----------
    n : int
        How many.
    stop : Stop
        Asked after that.
    write : callable
        Takes each line.
    """

    def __init__(self, n: int, stop: Stop, write: Callable[[str], object] = sys.stdout.write) -> None:
        self._n, self._stop, self._write = n, stop, write

    def send(self, item: Item) -> None:
        """Print a record; ticks are left out."""
        if isinstance(item, Tick) or self._stop.asked:
            return
        self._write(orjson.dumps(_shown(item)).decode() + "\n")
        self._n -= 1
        if self._n <= 0:
            self._stop.ask()

    def put(self, letter: Any) -> None:
        """Print what could not be used."""
        told = {"refused": letter.reason, "origin": letter.origin, "error": letter.error}
        self._write(orjson.dumps(told).decode() + "\n")


def _shown(item: Item) -> dict[str, Any]:
    told: dict[str, Any] = {"spindle": item.spindle, "t": to_datetime(item.t_ns).isoformat()}
    if not isinstance(item, Block):
        fields = (getattr(item, name) for name in item.__slots__)
        known = zip(item.__slots__, fields, strict=True)
        return told | {
            name: value
            for name, value in known
            if value is not None and name not in ("spindle", "t_ns", "received_ns")
        }
    shape = {"n_channels": item.samples.shape[0], "n_samples": item.samples.shape[1]}
    first = [[float(value) for value in row[:_FIRST]] for row in item.samples]
    return told | {"group": item.group, "sample_rate_hz": item.sample_rate_hz, **shape, "first": first}
