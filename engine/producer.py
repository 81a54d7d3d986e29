"""The sender's side: blocks, contexts and ticks of one spindle into its Redis stream, in order, each once.

The format is a line, ``XADD {prefix}:in:{spindle} MAXLEN ~ 3000 <ms>-<k> d <message> n <number>``: any language that
speaks to Redis can send it. When an answer was lost, the newest entry's running number and message say how much of what
was sent is there: so nothing is sent twice, not even by the next process, if what waited was on disk.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis.exceptions import RedisError

from engine import redis_keys
from engine.clock import monotonic_s
from engine.outbox import Outbox
from engine.records import Block, Context, Tick
from engine.site import RedisConfig
from engine.spool import Spool, SpoolError
from engine.stream_end import StreamEnd
from engine.wire import encode

_BATCH = 64
_FIRST_DELAY_S, _MAX_DELAY_S = 0.1, 5.0
_PATIENCE_S = 0.2  # between looks at how far an engine has read

_log = logging.getLogger(__name__)


class Producer:
    """Sends what one spindle's sensors and controller say; one producer per spindle at a time.

    `send` never waits for Redis or a disk. While Redis is away, loads or is full, what is to be sent waits: in memory
    (`engine.outbox.Outbox`), and is lost with the process; or, with a spool, on disk, where the next producer finds it
    and sends it first. While the disk refuses, it waits in memory all the same; both are told in the log. Entries that
    Redis had confirmed and forgot, as after a power cut, leave a gap in the running numbers as long as this producer
    lives.

    Parameters
    ----------
    url : str or RedisConfig
        Of Redis, as ``[redis] url``; or ``[redis]``, with its password and the Redis of samples, if there is one.
    spindle : str
        As declared at the engine.
    prefix : str
        As ``[redis] prefix``.
    n_kept : int
        Entries that the stream keeps, about: as many as are sent in the longest time that an engine may be away. What
        comes from a spool comes no faster than an engine takes it; what waited in memory comes at once.
    max_waiting_mib : float
        Longest queue in memory.
    spool : Path, optional
        Folder for what waits longer; None = there is none.
    spool_mib : float
        Most that waits there; what does not fit is dropped, the oldest first, counted and logged.

    Raises
    ------
    UsageError
        The address is none. A Redis that does not answer is no error, nor is a disk that refuses.
    """

    def __init__(
        self,
        url: str | RedisConfig,
        spindle: str,
        prefix: str = "spindlewatch",
        n_kept: int = 3000,
        max_waiting_mib: float = 64.0,
        spool: Path | None = None,
        spool_mib: float = 256.0,
    ) -> None:
        self.counts: Counter[str] = Counter()
        """``sent``; ``repeated``: were there, though no answer had come; ``spooled``, ``dropped``, ``errors``."""
        stream = redis_keys.stream_in(prefix, spindle)
        self._line = StreamEnd(url, prefix, spindle, n_kept, self.counts)
        disk = (
            None if spool is None else Spool(spool, stream, round(spool_mib * 2**20), 2 * _BATCH, self.counts)
        )
        self._way = self._line if disk is None else _ByDisk(self._line, disk, self.counts)
        self._outbox = Outbox[bytes](
            stream,
            self._way.add,
            most=_BATCH,
            max_size=round(max_waiting_mib * 2**20),
            size_of=len,
            counts=self.counts,
            behind=self._way.behind_s,
            keep=self._way.keep,
        )

    @classmethod
    def of_site(cls, redis: RedisConfig, spindle: str) -> Producer:
        """Make the producer of a spindle as a site says.

        Parameters
        ----------
        redis : RedisConfig
            ``[redis]``: where to, and where on disk things wait.
        spindle : str
            As declared.

        Raises
        ------
        UsageError
            As for the class.
        """
        spool = Path(redis.spool_folder) if redis.spool_folder else None
        return cls(redis, spindle, redis.prefix, spool=spool, spool_mib=redis.spool_mib)

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
        self._outbox.put([encode(item)])

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is in Redis; False: after so long it still was not."""
        return self._outbox.flush(timeout_s)

    def close(self, timeout_s: float = 2.0) -> None:
        """Send what waits, for so long at most and one answer under way; what is left goes to disk, or is lost."""
        self._outbox.close(timeout_s)
        self._way.close()


class _ByDisk:
    """What Redis does not take goes to disk; what is on disk goes before all else."""

    def __init__(self, line: StreamEnd, disk: Spool, counts: Counter[str]) -> None:
        self._line, self._disk, self._counts = line, disk, counts
        self._delay_s, self._retry_s = _FIRST_DELAY_S, 0.0
        self._trouble: Exception | None = None
        self._refused = False

    def behind_s(self) -> float | None:
        """In how many seconds the disk's messages are to be tried again; None = there are none."""
        return max(0.0, self._retry_s - monotonic_s()) if len(self._disk) else None

    def add(self, batch: list[bytes]) -> int:
        """Take a batch to Redis or to disk; how many of it, from the first on, are in one of them.

        Raises
        ------
        RedisError
            They are in neither.
        """
        n_done = 0
        if not len(self._disk) and self._is_due():
            with self._trying():
                n_done = self._line.add(batch)
            if self._trouble is None:
                return n_done
        n_done = self.keep(batch)
        if len(self._disk) and self._is_due():
            with self._trying():
                self._drain()
        if batch and not n_done and not self._is_due():
            raise RedisError(f"neither Redis nor the disk takes it: {self._trouble or 'no room'}")
        return n_done

    def keep(self, messages: list[bytes]) -> int:
        """Put messages on disk: all of them, or none."""
        if not messages:
            return 0
        try:
            self._disk.append(messages, self._line.number)
        except SpoolError as error:
            self._refuse(f"what waits is kept in memory only: {error}")
            return 0
        self._refused = False
        return len(messages)

    def close(self) -> None:
        """Break the connection, and leave the rest to the next process."""
        if len(self._disk):
            _log.warning(
                "%s: %d messages wait on disk for the next start", self._line.stream, len(self._disk)
            )
        self._disk.close()
        self._line.close()

    def _drain(self) -> None:
        """Send what has waited longest, more than comes meanwhile."""
        line, disk = self._line, self._disk
        try:
            if not line.knows:
                line.number = max(line.number, disk.number)
                n_done = line.ask(disk.nth)
            elif (n_most := min(line.room(), 2 * _BATCH)) > 0:
                n_done = line.add(disk.oldest(n_most))
            else:
                self._retry_s = monotonic_s() + _PATIENCE_S
                return
        except SpoolError:
            disk.leave()
            raise
        try:
            disk.remove(n_done, line.number)
        except SpoolError as error:
            self._refuse(f"if this process is killed, the next one sends again what was sent: {error}")

    def _refuse(self, told: str) -> None:
        """Say once that the disk refuses."""
        if not self._refused:
            _log.error("%s: %s", self._line.stream, told)
        self._refused = True

    def _is_due(self) -> bool:
        return monotonic_s() >= self._retry_s

    @contextmanager
    def _trying(self) -> Iterator[None]:
        """Try again ever more rarely while it fails."""
        try:
            yield
        except (RedisError, SpoolError) as error:
            self._counts["errors"] += 1
            if self._trouble is None:
                _log.warning("%s: cannot send, trying again: %s", self._line.stream, error)
            self._trouble = error
            self._retry_s = monotonic_s() + self._delay_s
            self._delay_s = min(2 * self._delay_s, _MAX_DELAY_S)
        else:
            self._trouble, self._delay_s = None, _FIRST_DELAY_S
