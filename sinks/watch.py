"""A subscriber: decoded messages in order, each alert once, across any disconnection."""

from __future__ import annotations

import random
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

import numpy as np
import orjson
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from engine.errors import SpindlewatchError, UsageError, WireError
from sinks.asking import Commands

_FIRST_DELAY_S, _MAX_DELAY_S = 0.1, 5.0
_SILENT_S = 10.0  # the server sends a heartbeat every 2 s: so long a silence is a broken link
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # a snapshot may be long; the server is trusted
_TERMINAL = range(3500, 4000)  # close codes after which coming back is useless
_PASSING = frozenset({408, 425, 429})  # of HTTP's 4xx: these may be answered otherwise another time


class Position(NamedTuple):
    """How far a subscriber has come: what it resumes with, also in another process.

    Parameters
    ----------
    seq : int
        Number of the last alert message. 0 = before the first.
    epoch : str or None
        Of the journal that numbered it; None: of whichever the server has.
    """

    seq: int
    epoch: str | None = None


class Subscription:
    """Messages of an alert stream as an endless iterable; reconnects and resumes by itself.

    Every alert message that passes the filter is yielded once, in order, as long as the server's journal exists. If
    that is replaced (``hello`` with ``recovered: false`` and another ``epoch``), a ``snapshot`` says what holds now.
    One thread iterates; the methods may be called from any.

    Parameters
    ----------
    url : str
        ``ws://host:port/v1/stream``, or ``wss://``.
    spindles, faults : sequence of str
        Only these; empty = all.
    types : sequence of str
        Some of ``alert``, ``state``, ``score``; empty = all.
    after : Position, optional
        Go on behind this alert: a `position` kept from before. By default: behind the newest there is.
    token : str
        Sent as ``Authorization: Bearer``; empty = none. It shows in no error.
    ca_file : str
        Certificates to trust instead of the system's (PEM), for ``wss://``; empty = the system's.
    on_lost : callable, optional
        Told why, each time the connection is lost or cannot be made.

    Raises
    ------
    UsageError
        The address is none; the file of certificates cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        spindles: Sequence[str] = (),
        faults: Sequence[str] = (),
        types: Sequence[str] = (),
        after: Position | None = None,
        token: str = "",
        ca_file: str = "",
        on_lost: Callable[[str], None] | None = None,
    ) -> None:
        self._parts = _address(url)
        self._query = [("spindle", name) for name in spindles] + [("fault", name) for name in faults]
        if types:
            self._query.append(("types", ",".join(types)))
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._tls = _trusting(ca_file) if self._parts.scheme == "wss" else None
        self._on_lost = on_lost
        self._closed = threading.Event()
        self._connection: ClientConnection | None = None
        self._position, self._epoch = after, ""
        self._commands = Commands()
        self._shown: str | None = None

    @property
    def position(self) -> Position | None:
        """Where to go on behind what was yielded last; None before the first snapshot.

        Keep it after you have dealt with a message: what you were at when you crashed then comes again.
        """
        return self._position

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield decoded messages until `close`.

        Yields
        ------
        dict
            As in this package's README. Waveforms carry their samples as ``points``, see `decode`.

        Raises
        ------
        SpindlewatchError
            The server refuses for good, or is none of ours.
        """
        delay_s = _FIRST_DELAY_S
        while not self._closed.is_set():
            try:
                for message in self._messages():
                    delay_s = _FIRST_DELAY_S
                    yield message
            except (OSError, InvalidHandshake, ConnectionClosed) as error:
                self._lost(error)
            # Not all at once: when a server comes back, its whole shop does.
            if self._closed.wait(delay_s * random.uniform(0.5, 1.0)):
                return
            delay_s = min(delay_s * 2, _MAX_DELAY_S)

    def ask(self, op: str, **arguments: Any) -> Future[dict[str, Any]]:
        """Give a command; its answer also comes as a message.

        Parameters
        ----------
        op, **arguments
            Such as ``subscribe`` and ``waveform="M1/vib"``; ``id`` is added.

        Returns
        -------
        Future of dict
            The ``result``, once the iteration has come to it: do not wait for it in the thread that iterates. If the
            connection is lost before, `ConnectionError`: nobody knows whether it was done; ask again.
        """
        return self._commands.give(self._connection, {"op": op, **arguments})

    def show(self, waveform: str | None) -> None:
        """Have a waveform sent from now on, also after reconnections, instead of any other.

        Parameters
        ----------
        waveform : str or None
            ``spindle/group``; None = no more.
        """
        self._shown = waveform
        self._show()

    def close(self) -> None:
        """End the iteration, from any thread."""
        self._closed.set()
        connection = self._connection
        if connection is not None:
            connection.close()

    def _messages(self) -> Iterator[dict[str, Any]]:
        """One connection's messages."""
        try:
            with self._connect() as connection:
                self._connection = connection
                while not self._closed.is_set():
                    message = decode(connection.recv(timeout=_SILENT_S))
                    if message["type"] == "auth_required":
                        raise WireError("refused: a token is wanted, got none")
                    if self._is_new(message):
                        yield message
        except WireError as error:
            raise SpindlewatchError(f"{self._parts.geturl()}: {error}") from error
        finally:
            self._connection = None
            self._commands.forget()

    def _connect(self) -> ClientConnection:
        return connect(
            self._resume_url(),
            additional_headers=self._headers,
            ssl=self._tls,
            compression=None,
            proxy=None,
            open_timeout=5.0,
            close_timeout=1.0,
            max_size=_MAX_MESSAGE_BYTES,
        )

    def _is_new(self, message: dict[str, Any]) -> bool:
        """Note how far we are; False for an alert message that was yielded before."""
        kind = message["type"]
        if kind == "hello":
            self._epoch = message[
                "epoch"
            ]  # its numbers count from the snapshot on, not the old ones until then
        elif kind == "snapshot":
            self._position = Position(message["seq"], self._epoch)  # asked for, or where a new journal starts
            if self._shown is not None:
                self._show()
        elif kind == "result":
            self._commands.answer(message)
        elif kind == "alert":
            if self._position is not None and message["seq"] <= self._position.seq:
                return False
            self._position = Position(message["seq"], self._epoch)
        return True

    def _show(self) -> None:
        if self._shown is None:
            self.ask("unsubscribe")
        else:
            self.ask("subscribe", waveform=self._shown)

    def _resume_url(self) -> str:
        query = list(self._query)
        if self._position is not None:
            query.append(("since", str(self._position.seq)))
            if self._position.epoch is not None:
                query.append(("epoch", self._position.epoch))
        return urlunsplit(self._parts._replace(query=urlencode(query)))

    def _lost(self, error: Exception) -> None:
        """Say it, or end the iteration if coming back is useless."""
        where = self._parts.geturl()
        if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code in _TERMINAL:
            raise SpindlewatchError(f"{where}: refused: {error.rcvd.reason}") from error
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            if 300 <= status < 500 and status not in _PASSING:
                raise SpindlewatchError(f"{where}: refused: {_why(error)}") from error
        if isinstance(error, ssl.SSLCertVerificationError):
            raise SpindlewatchError(f"{where}: certificate: {error.verify_message}") from error
        if self._on_lost is not None and not self._closed.is_set():
            self._on_lost(str(error) or type(error).__name__)


