"""Edge nodes of Sparkplug B: who is born, what an alias means, what is missing. No input or output.

A node's birth names its metrics and may give each an alias, by which later messages mean it; every message has a
running number of the node, 0 to 255. Until a birth is heard, and after a number is missing (it may have been a birth),
aliases mean nothing: data is left out, and the node is asked to be born again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from engine.config import Config
from engine.errors import ConfigError
from engine.feeders.base import Feed
from engine.feeders.mqtt_link import Broker, Message
from engine.feeders.settings import Slot, Values, find_slots, find_spindle
from engine.feeders.sparkplug_payload import Payload, read_payload
from engine.feeders.spindle_feed import Reading
from engine.site import Table

_BIRTHS = "NBIRTH", "DBIRTH"
_DATA = "NDATA", "DDATA"
_NAME = r"^[^/+#]+$"


class Device(Table, frozen=True):
    """One entry of ``[[feeds.sparkplug.devices]]``.

    Parameters
    ----------
    group, node : str
        The edge node's identifiers.
    device : str
        Empty = the metrics of the node itself.
    spindle : str
        As declared; several devices may feed one.
    values : dict
        Names of metrics, as `engine.feeders.settings.Values`.
    """

    group: Annotated[str, Meta(pattern=_NAME)]
    node: Annotated[str, Meta(pattern=_NAME)]
    spindle: str
    values: Annotated[Values, Meta(min_length=1)]
    device: Annotated[str, Meta(pattern=r"^[^/+#]*$")] = ""


class SparkplugFeed(Broker, frozen=True, kw_only=True):
    """``[feeds.sparkplug]``.

    Parameters
    ----------
    devices : tuple of Device
        At least one.
    host_id : str
        Nodes that wait for a primary host of this name see it online (``spBv1.0/STATE/...``); empty = none.
    rebirth_s : float
        A node that is to be born again is asked no more often.
    hold_s : float
        Nodes tell changes only, so a value holds until its device is dead, or for so long.
    """

    devices: Annotated[tuple[Device, ...], Meta(min_length=1)]
    host_id: Annotated[str, Meta(pattern=r"^[^/+#]*$")] = ""
    rebirth_s: Annotated[float, Meta(ge=1)] = 10.0
    hold_s: Annotated[float, Meta(ge=0)] = msgspec.field(default=float("inf"))


class Mapped(NamedTuple):
    """A device whose metrics are mapped."""

    spindle: str
    slots: dict[str, Slot]


def find_devices(table: SparkplugFeed, config: Config) -> dict[tuple[str, str], dict[str, Mapped]]:
    """Find what is mapped.

    Returns
    -------
    dict
        By group and node; of each, by device (the node itself is ``""``).

    Raises
    ------
    ConfigError
        A spindle or channel that is none, or a device that is mapped twice.
    """
    nodes: dict[tuple[str, str], dict[str, Mapped]] = {}
    for number, device in enumerate(table.devices):
        path = f"feeds.sparkplug.devices[{number}]"
        spindle = find_spindle(config, device.spindle, f"{path}.spindle")
        devices = nodes.setdefault((device.group, device.node), {})
        if device.device in devices:
            raise ConfigError(
                f"Expected a device of its own, got {device.device!r} twice - at `$.{path}.device`"
            )
        devices[device.device] = Mapped(spindle.name, find_slots(device.values, spindle, f"{path}.values"))
    return nodes


@dataclass
class Node:
    """What is known of one edge node.

    State: its running number, and of each mapped metric alias and type.

    Parameters
    ----------
    devices : dict
        Of `find_devices`.
    """

    devices: dict[str, Mapped]
    seq: int | None = None
    """Of its last message; None = it must be born before it is understood."""
    lacks_birth: bool = True
    """Of itself or of a device: it should be asked."""
    bd_seq: int | None = None
    born: set[str] = field(default_factory=set)
    aliases: dict[tuple[str, int], str] = field(default_factory=dict)
    types: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, kind: str, device: str, message: Message, feed: Feed) -> None:
        """Hear a message; whatever it holds, nothing is raised for it.

        Parameters
        ----------
        kind : str
            ``NBIRTH``, ``DDATA``, ...
        device : str
            Empty for a message of the node itself.
        message : Message
            As it came.
        feed : Feed
            Takes values.
        """
        try:
            payload = read_payload(message.payload)
        except ValueError as error:
            feed.refuse("malformed", message.topic, str(error), message.payload)
            return  # if it was the node's own, the next one's number will tell
        if kind == "NDEATH":
            self._on_death(payload, feed)
        elif self._is_next(kind, payload, message, feed):
            if kind == "DDEATH":
                self._forget(device, feed)
            elif device in self.devices:
                if kind in _BIRTHS:
                    self._learn(device, payload)
                if device in self.born:
                    self._values(device, kind, payload, message, feed)
                else:
                    feed.counts["unborn"] += 1
                    self.lacks_birth = True

    def forget(self, feed: Feed) -> None:
        """Nothing is known any more, and nothing holds."""
        self.seq, self.bd_seq, self.lacks_birth = None, None, True
        for device in self.devices:
            self._forget(device, feed)

    def _is_next(self, kind: str, payload: Payload, message: Message, feed: Feed) -> bool:
        """Whether a message is the node's next one, so that it can be understood."""
        if kind == "NBIRTH":
            self.born.clear()  # what it said holds on: devices are born within moments, or are asked
            self.seq, self.bd_seq, self.lacks_birth = payload.seq or 0, _bd_seq(payload), False
            return True
        if self.seq is None:
            feed.counts["unborn"] += 1
            return False
        wanted = (self.seq + 1) % 256
        if payload.seq == self.seq:
            feed.counts["repeated"] += 1
            return False
        if payload.seq != wanted:
            self.seq, self.lacks_birth = None, True
            told = (
                f"got the message {payload.seq}, wanted {wanted}: some are missing, or came in another order"
            )
            feed.refuse("gap", message.topic, told)
            return False
        self.seq = wanted
        return True

    def _on_death(self, payload: Payload, feed: Feed) -> None:
        number = _bd_seq(payload)
        if self.bd_seq is not None and number is not None and number != self.bd_seq:
            feed.counts["late_deaths"] += 1  # of an earlier connection: it was born again meanwhile
            return
        feed.counts["deaths"] += 1
        self.forget(feed)
        self.lacks_birth = False  # it says so itself when it is back

    def _forget(self, device: str, feed: Feed) -> None:
        mapped = self.devices.get(device)
        if mapped is not None:
            self.born.discard(device)
            feed.forget(mapped.spindle, mapped.slots.values())

    def _learn(self, device: str, payload: Payload) -> None:
        """Note aliases and types of the metrics that are mapped."""
        self.born.add(device)
        slots = self.devices[device].slots
        self.aliases = {key: name for key, name in self.aliases.items() if key[0] != device}
        for metric in payload.metrics:
            if metric.name in slots:
                self.types[device, metric.name] = metric.datatype
                if metric.alias is not None:
                    self.aliases[device, metric.alias] = metric.name

    def _values(self, device: str, kind: str, payload: Payload, message: Message, feed: Feed) -> None:
        mapped, readings = self.devices[device], []
        for metric in payload.metrics:
            name = metric.name or self.aliases.get((device, -1 if metric.alias is None else metric.alias), "")
            if name not in mapped.slots:
                continue
            if metric.is_historical:
                feed.counts["historical"] += 1
                continue
            # At birth a value holds now, however long ago it was captured.
            t_ns = payload.t_ns if kind in _BIRTHS else metric.t_ns or payload.t_ns
            try:
                value = metric.value(self.types.get((device, name), 0))
            except ValueError as error:
                feed.refuse("malformed", message.topic, f"{name}: {error}", spindle=mapped.spindle)
                continue
            readings.append(Reading(name, mapped.slots[name], value, t_ns))
        if readings:
            feed.take(mapped.spindle, readings, message.topic)


def _bd_seq(payload: Payload) -> int | None:
    """Number of the node's connection, the same in its birth and its death."""
    for metric in payload.metrics:
        if metric.name == "bdSeq" and isinstance(metric.raw, int):
            return metric.raw
    return None


def topic_parts(topic: str) -> tuple[str, str, str, str] | None:
    """Group, kind, node and device of a topic; None if it is none of a node's messages.

    Examples
    --------
    >>> topic_parts("spBv1.0/shop/DDATA/edge1/M1")
    ('shop', 'DDATA', 'edge1', 'M1')
    >>> topic_parts("spBv1.0/shop/NCMD/edge1")
    """
    parts = [*topic.split("/"), ""]
    if len(parts) not in (5, 6) or parts[0] != "spBv1.0":
        return None
    group, kind, node, device = parts[1:5]
    wanted = (*_BIRTHS, *_DATA, "NDEATH", "DDEATH")
    if kind not in wanted or (kind[0] == "D") != bool(device):
        return None
    return group, kind, node, device
