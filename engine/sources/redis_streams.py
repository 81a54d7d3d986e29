"""Sensor data from Redis: one stream per spindle, read without ever waiting, resumed at each spindle's checkpoint.

After a crash a spindle goes on from its checkpoint: its steps are given back what they knew (`engine.barriers.Resume`)
and its stream is read again from there. How items were batched changes no answer, so the very same alerts are made
again, under the same ids, and whoever stores them recognises them.

Nothing that Redis or a sender does is raised: a Redis that is away is tried again, an entry that cannot be used becomes
a counted dead letter.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from redis.exceptions import RedisError

from engine import redis_keys
from engine.barriers import Reconfigure, Resume, Snapshot
from engine.checkpoint import OWNER, Position
from engine.clock import NS_PER_S, WallClock, monotonic_s, wake_in
from engine.config import Config
from engine.declared import Spindle
from engine.errors import SpindlewatchError
from engine.records import Block
from engine.redis_link import connect
from engine.runtime import Stop
from engine.sources import dead_letters
from engine.sources.inlet import DeadLetter, Entry, Inlet, Received
from engine.sources.resuming import NotedTicks, checked, noted_ticks, ousted
from engine.sources.routing import key_for

Item = tuple[str, Received | Resume | Snapshot | Reconfigure]

_POLL_S = 0.004
# A read asks for every stream by name, which costs Redis and this process some microseconds each, found or not.
_PER_STREAM_S, _LONGEST_S = 0.0001, 0.02
_TICK_S = 0.5  # silence is noticed that much later
# A Redis that is back is found by its senders as late as they try again (`engine.outbox`): until then none is silent.
_GRACE_S = 6.0
_FIRST_DELAY_S, _MAX_DELAY_S = 0.05, 2.0
_log = logging.getLogger(__name__)


class RedisStreams(FixedPartitionedSource[Item, None]):
    """The streams of the declared spindles.

    Parameters
    ----------
    spindles : sequence of Spindle
        Declared.
    config : Config
        ``[redis]``; and what decides, for a checkpoint made under another configuration may be none to go on from.
    clock : WallClock
        Stamps what is received.
    stop : Stop, optional
        Ends on request: first every state is sent for, so that nothing is read twice after the next start.
    paused : callable, optional
        Whether nothing more should be read for now, as what came of it cannot be stored.
    fresh : bool
        Forget all checkpoints: begin with what comes from now on, and learn anew.
    worker : (int, int)
        Which worker of a Bytewax cluster this process is, of how many: its spindles get keys that stay with it.
    replaced : callable, optional
        Asked again and again for another configuration to go on under with what was learnt; None = as before.
    ousted : callable, optional
        The name of a spindle that another process has taken over, or "".
    alive : callable, optional
        Told that the flow is at work, some hundred times a second.
    """

    def __init__(
        self,
        spindles: Sequence[Spindle],
        config: Config,
        clock: WallClock,
        stop: Stop | None = None,
        paused: Callable[[], bool] = lambda: False,
        fresh: bool = False,
        worker: tuple[int, int] = (0, 1),
        replaced: Callable[[], Config | None] = lambda: None,
        ousted: Callable[[], str] = str,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self.spindles, self.config, self.fresh = spindles, config, fresh
        self.clock, self.stop, self.paused = clock, stop or Stop(), paused
        self.replaced, self.ousted, self.alive = replaced, ousted, alive
        self.index, self.n_workers = worker
        self.keys = {spindle.name: key_for(spindle.name, *worker) for spindle in spindles}
        """By which each spindle's items are routed."""
        self.positions: dict[tuple[str, int], Position] = {}
        """Where in its stream each barrier stands that has not arrived yet, by spindle and number."""
        self.counts: Counter[str] = Counter()
        """Blocks and their samples, contexts, ticks; dead letters by reason; missing, repeated, redis_errors."""
        self.heard: set[str] = set()
        """Spindles that have sent something since this began."""
        self.owner = secrets.token_hex(8)
        """This run of the process: whoever begins later takes the spindles over."""
        self.failure: SpindlewatchError | None = None
        """Why it ended by itself; to be raised by whoever ran the flow."""
        self.connected = False
        """Whether Redis carried out what it was asked last."""
        self.inlets: dict[str, Inlet] = {}
        """By spindle, once they have begun."""

    def reached_ns(self) -> list[int]:
        """Stream time that each spindle that was heard has reached."""
        return [self.inlets[name].end_ns for name in self.heard.copy()]

    def list_parts(self) -> list[str]:
        """One partition: all streams of this process."""
        return [f"redis-{self.index:03d}"]

    def build_part(
        self,
        step_id: str,  # noqa: ARG002
        for_part: str,  # noqa: ARG002
        resume_state: Any,  # noqa: ARG002
    ) -> StatefulSourcePartition[Item, None]:
        """Open the streams."""
        return _Part(self)


