"""By which names the live server may be asked, which pages may listen, and where a connection comes from."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from websockets.datastructures import Headers

from engine.site import AccessConfig, is_loopback


class Names:
    """By which names a server may be asked, and which pages may listen.

    Otherwise a page from elsewhere, in a browser that can reach this server, could read what it likes: as itself, or by
    having its own name lead here.

    Parameters
    ----------
    host : str
        ``hub.host``.
    access : AccessConfig
        ``[access]``.
    """

    def __init__(self, host: str, access: AccessConfig) -> None:
        self._any_address = not is_loopback(host)
        self._origins = frozenset(access.origins)
        self._hosts = frozenset(urlsplit(origin).hostname for origin in access.origins)

    def are_ours(self, headers: Headers) -> bool:
        """Whether it was this server that was asked: by an address, or a name of ``access.origins``."""
        return all(map(self._is_ours, headers.get_all("Host")))

    def let_listen(self, headers: Headers) -> bool:
        """Whether the page that asks came from here, or from one of ``access.origins``; programs send no origin."""
        origins, hosts = headers.get_all("Origin"), headers.get_all("Host")
        if not origins or (len(origins) == 1 and origins[0] in self._origins):
            return True
        if len(origins) > 1 or len(hosts) != 1:
            return False
        try:
            origin = urlsplit(origins[0])
        except ValueError:  # not an address at all
            return False
        return origin.scheme in ("http", "https") and origin.netloc.lower() == hosts[0].strip().lower()

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host.strip()}").hostname or ""
            if name in self._hosts or is_loopback(name):
                return True
            ipaddress.ip_address(name)
        except ValueError:  # another name, or none
            return False
        return self._any_address  # of no page's choosing: a name can be made to lead here, an address cannot


def peer(address: object) -> str:
    """Say where a connection comes from, as its failures are counted: by the network of an IPv6 host, which owns it.

    Examples
    --------
    >>> peer(("10.0.0.7", 55_123)), peer(("2001:db8::1234:5", 9, 0, 0)), peer(None)
    ('10.0.0.7', '2001:db8::/64', '')
    """
    host = str(address[0]) if isinstance(address, tuple) and address else ""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        if not found.is_loopback:
            return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
