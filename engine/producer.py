"""The sender's side: blocks, contexts and ticks of one spindle into its Redis stream, in order, each once.

The format is a line, ``XADD {prefix}:in:{spindle} MAXLEN ~ 3000 <ms>-<n> d <message> n <number>``:
any language that speaks to Redis can send it. Ids never decrease, and the stream's newest entry says what was stored:
after a lost answer it is asked first, so nothing is sent twice.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from typing import cast

from redis.exceptions import RedisError

from engine import redis_keys
from engine.clock import WallClock, monotonic_s
from engine.records import Block, Context, Tick
from engine.redis_link import connect
from engine.wire import encode

_PIPELINE = 64
_FIRST_DELAY_S, _MAX_DELAY_S = 0.05, 2.0

_log = logging.getLogger(__name__)


class Producer:
    """Sends what one spindle's sensors and controller say; one producer per spindle at a time.

    A thread of its own sends; `send` never waits for Redis. While Redis is away, loads or is full, what is to be sent
    waits in memory; beyond ``max_waiting_mib`` the oldest is dropped, counted and logged. What waits is lost with the
    process.

    Parameters
    ----------
    url : str
        Of Redis, as ``[redis] url``.
    spindle : str
        As declared at the engine.
    prefix : str
        As ``[redis] prefix``.
    n_kept : int
        Entries that the stream keeps, about: as many as are sent in the longest time that an engine may be away.
    max_waiting_mib : float
        Longest queue.

    Raises
    ------
    UsageError
        The address is none. A Redis that does not answer is no error.
    """

    def __init__(
        self,
        url: str,
        spindle: str,
        prefix: str = "spindlewatch",
        n_kept: int = 3000,
        max_waiting_mib: float = 64.0,
    ) -> None:
        self._redis = connect(url)
        self._stream, self._n_kept = redis_keys.stream_in(prefix, spindle), n_kept
        self._max_bytes = round(max_waiting_mib * 2**20)
        self._waiting: deque[bytes] = deque()
        self._n_bytes = 0
        self._changed = threading.Condition()
        self._closing_s: float | None = None
        self._clock = WallClock()
        self._last: tuple[int, int] | None = (
            None  # the newest entry's ms and number, once the stream was asked
        )
        self.counts: Counter[str] = Counter()
        """``sent``, ``repeated`` (were there already), ``dropped``, ``errors``."""
        self._thread = threading.Thread(target=self._run, name=f"producer-{spindle}", daemon=True)
        self._thread.start()

    def send(self, item: Block | Context | Tick) -> None:
        """Queue one record; never waits for Redis.

        Parameters
        ----------
        item : Block, Context or Tick
            In the order of their end times. A tick at least each half second tells silence from a broken line.

        Raises
        ------
        WireError
            It cannot be sent: a name, time, rate, shape or number out of range.
        """
        message = encode(item)
        with self._changed:
            self._waiting.append(message)
            self._n_bytes += len(message)
            n_dropped = 0
            while self._n_bytes > self._max_bytes and len(self._waiting) > 1:
                self._n_bytes -= len(self._waiting.popleft())
                n_dropped += 1
            if n_dropped and not self.counts["dropped"]:
                _log.error("%s: the queue is full, dropping the oldest data", self._stream)
            self.counts["dropped"] += n_dropped
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is in Redis.

        Returns
        -------
        bool
            False: after so long it still was not.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def close(self, timeout_s: float = 2.0) -> None:
        """Send what waits, for so long at most, then stop; what is left is counted as dropped."""
        with self._changed:
            self._closing_s = monotonic_s() + timeout_s
            self._changed.notify_all()
        self._thread.join()
        self._redis.close()
        self.counts["dropped"] += len(self._waiting)

    def _run(self) -> None:
        delay_s = _FIRST_DELAY_S
        while batch := self._next():
            try:
                if self._add(batch):
                    delay_s = _FIRST_DELAY_S
            except RedisError as error:
                self.counts["errors"] += 1
                if delay_s == _FIRST_DELAY_S:
                    _log.warning("%s: cannot add data, trying again: %s", self._stream, error)
                if not self._pause(delay_s):
                    return
                delay_s = min(2 * delay_s, _MAX_DELAY_S)

    def _pause(self, delay_s: float) -> bool:
        """Wait before another try; False if closing and out of time."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing_s is not None, delay_s)
            if self._closing_s is None:
                return True
            self._changed.wait_for(lambda: False, _FIRST_DELAY_S)
            return monotonic_s() < self._closing_s

    def _next(self) -> list[bytes]:
        """What has waited longest, which stays queued; nothing when all is done and closing."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing_s is not None)
            return [self._waiting[i] for i in range(min(_PIPELINE, len(self._waiting)))]

    def _add(self, batch: list[bytes]) -> bool:
        """Send a batch, all or nothing; what is stored leaves the queue. False: first the stream had to be asked."""
        if self._last is None:
            self._last = self._newest()
            return False  # what turned out to be there has left the queue
        ms, number = self._last
        ms = max(ms, self._clock.now_ns() // 1_000_000)  # the wall clock may have been set back
        # As one transaction: were one refused (no memory) and the next taken, their order would be lost.
        pipe = self._redis.pipeline(transaction=True)
        for offset, message in enumerate(batch, 1):
            fields = {"d": message, "n": number + offset}
            pipe.xadd(self._stream, fields, f"{ms}-{number + offset}", self._n_kept)  # type: ignore[arg-type]
        self._last = None  # until there is an answer, only the stream knows what of it is there
        pipe.execute()
        self._last = ms, number + len(batch)
        self.counts["sent"] += len(batch)
        for message in batch:
            self._done(message)
        return True

    def _newest(self) -> tuple[int, int]:
        """The newest entry's milliseconds and running number; what a lost answer had stored leaves the queue."""
        newest = cast(list[tuple[bytes, dict[bytes, bytes]]], self._redis.xrevrange(self._stream, count=1))
        if not newest:
            return 0, 0
        entry, fields = newest[0]
        self._forget(fields.get(b"d"))
        return int(entry.split(b"-")[0]), int(fields.get(b"n", b"0"))

    def _forget(self, stored: bytes | None) -> None:
        """Take from the queue everything up to a message that is stored already, if it is the queue's."""
        with self._changed:
            first = [self._waiting[i] for i in range(min(_PIPELINE, len(self._waiting)))]
        if stored is not None and stored in first:
            for message in first[: first.index(stored) + 1]:
                self.counts["repeated"] += 1
                self._done(message)

    def _done(self, message: bytes) -> None:
        with self._changed:
            if self._waiting and self._waiting[0] is message:  # else it was dropped meanwhile
                self._waiting.popleft()
                self._n_bytes -= len(message)
            self._changed.notify_all()
