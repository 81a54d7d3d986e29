"""What comes by MQTT topics, as values of a spindle. No input or output."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta

from engine.config import Config
from engine.declared import SensorGroup, Spindle
from engine.errors import ConfigError, WireError
from engine.feeders.base import Feed
from engine.feeders.mqtt_link import Broker, Message
from engine.feeders.settings import Slot, Values, find_slots, find_spindle
from engine.feeders.spindle_feed import Reading
from engine.feeders.stamps import TimeUnit, stamp_ns
from engine.site import Table
from engine.wire import decode

_MOST_NAMES = 1000  # of one message
_DEEPEST = 8
_MATCHED = re.compile(r"\{([1-9])\}")


class Topic(Table, frozen=True):
    """One entry of ``[[feeds.mqtt.topics]]``.

    Parameters
    ----------
    topic : str
        Filter, perhaps with ``+`` and ``#``.
    spindle : str
        As declared; ``{1}`` = what the first ``+`` matched. For ``wire`` it may be left out.
    format : {"json", "float32", "wire"}
        ``json``: an object, whose nested names are joined by dots, or a single value, whose name is ``value``.
        ``float32``: samples of ``group``, little-endian, channel after channel or ``interleaved``. ``wire``: one
        message of `engine.wire`.
    values : dict
        As `engine.feeders.settings.Values`, for ``json``.
    time : str
        Name of the time of ``json``: of the values, or of each array's first sample. Empty, or if a message has none:
        when it came.
    time_unit : str
        As for `engine.feeders.stamps.stamp_ns`.
    rate : str
        Name of the sample rate of arrays in ``json``; empty = as declared.
    group : str
        Sensor group of ``float32``.
    interleaved : bool
        ``float32``: sample by sample.
    """

    topic: Annotated[str, Meta(min_length=1, max_length=1000)]
    spindle: str = ""
    format: Literal["json", "float32", "wire"] = "json"
    values: Values = msgspec.field(default_factory=dict)
    time: str = ""
    time_unit: TimeUnit = ""
    rate: str = ""
    group: str = ""
    interleaved: bool = False


class MqttFeed(Broker, frozen=True, kw_only=True):
    """``[feeds.mqtt]``.

    Parameters
    ----------
    topics : tuple of Topic
        At least one.
    hold_s : float
        As for `engine.feeders.assemble.Rows`; ``inf`` for devices that tell changes only.
    """

    topics: Annotated[tuple[Topic, ...], Meta(min_length=1)]
    hold_s: Annotated[float, Meta(ge=0)] = 0.0


class Route:
    """One topic's messages, read.

    Parameters
    ----------
    topic : Topic
        As configured.
    config : Config
        Declares the spindles.
    path : str
        Where the topic stands in the configuration, for errors.

    Raises
    ------
    ConfigError
        A filter, spindle, group or channel that is none.
    """

    def __init__(self, topic: Topic, config: Config, path: str) -> None:
        self._topic, self._path = topic, path
        self._pattern = _pattern(topic.topic, f"{path}.topic")
        self._spindles = {spindle.name: spindle for spindle in config.spindles}
        self._slots: dict[str, dict[str, Slot]] = {}
        if topic.format == "wire":
            return
        if topic.format == "json" and not topic.values:
            raise ConfigError(f"Expected the values of a json topic, got none - at `$.{path}.values`")
        if _MATCHED.search(topic.spindle):
            self._check_template(config)
        else:
            self._open(find_spindle(config, topic.spindle, f"{path}.spindle"))

    def take(self, message: Message, feed: Feed) -> bool:
        """Hand a message's values to a feed; False if it is not this topic's. Whatever it holds, nothing is raised."""
        match = self._pattern.fullmatch(message.topic)
        if match is None:
            return False
        try:
            self._take(message, match, feed)
        except (WireError, ValueError, RecursionError) as error:
            told = str(error) or type(error).__name__
            feed.refuse("malformed", message.topic, told, message.payload)
        return True

    def _take(self, message: Message, match: re.Match[str], feed: Feed) -> None:
        topic = self._topic
        name = _MATCHED.sub(lambda found: _matched(match, int(found[1])), topic.spindle)
        if topic.format == "wire":
            item = decode(message.payload)
            if name and item.spindle != name:
                told = f"got data of {item.spindle!r}, wanted {name!r}"
                feed.refuse("foreign", message.topic, told, message.payload)
            else:
                feed.pass_on(item, message.topic)
            return
        spindle = self._spindles.get(name)
        if spindle is None:
            told = f"got data of {name!r}, wanted a declared spindle"
            feed.refuse("unknown", message.topic, told, message.payload)
        elif topic.format == "float32":
            feed.take(name, self._floats(message.payload, self._group(spindle)), message.topic)
        else:
            self._object(message, name, self._slots.get(name) or self._open(spindle), feed)

    def _object(self, message: Message, name: str, slots: dict[str, Slot], feed: Feed) -> None:
        topic, values = self._topic, _named(msgspec.json.decode(message.payload))
        t_ns = None
        if topic.time:
            if topic.time in values:
                t_ns = stamp_ns(values[topic.time], topic.time_unit)
            else:
                feed.counts["undated"] += 1
        rate_hz = values.get(topic.rate) if topic.rate else None
        if rate_hz is not None and (
            isinstance(rate_hz, bool) or not isinstance(rate_hz, int | float) or not 1e-6 <= rate_hz <= 1e9
        ):
            raise ValueError(f"{topic.rate}: got {rate_hz!r}, wanted a rate from 1e-6 to 1e9 Hz")
        readings = [Reading(key, slots[key], value, t_ns) for key, value in values.items() if key in slots]
        if not readings:
            raise ValueError(f"got {', '.join(list(values)[:9])!r}, wanted one of {', '.join(slots)}")
        if message.is_retained and t_ns is None:  # of unknown age: what the machine does may still hold
            feed.counts["retained"] += sum(reading.slot.group is not None for reading in readings)
            readings = [reading for reading in readings if reading.slot.group is None]
        feed.take(name, readings, message.topic, rate_hz)

    def _floats(self, payload: bytes, group: SensorGroup) -> list[Reading]:
        n = len(group.channels)
        if not payload or len(payload) % (4 * n):
            raise ValueError(
                f"got {len(payload)} bytes, wanted a multiple of {4 * n}: {n} channels of float32"
            )
        values = np.frombuffer(payload, "<f4")
        channels = values.reshape(-1, n).T if self._topic.interleaved else values.reshape(n, -1)
        return [
            Reading(channel.name, Slot(group, row, "", 1.0), channels[row])
            for row, channel in enumerate(group.channels)
        ]

    def _group(self, spindle: Spindle) -> SensorGroup:
        group = spindle.group(self._topic.group)
        if group is None or group.kind != "waveform":
            raise ConfigError(
                f"Expected a waveform group of {spindle.name!r}, got {self._topic.group!r} - at `$.{self._path}.group`"
            )
        return group

    def _open(self, spindle: Spindle) -> dict[str, Slot]:
        """Find a spindle's channels."""
        if self._topic.format == "float32":
            self._group(spindle)
            return {}
        slots = find_slots(self._topic.values, spindle, f"{self._path}.values")
        self._slots[spindle.name] = slots
        return slots

    def _check_template(self, config: Config) -> None:
        """Keep the spindles that have what is mapped; at least one must."""
        usable, errors = {}, []
        for spindle in config.spindles:
            try:
                self._open(spindle)
                usable[spindle.name] = spindle
            except ConfigError as error:
                errors.append(error)
        if not usable:
            raise errors[0]
        self._spindles = usable


