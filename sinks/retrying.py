"""Work that goes on for months beside a Redis that may be away: the same round again and again, in its own thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from redis.exceptions import RedisError

from engine.errors import SpindlewatchError

_FIRST_DELAY_S, _MAX_DELAY_S = 0.1, 2.0

_log = logging.getLogger(__name__)


class Retrying:
    """A thread that does one round of work after the other.

    A round that fails because of Redis, or of the disk, is done again after a pause that grows from 0.1 to 2 s; it is
    logged when that begins and when it ends. Any other error ends the thread, and is kept.

    Parameters
    ----------
    name : str
        Of the thread, and in the log.
    work : callable
        One round: a second at most, also if nothing happens.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name, self._work = name, work
        self._closing = threading.Event()
        self._delay_s = _FIRST_DELAY_S
        self.trouble: str | None = "not begun"
        """Why the last round failed; None if it did not."""
        self.n_redis_errors = 0
        """Rounds that failed because of Redis."""
        self.n_errors = 0
        """Rounds that failed otherwise."""
        self.failure: BaseException | None = None
        """What ended the thread, if it was not `close`."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, timeout_s: float) -> bool:
        """End after the round that is under way; False: after so long it still was."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._round()
        except BaseException as error:
            _log.critical("%s: ended by an error", self._name, exc_info=True)
            self.failure = error

    def _round(self) -> None:
        try:
            self._work()
        except RedisError as error:
            self.n_redis_errors += 1
            self._wait(f"redis: {error}")
        except SpindlewatchError as error:
            self.n_errors += 1
            self._wait(str(error))
        else:
            if self.trouble is not None:
                _log.info("%s: at work", self._name)
            self.trouble, self._delay_s = None, _FIRST_DELAY_S

    def _wait(self, trouble: str) -> None:
        if self._delay_s == _FIRST_DELAY_S:
            _log.warning("%s: trying again: %s", self._name, trouble)
        self.trouble = trouble
        self._closing.wait(self._delay_s)
        self._delay_s = min(2 * self._delay_s, _MAX_DELAY_S)
