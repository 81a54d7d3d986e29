"""What goes on at this moment, from Redis to subscribers: states, scores and the waveforms that somebody watches.

Best effort, the newest only: while Redis is away nothing is told, and nothing is told later.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from redis.client import PubSub

from engine import redis_keys
from engine.errors import WireError
from engine.records import Block
from engine.redis_link import connect
from engine.site import RedisConfig
from engine.wire import decode
from sinks.base import Record
from sinks.mailbox import ShownScore
from sinks.messages import live_from_json

_WAIT_S = 0.25  # how long a request to end may go unheard
_TIMEOUT_S = 1.0
_MOST_AT_ONCE = 1000
_PERIOD_S = 0.05  # as often as the hub shows waveforms
_MOST_ENTRIES = 100
_SILENT_ROUNDS = 20  # then a stream may be another one, whose ids are older

Tell = Callable[[Sequence[Record | ShownScore]], None]

_log = logging.getLogger(__name__)


class LiveIntake:
    """States and scores: one round after the other, of one thread.

    Parameters
    ----------
    redis : RedisConfig
        Where.
    spindles : iterable of str
        Declared; what is said of others is passed over.
    tell : callable
        Told what came.
    """

    def __init__(self, redis: RedisConfig, spindles: Iterable[str], tell: Tell) -> None:
        self._redis = connect(redis, timeout_s=_TIMEOUT_S)
        self._channel, self._states = redis_keys.live(redis.prefix), redis_keys.states(redis.prefix)
        self._names, self._tell = frozenset(spindles), tell
        self._listener: PubSub | None = None
        self.counts: Counter[str] = Counter()
        """Messages ``received``, ``unreadable``."""

    def round(self) -> None:
        """Tell what has come; at first, and whenever Redis was away, the newest state of every spindle.

        Raises
        ------
        RedisError
            The next round connects again.
        """
        try:
            if self._listener is None:
                self._listener = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
                self._listener.subscribe(self._channel)  # before the states are read: none falls in between
                self._take(cast(Mapping[bytes, bytes], self._redis.hgetall(self._states)).values())
            self._take(self._heard(self._listener))
        except BaseException:
            self._leave()
            raise

    def close(self) -> None:
        """End the connection."""
        self._leave()
        self._redis.close()

    def _leave(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _heard(self, listener: PubSub) -> list[bytes]:
        """What has been published, in order; waits a quarter of a second if nothing has."""
        heard: list[bytes] = []
        message = listener.get_message(timeout=_WAIT_S)
        while message is not None and len(heard) < _MOST_AT_ONCE:
            heard.append(message["data"])
            message = listener.get_message()
        return heard

    def _take(self, found: Iterable[bytes]) -> None:
        records: list[Record | ShownScore] = []
        for data in found:
            try:
                told = live_from_json(data)
            except WireError as error:
                if not self.counts["unreadable"]:
                    _log.warning("%s: %s", self._channel, error)
                self.counts["unreadable"] += 1
                continue
            self.counts["received"] += 1
            records += [record for record in told if record.spindle in self._names]
        if records:
            self._tell(records)


class WatchedBlocks:
    """Blocks of the sensor groups that somebody watches; while nobody does, nothing is read.

    Parameters
    ----------
    redis : RedisConfig
        Where.
    tell : callable
        Told the newest block of each.
    """

    def __init__(self, redis: RedisConfig, tell: Tell) -> None:
        self._redis = connect(redis.samples, timeout_s=_TIMEOUT_S)
        self._prefix, self._tell = redis.prefix, tell
        self._changed = threading.Condition()
        self._wanted: frozenset[tuple[str, str]] = frozenset()
        self._positions: dict[str, bytes] = {}
        self._n_silent: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        """``blocks`` told; times that it was ``behind`` and left out what lay between."""

    def watch(self, sources: frozenset[tuple[str, str]]) -> None:
        """Want these from now on, pairs of spindle and sensor group; from any thread."""
        with self._changed:
            self._wanted = sources
            self._changed.notify_all()

    def round(self) -> None:
        """Tell what is new of what is watched; wait a little for somebody to watch.

        Raises
        ------
        RedisError
            Nothing has been told.
        """
        with self._changed:
            self._changed.wait(_PERIOD_S if self._wanted else _WAIT_S)
            wanted = self._wanted
        if wanted:
            self._read(wanted)
        else:
            self._positions = {}

    def close(self) -> None:
        """End the connection."""
        self._redis.close()

    def _read(self, wanted: frozenset[tuple[str, str]]) -> None:
        streams = {redis_keys.stream_in(self._prefix, spindle) for spindle, _ in wanted}
        self._positions = {key: entry for key, entry in self._positions.items() if key in streams}
        self._begin([key for key in sorted(streams) if key not in self._positions])
        self._n_silent.update(streams)
        answer = self._redis.xread(cast(Any, self._positions), count=_MOST_ENTRIES)
        blocks: dict[tuple[str, str], Block] = {}
        behind: list[str] = []
        for raw_key, entries in cast(Sequence[Any], answer):
            key = raw_key.decode()
            self._positions[key], self._n_silent[key] = entries[-1][0], 0
            if len(entries) == _MOST_ENTRIES:
                behind.append(key)
            for _, fields in entries:
                block = _block(fields.get(b"d", b""))
                if block is not None and (block.spindle, block.group) in wanted:
                    blocks[block.spindle, block.group] = block
        self.counts["behind"] += len(behind)
        self._begin(behind + [key for key in streams if self._n_silent[key] >= _SILENT_ROUNDS])
        if blocks:
            self.counts["blocks"] += len(blocks)
            self._tell(list(blocks.values()))

    def _begin(self, streams: Sequence[str]) -> None:
        """Begin behind the newest entry of streams."""
        if not streams:
            return
        pipe = self._redis.pipeline(transaction=False)
        for key in streams:
            pipe.xrevrange(key, count=1)
        for key, newest in zip(streams, pipe.execute(), strict=True):
            self._positions[key], self._n_silent[key] = newest[0][0] if newest else b"0-0", 0


def _block(data: bytes) -> Block | None:
    """Read an entry; what is none is the engine's to complain about."""
    if not data.startswith(b"SPWB"):
        return None
    try:
        item = decode(data)
    except WireError:
        return None
    return item if isinstance(item, Block) else None
