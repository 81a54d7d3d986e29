"""One OPC UA server, subscribed to for as long as it can be reached."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.subscription import DataChangeEvent, Subscription
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua.uaerrors import UaError

from engine.clock import monotonic_s
from engine.errors import ConfigError, UsageError
from engine.feeders.base import Feed
from engine.feeders.opcua_mapping import Nodes, Told
from engine.feeders.opcua_mapping import utc_ns as to_ns
from engine.feeders.opcua_table import ServerTable
from engine.feeders.settings import Slot
from engine.feeders.troubles import Troubles

APPLICATION_URI = "urn:spindlewatch:feeder"
_FIRST_DELAY_S, _MAX_DELAY_S = 0.1, 30.0
_GRACE_S = 3.0  # a connection that is back before that was never away, as far as values go
_SILENT_S = 3.0  # beyond the server's own keep-alives
_MAX_MESSAGE_BYTES, _MAX_CHUNKS = 16 * 2**20, 1024
_MAX_WAITING = 10_000
_CURRENT_TIME = "i=2258"  # of every server: OPC 10000-6, annex A
_MODES = {
    "none": ua.MessageSecurityMode.None_,
    "sign": ua.MessageSecurityMode.Sign,
    "sign_and_encrypt": ua.MessageSecurityMode.SignAndEncrypt,
}


class Server:
    """Follows one server; for the event loop of the feeder.

    Whatever the server does is counted, told in the log (`engine.feeders.troubles`), and waited for, ever longer.

    Parameters
    ----------
    table : ServerTable
        As configured.
    slots : Mapping[str, Slot]
        Of ``table.values``.
    path : str
        Where the table stands, for errors.

    Raises
    ------
    ConfigError
        An address or node id that is none, or security without what it needs.
    UsageError
        A password or certificate that cannot be read.
    """

    def __init__(self, table: ServerTable, slots: Mapping[str, Slot], path: str) -> None:
        self._table, self._slots = table, slots
        if not _is_address(table.url):
            told = "Expected opc.tcp://host:port without a user"
            raise ConfigError(f"{told}, got {table.url.rpartition('@')[2]!r} - at `$.{path}.url`")
        for name in slots:
            try:
                ua.NodeId.from_string(_in_namespace(name, 1))
            except (UaError, ValueError) as error:
                wanted = 'a node id as "ns=2;s=Name", "nsu=urn:maker:machine;s=Name" or "ns=2;i=1001"'
                raise ConfigError(f"Expected {wanted}: {error} - at `$.{path}.values.{name}`") from error
        self._password = _first_line(table.password_file) if table.password_file else None
        _check_security(table, path)
        self._nodes = Nodes(slots, table.array_stamp)
        self._troubles = Troubles(f"opcua: {table.url}")
        self._is_fed = False
        self._lost_s: float | None = None
        self.counts: Counter[str] = Counter()
        """``errors``: sessions that failed; ``sessions`` that began; ``refused`` node ids."""

    @property
    def all_counts(self) -> Counter[str]:
        """With those of the values."""
        return self.counts + self._nodes.counts

    async def follow(self, feed: Feed) -> None:
        """Hand a feed what the server tells, until cancelled."""
        delay_s = _FIRST_DELAY_S
        while True:
            n_before = self.counts["sessions"]
            try:
                await self._session(feed)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # what a broken server provokes in asyncua is of any type
                self._fail(error)
            if self.counts["sessions"] > n_before:
                delay_s = _FIRST_DELAY_S
            await self._rest(delay_s, feed)
            delay_s = min(2 * delay_s, _MAX_DELAY_S)

    async def _rest(self, delay_s: float, feed: Feed) -> None:
        """Wait before another try; say so once the server has been away for too long."""
        until_s = monotonic_s() + delay_s
        while (left_s := until_s - monotonic_s()) > 0:
            if self._lost_s is not None and monotonic_s() - self._lost_s > _GRACE_S:
                self._is_fed, self._lost_s = False, None
                feed.forget(self._table.spindle, tuple(self._slots.values()))
            await asyncio.sleep(min(left_s, 0.5))

    async def _session(self, feed: Feed) -> None:
        client = await self._client()
        try:
            await asyncio.wait_for(client.connect(), 2 * self._table.timeout_s)
            server_ns = await self._server_ns(client)
            names = await self._names(client)
            subscription = await self._subscribe(client, names)
            self._nodes.begin()
            self._is_fed, self._lost_s = True, None
            self.counts["sessions"] += 1
            self._troubles.well()
            await self._listen(subscription, names, server_ns, feed)
        finally:
            await _close(client)

    async def _names(self, client: Client) -> dict[ua.NodeId, str]:
        """Find what the configured nodes are called by this server today: numbers of namespaces may change."""
        found = {}
        for name in self._slots:
            uri = _namespace(name)
            number = await client.get_namespace_index(uri) if uri else 0
            found[ua.NodeId.from_string(_in_namespace(name, number))] = name
        return found

    async def _listen(
        self, subscription: Subscription, names: Mapping[ua.NodeId, str], server_ns: int | None, feed: Feed
    ) -> None:
        agreed = subscription.parameters
        alive_s = agreed.RequestedPublishingInterval * agreed.RequestedMaxKeepAliveCount / 1000
        while True:
            published_s = subscription.last_publish_at
            event = await subscription.next_event(1.5 * alive_s + _SILENT_S)
            if event is None:
                if subscription.last_publish_at == published_s:
                    raise ConnectionError("got neither values nor signs of life")
                continue
            if not isinstance(event, DataChangeEvent):
                raise ConnectionError("the server ended the subscription")
            value = event.data.monitored_item.Value
            name = names.get(event.node.nodeid)
            if value is None or name is None:
                continue
            status = 0 if value.StatusCode is None else int(value.StatusCode.value)
            told = Told(
                name,
                event.value,
                status,
                value.SourceTimestamp,
                value.ServerTimestamp,
                value.SourcePicoseconds or 0,
            )
            reading = self._nodes.reading(told, server_ns)
            if reading is not None:
                feed.take(self._table.spindle, [reading], self._table.url)

    async def _subscribe(self, client: Client, names: Mapping[ua.NodeId, str]) -> Subscription:
        table = self._table
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=ua.Duration(1000 * table.interval_s),
            RequestedLifetimeCount=max(100, round(60 / table.interval_s)),
            RequestedMaxKeepAliveCount=max(1, round(1 / table.interval_s)),
            MaxNotificationsPerPublish=10_000,
            PublishingEnabled=True,
            Priority=0,
        )
        subscription = await client.create_subscription(parameters, queue_maxsize=_MAX_WAITING)
        handles = await subscription.subscribe_data_change(
            [client.get_node(node_id) for node_id in names],
            queuesize=table.queue,
            sampling_interval=ua.Duration(1000 * (table.sampling_s or table.interval_s)),
        )
        refused = {
            name: handle.name
            for name, handle in zip(names.values(), handles, strict=True)
            if isinstance(handle, ua.StatusCode)
        }
        self.counts["refused"] = len(refused)
        if refused:
            told = ", ".join(f"{name}: {why}" for name, why in refused.items())
            self._troubles.note(f"the server refuses {told}")
        if len(refused) == len(names):
            raise ConnectionError("the server refuses every node")
        return subscription

    async def _server_ns(self, client: Client) -> int | None:
        """Read the server's clock; None if it has none."""
        try:
            node = client.get_node(ua.NodeId.from_string(_CURRENT_TIME))
            return to_ns(await node.read_value())
        except (UaError, AttributeError):  # the second: a value of another type
            return None

    async def _client(self) -> Client:
        table = self._table
        client = Client(table.url, timeout=table.timeout_s)
        client.name = "spindlewatch"
        client.application_uri = APPLICATION_URI
        client.max_messagesize, client.max_chunkcount = _MAX_MESSAGE_BYTES, _MAX_CHUNKS
        if table.username:
            client.set_user(table.username)
        if self._password is not None:
            client.set_password(self._password)
        if table.security != "none":
            await client.set_security(
                getattr(security_policies, f"SecurityPolicy{table.policy}"),
                CertProperties(table.certificate),
                CertProperties(table.private_key),
                server_certificate=CertProperties(table.server_certificate),
                mode=_MODES[table.security],
            )
        return client

    def _fail(self, error: Exception) -> None:
        self.counts["errors"] += 1
        if self._is_fed and self._lost_s is None:
            self._lost_s = monotonic_s()
        self._troubles.trouble(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


async def _close(client: Client) -> None:
    """End a session politely if the server lets it, in any case."""
    try:
        await asyncio.wait_for(client.disconnect(), 2.0)
    except Exception:
        client.disconnect_socket()


def _is_address(url: str) -> bool:
    with suppress(ValueError):  # brackets or a port that are none
        parts = urlsplit(url)
        return parts.scheme == "opc.tcp" and bool(parts.hostname and parts.port) and "@" not in parts.netloc
    return False


def _namespace(name: str) -> str:
    """URI of a node id that names its namespace so; else empty."""
    return name[4:].partition(";")[0] if name.startswith("nsu=") else ""


def _in_namespace(name: str, number: int) -> str:
    """Node id with the number of its namespace."""
    return f"ns={number};{name.partition(';')[2]}" if name.startswith("nsu=") else name


def _check_security(table: ServerTable, path: str) -> None:
    files = {
        "certificate": table.certificate,
        "private_key": table.private_key,
        "server_certificate": table.server_certificate,
    }
    for key, file in files.items():
        if bool(file) == (table.security == "none"):
            wanted = "no file without `security`" if file else "a file, as `security` is on"
            raise ConfigError(f"Expected {wanted}, got {file!r} - at `$.{path}.{key}`")
        if file and not Path(file).is_file():
            raise UsageError(f"opcua: {file}: wanted a file as {key}, got none")


def _first_line(path: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise UsageError(f"opcua: {path}: the password cannot be read: {told}") from None
    if not lines or not lines[0]:
        raise UsageError(f"opcua: {path}: wanted a password in the first line, got an empty one")
    return lines[0]
