"""Where the live server listens."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from dataclasses import dataclass

from engine.errors import ConfigError
from sinks.pages import STREAM_PATH


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def page_url(self) -> str:
        """For a browser."""
        return f"http://{self._netloc}/"

    @property
    def stream_url(self) -> str:
        """For a subscriber."""
        return f"ws://{self._netloc}{STREAM_PATH}"

    @property
    def _netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


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
    if host == "localhost":
        return "127.0.0.1"
    with suppress(ValueError):  # a name, or no address at all: refused below
        if ipaddress.ip_address(host).is_loopback:
            return host
    raise ConfigError(
        f"expected a loopback address such as 127.0.0.1, got {host!r}: there is no access control yet - at `$.hub.host`"
    )
