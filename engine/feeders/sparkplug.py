"""`spindlewatch feed sparkplug`: from edge nodes of Sparkplug B 3.0 to Redis, as one of its host applications."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from engine.clock import NS_PER_S
from engine.config import Config
from engine.feeders.base import Feed
from engine.feeders.mqtt_link import Link, Message, Published
from engine.feeders.settings import feed_table
from engine.feeders.source import Source
from engine.feeders.sparkplug_nodes import Node, SparkplugFeed, find_devices, topic_parts
from engine.feeders.sparkplug_payload import BOOLEAN, write_payload
from engine.feeders.stamps import Now, read_now
from engine.runtime import Stop

_WAIT_S = 0.1


def sparkplug_source(config: Config, _dry: bool = False) -> Source:
    """Make a source of edge nodes of a broker, as ``[feeds.sparkplug]`` says.

    Parameters
    ----------
    config : Config
        ``[feeds.sparkplug]``, ``[[spindles]]``.

    Returns
    -------
    Source
        Not connected yet.

    Raises
    ------
    SpindlewatchError
        A table that cannot be used, or a library that is not installed.
    """
    table = feed_table(config, "sparkplug", SparkplugFeed)
    nodes = Nodes(table, config)
    link = nodes.link()

    def work(feed: Feed, stop: Stop) -> None:
        with link:
            while not stop.asked:
                for message in link.take(_WAIT_S):
                    nodes.take(message, feed)
                if link.is_ready:
                    for command in nodes.commands(read_now(), feed):
                        link.publish(command)
                feed.beat()
                if link.n_dropped:
                    feed.counts["overrun"] = link.n_dropped

    return Source(work, table.hold_s)


class Nodes:
    """The edge nodes that are mapped.

    Parameters
    ----------
    table : SparkplugFeed
        ``[feeds.sparkplug]``.
    config : Config
        Declares the spindles.

    Raises
    ------
    ConfigError
        A spindle or channel that is none.
    """

    def __init__(self, table: SparkplugFeed, config: Config) -> None:
        self._table = table
        self._nodes = {key: Node(devices) for key, devices in find_devices(table, config).items()}
        self._asked_ns: dict[tuple[str, str], int] = {}

    def link(self) -> Link:
        """Make the connection; as primary host, if so configured."""
        topics = [f"spBv1.0/{group}/+/{node}/#" for group, node in self._nodes]
        will, greetings = None, []
        if self._table.host_id:
            topic, since_ms = f"spBv1.0/STATE/{self._table.host_id}", read_now().utc_ns // 10**6
            will = Published(topic, orjson.dumps({"online": False, "timestamp": since_ms}), True)
            greetings = [Published(topic, orjson.dumps({"online": True, "timestamp": since_ms}), True)]
        return Link(self._table, topics, will, lambda: greetings, keeps=False)

    def take(self, message: Message, feed: Feed) -> None:
        """Hear a message, or that the connection is lost; whatever it holds, nothing is raised for it."""
        if not message.topic:
            self._asked_ns.clear()
            for node in self._nodes.values():
                node.forget(feed)
            return
        feed.counts["messages"] += 1
        parts = topic_parts(message.topic)
        if parts is not None and (parts[0], parts[2]) in self._nodes:
            self._nodes[parts[0], parts[2]].take(parts[1], parts[3], message, feed)

    def commands(self, now: Now, feed: Feed) -> Iterator[Published]:
        """Ask nodes whose birth is missing to be born again; what they said holds no longer if they were asked before.

        Parameters
        ----------
        now : Now
            When.
        feed : Feed
            Counts, and is told what holds no longer.

        Yields
        ------
        Published
            ``Node Control/Rebirth``, at most one for each node in ``rebirth_s``.
        """
        for key, node in self._nodes.items():
            if not node.lacks_birth:
                self._asked_ns.pop(key, None)
                continue
            asked_ns = self._asked_ns.get(key)
            if asked_ns is not None and now.steady_ns - asked_ns < self._table.rebirth_s * NS_PER_S:
                continue
            if asked_ns is not None:
                node.forget(feed)
            self._asked_ns[key] = now.steady_ns
            feed.counts["rebirths"] += 1
            metric = {"name": "Node Control/Rebirth", "datatype": BOOLEAN, "boolean_value": True}
            payload = write_payload(now.utc_ns, None, [metric])
            yield Published(f"spBv1.0/{key[0]}/NCMD/{key[1]}", payload, qos=0)
