"""The connection to Redis, set up once and the same for whoever reads and writes."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.errors import UsageError


def connect(url: str, timeout_s: float = 5.0) -> Redis:
    """Make a client; nothing is connected yet, so a Redis that is away is no error.

    Parameters
    ----------
    url : str
        ``redis://host:port/db``, ``rediss://`` or ``unix:///path``.
    timeout_s : float
        To connect, and for an answer.

    Returns
    -------
    Redis
        It never tries anything twice by itself: that would hide that Redis is away, and send again what was stored.

    Raises
    ------
    UsageError
        The address is none; a password in it is not told.
    """
    try:
        return Redis.from_url(
            url,
            protocol=2,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            health_check_interval=15,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:  # whose words may repeat a part of the password
        told = (
            f"redis: got {without_password(url)!r}, wanted redis://host:port/db, rediss://... or unix:///path"
        )
        raise UsageError(told) from error


def without_password(url: str) -> str:
    """Return an address that may be shown.

    Examples
    --------
    >>> without_password("redis://shop:secret@127.0.0.1:6379/0")
    'redis://***@127.0.0.1:6379/0'
    >>> without_password("redis://shop:se/c@ret@127.0.0.1/0")
    'redis://***@127.0.0.1/0'
    >>> without_password("unix:///run/redis.sock")
    'unix:///run/redis.sock'
    """
    secret, at, host = url.rpartition("@")
    scheme, mark, _user = secret.rpartition("://")
    return f"{scheme}{mark}***@{host}" if at else url
