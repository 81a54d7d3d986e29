"""Baselines in Redis: what was learnt of sections that are not machined now, for whichever process needs it."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from redis.exceptions import ConnectionError as AwayError
from redis.exceptions import TimeoutError

from engine import redis_keys
from engine.errors import SpindlewatchError
from engine.redis_link import connect
from engine.site import RedisConfig
from sinks.streams import KeptBaseline, RedisAlerts

MAX_ENTRIES = 256
"""Of one spindle, over all its sensor groups: some 30 kB each."""
_N_RECENT = 512
"""Values that may not be in Redis yet: more than wait in its queue while anything is read."""
_TIMEOUT_S, _PAUSE_S = 1.0, 0.1

_log = logging.getLogger(__name__)


class RedisBaselines:
    """Values by key, in a hash for each spindle: at most so many, the one kept longest ago goes first.

    Writing never waits. Reading does, for one answer: it happens once when a spindle comes to a section that is new, or
    has been away for long. While Redis does not answer it waits, for as long as it takes: to go on without would be to
    forget what was learnt, and no data comes meanwhile either. All of it is of one thread, the flow's.

    Parameters
    ----------
    out : RedisAlerts
        Takes what is written, in the order in which checkpoints are.
    where : str or RedisConfig
        As for `engine.redis_link.connect`.
    prefix : str
        ``[redis]``.
    patient : callable
        Asked again and again while Redis does not answer: whether to go on waiting.
    max_entries : int
        Of one spindle, 1 upwards.
    """

    def __init__(
        self,
        out: RedisAlerts,
        where: str | RedisConfig,
        prefix: str,
        patient: Callable[[], bool] = lambda: True,
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        self._patient = patient
        self._out, self._prefix, self._max_entries = out, prefix, max_entries
        self._redis = connect(where, timeout_s=_TIMEOUT_S)
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._pause = threading.Event()
        self.n_failed = 0
        """Times that Redis did not answer."""

    def put(self, key: str, value: bytes) -> None:
        """Keep a value, in place of any other of this key.

        Parameters
        ----------
        key : str
            A JSON list that begins with its spindle.
        value : bytes
            Any.
        """
        self._recent[key] = value
        self._recent.move_to_end(key)
        if len(self._recent) > _N_RECENT:
            self._recent.popitem(last=False)
        self._out.keep(KeptBaseline(*self._keys(key), key, value, self._max_entries))

    def get(self, key: str) -> bytes | None:
        """Give back what was kept last; it stays.

        Parameters
        ----------
        key : str
            As for `put`.

        Returns
        -------
        bytes or None
            None if there is nothing.

        Raises
        ------
        SpindlewatchError
            Redis did not answer, and there is no more patience.
        """
        if key in self._recent:
            return self._recent[key]
        while True:
            try:
                found = self._redis.hget(self._keys(key)[0], key)
                return found if isinstance(found, bytes) else None
            except (AwayError, TimeoutError) as error:
                self.n_failed += 1
                if not self._patient():
                    raise SpindlewatchError(
                        f"redis: ended while a baseline was waited for: {error}"
                    ) from error
                if self.n_failed == 1:
                    _log.warning("redis: a baseline is waited for: %s", error)
                self._pause.wait(_PAUSE_S)

    def close(self) -> None:
        """End the connection; what was put is sent by whoever takes it."""
        self._redis.close()

    def _keys(self, key: str) -> tuple[str, str]:
        spindle = msgspec.json.decode(key)[0]
        return redis_keys.baselines(self._prefix, spindle), redis_keys.baselines_used(self._prefix, spindle)
