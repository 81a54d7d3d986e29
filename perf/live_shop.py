"""A simulated shop whose senders add to their streams as time goes on, whatever Redis does meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from engine import redis_keys
from engine.clock import NS_PER_S, monotonic_s
from engine.records import Tick
from engine.wire import encode
from perf.real_redis import RedisServer
from perf.service_process import START_NS
from replay.simulate import Shop, demo_plan

_FAULT_EVERY_S = 15.0
_PERIOD_S = 0.05
_REST_S = 10.0  # what its last tick says of the time after its end: whoever reads it concludes the same, however late

_Entry = tuple[str, int, bytes]
"""Stream, running number, message."""


class LiveShop:
    """Sends by a thread of its own.

    What cannot be sent waits and is sent first, in order and all or nothing: nothing is lost and nothing comes twice.

    Parameters
    ----------
    server : RedisServer
        Where to.
    prefix : str
        Of its keys.
    n_spindles, seed : int
        What happens; a fault every fifteen seconds of its time, the last spindle stays healthy.
    speed : float
        How fast its time goes.
    """

    def __init__(self, server: RedisServer, prefix: str, *, n_spindles: int, seed: int, speed: float) -> None:
        plan = replace(demo_plan(None, seed, n_spindles), recur_s=_FAULT_EVERY_S)
        self._shop = Shop(plan, START_NS)
        self.spindles = self._shop.spindles
        self.n_sent = dict.fromkeys((spindle.name for spindle in self.spindles), 0)
        """Entries so far, by spindle."""
        self.until_s = 0.0
        """Its time up to which all has been sent."""
        self._server, self._prefix, self._speed = server, prefix, speed
        self._ending, self._given_up = threading.Event(), threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="shop", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def end(self) -> float:
        """Send what waits, and that there is no more; `until_s`."""
        self._ending.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self.until_s

    def close(self) -> None:
        """Send no more, whatever waits."""
        self._given_up.set()
        self._ending.set()

    def _run(self) -> None:
        began_s = monotonic_s()
        try:
            with closing(self._server.client()) as redis:
                while not self._ending.wait(_PERIOD_S):
                    self._send(redis, (monotonic_s() - began_s) * self._speed)
                self._send(redis, self.until_s, _REST_S)
        except BaseException as error:
            self._failure = error

    def _send(self, redis: Redis, to_s: float, rest_s: float = 0.0) -> None:
        """Send what the machines say up to a time, and a tick for some time later."""
        entries = self._entries(to_s, to_s + rest_s)
        while not _is_stored(redis, entries):
            if self._given_up.wait(_PERIOD_S):
                return
        self.until_s = to_s + rest_s

    def _entries(self, to_s: float, tick_s: float) -> list[_Entry]:
        t_ns = START_NS + int(tick_s * NS_PER_S)
        items = [*self._shop.advance(to_s), *(Tick(spindle.name, t_ns) for spindle in self.spindles)]
        entries = []
        for item in items:
            number = self.n_sent[item.spindle] = self.n_sent[item.spindle] + 1
            entries.append((redis_keys.stream_in(self._prefix, item.spindle), number, encode(item)))
        return entries


def _is_stored(redis: Redis, entries: Sequence[_Entry]) -> bool:
    """Store all of them, or none; False: ask again."""
    pipe = redis.pipeline(transaction=True)
    for stream, number, data in entries:
        fields: dict[Any, Any] = {"d": data, "n": number}
        pipe.xadd(stream, fields, id=f"{START_NS // 10**6}-{number}")
    try:
        pipe.execute()
    except ResponseError as error:
        if "equal or smaller" not in str(error):
            raise
        return True  # they were, and the answer was lost
    except RedisError:
        return False
    return True