def _matched(match: re.Match[str], number: int) -> str:
    return match[number] if number <= (match.re.groups) else ""


def _pattern(topic: str, path: str) -> re.Pattern[str]:
    """A topic filter as a regular expression with one group for each ``+``."""
    levels = topic.split("/")
    wrong = any(("+" in level and level != "+") or ("#" in level and level != "#") for level in levels)
    if wrong or "#" in levels[:-1]:
        raise ConfigError(f"Expected + and # as whole levels, # as the last, got {topic!r} - at `$.{path}`")
    ends = levels[-1] == "#"
    parts = ["([^/]*)" if level == "+" else re.escape(level) for level in levels[: len(levels) - ends]]
    if not ends:
        return re.compile("/".join(parts))
    return re.compile("/".join(parts) + "(?:/.*)?" if parts else ".*", re.DOTALL)


def _named(told: Any) -> dict[str, Any]:
    """Values of a JSON text by name; nested names are joined by dots."""
    if not isinstance(told, dict):
        return {"value": told}
    found: dict[str, Any] = {}
    waiting = [("", told, 1)]
    while waiting:
        before, inner, depth = waiting.pop()
        for key, value in inner.items():
            if isinstance(value, dict) and depth < _DEEPEST:
                waiting.append((f"{before}{key}.", value, depth + 1))
            else:
                found[f"{before}{key}"] = value
        if len(found) > _MOST_NAMES:
            raise ValueError(f"got more than {_MOST_NAMES} names")
    return found
