"""Entries that could not be used, kept for whoever wants to know why."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from redis import Redis
from redis.exceptions import RedisError

from engine import redis_keys
from engine.site import RedisConfig
from engine.sources.inlet import DeadLetter

_ERROR_LENGTH = 200

_log = logging.getLogger(__name__)


def keep(redis: Redis, config: RedisConfig, letters: Sequence[DeadLetter], counts: Counter[str]) -> None:
    """Count dead letters by reason, log the first of each, and keep the newest; costs one round trip.

    Parameters
    ----------
    redis : Redis
        Where to; they are counted even if that fails.
    config : RedisConfig
        ``[redis]``: how many are kept.
    letters : sequence of DeadLetter
        In the order of their coming.
    counts : Counter of str
        Changed.
    """
    pipe = redis.pipeline(transaction=False)
    for letter in letters:
        if not counts[letter.reason]:
            _log.warning("%s: %s entry %s: %s", letter.spindle, letter.reason, letter.entry, letter.error)
        counts[letter.reason] += 1
        fields = {
            "spindle": letter.spindle,
            "reason": letter.reason,
            "error": letter.error[:_ERROR_LENGTH],
            "entry": letter.entry,
            "head": letter.head,
        }
        key = redis_keys.dead_letters(config.prefix)
        pipe.xadd(key, fields, maxlen=config.dead_letters, approximate=True)  # type: ignore[arg-type]
    try:
        pipe.execute()
    except RedisError as error:
        counts["redis_errors"] += 1
        _log.warning("redis: dead letters not kept: %s", error)
