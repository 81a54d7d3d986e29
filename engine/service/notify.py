"""Telling systemd how a service is: the protocol of sd_notify(3), which is one datagram."""

from __future__ import annotations

import os
import socket

from engine.clock import monotonic_s


def notify(state: str) -> bool:
    """Tell the service manager, if there is one.

    Parameters
    ----------
    state : str
        Lines of ``READY=1``, ``STATUS=...``, ``WATCHDOG=1``, ``STOPPING=1``, ...

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
            manager.setblocking(False)  # a manager that is busy must not hold up who reports to it
            manager.sendto(state.encode(), address)
    except OSError:
        return False
    return True


def reloading() -> bool:
    """Tell the service manager that the configuration is being read again; ``READY=1`` ends it.

    Returns
    -------
    bool
        As `notify`.
    """
    return notify(
        f"RELOADING=1\nMONOTONIC_USEC={int(monotonic_s() * 1e6)}"
    )  # of CLOCK_MONOTONIC, as it wants


def watchdog_s() -> float | None:
    """How often the service manager wants a sign of life, in seconds; None if it wants none.

    Returns
    -------
    float or None
        Half of what it would allow, as sd_watchdog_enabled(3) advises.
    """
    wanted, whose = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not (wanted.isascii() and wanted.isdigit() and int(wanted)) or whose not in ("", str(os.getpid())):
        return None
    return int(wanted) / 2e6
