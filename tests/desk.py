"""A feed with a clock of its own, and what it sent."""

from __future__ import annotations

from engine.clock import NS_PER_S
from engine.config import Config
from engine.feeders.base import Feed
from engine.feeders.stamps import Now
from engine.records import Tick
from engine.wire import encode

T0 = 1_700_000_000 * NS_PER_S


class Desk:
    """`s` is the time since `T0`; `items` what was sent, `letters` what could not be used."""

    def __init__(self, config: Config, hold_s: float = 0.0) -> None:
        self.items, self.letters, self.s = [], [], 0.0
        self.feed = Feed(config, self.send, self, hold_s, lambda: Now(T0 + self.ns, 7 * NS_PER_S + self.ns))

    @property
    def ns(self) -> int:
        return round(self.s * NS_PER_S)

    def send(self, item) -> None:
        encode(item)
        self.items.append(item)

    def put(self, letter) -> None:
        self.letters.append(letter)

    def data(self) -> list:
        """What was sent since it was asked last, without ticks."""
        taken, self.items = self.items, []
        return [item for item in taken if not isinstance(item, Tick)]
