"""The live server: page, health and alert stream on one port, in a thread of its own."""

from __future__ import annotations

import asyncio
import errno
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from engine.clock import Clock, monotonic_s
from engine.config import HubConfig
from engine.declared import Spindle
from engine.errors import SpindlewatchError, UsageError, WireError
from engine.verdicts import Alert
from sinks import messages
from sinks.address import Address, loopback
from sinks.alert_json import alert_as_dict
from sinks.base import Record
from sinks.hub import Hub, Subscriber
from sinks.journal import Entry, Journal
from sinks.link import SocketLink
from sinks.mailbox import Mail, ShownScore
from sinks.pages import Pages
from sinks.requests import parse_command, parse_wish

CLOSE_BAD_REQUEST = 3501  # 3500 and above: do not come back
_HEARTBEAT_S = 2.0
_DRAIN_S = 2.0  # then connections that have not closed are cut
_CATCH_UP_S = 20.0  # for one page of a replay; a peer that reads slower would keep its handler for ever
_MAX_INBOUND_BYTES = 64 * 1024

_log = logging.getLogger(__name__)


class LiveServer:
    """Serves the page and the alert stream; as a writer, journals alerts and tells live subscribers.

    Only this machine can connect: there is no access control yet, so a host that others could reach is refused.

    Parameters
    ----------
    config : HubConfig
        Address and limits.
    journal : Journal
        Stays open when the server closes.
    clock : Clock
        For the times in messages.
    spindles : sequence of Spindle
        As declared; told to subscribers, and gives waveforms their names and units.
    on_watch : callable
        As for `sinks.hub.Hub`; called by the server's thread.

    Raises
    ------
    ConfigError
        ``hub.host`` is not this machine's loopback address.
    """

    def __init__(
        self,
        config: HubConfig,
        journal: Journal,
        clock: Clock,
        spindles: Sequence[Spindle] = (),
        on_watch: Callable[[frozenset[tuple[str, str]]], None] = lambda _: None,
    ) -> None:
        self._config = config
        self._host = loopback(config.host)
        self._journal = journal
        self._clock = clock
        self._hub = Hub(config, journal, spindles, on_watch)
        self._pages = Pages()
        self._writing, self._lock = threading.Lock(), threading.Lock()
        self._mail = Mail()
        self._called = False  # whether the loop has been told of the mail waiting
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="live-server", daemon=True)
        self._bound = threading.Event()
        self._address: Address | None = None
        self._failure: OSError | None = None
        self._stop = asyncio.Event()
        self._connections: WeakSet[ServerConnection] = WeakSet()

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
        error, where = self._failure, f"{self._host}:{self._config.port}"
        if error is not None and error.errno == errno.EADDRINUSE:
            raise UsageError(f"port {self._config.port} on {self._host} is in use; choose another") from error
        raise SpindlewatchError(f"cannot listen on {where}: {error}") from error

    def write(self, records: Sequence[Record]) -> None:
        """Journal alerts, then tell subscribers; returns as soon as the alerts are on disk.

        Raises
        ------
        SpindlewatchError
            An alert could not be journaled.
        """
        alerts: list[Entry] = []
        with self._writing:  # so that numbers reach the hub in order
            try:
                for record in records:
                    if isinstance(record, Alert) and (entry := self._store(record)) is not None:
                        alerts.append(entry)
            finally:  # what is on disk is told, even if the next one did not fit
                self.tell(alerts, records)

    def tell(self, alerts: Sequence[Entry], records: Sequence[Record | ShownScore] = ()) -> None:
        """Tell live subscribers; returns at once.

        Parameters
        ----------
        alerts : sequence of Entry
            As journaled, all that are, in order: one thread at a time tells any.
        records : sequence of Record or ShownScore
            What else has happened; alerts among it are passed over.
        """
        with self._lock:  # not while the disk is busy: the server's thread waits for it
            self._mail.alerts.extend(alerts)
            self._mail.put(records)
            if not self._called:
                self._called = self._call(self._deliver)

    def set_limits(self, config: HubConfig) -> None:
        """Let other limits hold from now on; address and port stay."""
        self._hub.config = config

    @property
    def n_subscribers(self) -> int:
        """Subscribers that have caught up."""
        return self._hub.n_live

    @property
    def counts(self) -> Counter[str]:
        """As `sinks.hub.Hub.counts`."""
        return self._hub.counts

    def close(self) -> None:
        """Deliver what is waiting, end all connections (1012: restart) and stop; two seconds at most.

        Alerts written afterwards are journaled only. Closing twice does nothing.
        """
        with self._lock:
            self._call(self._stop.set)
            self._closing = True
        if self._thread.is_alive():
            self._thread.join()

    def _store(self, alert: Alert) -> Entry | None:
        """Journal an alert; None if it is there already."""
        seq = self._journal.append(alert)
        if seq is None:
            return None
        return Entry(seq, alert.spindle, alert.fault, orjson.dumps(alert_as_dict(alert)))

    def _call(self, function: Callable[..., None], *arguments: Any) -> bool:
        """Run a function in the server's thread soon; False if the server is not running."""
        if self._loop is None or self._closing:
            return False
        self._loop.call_soon_threadsafe(function, *arguments)
        return True

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        try:
            server = await serve(
                self._handle,
                self._host,
                self._config.port,
                process_request=self._respond,
                compression=None,
                max_size=_MAX_INBOUND_BYTES,
                close_timeout=_DRAIN_S,
                logger=_log.getChild("protocol"),
                create_connection=self._connected,  # type: ignore[arg-type]  # its documentation allows a wrapper
            )
        except OSError as error:
            self._failure = error
            self._bound.set()
            return
        self._loop = asyncio.get_running_loop()
        self._address = Address(self._host, server.sockets[0].getsockname()[1])
        self._bound.set()
        heart = asyncio.create_task(self._beat())
        await self._stop.wait()
        heart.cancel()
        await self._drain(server)

    async def _drain(self, server: Server) -> None:
        self._deliver()
        server.close(code=CloseCode.SERVICE_RESTART, reason="restart")
        done, _ = await asyncio.wait([asyncio.ensure_future(server.wait_closed())], timeout=_DRAIN_S)
        if not done:
            for connection in list(self._connections):
                connection.transport.abort()
            await server.wait_closed()

    def _connected(self, *args: Any, **options: Any) -> ServerConnection:
        """Make a connection and remember it: the server's own list omits those in a handshake, first or last."""
        connection = ServerConnection(*args, **options)
        self._connections.add(connection)
        return connection

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            self._hub.beat(self._clock.now_ns())

    def _deliver(self) -> None:
        with self._lock:
            mail, self._mail, self._called = self._mail, Mail(), False
        self._hub.publish(mail, monotonic_s(), self._clock.now_ns())

    def _respond(self, _connection: ServerConnection, request: Request) -> Response | None:
        health = {
            "status": "closing" if self._closing else "ok",
            "head": self._journal.head(),
            "subscribers": self._hub.n_live,
            "dropped_subscribers": self._hub.counts["dropped_subscribers"],
        }
        return self._pages.respond(request, health)

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None  # there was a handshake
        try:
            wish = parse_wish(connection.request.path)
        except WireError as error:
            await connection.close(CLOSE_BAD_REQUEST, _reason(error))
            return
        subscriber = Subscriber(SocketLink(connection), wish)
        try:
            with suppress(ConnectionClosed):  # that is how every subscription ends
                await self._catch_up(connection, subscriber)
                async for text in connection:
                    await self._obey(connection, subscriber, text)
        except TimeoutError:
            self._hub.counts["dropped_subscribers"] += 1
            connection.transport.abort()
        finally:
            self._hub.leave(subscriber)

    async def _catch_up(self, connection: ServerConnection, subscriber: Subscriber) -> None:
        page: list[bytes] | None = self._hub.greet(subscriber)
        while page is not None:
            async with asyncio.timeout(_CATCH_UP_S):
                for message in page:
                    await connection.send(message, text=True)
                await asyncio.sleep(0)  # a long replay must not hold up the others
            page = self._hub.catch_up(subscriber)

    async def _obey(self, connection: ServerConnection, subscriber: Subscriber, text: str | bytes) -> None:
        try:
            if isinstance(text, bytes):
                raise ValueError("binary message, wanted JSON text")
            answer = self._hub.command(subscriber, parse_command(text))
        except WireError as error:
            answer = messages.result(None, str(error))
        except ValueError as error:
            await connection.close(CLOSE_BAD_REQUEST, _reason(error))
            return
        await connection.send(answer, text=True)


def _reason(error: Exception) -> str:
    """What fits into a close message: 123 bytes of UTF-8."""
    return str(error).encode()[:120].decode(errors="ignore")
