"""Telling systemd how a service is: the protocol of sd_notify(3), which is one datagram."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> bool:
    """Tell the service manager, if there is one.

    Parameters
    ----------
    state : str
        ``READY=1``, ``STOPPING=1``, ...

    Returns
    -------
    bool
        Whether somebody was told; trouble with it is nobody's error.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address[0] == "@":  # an abstract address
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(state.encode(), address)
    except OSError:
        return False
    return True
