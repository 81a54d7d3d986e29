"""One POST, bounded in every way: in time as a whole, in what is read of the answer, in where it goes."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from engine.clock import monotonic_s
from engine.errors import ConfigError
from sinks.outbound.base import AwayError

_HEAD_BYTES, _MAX_BYTES = 300, 65536
_MAX_AFTER_S = 3600.0


class Answer(NamedTuple):
    """What came back.

    Parameters
    ----------
    status : int
        Of HTTP.
    head : str
        The first bytes of the body, printable.
    after_s : float
        ``Retry-After``, if it was given in seconds, an hour at most; else 0.
    """

    status: int
    head: str
    after_s: float


class _Connection(http.client.HTTPConnection):
    """A connection with one deadline for all that it does, and that another thread can cut at any moment."""

    def __init__(self, host: str, port: int, timeout_s: float, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port)
        self._tls, self._deadline_s = tls, monotonic_s() + timeout_s
        self._twin: socket.socket | None = None
        self._cut = threading.Event()
        self.response_class = self._bounded_response  # type: ignore[assignment]

    def connect(self) -> None:
        """Connect; the twin stands for the same connection, also while TLS is being set up."""
        plain = socket.create_connection((self.host, self.port), self.left_s())
        try:
            self._twin = plain.dup()
            plain.settimeout(self.left_s())
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain
        except BaseException:
            plain.close()
            raise

    def send(self, data: Any) -> None:
        """Send a part of the request."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(self.left_s())
        super().send(data)

    def left_s(self) -> float:
        """Until the deadline; TimeoutError: nothing, or it was cut."""
        left_s = self._deadline_s - monotonic_s()
        if left_s <= 0 or self._cut.is_set():
            raise TimeoutError
        return left_s

    def cut(self) -> None:
        """End whatever is under way. Any thread."""
        self._cut.set()
        twin = self._twin
        if twin is not None:
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Close, and let go of the twin."""
        self.close()
        twin, self._twin = self._twin, None
        if twin is not None:
            twin.close()

    def _bounded_response(self, sock: socket.socket, **given: Any) -> http.client.HTTPResponse:
        return http.client.HTTPResponse(cast(socket.socket, _Bounded(sock, self)), **given)


class _Bounded(io.RawIOBase):
    """What is read of a connection: until its deadline, and no more than an answer needs."""

    def __init__(self, sock: socket.socket, connection: _Connection) -> None:
        self._sock, self._connection, self._n_left = sock, connection, _MAX_BYTES
        self._raw = sock.makefile("rb", buffering=0)  # keeps the socket open while http.client closes it

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client asks a socket for."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is, but no more than is left."""
        if not self._n_left:
            raise http.client.HTTPException(f"an answer of more than {_MAX_BYTES} bytes")
        self._sock.settimeout(self._connection.left_s())
        n = self._raw.readinto(memoryview(buffer)[: self._n_left]) or 0
        self._connection.left_s()  # what is cut ends like an answer, and is none
        self._n_left -= n
        return n

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()


class Poster:
    """POSTs to one address, a connection each. Follows no redirect and asks no proxy.

    Parameters
    ----------
    url : str
        As configured: valid.
    timeout_s : float
        For all of one POST: connecting, TLS, sending and the answer; the resolver's own time comes on top.
    ca_file : str
        Whom to trust, PEM; empty = whom this machine trusts.

    Raises
    ------
    ConfigError
        ``ca_file`` cannot be read.
    """

    def __init__(self, url: str, timeout_s: float, ca_file: str) -> None:
        parts = urlsplit(url)
        self._host, is_tls = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if is_tls else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout_s = timeout_s
        try:
            self._tls = ssl.create_default_context(cafile=ca_file or None) if is_tls else None
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"{ca_file}: no certificates can be read: {error} - at `ca_file`") from error
        self._connection: _Connection | None = None
        self._aborted = False

    @property
    def is_plain(self) -> bool:
        """Whether what is sent can be read on the way, by others than this machine."""
        return self._tls is None and self._host not in ("localhost", "127.0.0.1", "::1")

    @property
    def where(self) -> str:
        """The host, which may be shown; what else is in an address may be secret."""
        return self._host

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send and read the answer's beginning.

        Parameters
        ----------
        body : bytes
            What.
        headers : Mapping[str, str]
            ASCII; the length is added.

        Returns
        -------
        Answer
            Of any status.

        Raises
        ------
        AwayError
            There was none in time, or it was no HTTP.
        """
        connection = _Connection(self._host, self._port, self._timeout_s, self._tls)
        self._connection = connection
        if self._aborted:
            raise AwayError("ended")
        try:
            connection.request("POST", self._path, body, dict(headers))
            with connection.getresponse() as response:
                return _read(response)
        except TimeoutError as error:
            raise AwayError(f"{self._host}: no whole answer within {self._timeout_s:g} s") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise AwayError(f"{self._host}: {_told(error)}") from error
        finally:
            self._connection = None
            connection.end()

    def abort(self) -> None:
        """End what is under way, and whatever would come. Any thread."""
        self._aborted = True
        connection = self._connection
        if connection is not None:
            connection.cut()


def _read(response: http.client.HTTPResponse) -> Answer:
    wanted = response.getheader("Retry-After", "")
    after_s = min(float(wanted), _MAX_AFTER_S) if wanted.isascii() and wanted.isdigit() else 0.0
    head = b"" if 200 <= response.status < 300 else response.read(_HEAD_BYTES)
    shown = "".join(c if c.isprintable() else " " for c in head.decode("utf-8", "replace"))
    return Answer(response.status, shown.strip(), after_s)


def _told(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError):
        return f"cannot be reached: {error.strerror or error}"
    return f"what answers does not speak HTTP: {str(error)[:80] or type(error).__name__!r}"
