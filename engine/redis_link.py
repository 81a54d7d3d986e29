"""The connection to Redis, set up once and the same for whoever reads and writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.errors import UsageError
from engine.site import RedisConfig


def connect(
    where: str | RedisConfig, timeout_s: float = 5.0, connected: Callable[[], None] | None = None
) -> Redis:
    """Make a client; nothing is connected yet, so a Redis that is away is no error.

    Parameters
    ----------
    where : str or RedisConfig
        ``redis://host:port/db``, ``rediss://`` or ``unix:///path``; or ``[redis]``, whose password is read now.
    timeout_s : float
        To connect, and for an answer.
    connected : callable, optional
        Told of every new connection, before anything is sent by it: a Redis that was away may be back before anybody
        noticed.

    Returns
    -------
    Redis
        It never tries anything twice by itself: that would hide that Redis is away, and send again what was stored.

    Raises
    ------
    UsageError
        The address is none, or a password that cannot be read; none is told.
    """
    url, options = (where, {}) if isinstance(where, str) else (where.url, _secrets(where))
    if connected is not None:
        options["redis_connect_func"] = _then(connected)
    try:
        return Redis.from_url(
            url,
            protocol=2,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            health_check_interval=15,
            retry=Retry(NoBackoff(), 0),
            **options,
        )
    except ValueError as error:  # whose words may repeat a part of the password
        told = (
            f"redis: got {without_password(url)!r}, wanted redis://host:port/db, rediss://... or unix:///path"
        )
        raise UsageError(told) from error


def _then(connected: Callable[[], None]) -> Callable[[Any], None]:
    def on_connect(connection: Any) -> None:
        connection.on_connect()
        connected()

    return on_connect


def _secrets(redis: RedisConfig) -> dict[str, Any]:
    """What a client needs beside the address: the password, and whom to trust."""
    found: dict[str, Any] = {}
    if redis.password_file:
        found["password"] = _first_line(redis.password_file)
    if redis.ca_file:
        if not Path(redis.ca_file).is_file():
            raise UsageError(
                f"redis: {redis.ca_file}: wanted a file of certificates as redis.ca_file, got none"
            )
        found["ssl_ca_certs"] = redis.ca_file
    return found


def _first_line(path: str) -> str:
    """Read a password."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        told = (
            error.strerror if isinstance(error, OSError) else "no UTF-8"
        )  # whose words repeat the file's bytes
        raise UsageError(f"redis: {path}: the password cannot be read: {told}") from None
    if not lines or not lines[0]:
        raise UsageError(f"redis: {path}: wanted a password in the first line, got an empty one")
    return lines[0]


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
