"""A connection to an MQTT broker that is set up again whenever it breaks, and what came by it."""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Literal, NamedTuple, Self

from msgspec import Meta

from engine.errors import ConfigError
from engine.feeders.extras import library
from engine.feeders.troubles import Troubles
from engine.site import Port, Table

_MAX_BYTES = 64 * 2**20  # that wait to be taken
_OVERHEAD_BYTES = 250  # of a message in memory
_DELAYS_S = 1, 30  # before another try

_log = logging.getLogger(__name__)


class Broker(Table, frozen=True):
    """How to reach a broker.

    Parameters
    ----------
    host, port : str, int
        Port 0 = 1883, with TLS 8883.
    client_id : str
        With one, the broker keeps what comes (QoS 1) while this client is away; every client needs its own. Empty =
        the broker forgets at once.
    username, password_file : str
        The password is the file's first line.
    tls : bool
        Encrypted, and the broker's certificate is checked: by ``ca_file``, else by the system's authorities.
    ca_file, cert_file, key_file : str
        PEM. The client's own certificate and key, where the broker asks for them.
    qos : {0, 1, 2}
        0: what is lost on the way is lost silently.
    keepalive_s : int
        A broker that does not answer for 1.5 times as long is given up.
    status_topic : str
        Where ``online`` is published (retained), and ``offline`` at the end, by the broker if need be (last will).
        Empty = nowhere.
    """

    host: Annotated[str, Meta(min_length=1)]
    port: Port = 0
    client_id: str = ""
    username: str = ""
    password_file: str = ""
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    qos: Literal[0, 1, 2] = 1
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    status_topic: str = ""


class Message(NamedTuple):
    """What came by a topic.

    Parameters
    ----------
    topic : str
        Empty = the connection broke, and nobody knows what was missed.
    payload : bytes
        Anything.
    is_retained : bool
        Published before this client subscribed: of unknown age.
    """

    topic: str
    payload: bytes = b""
    is_retained: bool = False


_LOST = Message("")


class Published(NamedTuple):
    """What is published by this client, or by the broker when it is gone.

    Parameters
    ----------
    topic : str
        Where.
    payload : bytes
        What.
    is_retained : bool
        Whether who subscribes later hears it, too.
    qos : int
        0 or 1.
    """

    topic: str
    payload: bytes
    is_retained: bool = False
    qos: int = 1