def decode(message: str | bytes) -> dict[str, Any]:
    """Decode a message of the stream.

    Parameters
    ----------
    message : str or bytes
        Text: JSON. Binary: a waveform, as `sinks.messages.waveform` encodes it.

    Returns
    -------
    dict
        With ``type``; waveforms with ``points``, float32[n_channels, n] or [n_channels, 2 n] (minima, maxima).

    Raises
    ------
    WireError
        It is neither.
    """
    try:
        decoded: dict[str, Any] = orjson.loads(message) if isinstance(message, str) else _waveform(message)
        if isinstance(decoded["type"], str):
            return decoded
    except (ValueError, KeyError, TypeError, struct.error):  # ValueError: no JSON, or too few samples
        pass
    raise WireError(f"got {message[:60]!r}, wanted a message of a spindlewatch stream")


def _waveform(message: bytes) -> dict[str, Any]:
    (n_header,) = struct.unpack_from("<I", message)
    header: dict[str, Any] = orjson.loads(message[4 : 4 + n_header])
    points = np.frombuffer(message, "<f4", offset=4 + n_header)
    return header | {"points": points.reshape(len(header["channels"]), -1)}


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("ws", "wss") and parts.hostname and parts.port != 0
    except ValueError:  # such as a port that is none
        usable = False
    if usable:
        return parts
    raise UsageError(f"got {url!r}, wanted an address such as ws://127.0.0.1:8765/v1/stream")


def _trusting(ca_file: str) -> ssl.SSLContext | None:
    try:
        return ssl.create_default_context(cafile=ca_file) if ca_file else None
    except OSError as error:  # an SSLError is one
        raise UsageError(f"{ca_file}: wanted a file of certificates (PEM): {error}") from error


def _why(error: InvalidStatus) -> str:
    """What the server says, beside the number of what it means."""
    told = (error.response.body or b"").decode(errors="replace").partition("\n")[0][:200]
    return f"{error.response.status_code} {told}".rstrip()
