"""Two hosts, as far as a network goes: namespaces with a cable between them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal


class NoHostsError(Exception):
    """There can be none here; the message says why."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Two hosts and the cable between them.

    Parameters
    ----------
    within : (sequence of str, sequence of str)
        Put in front of a command, it runs on the one or the other.
    addresses : (str, str)
        Where each can be reached by the other.
    end : str
        Name of the cable's end at the second.
    """

    within: tuple[Sequence[str], Sequence[str]]
    addresses: tuple[str, str]
    end: str

    def cable(self, state: Literal["up", "down"]) -> None:
        """Mend the cable, or cut it."""
        _run(*self.within[1], "ip", "link", "set", self.end, state)


@contextmanager
def two_hosts(net: int = 7) -> Iterator[Hosts]:
    """Make two hosts; gone on leaving, and so must be what runs on them.

    Parameters
    ----------
    net : int
        Number of their network: two pairs at a time differ in it.

    Raises
    ------
    NoHostsError
        It needs root and iproute2, and a kernel that allows it.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise NoHostsError("network namespaces need root and iproute2")
    names = [f"sw{os.getpid()}{side}{net}" for side in "ab"]
    ends = [f"v{name}"[:15] for name in names]
    within = tuple(("ip", "netns", "exec", name) for name in names)
    addresses = f"10.231.{net}.1", f"10.231.{net}.2"
    try:
        try:
            for name in names:
                _run("ip", "netns", "add", name)
            to = "type", "veth", "peer", ends[1], "netns", names[1]
            _run("ip", "link", "add", ends[0], "netns", names[0], *to)
            for enter, end, address in zip(within, ends, addresses, strict=True):
                _run(*enter, "ip", "link", "set", "lo", "up")
                _run(*enter, "ip", "address", "add", f"{address}/24", "dev", end)
                _run(*enter, "ip", "link", "set", end, "up")
        except subprocess.CalledProcessError as error:
            raise NoHostsError(f"no network namespaces here: {error.stderr.decode().strip()}") from error
        yield Hosts((within[0], within[1]), addresses, ends[1])
    finally:
        for name in names:
            with suppress(subprocess.CalledProcessError):  # it was never made
                _run("ip", "netns", "del", name)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