class Link:
    """Connected while its ``with`` lasts, as far as the broker can be reached; a broker that is away is waited for.

    What comes waits in a bounded queue, whose oldest messages go when it is full; that is counted.

    Parameters
    ----------
    broker : Broker
        Where.
    topics : sequence of str
        Filters to subscribe.
    will : Published, optional
        Published at the end, by the broker if need be, instead of ``offline``.
    greet : callable, optional
        What is published on each connection, instead of ``online``.
    keeps : bool
        Whether the broker may keep what comes while a client with a ``client_id`` is away.

    Raises
    ------
    UsageError
        paho-mqtt is not installed.
    ConfigError
        A file that cannot be read.
    """

    def __init__(
        self,
        broker: Broker,
        topics: Sequence[str],
        will: Published | None = None,
        greet: Callable[[], Sequence[Published]] | None = None,
        keeps: bool = True,
    ) -> None:
        self._mqtt = library("paho.mqtt.client", "mqtt", "feed")
        self._broker, self._topics = broker, list(topics)
        status = broker.status_topic
        self._will = will or (Published(status, b"offline", True) if status else None)
        online = (Published(status, b"online", True),) if status else ()
        self._greet, self._keeps = greet or (lambda: online), keeps and bool(broker.client_id)
        self._waiting: deque[Message] = deque()
        self._size = 0
        self._came = threading.Condition()
        self.n_dropped = 0
        """Messages that had to make room."""
        self._is_ready = False
        self._was_connected = False
        self._troubles = Troubles(f"mqtt {broker.host}")
        self._client = self._make_client()

    def __enter__(self) -> Self:
        """Begin to connect."""
        broker = self._broker
        self._client.connect_async(
            broker.host, broker.port or (8883 if broker.tls else 1883), broker.keepalive_s
        )
        self._client.loop_start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Say that we leave, and leave."""
        if self._will is not None and self._client.is_connected():
            self.publish(self._will)
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, timeout_s: float) -> list[Message]:
        """All that came, oldest first; waits for the first, but no longer than told."""
        with self._came:
            self._came.wait_for(lambda: self._waiting, timeout_s)
            taken = list(self._waiting)
            self._waiting.clear()
            self._size = 0
        return taken

    @property
    def is_ready(self) -> bool:
        """Whether the broker has let us in and subscribed us."""
        return self._is_ready and bool(self._client.is_connected())

    def publish(self, told: Published) -> None:
        """Publish once, if connected."""
        if self._client.is_connected():
            self._client.publish(told.topic, told.payload, told.qos, told.is_retained)

    def put(self, message: Message) -> None:
        """Queue what came."""
        with self._came:
            self._waiting.append(message)
            self._size += _size(message)
            n_before = len(self._waiting)
            while self._size > _MAX_BYTES and len(self._waiting) > 1:
                self._size -= _size(self._waiting.popleft())
            n_now = n_before - len(self._waiting)
            if n_now and not self.n_dropped:
                _log.error("mqtt: cannot keep up; messages are dropped, the oldest first")
            self.n_dropped += n_now
            self._came.notify()

    def _make_client(self) -> Any:
        broker, mqtt = self._broker, self._mqtt
        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, broker.client_id, clean_session=not self._keeps
        )
        client.reconnect_delay_set(*_DELAYS_S)
        if broker.username:
            if not broker.tls and broker.host not in ("localhost", "127.0.0.1", "::1"):
                _log.warning("mqtt: the password goes to %s unencrypted, as tls is off", broker.host)
            client.username_pw_set(broker.username, _password(broker.password_file))
        if broker.tls:
            try:
                client.tls_set(broker.ca_file or None, broker.cert_file or None, broker.key_file or None)
            except (OSError, ValueError) as error:
                raise ConfigError(f"mqtt: certificates or key cannot be read: {error}") from error
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, 1, self._will.is_retained)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail, client.on_subscribe = self._on_connect_fail, self._on_subscribe
        client.on_message = lambda _client, _data, message: self.put(
            Message(message.topic, message.payload, message.retain)
        )
        return client

    # --- called by paho's thread ---

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._troubles.trouble(f"refused the connection: {reason}")
            return
        if not self._was_connected:
            _log.info("mqtt: connected to %s", self._broker.host)
        self._was_connected = True
        self._troubles.well()
        client.subscribe([(topic, self._broker.qos) for topic in self._topics])
        for told in self._greet():
            client.publish(told.topic, told.payload, told.qos, told.is_retained)

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        self._troubles.trouble(
            f"cannot be reached: {sys.exception() or 'no answer'}"
        )  # paho calls this where it caught it

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        was_ready, self._is_ready = self._is_ready, False
        if reason.is_failure and was_ready:
            self._troubles.trouble(f"connection lost: {reason}")
            self.put(_LOST)

    def _on_subscribe(self, _client: Any, _data: Any, _mid: Any, reasons: Any, _properties: Any) -> None:
        self._is_ready = True
        for topic, reason in zip(self._topics, reasons, strict=False):
            if reason.is_failure:
                _log.error("mqtt: %s refused the subscription of %s: %s", self._broker.host, topic, reason)


def _size(message: Message) -> int:
    return len(message.payload) + len(message.topic) + _OVERHEAD_BYTES


def _password(path: str) -> str | None:
    if not path:
        return None
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []  # the error's words may repeat the file's bytes
    if not lines or not lines[0]:
        raise ConfigError(f"mqtt: {path}: wanted a password in its first line - at `password_file`")
    return lines[0]
