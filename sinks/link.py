"""A websocket connection as the hub wants it: `sinks.hub.Link`."""

from __future__ import annotations

from websockets.asyncio.server import ServerConnection, broadcast


class SocketLink:
    """A subscriber's connection. Belongs to the server's event loop.

    Parameters
    ----------
    connection : ServerConnection
        After its handshake.
    """

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    def send(self, message: bytes, *, binary: bool) -> None:
        """Hand over a message; never waits."""
        broadcast((self._connection,), message, text=not binary)

    def unsent_bytes(self) -> int:
        """Bytes that the peer has not taken yet, as far as this process knows."""
        return self._connection.transport.get_write_buffer_size()

    def drop(self) -> None:
        """End the connection at once."""
        self._connection.transport.abort()
