"""Baselines in Redis: what was learnt of sections that are not machined now, for whichever process needs it."""

from __future__ import annotations

import logging
from collections import OrderedDict

import msgspec
from redis.exceptions import RedisError

from engine import redis_keys
from engine.redis_link import connect
from engine.site import RedisConfig
from sinks.streams import KeptBaseline, RedisAlerts

MAX_ENTRIES = 256
"""Of one spindle, over all its sensor groups: some 30 kB each."""
_N_RECENT = 512
"""Values that may not be in Redis yet: more than wait in its queue while anything is read."""
_N_TRIES, _TIMEOUT_S = 3, 1.0

_log = logging.getLogger(__name__)


class RedisBaselines:
    """Values by key, in a hash for each spindle: at most so many, the one kept longest ago goes first.

    Writing never waits. Reading does, for one answer: it happens once when a spindle comes to a section that has been
    away for long. A Redis that does not answer costs three seconds at most, and the baseline counts as unknown: it is
    learnt anew. All of it is of one thread, the flow's.

    Parameters
    ----------
    out : RedisAlerts
        Takes what is written, in the order in which checkpoints are.
    where : str or RedisConfig
        As for `engine.redis_link.connect`.
    prefix : str
        ``[redis]``.
    max_entries : int
        Of one spindle, 1 upwards.
    """

    def __init__(
        self, out: RedisAlerts, where: str | RedisConfig, prefix: str, max_entries: int = MAX_ENTRIES
    ) -> None:
        self._out, self._prefix, self._max_entries = out, prefix, max_entries
        self._redis = connect(where, timeout_s=_TIMEOUT_S)
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self.n_failed = 0
        """Reads that Redis did not answer."""

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
            None if there is nothing, or Redis does not answer.
        """
        if key in self._recent:
            return self._recent[key]
        for _ in range(_N_TRIES):
            try:
                found = self._redis.hget(self._keys(key)[0], key)
            except RedisError as error:
                self.n_failed += 1
                _log.warning("redis: baseline not read (%d failures so far): %s", self.n_failed, error)
            else:
                return found if isinstance(found, bytes) else None
        return None

    def close(self) -> None:
        """End the connection; what was put is sent by whoever takes it."""
        self._redis.close()

    def _keys(self, key: str) -> tuple[str, str]:
        spindle = msgspec.json.decode(key)[0]
        return redis_keys.baselines(self._prefix, spindle), redis_keys.baselines_used(self._prefix, spindle)
