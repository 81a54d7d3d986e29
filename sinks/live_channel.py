"""What goes on at this moment, to whoever listens: states and scores over a Redis channel, the newest only."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence

from redis.exceptions import RedisError

from engine import redis_keys
from engine.redis_link import connect
from engine.site import RedisConfig
from sinks import messages
from sinks.base import Record
from sinks.mailbox import Mail

_PERIOD_S = 0.1  # as often as the hub shows scores
_TIMEOUT_S = 1.0
_CLOSE_S = 2.0

_log = logging.getLogger(__name__)


class LiveChannel:
    """A writer that publishes states and scores; best effort, and it holds up nobody.

    A thread of its own sends ten times a second what is newest then: each spindle's state as a message, the highest
    scores of all in one. States are kept in a hash as well, for whoever comes later. While Redis is away what was to
    be told is forgotten, but for the newest state of each spindle.

    Parameters
    ----------
    where : str or RedisConfig
        As for `engine.redis_link.connect`.
    prefix : str
        ``[redis]``.
    """

    def __init__(self, where: str | RedisConfig, prefix: str) -> None:
        self._redis = connect(where, timeout_s=_TIMEOUT_S)
        self._channel, self._states = redis_keys.live(prefix), redis_keys.states(prefix)
        self._lock, self._mail = threading.Lock(), Mail()
        self._closing = threading.Event()
        self.counts: Counter[str] = Counter()
        """Messages ``sent``; ``errors``."""
        self._thread = threading.Thread(target=self._run, name="live-channel", daemon=True)
        self._thread.start()

    def write(self, records: Sequence[Record]) -> None:
        """Note states and scores; returns at once."""
        with self._lock:
            self._mail.put(records)

    def close(self) -> None:
        """Tell what is newest and end; two seconds at most."""
        self._closing.set()
        self._thread.join(_CLOSE_S)
        self._redis.close()

    def _run(self) -> None:
        while not self._closing.wait(_PERIOD_S):
            self._tell()
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            mail, self._mail = self._mail, Mail()
        if not mail.states and not mail.scores:
            return
        pipe = self._redis.pipeline(transaction=False)
        for name, state in mail.states.items():
            message = messages.state(state)
            pipe.hset(self._states, name, message)
            pipe.publish(self._channel, message)
        if mail.scores:
            pipe.publish(self._channel, messages.scores(mail.scores.values()))
        try:
            pipe.execute()
        except RedisError as error:
            self._failed(mail, error)
            return
        self.counts["sent"] += len(mail.states) + bool(mail.scores)

    def _failed(self, mail: Mail, error: RedisError) -> None:
        if not self.counts["errors"]:
            _log.warning("redis: states and scores not told, trying again: %s", error)
        self.counts["errors"] += 1
        with self._lock:  # what came meanwhile is newer
            self._mail.states = mail.states | self._mail.states
