"""What an engine must not lose, into Redis: alerts and tool lives as streams, and what was learnt."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from redis.exceptions import RedisError

from engine import redis_keys
from engine.clock import monotonic_s
from engine.outbox import Outbox
from engine.redis_link import connect
from engine.site import RedisConfig
from engine.verdicts import Alert, ToolLife
from sinks.alert_json import alert_as_dict
from sinks.base import Record
from sinks.tool_history import life_as_dict

_MAX_WAITING = 10_000  # some 15 MB; the journal keeps what does not fit
_MAX_STREAM = 100_000  # entries kept in Redis, about
_REMEMBER_S = 7 * 24 * 3600  # how long a repetition is recognised
_FLUSH_S = 2.0
# A Redis that syncs its disk every second, as most do, loses up to two of them when its power goes: what it confirmed.
_UNSYNCED_S, _MAX_UNSYNCED = 5.0, 1000

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

# What was learnt, and no tick any more that it knows: in one step, or a crash in between would tick twice. And only of
# whoever watches the spindle: a process that was thought dead must not overwrite what its successor has learnt. A Redis
# that was emptied knows nobody.
_KEEP = """
if (redis.call('HGET', KEYS[3], ARGV[3]) or ARGV[4]) ~= ARGV[4] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[4], ARGV[3], ARGV[5])
while true do
    local line = redis.call('LINDEX', KEYS[2], 0)
    local number = line and tonumber(string.match(line, '|(%d+)$'))
    if not number or number > tonumber(ARGV[2]) then
        return 1
    end
    redis.call('LPOP', KEYS[2])
end
"""

# The baseline used last has the highest number; what was not used for longest goes.
_KEEP_BASELINE = """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
redis.call('ZADD', KEYS[2], (tonumber(last[2]) or 0) + 1, ARGV[1])
while redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[3]) do
    redis.call('HDEL', KEYS[1], redis.call('ZPOPMIN', KEYS[2])[1])
end
"""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A spindle's checkpoint on its way to Redis.

    Parameters
    ----------
    prefix, spindle : str
        Where it goes: `engine.redis_keys.checkpoint`.
    data : bytes
        `engine.checkpoint.Checkpoint.encode`.
    n_ticks : int
        Ticks that it knows.
    owner : str
        Whose it is; stored only if that is who watches the spindle (`engine.redis_keys.owners`).
    n : int
        Running number of the last entry that it knows, for the sender (`engine.redis_keys.positions`).
    """

    prefix: str
    spindle: str
    data: bytes
    n_ticks: int
    owner: str
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class KeptBaseline:
    """What was learnt of a section that has no room in memory, on its way to Redis.

    Parameters
    ----------
    key, used_key : str
        The spindle's hash; the sorted set that says which was used last.
    name : str
        Of the baseline.
    data : bytes
        Its state.
    max_entries : int
        Of the hash, 1 upwards: the one not used for longest goes.
    """

    key: str
    used_key: str
    name: str
    data: bytes
    max_entries: int


_Waiting = Alert | ToolLife | Kept | KeptBaseline


class _RenewedError(RedisError):
    """A connection is new, and what was stored by the one before may be forgotten."""


