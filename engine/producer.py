"""The sender's side: blocks, contexts and ticks of one spindle into its Redis stream, in order, each once.

The format is a line, ``XADD {prefix}:in:{spindle} MAXLEN ~ 3000 <ms>-<k> d <message> n <number>``: any language that
speaks to Redis can send it. When an answer was lost, the newest entry's running number says how much of what was sent
is there: so nothing is sent twice.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import cast

from engine import redis_keys
from engine.clock import WallClock
from engine.outbox import Outbox
from engine.records import Block, Context, Tick
from engine.redis_link import connect
from engine.site import RedisConfig
from engine.wire import encode

_BATCH = 64

_log = logging.getLogger(__name__)


class Producer:
    """Sends what one spindle's sensors and controller say; one producer per spindle at a time.

    `send` never waits for Redis. While Redis is away, loads or is full, what is to be sent waits in memory
    (`engine.outbox.Outbox`) and is lost with the process. Entries that Redis had confirmed and forgot, as after a power
    cut, leave a gap in the running numbers as long as this producer lives.

    Parameters
    ----------
    url : str or RedisConfig
        Of Redis, as ``[redis] url``; or ``[redis]``, with its password.
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
        url: str | RedisConfig,
        spindle: str,
        prefix: str = "spindlewatch",
        n_kept: int = 3000,
        max_waiting_mib: float = 64.0,
    ) -> None:
        self._redis = connect(url)
        self._stream, self._n_kept = redis_keys.stream_in(prefix, spindle), n_kept
        self._clock = WallClock()
        self._id = (0, 0)  # of the newest entry: milliseconds and sequence
        self._number = 0  # its running number
        self._knows = False  # whether the stream was asked, and has answered to all that was sent since
        self._unanswered = 0  # the running number up to which it is not known what is there
        self._outbox = Outbox[bytes](
            self._stream, self._add, most=_BATCH, max_size=round(max_waiting_mib * 2**20), size_of=len
        )

    @property
    def counts(self) -> Counter[str]:
        """``sent``; ``repeated``: were there, though no answer had come; ``dropped``, ``errors``."""
        return self._outbox.counts

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
        """Send what waits, for so long at most and one answer that is under way; what is left counts as dropped."""
        self._outbox.close(timeout_s)
        self._redis.close()

    def _add(self, batch: list[bytes]) -> int:
        """Send a batch; how many of it, from the first on, are stored."""
        if not self._knows:
            return self._ask()
        ms, sequence = self._id
        now_ms = self._clock.now_ns() // 1_000_000
        ms, sequence = (
            (now_ms, -1) if now_ms > ms else (ms, sequence)
        )  # a clock that was set back changes nothing
        # No transaction: with them, a Redis 7.0 killed and restarted under load now and then held entries twice,
        # probably from one that was half written down. Without, never.
        pipe = self._redis.pipeline(transaction=False)
        for step, message in enumerate(batch, 1):
            fields = {"d": message, "n": self._number + step}
            pipe.xadd(self._stream, fields, f"{ms}-{sequence + step}", self._n_kept)  # type: ignore[arg-type]
        self._knows, self._unanswered = False, self._number + len(batch)
        answers = pipe.execute(raise_on_error=False)
        refused = [position for position, answer in enumerate(answers) if isinstance(answer, Exception)]
        n_done = len(batch)
        while n_done and n_done - 1 in refused:
            n_done -= 1
        if not n_done:
            raise answers[0]
        # What was refused before something that was taken cannot be put in its place any more; its numbers are a gap.
        n_lost = sum(position < n_done for position in refused)
        self._knows, self._number, self._id = True, self._number + n_done, (ms, sequence + n_done)
        self.counts["sent"] += n_done - n_lost
        if n_lost:
            _log.error("%s: %d entries were refused, and later ones taken", self._stream, n_lost)
            self.counts["dropped"] += n_lost
        return n_done

    def _ask(self) -> int:
        """Ask the stream where it ends; how many of what was sent last, without an answer, are there."""
        newest = cast(list[tuple[bytes, dict[bytes, bytes]]], self._redis.xrevrange(self._stream, count=1))
        n_before = self._number
        if newest:
            entry, fields = newest[0]
            self._id = redis_keys.entry_key(entry)
            self._number = max(n_before, redis_keys.running_number(fields))
        self._knows = True
        if not n_before < self._number <= self._unanswered:
            return 0
        self.counts["repeated"] += self._number - n_before
        return self._number - n_before
