"""Running a feeder: to Redis or to the terminal, until it is asked to end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from engine import redis_keys
from engine.clock import monotonic_s
from engine.config import Config
from engine.feeders.base import Feed, Letter
from engine.feeders.dry_run import Printed
from engine.feeders.spindle_feed import Item
from engine.outbox import Outbox
from engine.producer import Producer
from engine.redis_link import connect
from engine.runtime import Stop
from engine.site import RedisConfig

_LAST_S = 2.0
_MAX_LETTERS = 1000  # that wait for Redis


@dataclass(frozen=True, slots=True)
class FeedCounts:
    """What a feeder did.

    Parameters
    ----------
    feed : Counter of str
        As `Feed.counts`.
    redis : Counter of str
        As `engine.producer.Producer.counts`, of all spindles.
    skew_s : dict
        As `Feed.skew_s`.
    """

    feed: Counter[str]
    redis: Counter[str]
    skew_s: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"feed": dict(self.feed), "redis": dict(self.redis), "skew_s": self.skew_s}


def run_feed(
    config: Config, work: Callable[[Feed, Stop], None], *, hold_s: float = 0.0, dry_run: int | None = None
) -> FeedCounts:
    """Feed until SIGTERM or SIGINT, or until the source has ended.

    Parameters
    ----------
    config : Config
        ``[redis]`` and ``[[spindles]]``.
    work : callable
        Reads the source: gives a `Feed` what comes, calls its `beat`, and returns soon after the `Stop` was asked.
    hold_s : float
        As for `engine.feeders.assemble.Rows`.
    dry_run : int, optional
        Print so many blocks and contexts on stdout and end; Redis is not touched.

    Returns
    -------
    FeedCounts
        Once all that could be sent is in Redis.

    Raises
    ------
    SpindlewatchError
        An address of Redis that is none, or whatever ``work`` raises. A Redis that is away is no error.
    """
    stop = Stop()
    with ExitStack() as stack:
        stack.enter_context(stop.on_signals())
        if dry_run is not None:
            printed = Printed(dry_run, stop)
            feed = Feed(config, printed.send, printed, hold_s)
            work(feed, stop)
            feed.finish(0.0)
            return FeedCounts(feed.counts, Counter(), feed.skew_s)
        letters = stack.enter_context(closing(DeadLetters(config.redis)))
        producers = stack.enter_context(closing(Producers(config.redis)))
        feed = Feed(config, producers.send, letters, hold_s, flush=producers.flush)
        work(feed, stop)
        feed.finish(0.0)
    return FeedCounts(feed.counts, producers.counts, feed.skew_s)


class Producers:
    """A producer for each spindle of which something came.

    Parameters
    ----------
    redis : RedisConfig
        Where to.
    """

    def __init__(self, redis: RedisConfig) -> None:
        connect(redis).close()  # an address that is none is told now, not with the first record
        self._redis = redis
        self._producers: dict[str, Producer] = {}

    @property
    def counts(self) -> Counter[str]:
        """Of all spindles."""
        return sum((producer.counts for producer in self._producers.values()), Counter[str]())

    def send(self, item: Item) -> None:
        """Queue a record; never waits for Redis."""
        producer = self._producers.get(item.spindle)
        if producer is None:
            producer = Producer.of_site(self._redis, item.spindle)
            self._producers[item.spindle] = producer
        producer.send(item)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is in Redis; False: after so long it still was not."""
        end_s = monotonic_s() + timeout_s
        producers = list(self._producers.values())  # another feed's thread may add one meanwhile
        return all(producer.flush(max(0.0, end_s - monotonic_s())) for producer in producers)

    def close(self) -> None:
        """Send what waits, for two seconds at most; what is left goes to disk or counts as dropped."""
        self.flush(_LAST_S)
        for producer in self._producers.values():
            producer.close(0.0)


class DeadLetters:
    """Keeps what could not be used in the stream of dead letters, beside those of the engine.

    Parameters
    ----------
    redis : RedisConfig
        ``dead_letters``: how many are kept, about.
    """

    def __init__(self, redis: RedisConfig) -> None:
        self._redis = connect(redis)
        self._stream, self._n_kept = redis_keys.dead_letters(redis.prefix), redis.dead_letters
        self._outbox = Outbox[Letter](self._stream, self._add, most=64, max_size=_MAX_LETTERS)

    def put(self, letter: Letter) -> None:
        """Queue one; never waits for Redis."""
        self._outbox.put([letter])

    def close(self) -> None:
        """Send what waits, for a second at most."""
        self._outbox.close(1.0)
        self._redis.close()

    def _add(self, letters: list[Letter]) -> int:
        pipe = self._redis.pipeline(transaction=False)
        for letter in letters:
            fields: dict[Any, Any] = {**letter._asdict(), "entry": letter.origin}
            del fields["origin"]
            pipe.xadd(self._stream, fields, maxlen=self._n_kept)
        pipe.execute()
        return len(letters)
