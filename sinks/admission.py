"""The way in: from a connection that anybody can make to one of which it is known whose it is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from weakref import WeakSet

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.protocol import State

from engine.clock import monotonic_s
from engine.errors import WireError
from engine.site import AccessConfig
from sinks import messages
from sinks.access import LOCAL, Failures, Gate, Lobby, Principal
from sinks.audit import Deed
from sinks.names import Names, peer
from sinks.pages import STREAM_PATH, plain
from sinks.requests import carries_token, parse_auth

CLOSE_NOT_ADMITTED = 3500
"""Do not come back, unless with a token that holds."""
MAX_STRANGE_BYTES = 1024
"""Of a message, while it is not known whose it is."""

_MAX_BYTES = 64 * 1024
_MAX_OF_ONE_TOKEN = 256
_INTRODUCTION_S = 10.0
_GO_S = 2.0  # for whoever must go: then it is cut off


class Visitor(ServerConnection):
    """A connection, and what is known of whose it is."""

    principal: Principal | None = None
    address = ""
    refused = ""
    """Why it gets no answer but that it gets none."""
    paying = False
    """Whether it has failed, and holds its place until the pause is over."""
    admission: Admission

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place, or be cut off."""
        super().connection_made(transport)
        self.address = peer(transport.get_extra_info("peername"))
        self.admission.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place."""
        super().connection_lost(exc)
        self.admission.leave(self)


class Admission:
    """Refuses, asks and lets in. Belongs to the server's event loop.

    Parameters
    ----------
    host : str
        ``hub.host``.
    access : AccessConfig
        ``[access]``.
    counts : Counter of str
        Every refusal is counted there by its reason, ``refused_...``; and ``ended_tokens``.
    note : callable
        Told what the audit trail should say.
    stopped : asyncio.Event
        Once it is set nobody is kept waiting.

    Raises
    ------
    ConfigError
        The tokens cannot be read.
    """

    def __init__(
        self,
        host: str,
        access: AccessConfig,
        counts: Counter[str],
        note: Callable[[Deed], None],
        stopped: asyncio.Event,
    ) -> None:
        self.gate = Gate(access, counts, note)
        self._names, self._counts, self._stopped = Names(host, access), counts, stopped
        self._lobby: Lobby[Visitor] = Lobby(strict=self.gate.asks)
        self._failures = Failures()
        self.visitors: WeakSet[Visitor] = WeakSet()
        """All connections, those in a handshake too, first or last: the server's own list omits them."""
        self._ending: set[asyncio.Task[None]] = set()

    def connect(self, *args: Any, **options: Any) -> Visitor:
        """Make a connection, for `websockets.asyncio.server.serve`."""
        visitor = Visitor(*args, **options)
        visitor.admission = self
        self.visitors.add(visitor)
        return visitor

    def enter(self, visitor: Visitor) -> None:
        """Give a new connection a place among those that nobody knows, or cut off whom there is no place for."""
        without = self._lobby.enter(visitor, visitor.address)
        if without is not None:
            self._counts["refused_flood"] += 1
            without.transport.abort()

    def leave(self, visitor: Visitor) -> None:
        """Free the place of a connection that has ended, if it owes nothing."""
        if visitor.request is None:
            self._counts["refused_handshake"] += 1
        if not visitor.paying:
            self._lobby.leave(visitor)

    async def refuse(self, visitor: Visitor, request: Request) -> Response | None:
        """Look at a request before anything is made of it.

        Returns
        -------
        Response or None
            What it gets instead; None: go on. Whose it is may be known by then.
        """
        streams = request.path.partition("?")[0] == STREAM_PATH
        if not self._names.are_ours(request.headers):
            return self._no(visitor, "host", HTTPStatus.MISDIRECTED_REQUEST, "asked for under a foreign name")
        if carries_token(request.path):
            told = (
                "a token never goes into an address: send it in the Authorization header or as first message"
            )
            return self._no(visitor, "address", HTTPStatus.BAD_REQUEST, told)
        if streams and not self._names.let_listen(request.headers):
            return self._no(visitor, "origin", HTTPStatus.FORBIDDEN, "foreign page")
        if not self.gate.asks:
            visitor.principal = LOCAL
        elif headers := request.headers.get_all("Authorization"):
            visitor.principal = self._bearer(visitor, headers)
            if visitor.principal is None:
                await self._pause(visitor)
                response = self._no(visitor, "token", HTTPStatus.UNAUTHORIZED, "token refused")
                response.headers["WWW-Authenticate"] = "Bearer"
                return response
        return None

    def answered(self, visitor: ServerConnection, _request: Request, response: Response) -> None:
        """Count what was refused for other reasons: no such page, no proper handshake."""
        if isinstance(visitor, Visitor) and response.status_code >= 400 and not visitor.refused:
            self._counts["refused_request"] += 1

    async def introduce(self, visitor: Visitor) -> bool:
        """Find out whose a subscriber's connection is.

        Returns
        -------
        bool
            False: it has been told to go, or is gone.
        """
        if visitor.principal is None:
            visitor.principal = await self._ask(visitor)
        if visitor.principal is None:
            return False
        if self._n_open(visitor.principal) > _MAX_OF_ONE_TOKEN:
            self._counts["refused_flood"] += 1
            await visitor.close(CloseCode.TRY_AGAIN_LATER, "too many connections with this token")
            return False
        visitor.protocol.max_message_size = _MAX_BYTES
        self._lobby.leave(visitor)
        return True

    def revoke(self) -> None:
        """End the connections of those who may not stay: their token was removed, or has expired."""
        self.gate.refresh()
        for visitor in list(self.visitors):
            principal = visitor.principal
            if principal is not None and not visitor.refused and not self.gate.holds(principal):
                visitor.refused = "token"
                self._counts["ended_tokens"] += 1
                self.gate.note(principal, visitor.address, "connect", "", "ended: its token holds no more")
                task = asyncio.create_task(_end(visitor))
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)

    def _n_open(self, principal: Principal) -> int:
        """Connections with the same token; whoever is at this machine may have any number."""
        if principal.token is None:
            return 0
        tokens = [one.principal.token for one in self.visitors if one.principal and one.state is State.OPEN]
        return tokens.count(principal.token)

    def _no(self, visitor: Visitor, why: str, status: HTTPStatus, told: str) -> Response:
        if why != "token":  # which the gate has counted
            self._counts[f"refused_{why}"] += 1
        visitor.refused = why
        return plain(status, told)

    def _bearer(self, visitor: Visitor, headers: list[str]) -> Principal | None:
        scheme, _, token = headers[0].partition(" ")
        wanted = len(headers) == 1 and scheme.lower() == "bearer"
        return self.gate.admit(token.strip() if wanted else "", visitor.address)

    async def _ask(self, visitor: Visitor) -> Principal | None:
        """Ask for a token; what comes is refused with one and the same word, whatever was wrong with it."""
        try:
            async with asyncio.timeout(_INTRODUCTION_S):
                await visitor.send(messages.auth_required(), text=True)
                shown = parse_auth(await visitor.recv())
        except (WireError, TimeoutError) as error:
            self._counts["refused_message"] += 1
            told = str(error) or "wanted a token within 10 s"
            await visitor.close(CLOSE_NOT_ADMITTED, f"authentication required: {told}")
            return None
        except ConnectionClosed as closed:
            if closed.sent is not None and closed.sent.code == CloseCode.MESSAGE_TOO_BIG:
                self._counts["refused_message"] += 1
            return None
        principal = self.gate.admit(shown, visitor.address)
        if principal is None:
            await self._pause(visitor)
            await visitor.close(CLOSE_NOT_ADMITTED, "authentication required: token refused")
        return principal

    async def _pause(self, visitor: Visitor) -> None:
        """Keep a failure waiting, and its place with it even if it goes."""
        visitor.paying = True
        try:
            with suppress(TimeoutError):
                pause_s = self._failures.pause_s(visitor.address, monotonic_s())
                await asyncio.wait_for(self._stopped.wait(), pause_s)
        finally:
            visitor.paying = False
            if visitor.connection_lost_waiter.done():
                self._lobby.leave(visitor)


async def _end(visitor: Visitor) -> None:
    """Say that there is no coming back; whoever does not listen is cut off."""
    try:
        async with asyncio.timeout(_GO_S):
            await visitor.close(CLOSE_NOT_ADMITTED, "authentication required: token holds no more")
    except TimeoutError:
        visitor.transport.abort()
