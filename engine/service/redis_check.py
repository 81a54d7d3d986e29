"""What a service asks Redis once at its start: whether it may come in, and whether what is kept there lasts."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from engine.errors import UsageError
from engine.redis_link import connect, without_password
from engine.site import RedisConfig

_TIMEOUT_S = 2.0

_log = logging.getLogger(__name__)


def check_redis(config: RedisConfig) -> tuple[str, ...]:
    """Ask a Redis whether it can be relied on; one that does not answer is waited for by whoever needs it.

    Parameters
    ----------
    config : RedisConfig
        ``[redis]``.

    Returns
    -------
    tuple of str
        What should not stay as it is; each is logged, too. Nothing can be said of a Redis that does not answer.

    Raises
    ------
    UsageError
        The address is none, or the password is wrong: waiting would not help.
    """
    where = without_password(config.url)
    with connect(config, _TIMEOUT_S) as redis:
        try:
            redis.ping()
            found = tuple(_doubts(redis))
        except AuthenticationError as error:
            raise UsageError(
                f"redis: {where} lets nobody in with the password that it was given: {error}"
            ) from error
        except RedisError as error:
            _log.warning("redis: %s does not answer yet; all wait for it: %s", where, error)
            return ()
    for doubt in found:
        _log.warning("redis: %s", doubt)
    return found


def _doubts(redis: Redis) -> Iterator[str]:
    try:
        persistence, memory = redis.info("persistence"), redis.info("memory")
    except AuthenticationError:
        raise
    except RedisError as error:  # perhaps this user is not allowed to ask
        yield f"it does not tell whether it keeps data on disk: {error}"
        return
    if not persistence.get("aof_enabled"):
        yield (
            "DATA WILL BE LOST when Redis ends: appendonly is off, and what was learnt is kept nowhere else; "
            "set `appendonly yes`"
        )
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield (
            f"DATA MAY BE LOST when memory is short: maxmemory-policy is {policy}, which deletes what was learnt; "
            "set `maxmemory-policy noeviction`"
        )
