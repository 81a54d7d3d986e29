"""`spindlewatch feed mqtt`: from topics of a broker to Redis."""

from __future__ import annotations

from collections.abc import Sequence

from engine.config import Config
from engine.feeders.base import Feed
from engine.feeders.mqtt_link import Link, Message
from engine.feeders.mqtt_topics import MqttFeed, Route
from engine.feeders.settings import feed_table
from engine.feeders.source import Source
from engine.runtime import Stop

_WAIT_S = 0.1
_LONGEST_BYTES = 8 * 2**20  # a second of 64 channels at 32 kHz


def mqtt_source(config: Config, _dry: bool = False) -> Source:
    """Make a source of topics of a broker, as ``[feeds.mqtt]`` says.

    Parameters
    ----------
    config : Config
        ``[feeds.mqtt]``, ``[[spindles]]``.

    Returns
    -------
    Source
        Not connected yet.

    Raises
    ------
    SpindlewatchError
        A table that cannot be used, or paho-mqtt is not installed.
    """
    table = feed_table(config, "mqtt", MqttFeed)
    routes = [Route(topic, config, f"feeds.mqtt.topics[{n}]") for n, topic in enumerate(table.topics)]
    link = Link(table, [topic.topic for topic in table.topics])
    spindles = [spindle.name for spindle in config.spindles]

    def work(feed: Feed, stop: Stop) -> None:
        with link:
            while not stop.asked:
                for message in link.take(_WAIT_S):
                    take(message, routes, spindles, feed)
                feed.beat()
                if link.n_dropped:
                    feed.counts["overrun"] = link.n_dropped

    return Source(work, table.hold_s)


def take(message: Message, routes: Sequence[Route], spindles: Sequence[str], feed: Feed) -> None:
    """Hand one message to every route that wants it.

    Parameters
    ----------
    message : Message
        The end of the connection, too: then nothing that was said holds any longer.
    routes : sequence of Route
        All.
    spindles : sequence of str
        Whose sources are gone with the connection.
    feed : Feed
        Takes the values.
    """
    if not message.topic:
        for spindle in spindles:
            feed.forget(spindle)
        return
    feed.counts["messages"] += 1
    if len(message.payload) > _LONGEST_BYTES:
        told = f"got {len(message.payload)} bytes, wanted at most {_LONGEST_BYTES}"
        feed.refuse("malformed", message.topic, told, message.payload)
        return
    taken = [route.take(message, feed) for route in routes]
    if not any(taken):
        feed.refuse("unknown", message.topic, "wanted a topic that was subscribed", message.payload)
