"""A real redis-server for tests and figures, on a unix socket."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError

LONG_S = 20.0
_DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")


class RedisServer:
    """A redis-server whose data survives a kill.

    Parameters
    ----------
    folder : Path
        Of its data and its socket.
    within : sequence of str
        Command in front of it, such as one that enters a network namespace.
    listen : (str, int), optional
        Address and port beside the socket.
    durable : bool
        Else nothing is written to disk.
    """

    def __init__(
        self,
        folder: Path,
        within: Sequence[str] = (),
        listen: tuple[str, int] | None = None,
        durable: bool = True,
    ) -> None:
        self._kept = _DURABLE if durable else ("--save", "")
        self._within, self._listen = within, listen
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._folder = folder

    def start(self) -> None:
        """Start it and wait until it answers."""
        host, port = self._listen or ("127.0.0.1", 0)
        network = ("--bind", host, "--port", str(port), "--protected-mode", "no")
        self.process = subprocess.Popen(
            [
                *self._within,
                "redis-server",
                *network,
                "--unixsocket",
                self.socket,
                "--dir",
                self._folder,
                *self._kept,
            ],
            stdout=subprocess.DEVNULL,
        )
        wait_until(self._answers)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """End it."""
        self.process.send_signal(number)
        self.process.wait(LONG_S)

    def client(self) -> Redis:
        """A client; the caller closes it."""
        return Redis.from_url(self.url, protocol=2)

    def keys(self, stream: str = "alerts") -> list[str]:
        """Keys of the alerts in a stream, oldest first."""
        with self.client() as redis:
            return [fields[b"key"].decode() for _id, fields in cast(list[Any], redis.xrange(stream))]

    def messages(self, stream: str) -> list[bytes]:
        """JSON of the alerts in a stream, oldest first."""
        with self.client() as redis:
            return [fields[b"alert"] for _id, fields in cast(list[Any], redis.xrange(stream))]

    def _answers(self) -> bool:
        with self.client() as redis:
            try:
                return bool(redis.ping())
            except RedisError:
                return False


def wait_until(holds: Callable[[], object], long_s: float = LONG_S) -> None:
    """Wait for a condition, looking often; one that does not come to hold is a failure."""
    deadline_s = time.monotonic() + long_s
    while not holds():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"after {long_s:g} s it still does not hold")
        threading.Event().wait(0.01)
