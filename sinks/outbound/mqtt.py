"""An MQTT broker: one topic for each spindle."""

from __future__ import annotations

import logging
import ssl
import threading
from typing import Any

from engine.clock import monotonic_s
from engine.errors import ConfigError
from engine.targets import MqttTarget
from sinks.outbound.base import AwayError, Delivery, Plain, RefusedError, cloud_event, first_line
from sinks.outbound.extras import library

_KEEPALIVE_S = 30
_IN_A_LEVEL = str.maketrans({char: f"%{ord(char):02X}" for char in "%/+#"})

_log = logging.getLogger(__name__)


class Mqtt(Plain):
    """Publishes CloudEvents, structured, not retained; one has arrived when the broker has confirmed it (QoS 1).

    After any trouble the connection is given up with all that it holds, so that nothing is published late and out of
    order; the next try makes another.

    Parameters
    ----------
    target : MqttTarget
        As configured.
    prefix : str
        Which shop it is.

    Raises
    ------
    UsageError
        paho-mqtt is not installed.
    ConfigError
        A file that cannot be read.
    """

    def __init__(self, target: MqttTarget, prefix: str) -> None:
        self._mqtt = library("paho.mqtt.client", "mqtt", f"notify {target.name}")
        self._target, self._prefix = target, prefix
        self._client: Any = None
        self._changed, self._aborted = threading.Condition(), False
        self._refused: str | None = None
        self._confirmed: dict[int, Any] = {}
        self._make_client()
        if target.username and not target.tls and target.host not in ("localhost", "127.0.0.1", "::1"):
            _log.warning("notify %s: the password goes to %s unencrypted", target.name, target.host)

    def bring(self, delivery: Delivery, note: str | None) -> str:  # noqa: ARG002
        """As `sinks.outbound.base.Courier.bring`."""
        deadline_s = monotonic_s() + self._target.timeout_s
        # A level of a topic holds no separator and no wildcard.
        topic = f"{self._target.topic}/{delivery.alert.spindle.translate(_IN_A_LEVEL)}"
        try:
            if self._client is None:
                self._connect(deadline_s)
            reason = self._publish(topic, cloud_event(delivery, self._prefix), deadline_s)
        except BaseException:
            self.close()
            raise
        if reason.is_failure:
            raise RefusedError(f"{self._target.host}: refused {topic}: {reason}")
        return ""

    def abort(self) -> None:
        """As `sinks.outbound.base.Courier.abort`."""
        with self._changed:
            self._aborted = True
            self._changed.notify_all()

    def close(self) -> None:
        """As `sinks.outbound.base.Courier.close`."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()

    def _connect(self, deadline_s: float) -> None:
        target, self._refused = self._target, None
        client = self._make_client()
        client.connect_timeout = target.timeout_s
        try:
            client.connect(target.host, target.port or (8883 if target.tls else 1883), _KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise AwayError(f"{target.host}: cannot be reached: {error}") from error
        client.loop_start()
        self._client = client
        self._wait_for(lambda: client.is_connected() or self._refused is not None, deadline_s, "let us in")
        if self._refused is not None:
            raise AwayError(f"{target.host}: {self._refused}")

    def _publish(self, topic: str, payload: bytes, deadline_s: float) -> Any:
        """Publish; what the broker says to it."""
        self._confirmed.clear()
        told = self._client.publish(topic, payload, qos=1)
        if told.rc != self._mqtt.MQTT_ERR_SUCCESS:
            raise AwayError(f"{self._target.host}: {self._mqtt.error_string(told.rc)}")
        self._wait_for(
            lambda: told.mid in self._confirmed or self._refused is not None, deadline_s, "confirmed it"
        )
        if told.mid not in self._confirmed:
            raise AwayError(f"{self._target.host}: {self._refused}")
        return self._confirmed[told.mid]

    def _wait_for(self, done: Any, deadline_s: float, what: str) -> None:
        with self._changed:
            is_done = self._changed.wait_for(
                lambda: done() or self._aborted, max(deadline_s - monotonic_s(), 0.0)
            )
        if self._aborted:
            raise AwayError("ended")
        if not is_done:
            raise AwayError(f"{self._target.host}: has not {what} within {self._target.timeout_s:g} s")

    def _make_client(self) -> Any:
        target, mqtt = self._target, self._mqtt
        version = mqtt.MQTTv5 if target.version == "5" else mqtt.MQTTv311
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=version, reconnect_on_failure=False)
        if target.username:
            client.username_pw_set(target.username, first_line(target.password_file, "password_file"))
        if target.tls:
            try:
                client.tls_set(target.ca_file or None, target.cert_file or None, target.key_file or None)
            except (OSError, ssl.SSLError, ValueError) as error:
                raise ConfigError(
                    f"notify {target.name}: certificates or key cannot be read: {error}"
                ) from error
        client.on_connect = lambda _client, _data, _flags, reason, _properties: self._note(
            f"refused the connection: {reason}" if reason.is_failure else None
        )
        client.on_disconnect = lambda _client, _data, _flags, reason, _properties: self._note(
            f"connection lost: {reason}"
        )
        client.on_publish = self._on_publish
        return client

    # --- called by paho's thread ---

    def _note(self, refused: str | None) -> None:
        with self._changed:
            self._refused = self._refused or refused
            self._changed.notify_all()

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        with self._changed:
            self._confirmed[mid] = reason
            self._changed.notify_all()