class RedisAlerts:
    """Adds every alert message to a Redis stream once; a Redis that is away holds up nobody.

    Messages wait in a bounded queue and are sent by a thread of its own, in order (`engine.outbox.Outbox`). When the
    queue is full the oldest is dropped and counted: the journal still has it.

    Each entry has two fields: ``key`` (``id|state|t_ns``, the same however often the message comes) and ``alert``
    (JSON as in the journal).

    Tool lives, baselines and checkpoints wait in the same queue: a checkpoint is stored only after all that led up to
    it, so a crash at any moment loses nothing.

    After every new connection what was stored in the five seconds before is stored again, as a Redis whose power went
    may have forgotten it; not so checkpoints, of which new ones come.

    Parameters
    ----------
    where : str or RedisConfig
        As for `engine.redis_link.connect`.
    stream : str
        Key of the stream.
    lives : str, optional
        Key of the stream of tool lives; None: they are passed over. The same may come twice.
    max_waiting : int
        Longest queue.

    Raises
    ------
    UsageError
        The address is none. A Redis that does not answer is no error: it may come back.
    """

    def __init__(
        self, where: str | RedisConfig, stream: str, lives: str | None = None, max_waiting: int = _MAX_WAITING
    ) -> None:
        self._unsynced: deque[tuple[float, _Waiting]] = deque(maxlen=_MAX_UNSYNCED)
        self._renewed = self._again = False
        self._redis = connect(where, connected=self._on_connection)
        self._add_once = self._redis.register_script(_ADD_ONCE)
        self._keep = self._redis.register_script(_KEEP)
        self._keep_baseline = self._redis.register_script(_KEEP_BASELINE)
        self._stream, self._lives = stream, lives
        self.ousted_from = ""
        """A spindle of which another process has taken over the watch, so that a checkpoint was refused."""
        self._outbox = Outbox[_Waiting](stream, self._store, most=1, max_size=max_waiting)

    @property
    def counts(self) -> Counter[str]:
        """Alerts ``added`` or ``repeated``, ``lives``, ``kept`` checkpoints, ``baselines``; ``dropped``, ``errors``."""
        return self._outbox.counts

    @property
    def n_waiting(self) -> int:
        """What is not in Redis yet."""
        return len(self._outbox)

    def write(self, records: Sequence[Record]) -> None:
        """Queue alerts and tool lives; never waits for Redis."""
        wanted = Alert if self._lives is None else (Alert, ToolLife)
        waiting = [record for record in records if isinstance(record, wanted)]
        if waiting:
            self._outbox.put(waiting)

    def keep(self, kept: Kept | KeptBaseline) -> None:
        """Queue what was learnt behind what was queued before; never waits for Redis."""
        self._outbox.put([kept])

    def close(self) -> None:
        """Send what is waiting, for two seconds at most (and one answer that is under way), then stop."""
        self._outbox.close(_FLUSH_S)
        self._redis.close()

    def _on_connection(self) -> None:
        """Let nothing new by a new connection before what may have been forgotten: in their order."""
        self._renewed = bool(self._unsynced)
        if self._renewed and not self._again:
            raise _RenewedError

    def _store(self, items: list[_Waiting]) -> int:
        (item,) = items
        try:
            if self._renewed:
                self._store_again()
            self._put(item)
        except _RenewedError:
            return 0  # asked again at once
        now_s = monotonic_s()
        while self._unsynced and self._unsynced[0][0] < now_s - _UNSYNCED_S:
            self._unsynced.popleft()
        if not isinstance(item, Kept):
            self._unsynced.append((now_s, item))
        return 1

    def _store_again(self) -> None:
        self._again = True
        try:
            while self._renewed:
                self._redis.ping()
                self._renewed = False
                for stored_s, item in self._unsynced:
                    if monotonic_s() - stored_s < _REMEMBER_S:
                        self._put(item)
        except RedisError:
            self._renewed = True
            raise
        finally:
            self._again = False

    def _put(self, item: _Waiting) -> None:
        match item:
            case Kept():
                self._store_checkpoint(item)
            case KeptBaseline():
                self._keep_baseline([item.key, item.used_key], [item.name, item.data, item.max_entries])
                self.counts["baselines"] += 1
            case ToolLife():
                life = orjson.dumps(life_as_dict(item))
                self._redis.xadd(str(self._lives), {"life": life}, maxlen=_MAX_STREAM, approximate=True)
                self.counts["lives"] += 1
            case _:
                self._send(item)

    def _store_checkpoint(self, kept: Kept) -> None:
        keys = redis_keys.checkpoint, redis_keys.ticks
        tables = redis_keys.owners, redis_keys.positions
        where = [*(key(kept.prefix, kept.spindle) for key in keys), *(key(kept.prefix) for key in tables)]
        if self._keep(where, [kept.data, kept.n_ticks, kept.spindle, kept.owner, kept.n]):
            self.counts["kept"] += 1
        else:
            self.ousted_from = kept.spindle

    def _send(self, alert: Alert) -> None:
        key = f"{alert.id}|{alert.state}|{alert.t_ns}"
        # The braces keep both keys on one node of a Redis cluster.
        keys = [self._stream, f"{{{self._stream}}}:seen:{key}"]
        added = self._add_once(keys, [_REMEMBER_S, _MAX_STREAM, key, orjson.dumps(alert_as_dict(alert))])
        self.counts["repeated" if added is None else "added"] += 1
