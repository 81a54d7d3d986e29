"""What others may ask a running service: ``/livez``, ``/readyz``, ``/metrics``. It takes no orders.

One thread, one small parser, and limits on everything that a client sends, waits for or leaves open: whoever is slow is
cut off, and the oldest first where there are too many.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

import orjson

from engine.errors import ConfigError, SpindlewatchError, UsageError
from engine.service.metrics import Seen, exposition, liveness, readiness
from engine.site import ServiceConfig
from sinks.address import Address, loopback

_MAX_HEAD_BYTES = 8 * 1024
_MAX_CONNECTIONS = 32
_TIMEOUT_S = 5.0  # for a whole exchange, the client's side of it included
_TEXT, _JSON = "text/plain; charset=utf-8", "application/json"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

_log = logging.getLogger(__name__)

Answer = tuple[HTTPStatus, str, bytes]
"""Status, content type, body."""


class StatusServer:
    """Answers in a thread of its own. Only this machine can ask: there is no access control.

    Parameters
    ----------
    config : ServiceConfig
        ``http_host`` and ``http_port``.
    look : callable
        Says how the service is; called from the server's thread, must be quick and never wait for the work.
    timeout_s : float
        For one exchange, from connection to last byte.

    Raises
    ------
    ConfigError
        ``service.http_host`` is not this machine's loopback address.
    """

    def __init__(
        self, config: ServiceConfig, look: Callable[[], Seen], timeout_s: float = _TIMEOUT_S
    ) -> None:
        self._host = _loopback(config.http_host)
        self._port, self._look, self._timeout_s = config.http_port, look, timeout_s
        self._bound = threading.Event()
        self._address: Address | None = None
        self._failure: OSError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._open: dict[asyncio.StreamWriter, None] = {}  # oldest first
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="status", daemon=True)

    def start(self) -> Address:
        """Listen.

        Returns
        -------
        Address
            With the real port, where the configured one is 0.

        Raises
        ------
        UsageError
            The port is in use.
        SpindlewatchError
            It cannot be listened on for another reason.
        """
        self._thread.start()
        self._bound.wait()
        if self._address is not None:
            return self._address
        self._thread.join()
        where, error = f"{self._host}:{self._port}", self._failure
        if error is not None and error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"port {self._port} on {self._host} is in use; choose another (service.http_port)"
            )
        raise SpindlewatchError(f"cannot listen on {where}: {error}") from error

    def close(self) -> None:
        """Answer no more; connections are cut. Closing twice does nothing."""
        if self._loop is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # it ended just now
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    async def _serve(self) -> None:
        try:
            server = await asyncio.start_server(
                self._connected, self._host, self._port, limit=_MAX_HEAD_BYTES
            )
        except OSError as error:
            self._failure = error
            self._bound.set()
            return
        self._loop = asyncio.get_running_loop()
        self._address = Address(self._host, server.sockets[0].getsockname()[1])
        self._bound.set()
        await self._stop.wait()
        server.close()  # what is still open is cancelled, and so cut, when the loop ends

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= _MAX_CONNECTIONS:
            next(iter(self._open)).transport.abort()
        self._open[writer] = None
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):  # gone, or too slow: its loss
                async with asyncio.timeout(self._timeout_s):
                    await self._exchange(reader, writer)
        finally:
            del self._open[writer]
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            text = f"more than {_MAX_HEAD_BYTES} bytes of headers"
            method, answer = b"GET", _plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)
        else:
            method, answer = self._answer(head)
        status, kind, body = answer
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if method == b"HEAD" else body))
        await writer.drain()
        writer.write_eof()
        await reader.read(1)  # until the client has all of it and closes, or its time is up

    def _answer(self, head: bytes) -> tuple[bytes, Answer]:
        line, *fields = head.split(b"\r\n")
        try:
            method, target, version = line.split(b" ")
        except ValueError:
            return b"GET", _plain(HTTPStatus.BAD_REQUEST, "that is no request")
        if not version.startswith(b"HTTP/1."):
            return method, _plain(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 only")
        if method not in (b"GET", b"HEAD"):
            return method, _plain(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD only")
        if not _is_asked_for_by_a_local_name(fields):
            return method, _plain(HTTPStatus.MISDIRECTED_REQUEST, "asked for under a foreign name")
        try:
            return method, self._page(target.partition(b"?")[0])
        except Exception:
            _log.exception("cannot answer %r", target[:100])
            return method, _plain(HTTPStatus.INTERNAL_SERVER_ERROR, "cannot say; see the log")

    def _page(self, path: bytes) -> Answer:
        match path:
            case b"/livez":
                alive, told = liveness(self._look())
                return _ok_or_unavailable(alive), _JSON, orjson.dumps(told)
            case b"/readyz":
                ready, told = readiness(self._look())
                return _ok_or_unavailable(ready), _JSON, orjson.dumps(told)
            case b"/metrics":
                return HTTPStatus.OK, _PROMETHEUS, exposition(self._look())
        return _plain(HTTPStatus.NOT_FOUND, "there are /livez, /readyz and /metrics")


def _plain(status: HTTPStatus, text: str) -> Answer:
    return status, _TEXT, f"{text}\n".encode()


def _ok_or_unavailable(well: bool) -> HTTPStatus:
    return HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE


def _loopback(host: str) -> str:
    try:
        return loopback(host)
    except ConfigError as error:
        raise ConfigError(str(error).replace("hub.host", "service.http_host")) from error


def _is_asked_for_by_a_local_name(fields: list[bytes]) -> bool:
    """Whether it was this machine that was asked.

    A page from elsewhere, in a browser on this machine, may have its own name lead here, and read what it likes.
    """
    parts = (field.partition(b":") for field in fields)
    return all(_is_local(value) for name, _, value in parts if name.lower() == b"host")


def _is_local(host: bytes) -> bool:
    try:
        name = urlsplit(f"//{host.decode('latin-1').strip()}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:  # another name, or none
        return False
