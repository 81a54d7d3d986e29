"""What is said on a subscriber's connection, once it is known whose it is."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from engine.errors import WireError
from sinks import messages
from sinks.admission import Visitor
from sinks.hub import Hub, Subscriber
from sinks.link import SocketLink
from sinks.requests import parse_command, parse_wish

CLOSE_BAD_REQUEST = 3501
"""Do not come back: what was asked cannot be understood."""

_CATCH_UP_S = 20.0  # for one page of a replay; a peer that reads slower would keep its handler for ever


async def converse(hub: Hub, visitor: Visitor) -> None:
    """Serve a subscriber until its connection ends.

    Parameters
    ----------
    hub : Hub
        Whose subscriber it becomes. What cannot be understood is counted there as ``refused_message``.
    visitor : Visitor
        Of whom it is known whose it is.
    """
    assert visitor.request is not None  # it has been introduced
    assert visitor.principal is not None
    try:
        wish = parse_wish(visitor.request.path)
    except WireError as error:
        await _misunderstood(hub, visitor, error)
        return
    subscriber = Subscriber(SocketLink(visitor), wish, visitor.principal)
    try:
        with suppress(ConnectionClosed):  # that is how every subscription ends
            await _catch_up(hub, visitor, subscriber)
            async for text in visitor:
                await _obey(hub, visitor, subscriber, text)
        if visitor.close_code == CloseCode.MESSAGE_TOO_BIG:
            hub.counts["refused_message"] += 1
    except TimeoutError:
        hub.counts["dropped_subscribers"] += 1
        visitor.transport.abort()
    finally:
        hub.leave(subscriber)


async def _catch_up(hub: Hub, visitor: Visitor, subscriber: Subscriber) -> None:
    page: list[bytes] | None = hub.greet(subscriber)
    while page is not None:
        async with asyncio.timeout(_CATCH_UP_S):
            for message in page:
                await visitor.send(message, text=True)
            await asyncio.sleep(0)  # a long replay must not hold up the others
        page = hub.catch_up(subscriber)


async def _obey(hub: Hub, visitor: Visitor, subscriber: Subscriber, text: str | bytes) -> None:
    try:
        if isinstance(text, bytes):
            raise ValueError("binary message, wanted JSON text")
        answer = hub.command(subscriber, parse_command(text))
    except WireError as error:
        hub.counts["refused_message"] += 1
        answer = messages.result(None, str(error))
    except ValueError as error:
        await _misunderstood(hub, visitor, error)
        return
    await visitor.send(answer, text=True)


async def _misunderstood(hub: Hub, visitor: Visitor, error: Exception) -> None:
    hub.counts["refused_message"] += 1
    # What fits into a close message: 123 bytes of UTF-8.
    await visitor.close(CLOSE_BAD_REQUEST, str(error).encode()[:120].decode(errors="ignore"))
