"""A real mosquitto for tests, and a client to speak to it with."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from perf.real_redis import LONG_S, wait_until


class Mosquitto:
    """A broker on a port of its own."""

    def __init__(self, folder: Path, *lines: str) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            pytest.skip("mosquitto is not on the PATH")
        self._program = program
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._file = folder / "mosquitto.conf"
        self._file.write_text(
            "\n".join((f"listener {self.port} 127.0.0.1", *(lines or ("allow_anonymous true",))))
        )

    def start(self) -> None:
        self.process = subprocess.Popen([self._program, "-c", self._file], stderr=subprocess.DEVNULL)
        wait_until(self._answers)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(LONG_S)

    @contextmanager
    def client(self, *subscribe):
        """Connected; `client.came` holds what it heard."""
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.came = []
        ready = threading.Event()
        client.on_message = lambda _c, _d, message: client.came.append((message.topic, message.payload))
        client.on_connect = lambda *_: client.subscribe([(topic, 1) for topic in subscribe] or [("none", 0)])
        client.on_subscribe = lambda *_: ready.set()
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        assert ready.wait(LONG_S)
        yield client
        client.disconnect()
        client.loop_stop()

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
            return True
        return False


class Feeder:
    """`spindlewatch feed` in a process of its own."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "engine.cli", "feed", *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end(self, timeout_s: float = LONG_S) -> tuple[int, str, str]:
        """Ask it to end: exit status, stdout and stderr."""
        self.process.terminate()
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = LONG_S) -> tuple[int, str, str]:
        """Wait until it ends by itself."""
        out, told = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, out.decode(), told.decode()
