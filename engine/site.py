"""What a site says about its service: Redis, the processes, the hosts, the log. None of it decides an alert."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0)]
Port = Annotated[int, Meta(ge=0, le=65535)]

_MAX_SHARDS = 256


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration: frozen, and no key it does not know."""


class RedisConfig(Table, frozen=True):
    """``[redis]``; a password is read from ``password_file`` when a connection is set up (`engine.redis_link`)."""

    url: Annotated[str, Meta(min_length=1)]
    password_file: str
    ca_file: str
    samples_url: str
    spool_folder: str
    spool_mib: Annotated[float, Meta(ge=1, le=1_000_000)]
    prefix: Annotated[str, Meta(min_length=1, max_length=100)]
    batch: Annotated[int, Meta(ge=1, le=100_000)]
    max_ahead_s: Positive
    dead_letters: Annotated[int, Meta(ge=1, le=1_000_000)]
    checkpoint_s: Annotated[float, Meta(ge=0.5, le=3600)]

    @property
    def samples(self) -> RedisConfig:
        """The Redis through which senders' data comes; with the same password and certificates."""
        return msgspec.structs.replace(self, url=self.samples_url) if self.samples_url else self


class ServiceConfig(Table, frozen=True):
    """``[service]``."""

    shards: Annotated[int, Meta(ge=1, le=_MAX_SHARDS)]
    drain_s: Annotated[float, Meta(gt=0, le=300)]
    hang_s: Annotated[float, Meta(ge=2, le=3600)]
    http_host: Annotated[str, Meta(min_length=1)]
    http_port: Port


class ClusterConfig(Table, frozen=True):
    """``[cluster]``."""

    addresses: Annotated[tuple[str, ...], Meta(max_length=_MAX_SHARDS)]
    here: tuple[Annotated[int, Meta(ge=0)], ...]
    allow_public: bool


class AccessConfig(Table, frozen=True):
    """``[access]``: who may see the page's data and the stream; no token stands in it, only where their hashes are."""

    tokens_file: str
    origins: Annotated[tuple[str, ...], Meta(max_length=100)]
    tls_cert: str
    tls_key: str
    tls_elsewhere: bool


class LogConfig(Table, frozen=True):
    """``[log]``."""

    level: Literal["debug", "info", "warning", "error"]
    format: Literal["json", "text"]


def impossible_site(
    redis: RedisConfig, service: ServiceConfig, cluster: ClusterConfig
) -> Iterator[tuple[str, str]]:
    """Find what each key by itself allows and all together do not.

    Parameters
    ----------
    redis : RedisConfig
        ``[redis]``.
    service : ServiceConfig
        ``[service]``.
    cluster : ClusterConfig
        ``[cluster]``.

    Yields
    ------
    tuple of str
        Path of the key, and what was expected and got; no password is told.
    """
    scheme, _, rest = redis.url.partition("://")
    if redis.password_file and ":" in rest.rpartition("@")[0]:
        yield "redis.password_file", "Expected a password in `url` or in `password_file`, got both"
    if redis.password_file and ":" in redis.samples_url.partition("://")[2].rpartition("@")[0]:
        yield "redis.password_file", "Expected a password in `samples_url` or in `password_file`, got both"
    if redis.ca_file and scheme != "rediss":
        got = f"{scheme}://" if rest else "none"
        yield "redis.ca_file", f"Expected a url of rediss:// (TLS) with it, got {got}"
    yield from _of_addresses(cluster, service.shards)
    for index, shard in enumerate(cluster.here):
        if shard >= service.shards:
            wanted = f"a shard below service.shards = {service.shards}"
            yield f"cluster.here[{index}]", f"Expected {wanted}, got {shard}"
        if shard in cluster.here[:index]:
            yield f"cluster.here[{index}]", f"Expected each shard once, got {shard} twice"


def impossible_access(host: str, access: AccessConfig) -> Iterator[tuple[str, str]]:
    """Find what would let others than this machine's own people in without asking who they are, or unencrypted.

    Parameters
    ----------
    host : str
        ``hub.host``.
    access : AccessConfig
        ``[access]``.

    Yields
    ------
    tuple of str
        Path of the key, and what was expected and got.
    """
    if access.tls_key and not access.tls_cert:
        yield "access.tls_key", "Expected the certificate of that key as access.tls_cert, got none"
    if access.tls_cert and access.tls_elsewhere:
        yield "access.tls_elsewhere", "Expected TLS here (access.tls_cert) or elsewhere, got both"
    if access.tls_elsewhere and not access.tokens_file:
        yield (
            "access.tokens_file",
            "Expected tokens where a proxy lets others in (access.tls_elsewhere), got none",
        )
    for index, origin in enumerate(access.origins):
        if not _is_origin(origin):
            wanted = 'an origin such as "https://mill.example:8765", without path'
            yield f"access.origins[{index}]", f"Expected {wanted}, got {origin!r}"
    if is_loopback(host):
        return
    if not _is_address(host):
        yield "hub.host", f"Expected a loopback address such as 127.0.0.1 or another IP address, got {host!r}"
        return
    missing = [] if access.tokens_file else ["tokens (access.tokens_file; `spindlewatch token add`)"]
    if not (access.tls_cert or access.tls_elsewhere):
        missing.append("TLS (access.tls_cert, or access.tls_elsewhere = true where a proxy does it)")
    if missing:
        wanted = "a loopback address such as 127.0.0.1, for others need " + " and ".join(missing)
        yield "hub.host", f"Expected {wanted}, got {host!r}"


def is_loopback(host: str) -> bool:
    """Whether nobody outside this machine can reach an address.

    Examples
    --------
    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "mill.example")]
    [True, True, True, False, False]
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or no address at all
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_origin(text: str) -> bool:
    """Whether a browser could name this as the origin of a page: scheme, host, perhaps a port, and no more."""
    try:
        parts = urlsplit(text)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    return named and text == f"{parts.scheme}://{parts.netloc}".lower() and "@" not in text


def _of_addresses(cluster: ClusterConfig, n_shards: int) -> Iterator[tuple[str, str]]:
    addresses = cluster.addresses
    if addresses and len(addresses) != n_shards:
        wanted = f"one address for each of service.shards = {n_shards}"
        yield "cluster.addresses", f"Expected {wanted}, got {len(addresses)}"
    for index, address in enumerate(addresses):
        path = f"cluster.addresses[{index}]"
        host, _, port = address.rpartition(":")
        if not host or not (port.isascii() and port.isdigit() and 0 < int(port) <= 65535):
            yield path, f'Expected "host:port" with a port of 1 to 65535, got {address!r}'
        elif not cluster.allow_public and not _is_private(host):
            wanted = "a private or loopback address, for the processes trust whoever connects"
            yield path, f"Expected {wanted} (or cluster.allow_public = true), got {host!r}"
        if address in addresses[:index]:
            yield path, f"Expected an address of its own, got {address!r} twice"


def _is_private(host: str) -> bool:
    """Whether an address cannot be reached from the internet; of a name only ``localhost`` is known to be so."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    return (address.is_private or address.is_loopback) and not address.is_unspecified
