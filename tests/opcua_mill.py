"""An OPC UA server on loopback, in a thread of its own: asyncua's, as a controller would be."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager
from cryptography.x509.oid import ExtendedKeyUsageOID

logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)

USER, PASSWORD = "feeder", "secret"
_POLICIES = [ua.SecurityPolicyType.NoSecurity, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]


class _Users(UserManager):
    """Whoever has the password, and whoever says nothing."""

    def get_user(self, *_server: Any, username: Any = None, password: Any = None, **_certificate: Any) -> Any:
        known = username is None or (username == USER and password in (PASSWORD, PASSWORD.encode()))
        return User(role=UserRole.User) if known else None


class Mill:
    """Nodes that are written from the test's thread; it is slow to make, so tests share one.

    Parameters
    ----------
    folder : Path
        Where its certificate and key go, and those of a client.
    values : Any
        Node -> first value.
    """

    def __init__(self, folder: Path, **values: Any) -> None:
        self.folder, self._values = folder, values
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._nodes: dict[str, Any] = {}
        self.url = ""

    def make_pair(self, name: str, uri: str) -> tuple[Path, Path]:
        """Certificate and key of an application."""
        files = self.folder / f"{name}.der", self.folder / f"{name}.pem"
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        self._call(setup_self_signed_certificate(files[1], files[0], uri, "localhost", usage, {}))
        return files

    def write(self, name: str, value: Any, status: int = 0) -> None:
        """Let a node have another value, measured now."""
        now = datetime.now(UTC).replace(tzinfo=None)
        told = ua.DataValue(ua.Variant(value), ua.StatusCode(ua.UInt32(status)), now)
        self._call(self._nodes[name].write_value(told))

    def hang_up(self) -> None:
        """Close all connections and listen no more."""
        self._call(self._server.bserver.stop())

    def listen(self) -> None:
        """Listen, on the same port as before."""
        self._call(self._server.bserver.start())

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    async def _start(self, certificate: Path, key: Path) -> None:
        self._server = Server(user_manager=_Users())
        await self._server.init()
        await self._server.set_application_uri("urn:mill")
        self._server.set_endpoint("opc.tcp://127.0.0.1:0/mill")
        self._server.set_security_policy(_POLICIES)
        await self._server.load_certificate(str(certificate))
        await self._server.load_private_key(str(key))
        index = await self._server.register_namespace("urn:mill:nodes")
        for name, value in self._values.items():
            self._nodes[name] = await self._server.nodes.objects.add_variable(
                ua.NodeId(name, index), name, value
            )
        await self._server.start()
        self.url = f"opc.tcp://127.0.0.1:{self._server.bserver.port}/mill"

    async def _stop(self) -> None:
        await self._server.stop()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # sessions of clients that it hung up on
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    @contextmanager
    def running(self) -> Iterator[Mill]:
        """Serve while the block lasts."""
        self._thread.start()
        try:
            self._call(self._start(*self.make_pair("mill", "urn:mill")))
            yield self
        finally:
            self._call(self._stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
