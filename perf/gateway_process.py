"""The gateway of a service as a process of its own, with what it says of itself, for tests and figures."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from engine.service.health import Beat, Lines
from perf.figures import FailedError
from perf.real_redis import LONG_S, RedisServer, wait_until
from sinks.address import Address

_PORTS = range(20_000, 32_000)
_SPINDLE = """
[[spindles]]
name = "{name}"
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 1000.0
channels = [{{ name = "vib_x", unit = "g" }}, {{ name = "vib_y", unit = "g" }}]
"""


class Gateway:
    """`python -m engine.service.gateway` on a port that stays the same, over one journal.

    Parameters
    ----------
    server : RedisServer
        Its Redis, which need not run.
    folder : Path
        For its files.
    spindles : sequence of str
        Declared.
    site : str
        Further keys of its configuration.
    """

    def __init__(
        self, server: RedisServer, folder: Path, spindles: Sequence[str] = ("M1",), site: str = ""
    ) -> None:
        folder.mkdir(exist_ok=True)
        self._folder, self._url, self._spindles = folder, server.url, spindles
        self.config, self.journal = folder / "site.toml", folder / "journal.sqlite3"
        self.address = Address("127.0.0.1", _free_port())
        self.beats: list[Beat] = []
        """What the last one said, oldest first."""
        self.processes: list[subprocess.Popen[bytes]] = []
        self._deaf = threading.Event()
        self._listeners: list[threading.Thread] = []
        self.configure(site)

    def configure(self, site: str) -> None:
        """Write its configuration anew."""
        head = f'[redis]\nurl = "{self._url}"\nprefix = "shop"\n[journal]\npath = "{self.journal}"\n'
        declared = "".join(_SPINDLE.format(name=name) for name in self._spindles)
        self.config.write_text(f"{head}{site}\n{declared}")

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, without waiting for anything."""
        theirs, ours = os.pipe()
        command = [sys.executable, "-m", "engine.service.gateway", "--json", "--config", str(self.config)]
        command += ["--port", str(self.address.port), "--health-fd", str(ours)]
        with (self._folder / "log.jsonl").open("ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, pass_fds=(ours,))
        os.close(ours)
        self.beats = []
        self._listeners.append(threading.Thread(target=_listen, args=(theirs, self.beats, self._deaf)))
        self._listeners[-1].start()
        self.processes.append(process)
        return process

    def end(self, number: int = signal.SIGTERM) -> dict[str, Any]:
        """End the last one; what it said it did, nothing if it could not."""
        process = self.processes[-1]
        process.send_signal(number)
        told, _ = process.communicate(timeout=LONG_S)
        return orjson.loads(told) if told else {}

    def kill_all(self) -> None:
        """Leave no process behind."""
        for process in self.processes:
            process.kill()
            process.communicate()
        for listener in self._listeners:
            listener.join()

    def listen_no_more(self) -> None:
        """Close the end of the pipe to which it says how it is, as if its supervisor had died."""
        self._deaf.set()

    def wait_until_ready(self, ready: bool = True) -> Beat:
        """Wait until it says that it does its work, or does not; what it says."""
        wait_until(lambda: self.beats and self.beats[-1].ready is ready)
        return self.beats[-1]

    def log(self) -> str:
        """What was logged so far."""
        return (self._folder / "log.jsonl").read_text()


def _listen(fd: int, beats: list[Beat], deaf: threading.Event) -> None:
    lines = Lines()
    with os.fdopen(fd, "rb", buffering=0) as pipe:
        while not deaf.is_set() and (data := pipe.read(65536)):
            beats += lines.feed(data)


def _free_port() -> int:
    """A port below those that the kernel gives to clients: one of them could take it while the gateway is down."""
    for port in random.sample(_PORTS, 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise FailedError(f"no port is free from {_PORTS.start} to {_PORTS.stop - 1}")
