"""Alerts into a Redis stream, for other systems of the shop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from engine.outbox import Outbox
from engine.redis_link import connect
from engine.verdicts import Alert
from sinks.alert_json import alert_as_dict
from sinks.base import Record

_MAX_WAITING = 10_000  # some 15 MB; the journal keeps what does not fit
_MAX_STREAM = 100_000  # entries kept in Redis, about
_REMEMBER_S = 7 * 24 * 3600  # how long a repetition is recognised
_FLUSH_S = 2.0

# One step for Redis, so that a retry after a lost answer, a crash in between or a second engine adds nothing twice.
# The mark comes last: an XADD that fails (no memory, another type under that key) leaves none and is tried again.
_ADD_ONCE = """
if redis.call('EXISTS', KEYS[2]) == 1 then
    return false
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'key', ARGV[3], 'alert', ARGV[4])
redis.call('SET', KEYS[2], id, 'EX', ARGV[1])
return id
"""

# What was learnt, and no tick any more that it knows: in one step, or a crash in between would tick twice.
_KEEP = """
redis.call('SET', KEYS[1], ARGV[1])
while true do
    local line = redis.call('LINDEX', KEYS[2], 0)
    local number = line and tonumber(string.match(line, '|(%d+)$'))
    if not number or number > tonumber(ARGV[2]) then
        return
    end
    redis.call('LPOP', KEYS[2])
end
"""


class Kept(NamedTuple):
    """A spindle's checkpoint on its way to Redis.

    Parameters
    ----------
    key, ticks_key : str
        Where it goes; where the ticks are that were made since the last one.
    data : bytes
        `engine.checkpoint.Checkpoint.encode`.
    n_ticks : int
        Ticks that it knows.
    """

    key: str
    ticks_key: str
    data: bytes
    n_ticks: int


class RedisAlerts:
    """Adds every alert message to a Redis stream once; a Redis that is away holds up nobody.

    Messages wait in a bounded queue and are sent by a thread of its own, in order (`engine.outbox.Outbox`). When the
    queue is full the oldest is dropped and counted: the journal still has it.

    Each entry has two fields: ``key`` (``id|state|t_ns``, the same however often the message comes) and ``alert``
    (JSON as in the journal).

    Checkpoints wait in the same queue: one is stored only after all alerts that led up to it, so a crash at any moment
    loses none.

    Parameters
    ----------
    url : str
        ``redis://host:port/db``, ``rediss://`` or ``unix:///path``.
    stream : str
        Key of the stream.
    max_waiting : int
        Longest queue.

    Raises
    ------
    UsageError
        The address is none. A Redis that does not answer is no error: it may come back.
    """

    def __init__(self, url: str, stream: str, max_waiting: int = _MAX_WAITING) -> None:
        self._redis = connect(url)
        self._add_once = self._redis.register_script(_ADD_ONCE)
        self._keep = self._redis.register_script(_KEEP)
        self._stream = stream
        self._outbox = Outbox[Alert | Kept](stream, self._store, most=1, max_size=max_waiting)

    @property
    def counts(self) -> Counter[str]:
        """Alerts ``added`` and ``repeated``, checkpoints ``kept``, ``dropped`` and ``errors``."""
        return self._outbox.counts

    @property
    def n_waiting(self) -> int:
        """Alerts and checkpoints that are not in Redis yet."""
        return len(self._outbox)

    def write(self, records: Sequence[Record]) -> None:
        """Queue the alerts; never waits for Redis."""
        alerts = [record for record in records if isinstance(record, Alert)]
        if alerts:
            self._outbox.put(alerts)

    def keep(self, kept: Kept) -> None:
        """Queue a checkpoint behind the alerts that were queued before; never waits for Redis."""
        self._outbox.put([kept])

    def close(self) -> None:
        """Send what is waiting, for two seconds at most (and one answer that is under way), then stop."""
        self._outbox.close(_FLUSH_S)
        self._redis.close()

    def _store(self, items: list[Alert | Kept]) -> int:
        (item,) = items
        if isinstance(item, Kept):
            self._keep([item.key, item.ticks_key], [item.data, item.n_ticks])
            self.counts["kept"] += 1
        else:
            self._send(item)
        return 1

    def _send(self, alert: Alert) -> None:
        key = f"{alert.id}|{alert.state}|{alert.t_ns}"
        # The braces keep both keys on one node of a Redis cluster.
        keys = [self._stream, f"{{{self._stream}}}:seen:{key}"]
        added = self._add_once(keys, [_REMEMBER_S, _MAX_STREAM, key, orjson.dumps(alert_as_dict(alert))])
        self.counts["repeated" if added is None else "added"] += 1