class _Part(StatefulSourcePartition[Item, None]):
    """All streams, by one command at a time."""

    def __init__(self, source: RedisStreams) -> None:
        self._source, self._config = source, source.config.redis
        self._redis = connect(self._config, timeout_s=1.0)
        self._samples = (
            connect(self._config.samples, timeout_s=1.0) if self._config.samples_url else self._redis
        )
        self._ticks = NotedTicks(self._redis, self._config.prefix, source.owner)
        self._delay_s, self._due_read_s = _FIRST_DELAY_S, 0.0
        self._inlets = source.inlets
        self._names: dict[bytes, str] = {}
        self._numbers: dict[str, int] = {}
        self._due_s: dict[str, float] = {}
        self._heard_s: dict[str, float] = {}
        self._ending = False

    def next_batch(self) -> list[Item]:
        keys = self._source.keys
        try:
            return [(keys[name], item) for name, item in self._next()]
        except SpindlewatchError as error:
            self._source.failure = error
            if self._source.n_workers > 1:  # else the others would wait for this one for ever
                raise
            raise StopIteration from error

    def _next(self) -> list[Item]:
        source = self._source
        source.alive()
        if spindle := source.ousted():
            raise ousted(spindle)
        if self._ending:
            raise StopIteration
        if source.stop.asked:
            self._ending = True
            return [self._barrier(name) for name in self._inlets]
        changes = self._changes()
        nothing = not source.spindles or source.paused() or monotonic_s() < self._due_read_s
        if changes or nothing:
            return changes
        try:
            batch = self._read() if self._inlets else self._open()
        except RedisError as error:
            source.counts["redis_errors"] += 1
            source.connected = False
            if self._delay_s == _FIRST_DELAY_S:
                _log.warning("redis: cannot read, trying again: %s", error)
            self._due_read_s = monotonic_s() + self._delay_s
            self._delay_s = min(2 * self._delay_s, _MAX_DELAY_S)
            return []
        self._delay_s, source.connected = _FIRST_DELAY_S, True
        return batch

    def next_awake(self) -> datetime:
        return wake_in(_POLL_S)

    def snapshot(self) -> None:
        return None

    def close(self) -> None:
        self._redis.close()
        self._samples.close()

    def _changes(self) -> list[Item]:
        """Tell every spindle of another configuration, once they all have begun."""
        config = self._source.replaced() if self._inlets else None
        if config is None:
            return []
        self._source.config = config
        return [(name, Reconfigure(name, inlet.end_ns, config)) for name, inlet in self._inlets.items()]

    # --- reading ---

    def _open(self) -> list[Item]:
        """Give every spindle its state back, and learn what ticks were made since then."""
        config, source = self._config, self._source
        pipe = self._redis.pipeline(transaction=False)
        for spindle in source.spindles:
            pipe.hset(redis_keys.owners(config.prefix), spindle.name, source.owner)
            pipe.get(redis_keys.checkpoint(config.prefix, spindle.name))
            pipe.lrange(redis_keys.ticks(config.prefix, spindle.name), 0, -1)
        answers = pipe.execute()
        ends = self._ends([spindle.name for spindle in source.spindles])
        if source.fresh:
            keys = redis_keys.checkpoint, redis_keys.ticks
            self._redis.delete(*(key(config.prefix, one.name) for one in source.spindles for key in keys))
        out: list[Item] = []
        kept = zip(source.spindles, answers[1::3], answers[2::3], ends, strict=True)
        for spindle, data, lines, newest in kept:
            found = None if source.fresh else checked(data, spindle, source.config)
            position = Position() if found is None else found.position
            if source.fresh:
                lines, position = [], Position(newest or "0-0")
            self._begin(spindle, position, lines, 0 if found is None else found.t_ns)
            if found is not None:
                out.append((spindle.name, Resume(spindle.name, found.t_ns, found.states)))
        resumed = f"{len(out)} of {len(source.spindles)} spindles go on where they were"
        _log.info("redis: connected; %s", resumed)
        return out

    def _begin(self, spindle: Spindle, position: Position, lines: Sequence[bytes], end_ns: int) -> None:
        name, config, now_s = spindle.name, self._config, monotonic_s()
        ticks = noted_ticks(lines, position)
        # Spindles take turns, so that no moment of the flow has all their states to write down.
        share = len(self._inlets) / len(self._source.spindles)
        self._inlets[name] = Inlet(spindle, position, ticks, round(config.max_ahead_s * NS_PER_S), end_ns)
        self._names[redis_keys.stream_in(config.prefix, name).encode()] = name
        self._due_s[name] = now_s + config.checkpoint_s * (1 + share)
        self._heard_s[name] = now_s + _GRACE_S

    def _read(self) -> list[Item]:
        positions = {key: self._inlets[name].position.entry for key, name in self._names.items()}
        count = max(1, self._config.batch // len(positions))
        # Taken before Redis is asked: should this process be stopped after the answer, more may have come since.
        now_s = monotonic_s()
        if not self._source.connected:
            self._heard_s = dict.fromkeys(self._heard_s, now_s + _GRACE_S)
        answer = self._samples.xread(cast(Any, positions), count=count)
        found = cast(Sequence[tuple[bytes, Sequence[Entry]]], answer)
        if all(len(entries) < count for _key, entries in found):  # else more waits already
            self._due_read_s = now_s + min(_PER_STREAM_S * len(positions), _LONGEST_S)
        now_ns = self._source.clock.now_ns()
        out: list[Item] = []
        refused: list[DeadLetter] = []
        for key, entries in found:
            name = self._names[key]
            inlet = self._inlets[name]
            known = inlet.n_missing, inlet.n_repeated
            items, wrong = inlet.take(entries, now_ns, self._source.clock.system_ns())
            if items:  # a sender of whom nothing can be used is as good as silent, and is told so
                self._heard_s[name] = now_s
            self._count(name, items, inlet.n_missing - known[0], inlet.n_repeated - known[1])
            refused += wrong
            out += [(name, item) for item in items]
        out += self._silent(now_ns, now_s)
        longest = min(self._due_s, key=self._due_s.__getitem__)
        if now_s >= self._due_s[longest]:  # one at a time: no batch has many states to write down
            out.append(self._barrier(longest))
        if refused:
            dead_letters.keep(self._redis, self._config, refused, self._source.counts)
        return out

    def _silent(self, now_ns: int, now_s: float) -> list[Item]:
        """Tick for streams in which nothing came for a while; written down first, so that a replay ticks alike."""
        names = [name for name, heard_s in self._heard_s.items() if now_s - heard_s >= _TICK_S]
        if not names:
            return []
        pipe = self._redis.pipeline(transaction=False)
        due: dict[str, int] = {}
        for name in names:
            inlet = self._inlets[name]
            # In the sender's own time, which need not be ours; of one that never sent, ours is as good as any.
            silent_ns = round((now_s - self._heard_s[name]) * NS_PER_S)
            due[name] = inlet.end_ns + silent_ns if inlet.end_ns else now_ns
            self._ticks.note(pipe, name, inlet.position, due[name])
        try:
            answers, ends = pipe.execute(), self._ends(names)
        except RedisError as error:  # what was read before must go on all the same
            self._source.counts["redis_errors"] += 1
            _log.warning("redis: silence not noted, trying again: %s", error)
            return []
        out: list[Item] = []
        for name, noted, newest in zip(names, answers, ends, strict=True):
            if not noted:
                raise ousted(name)
            inlet, self._heard_s[name] = self._inlets[name], now_s
            out += [(name, tick) for tick in inlet.ticks_before(None)]
            out.append((name, inlet.tick(due[name])))
            if newest and inlet.is_behind(newest):
                _log.warning("%s: its stream is another one now; read from its beginning", name)
                self._source.counts["streams_restarted"] += 1
                inlet.start_over()
        return out

    def _ends(self, names: Sequence[str]) -> list[str]:
        """Id of the newest entry of each spindle's stream; empty if there is none."""
        pipe = self._samples.pipeline(transaction=False)
        for name in names:
            pipe.xrevrange(redis_keys.stream_in(self._config.prefix, name), count=1)
        return [newest[0][0].decode() if newest else "" for newest in pipe.execute()]

    def _barrier(self, name: str) -> Item:
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        self._due_s[name] = monotonic_s() + self._config.checkpoint_s
        inlet = self._inlets[name]
        self._source.positions[name, number] = inlet.position
        return name, Snapshot(name, inlet.end_ns, number, owner=OWNER)

    # --- accounts ---

    def _count(self, name: str, items: Sequence[Received], n_missing: int, n_repeated: int) -> None:
        counts = self._source.counts
        counts.update(f"{type(item).__name__.lower()}s" for item in items)
        counts["samples"] += sum(item.samples.size for item in items if isinstance(item, Block))
        if items:
            self._source.heard.add(name)
        counts["missing"] += n_missing
        counts["repeated"] += n_repeated
        if n_missing:
            _log.warning("%s: %d entries were gone before they were read", name, n_missing)
