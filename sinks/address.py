"""Where the live server listens."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import ConfigError
from engine.site import AccessConfig, impossible_access, is_loopback
from sinks.pages import STREAM_PATH


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and whether by TLS."""

    host: str
    port: int
    tls: bool = False

    @property
    def page_url(self) -> str:
        """For a browser."""
        return f"{'https' if self.tls else 'http'}://{self._netloc}/"

    @property
    def stream_url(self) -> str:
        """For a subscriber."""
        return f"{'wss' if self.tls else 'ws'}://{self._netloc}{STREAM_PATH}"

    @property
    def _netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def reachable(host: str, access: AccessConfig) -> str:
    """Check that nobody can reach an address unasked.

    Parameters
    ----------
    host : str
        ``hub.host``.
    access : AccessConfig
        ``[access]``.

    Returns
    -------
    str
        The address to bind.

    Raises
    ------
    ConfigError
        As `engine.site.impossible_access` finds.
    """
    for path, wrong in impossible_access(host, access):
        raise ConfigError(f"{wrong} - at `$.{path}`")
    return "127.0.0.1" if host == "localhost" else host


def loopback(host: str) -> str:
    """Check that nobody outside this machine can reach an address.

    Parameters
    ----------
    host : str
        As configured.

    Returns
    -------
    str
        The address to bind.

    Raises
    ------
    ConfigError
        Any other address or name.
    """
    if is_loopback(host):
        return "127.0.0.1" if host == "localhost" else host
    raise ConfigError(
        f"expected a loopback address such as 127.0.0.1, got {host!r}: there is no access control - at `$.hub.host`"
    )
