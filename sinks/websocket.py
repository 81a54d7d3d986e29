"""The live server: page, health and alert stream on one port, in a thread of its own."""

from __future__ import annotations

import asyncio
import errno
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from engine.clock import Clock, monotonic_s
from engine.config import HubConfig
from engine.declared import Spindle
from engine.errors import SpindlewatchError, UsageError
from engine.site import AccessConfig, is_loopback
from engine.verdicts import Alert
from sinks.access import OPEN
from sinks.address import Address, reachable
from sinks.admission import MAX_STRANGE_BYTES, Admission, Visitor
from sinks.alert_json import alert_as_dict
from sinks.audit import AuditTrail
from sinks.base import Record
from sinks.conversation import converse
from sinks.hub import Hub, Subscriber
from sinks.journal import Entry, Journal
from sinks.mailbox import Mail, ShownScore
from sinks.pages import Pages
from sinks.requests import Command
from sinks.tls import load_certificate, server_context

_HEARTBEAT_S = 2.0
_DRAIN_S = 2.0  # then connections that have not closed are cut
_TLS_S = 5.0  # for a handshake of TLS

_log = logging.getLogger(__name__)
_protocol_log = _log.getChild("protocol")
_protocol_log.addFilter(
    lambda record: record.levelno > logging.DEBUG
)  # that has every header and message in it


class LiveServer:
    """Serves the page and the alert stream; as a writer, journals alerts and tells live subscribers.

    A host that others than this machine could reach is refused without tokens and TLS.

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
    access : AccessConfig
        Who may see what is served; by default whoever is at this machine.

    Raises
    ------
    ConfigError
        Others could reach ``hub.host`` unasked; tokens or certificate cannot be used.
    """

    def __init__(
        self,
        config: HubConfig,
        journal: Journal,
        clock: Clock,
        spindles: Sequence[Spindle] = (),
        on_watch: Callable[[frozenset[tuple[str, str]]], None] = lambda _: None,
        access: AccessConfig = OPEN,
    ) -> None:
        self._config, self._access = config, access
        self._host, self._tls = reachable(config.host, access), server_context(access)
        self._journal = journal
        self._clock = clock
        self._hub = Hub(config, journal, spindles, on_watch, self._note_command)
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
        self._audit = AuditTrail(journal.path, self._hub.counts)
        self._admission = Admission(self._host, access, self._hub.counts, self._audit.note, self._stop)

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
            if not self._tls and not is_loopback(self._host):
                where = f"{self._host}:{self._address.port}"
                _log.warning(
                    "NOT ENCRYPTED: tokens and alerts can be read on the way to %s; a proxy must do TLS",
                    where,
                )
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

    def read_certificate(self) -> None:
        """Read the certificate again, if there is one; for connections from now on. Tokens are followed anyway.

        Raises
        ------
        ConfigError
            It cannot be used; the one before holds on.
        """
        if self._tls is not None:
            load_certificate(self._tls, self._access)

    @property
    def n_subscribers(self) -> int:
        """Subscribers that have caught up."""
        return self._hub.n_live

    @property
    def counts(self) -> Counter[str]:
        """As `sinks.hub.Hub.counts`, `sinks.admission.Admission` and `sinks.audit.AuditTrail`."""
        return self._hub.counts

    def refusals(self) -> dict[str, float]:
        """How many were refused, by why; ``ended`` are those whose token held no more."""
        counts = dict(self.counts)
        refused = {
            name.removeprefix("refused_"): float(n)
            for name, n in counts.items()
            if name.startswith("refused_")
        }
        return refused | {"ended": float(counts.get("ended_tokens", 0))}

    def close(self) -> None:
        """Deliver what is waiting, end all connections (1012: restart) and stop; two seconds at most.

        Alerts written afterwards are journaled only. Closing twice does nothing.
        """
        with self._lock:
            self._call(self._stop.set)
            self._closing = True
        if self._thread.is_alive():
            self._thread.join()
        self._audit.close()

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
                process_response=self._admission.answered,
                compression=None,
                max_size=MAX_STRANGE_BYTES,
                close_timeout=_DRAIN_S,
                server_header=None,
                logger=_protocol_log,
                create_connection=self._admission.connect,  # type: ignore[arg-type]  # documented to allow a wrapper
                ssl=self._tls,
                ssl_handshake_timeout=_TLS_S if self._tls else None,
            )
        except OSError as error:
            self._failure = error
            self._bound.set()
            return
        self._loop = asyncio.get_running_loop()
        self._address = Address(self._host, server.sockets[0].getsockname()[1], self._tls is not None)
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
            for connection in list(self._admission.visitors):
                connection.transport.abort()
            await server.wait_closed()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            self._admission.revoke()
            self._hub.beat(self._clock.now_ns())

    def _deliver(self) -> None:
        with self._lock:
            mail, self._mail, self._called = self._mail, Mail(), False
        self._hub.publish(mail, monotonic_s(), self._clock.now_ns())

    async def _respond(self, visitor: ServerConnection, request: Request) -> Response | None:
        assert isinstance(visitor, Visitor)
        refused = await self._admission.refuse(visitor, request)
        if refused is not None:
            return refused
        health: dict[str, object] = {"status": "closing" if self._closing else "ok"}
        if visitor.principal is not None:
            health |= {
                "head": self._journal.head(),
                "subscribers": self._hub.n_live,
                "dropped_subscribers": self._hub.counts["dropped_subscribers"],
            }
        return self._pages.respond(request, health)

    async def _handle(self, visitor: ServerConnection) -> None:
        assert isinstance(visitor, Visitor)
        if await self._admission.introduce(visitor):
            await converse(self._hub, visitor)

    def _note_command(self, subscriber: Subscriber, command: Command, outcome: str) -> None:
        who = subscriber.principal
        self._admission.gate.note(who, who.address, command.op, command.waveform or "", outcome)
