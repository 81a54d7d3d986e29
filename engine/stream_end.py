"""Where one spindle's stream ends, as its writer knows it: what is there, its number, and how much room is left."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import cast

from engine import redis_keys
from engine.clock import WallClock, monotonic_s
from engine.redis_link import connect
from engine.site import RedisConfig

_GONE_S = 60.0  # an engine that has read nothing for so long holds up nobody

_log = logging.getLogger(__name__)


class StreamEnd:
    """One spindle's stream as its only writer sees it; used by one thread.

    Parameters
    ----------
    where : str or RedisConfig
        As for `engine.redis_link.connect`; of ``[redis]``, the Redis of samples.
    prefix, spindle : str
        Whose stream: `engine.redis_keys.stream_in`.
    n_kept : int
        Entries that the stream keeps, about.
    counts : Counter of str
        ``sent``, ``repeated``, ``dropped``.

    Raises
    ------
    UsageError
        The address is none.
    """

    def __init__(
        self, where: str | RedisConfig, prefix: str, spindle: str, n_kept: int, counts: Counter[str]
    ) -> None:
        apart = isinstance(where, RedisConfig) and where.samples_url
        self._redis = connect(where if isinstance(where, str) else where.samples)
        self._accounts = connect(where) if apart else self._redis
        self.stream, self._n_kept, self._counts = redis_keys.stream_in(prefix, spindle), n_kept, counts
        self._read_by = redis_keys.positions(prefix), spindle
        self._read, self._moved_s = -1, 0.0
        self._clock = WallClock()
        self._id = (0, 0)  # of the newest entry: milliseconds and sequence
        self.number = 0
        """Running number of the entry before what is sent next."""
        self.knows = False
        """Whether the stream was asked where it ends, and has answered to all that was sent since."""

    def behind_s(self) -> float | None:
        """Nothing waits here."""

    def keep(self, messages: list[bytes]) -> int:  # noqa: ARG002
        """Nothing can be kept here."""
        return 0

    def close(self) -> None:
        """Break the connection."""
        self._redis.close()
        self._accounts.close()

    def add(self, batch: list[bytes]) -> int:
        """Send a batch, or ask first.

        Parameters
        ----------
        batch : list of bytes
            Messages of `engine.wire`. After an error, the next batch has to begin with the same.

        Returns
        -------
        int
            How many of it, from the first on, are stored.

        Raises
        ------
        RedisError
            As far as is known, none is.
        """
        if not self.knows:
            return self.ask(lambda position: batch[position - 1] if position <= len(batch) else None)
        ms, sequence = self._id
        now_ms = self._clock.now_ns() // 1_000_000
        ms, sequence = (
            (now_ms, -1) if now_ms > ms else (ms, sequence)
        )  # a clock that was set back changes nothing
        # No transaction: with them, a Redis 7.0 killed and restarted under load now and then held entries twice,
        # probably from one that was half written down. Without, never.
        pipe = self._redis.pipeline(transaction=False)
        for step, message in enumerate(batch, 1):
            fields = {"d": message, "n": self.number + step}
            pipe.xadd(self.stream, fields, f"{ms}-{sequence + step}", self._n_kept)  # type: ignore[arg-type]
        self.knows = False
        answers = pipe.execute(raise_on_error=False)
        refused = [position for position, answer in enumerate(answers) if isinstance(answer, Exception)]
        n_done = len(batch)
        while n_done and n_done - 1 in refused:
            n_done -= 1
        if not n_done:
            raise answers[0]
        # What was refused before something that was taken cannot be put in its place any more; its numbers are a gap.
        n_lost = sum(position < n_done for position in refused)
        self.knows, self.number, self._id = True, self.number + n_done, (ms, sequence + n_done)
        self._counts["sent"] += n_done - n_lost
        if n_lost:
            _log.error("%s: %d entries were refused, and later ones taken", self.stream, n_lost)
            self._counts["dropped"] += n_lost
        return n_done

    def ask(self, nth: Callable[[int], bytes | None]) -> int:
        """Ask the stream where it ends; how many of what is to be sent next are there already.

        Parameters
        ----------
        nth : callable
            The message that is to be sent as first, second ...; None = there are not so many.

        Returns
        -------
        int
            Of all that is to be sent, in order.

        Raises
        ------
        RedisError
            It does not say.
        """
        newest = cast(list[tuple[bytes, dict[bytes, bytes]]], self._redis.xrevrange(self.stream, count=1))
        n_there = 0
        if newest:
            entry, fields = newest[0]
            self._id = redis_keys.entry_key(entry)
            n_more = redis_keys.running_number(fields) - self.number
            # By the number alone, what somebody else sent meanwhile would pass for ours.
            n_there = n_more if n_more > 0 and nth(n_more) == fields.get(b"d") else 0
            self.number += max(n_more, 0)
        self.knows = True
        if n_there:
            self._counts["repeated"] += n_there
        return n_there

    def room(self) -> int:
        """Ask how many entries may come before one is trimmed that an engine has yet to read.

        Returns
        -------
        int
            0 or less: none. An engine that has read nothing for a minute is waited for no more.

        Raises
        ------
        RedisError
            It does not say.
        """
        read = redis_keys.running_number(
            {b"n": cast(bytes | None, self._accounts.hget(*self._read_by)) or b""}
        )
        now_s = monotonic_s()
        if read != self._read:
            self._read, self._moved_s = read, now_s
        is_gone = now_s - self._moved_s > _GONE_S
        return self._n_kept if is_gone else read + self._n_kept - self.number
