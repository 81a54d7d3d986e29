"""A subscriber: decoded messages in order, each alert once, across any disconnection; and `watch` in the terminal."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import numpy as np
import orjson
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from engine.errors import SpindlewatchError, UsageError

_FIRST_DELAY_S, _MAX_DELAY_S = 0.1, 5.0
_SILENT_S = 10.0  # the server sends a heartbeat every 2 s: so long a silence is a broken link
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # a snapshot may be long; the server is trusted
_TERMINAL = range(3500, 4000)  # close codes after which coming back is useless


class Subscription:
    """Messages of an alert stream as an endless iterable; reconnects and resumes by itself.

    Every alert message that passes the filter is yielded once, in order, as long as the server's journal exists. If
    that is replaced (``hello`` with ``recovered: false`` and another ``epoch``), a ``snapshot`` says what holds now.

    Parameters
    ----------
    url : str
        ``ws://host:port/v1/stream``.
    spindles, faults : sequence of str
        Only these; empty = all.
    types : sequence of str
        Some of ``alert``, ``state``, ``score``; empty = all.
    on_lost : callable, optional
        Told why, each time the connection is lost or cannot be made.

    Raises
    ------
    UsageError
        The address is none.
    """

    def __init__(
        self,
        url: str,
        *,
        spindles: Sequence[str] = (),
        faults: Sequence[str] = (),
        types: Sequence[str] = (),
        on_lost: Callable[[str], None] | None = None,
    ) -> None:
        self._parts = urlsplit(url)
        if self._parts.scheme not in ("ws", "wss") or not self._parts.hostname:
            raise UsageError(f"got {url!r}, wanted an address such as ws://127.0.0.1:8765/v1/stream")
        self._query = [("spindle", name) for name in spindles] + [("fault", name) for name in faults]
        if types:
            self._query.append(("types", ",".join(types)))
        self._on_lost = on_lost
        self._closed = threading.Event()
        self._connection: ClientConnection | None = None
        self._epoch: str | None = None
        self._seq = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield decoded messages until `close`.

        Yields
        ------
        dict
            As in this package's README. Waveforms carry their samples as ``points``, see `decode`.

        Raises
        ------
        SpindlewatchError
            The server refuses for good.
        """
        delay_s = _FIRST_DELAY_S
        while not self._closed.is_set():
            try:
                for message in self._messages():
                    delay_s = _FIRST_DELAY_S
                    yield message
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as error:
                self._lost(error)
            if self._closed.wait(delay_s):
                return
            delay_s = min(delay_s * 2, _MAX_DELAY_S)

    def send(self, command: dict[str, Any]) -> None:
        """Send a command if connected; after a reconnection (``hello``) it must be sent again.

        Parameters
        ----------
        command : dict
            Such as ``{"op": "subscribe", "waveform": "M1/vib"}``.
        """
        connection = self._connection
        if connection is not None:
            connection.send(orjson.dumps(command), text=True)

    def close(self) -> None:
        """End the iteration, from any thread."""
        self._closed.set()
        connection = self._connection
        if connection is not None:
            connection.close()

    def _messages(self) -> Iterator[dict[str, Any]]:
        """One connection's messages."""
        with connect(
            self._resume_url(),
            compression=None,
            proxy=None,
            open_timeout=5.0,
            close_timeout=1.0,
            max_size=_MAX_MESSAGE_BYTES,
        ) as connection:
            self._connection = connection
            try:
                while not self._closed.is_set():
                    message = decode(connection.recv(timeout=_SILENT_S))
                    if self._is_new(message):
                        yield message
            finally:
                self._connection = None

    def _is_new(self, message: dict[str, Any]) -> bool:
        """Note how far we are; False for an alert message that was yielded before."""
        if message["type"] == "hello":
            self._epoch = message["epoch"]
        elif message["type"] == "snapshot":
            self._seq = message["seq"]  # what was asked for, or where a new journal starts
        elif message["type"] == "alert":
            if message["seq"] <= self._seq:
                return False
            self._seq = message["seq"]
        return True

    def _resume_url(self) -> str:
        query = list(self._query)
        if self._epoch is not None:
            query += [("since", str(self._seq)), ("epoch", self._epoch)]
        return urlunsplit(self._parts._replace(query=urlencode(query)))

    def _lost(self, error: Exception) -> None:
        if isinstance(error, InvalidURI):
            raise UsageError(f"{self._parts.geturl()}: {error}") from error
        if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code in _TERMINAL:
            raise SpindlewatchError(f"{self._parts.geturl()}: refused: {error.rcvd.reason}") from error
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
    """
    if isinstance(message, str):
        decoded: dict[str, Any] = orjson.loads(message)
        return decoded
    (n_header,) = struct.unpack_from("<I", message)
    header: dict[str, Any] = orjson.loads(message[4 : 4 + n_header])
    points = np.frombuffer(message, "<f4", offset=4 + n_header)
    return header | {"points": points.reshape(len(header["channels"]), -1)}


def watch(url: str, *, spindles: Sequence[str] = (), as_json: bool = False) -> None:
    """Show a running engine's spindles and alerts until interrupted.

    Parameters
    ----------
    url : str
        ``ws://host:port/v1/stream``.
    spindles : sequence of str
        Only these; empty = all.
    as_json : bool
        Print one JSON line per alert message on stdout, open ones first, and nothing else.

    Raises
    ------
    UsageError
        The address is none.
    SpindlewatchError
        The server refuses for good.
    """
    from sinks.terminal import print_json, show_table

    show = print_json if as_json else show_table
    show(url, spindles)
