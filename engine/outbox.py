"""What is on its way to Redis: a bounded queue, sent in order by a thread of its own, whatever Redis does meanwhile."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Generic, TypeVar

from redis.exceptions import RedisError

from engine.clock import monotonic_s

_FIRST_DELAY_S, _MAX_DELAY_S = 0.1, 5.0

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Outbox(Generic[T]):
    """Holds items until they are stored; `put` never waits.

    While sending fails, it is tried again, ever more rarely. When the queue is full the oldest go, but for those that
    may be under way; they are counted, and each time that this begins it is logged. What waits is lost with the
    process.

    Parameters
    ----------
    name : str
        Of its thread, and in the log.
    send : callable
        Takes the items that have waited longest, in order; returns how many of them, from the first on, are stored now:
        0 = ask again. `RedisError`: none, as far as it knows.
    most : int
        Items handed to ``send`` at once.
    max_size : int
        Of the whole queue.
    size_of : callable
        Of one item; default: 1 each.
    behind : callable
        In how many seconds ``send`` is to be called though nothing waits here, as it has something left itself; None =
        it has not.
    keep : callable
        Given what is left at the end; returns how many of it are in safety now: all or none.
    counts : Counter of str, optional
        Where to count; default: its own.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[list[T]], int],
        *,
        most: int,
        max_size: int,
        size_of: Callable[[T], int] = lambda _item: 1,
        behind: Callable[[], float | None] = lambda: None,
        keep: Callable[[list[T]], int] = lambda _items: 0,
        counts: Counter[str] | None = None,
    ) -> None:
        self._name, self._send, self._most = name, send, most
        self._behind, self._keep = behind, keep
        self._max_size, self._size_of = max_size, size_of
        self._waiting: deque[T] = deque()
        self._size = 0
        self._dropping = False
        self._changed = threading.Condition()
        self._closing_s: float | None = None
        self.counts: Counter[str] = Counter() if counts is None else counts
        """``dropped`` and ``errors``; ``send`` may count more."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Items that are not stored yet."""
        return len(self._waiting)

    def put(self, items: Sequence[T]) -> None:
        """Queue items; after `close` they count as dropped at once."""
        with self._changed:
            if self._closing_s is not None:
                self._drop(len(items))
                return
            self._waiting.extend(items)
            self._size += sum(map(self._size_of, items))
            n_before = len(self._waiting)
            while self._size > self._max_size and len(self._waiting) > self._most:
                self._leave(self._most)  # whether those before it are stored may not be known yet
            self._drop(n_before - len(self._waiting))
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is stored; False: after so long it still was not."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and self._behind() is None, timeout_s)

    def close(self, timeout_s: float) -> None:
        """Send what waits, for so long at most and one answer that is under way; what is left counts as dropped."""
        with self._changed:
            self._closing_s = monotonic_s() + timeout_s
            self._changed.notify_all()
        self._thread.join()
        with self._changed:
            self._drop(len(self._waiting) - self._keep(list(self._waiting)))
            self._waiting.clear()

    def _drop(self, n: int) -> None:
        if not n:
            return
        if not self._dropping:
            _log.error("%s: cannot keep up; from now on items are dropped, the oldest first", self._name)
        self._dropping = True
        self.counts["dropped"] += n

    def _leave(self, position: int) -> None:
        self._size -= self._size_of(self._waiting[position])
        del self._waiting[position]

    def _run(self) -> None:
        delay_s = _FIRST_DELAY_S
        while (items := self._next()) is not None:
            try:
                n_stored = self._send(items)
            except RedisError as error:
                self.counts["errors"] += 1
                if delay_s == _FIRST_DELAY_S:
                    _log.warning("%s: cannot store, trying again: %s", self._name, error)
                if not self._pause(delay_s):
                    return
                delay_s = min(2 * delay_s, _MAX_DELAY_S)
                continue
            if n_stored or not items:
                delay_s = _FIRST_DELAY_S
                self._done(n_stored)

    def _next(self) -> list[T] | None:
        """What has waited longest, which stays queued; None = no more, or no more time."""
        with self._changed:
            while True:
                wait_s = 0.0 if self._waiting else self._behind()
                if self._closing_s is not None:
                    left_s = self._closing_s - monotonic_s()
                    if left_s < 0 or wait_s is None:
                        return None
                    wait_s = min(wait_s, left_s)
                if wait_s is not None and wait_s <= 0:
                    return list(islice(self._waiting, self._most))
                self._changed.wait(wait_s)

    def _done(self, n_stored: int) -> None:
        with self._changed:
            for _ in range(n_stored):
                self._leave(0)
            self._dropping = False
            self._changed.notify_all()

    def _pause(self, delay_s: float) -> bool:
        """Wait before another try; False if closing and out of time."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing_s is not None, delay_s)
            if self._closing_s is None:
                return True
            left_s = self._closing_s - monotonic_s()
            if left_s > 0:
                self._changed.wait_for(lambda: False, min(_FIRST_DELAY_S, left_s))
            return left_s > 0
