"""A real HTTP server for tests that answers as badly as it is told to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def status(code: int, body: bytes = b"", *headers: str) -> bytes:
    """An answer of this status."""
    lines = [f"HTTP/1.1 {code} Whatever", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Request(NamedTuple):
    """What came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self):
        """The body's JSON."""
        return json.loads(self.body)


class Receiver:
    """Listens on a port of its own; every connection is answered by the next script, the last one again and again.

    A script is what is sent, or a function of the connection and of `Receiver.ended`.
    """

    def __init__(self, *scripts: bytes | Callable[[socket.socket, threading.Event], None]) -> None:
        self.scripts = list(scripts or (OK,))
        self.requests: list[Request] = []
        self.n_connections = 0
        self.ended = threading.Event()
        self._came = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def wait(self, n: int, timeout_s: float = 20.0) -> list[Request]:
        """The first n requests."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.requests) >= n, timeout_s), len(self.requests)
            return self.requests[:n]

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            self.n_connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection, script)))
            self._threads[-1].start()

    def _serve(self, connection, script):
        with connection, suppress(OSError):
            if callable(script) and getattr(script, "before_reading", False):
                script(connection, self.ended)
                return
            request = _read(connection)
            if request is None:
                return
            with self._came:
                self.requests.append(request)
                self._came.notify_all()
            if callable(script):
                script(connection, self.ended)
            else:
                connection.sendall(script)


def hang(connection: socket.socket, ended: threading.Event) -> None:
    """Answer nothing until the other side leaves."""
    connection.settimeout(0.05)
    while not ended.is_set():
        with suppress(TimeoutError):
            if not connection.recv(1):
                return


def drip(connection: socket.socket, ended: threading.Event, what: bytes = b"HTTP/1.1 200 OK\r\nX: ") -> None:
    """Answer one byte after the other, for ever."""
    connection.sendall(what)
    while not ended.wait(0.02):
        connection.sendall(b"x")


def flood(connection: socket.socket, ended: threading.Event) -> None:
    """Answer an error without end, as fast as it goes."""
    connection.sendall(b"HTTP/1.1 400 No\r\n\r\n")
    while not ended.is_set():
        connection.sendall(b"spam " * 100_000)


def continue_for_ever(connection: socket.socket, ended: threading.Event) -> None:
    """Promise an answer again and again."""
    while not ended.is_set():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def close_early(connection: socket.socket, _ended: threading.Event) -> None:
    """Close without an answer."""


def speak_otherwise(connection: socket.socket, _ended: threading.Event) -> None:
    """Answer as no web server does."""
    connection.sendall(b"220 mail.example ESMTP\r\n")


def _read(connection) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Request(first.split(" ")[1], headers, body)
