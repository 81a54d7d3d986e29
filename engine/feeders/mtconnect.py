"""Feeding from MTConnect agents: what controllers say, over HTTP, for one spindle each."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Sequence
from contextlib import ExitStack

from engine.clock import monotonic_s
from engine.config import Config
from engine.feeders.base import Feed
from engine.feeders.mtconnect_agent import Agent, Asked
from engine.feeders.mtconnect_documents import Document
from engine.feeders.mtconnect_mapping import Meaning
from engine.feeders.mtconnect_table import AgentTable, MtconnectTable
from engine.feeders.settings import feed_table, find_spindle
from engine.feeders.source import Source
from engine.runtime import Stop

_BEAT_S = 0.05
_MAX_WAITING = 4  # documents of all agents; when so many wait, the agents' own buffers hold the rest
_COUNTED = ("documents", "errors", "gaps", "lost", "restarts", "repeated", "unusable")


def mtconnect_source(config: Config, _dry: bool = False) -> Source:
    """Make a source that follows every agent of ``[feeds.mtconnect]``, each in a thread of its own.

    A value holds until another is told or the agent is gone, for agents tell changes only.

    Parameters
    ----------
    config : Config
        ``[feeds.mtconnect]``, ``[[spindles]]``.

    Returns
    -------
    Source
        Not connected yet.

    Raises
    ------
    ConfigError, UsageError
        A table, an address or certificates that cannot be used.
    """
    table = feed_table(config, "mtconnect", MtconnectTable)
    waiting: queue.Queue[tuple[_Followed, Document | None, bool]] = queue.Queue(_MAX_WAITING)
    followed = [_Followed(config, index, agent, waiting) for index, agent in enumerate(table.agents)]

    def work(feed: Feed, stop: Stop) -> None:
        with ExitStack() as stack:
            for one in followed:
                one.thread.start()
                stack.callback(one.thread.join, 2.0)
            for one in followed:
                stack.callback(one.stop)
            beaten_s = monotonic_s()
            while not stop.asked:
                try:
                    who, document, snapshot = waiting.get(timeout=_BEAT_S)
                except queue.Empty:
                    pass
                else:
                    who.hand_on(feed, document, snapshot)
                if monotonic_s() - beaten_s >= _BEAT_S:
                    beaten_s = monotonic_s()
                    _count(followed, feed)
                    feed.beat()
        _count(followed, feed)

    return Source(work, math.inf)


def _count(followed: Sequence[_Followed], feed: Feed) -> None:
    for what in _COUNTED:
        if n := sum(one.agent.counts[what] for one in followed):
            feed.counts[f"agents_{what}"] = n


class _Followed:
    """One agent, its thread, and what its data items mean."""

    def __init__(
        self,
        config: Config,
        index: int,
        table: AgentTable,
        waiting: queue.Queue[tuple[_Followed, Document | None, bool]],
    ) -> None:
        path = f"feeds.mtconnect.agents[{index}]"
        self._spindle, self._url = table.spindle, table.url
        self._meaning = Meaning(table, find_spindle(config, table.spindle, f"{path}.spindle"), path)
        asked = Asked(
            table.url,
            table.device,
            table.path,
            table.interval_s,
            table.heartbeat_s,
            table.timeout_s,
            table.count,
            max_document_bytes=round(table.max_document_mib * 2**20),
            ca_file=table.ca_file,
        )
        self._waiting, self._stopped = waiting, threading.Event()
        self.agent = Agent(asked, self._put, lambda: self._put(None, False))
        self.thread = threading.Thread(target=self.agent.follow, name=f"mtconnect {table.url}", daemon=True)

    def stop(self) -> None:
        """Let the thread end soon."""
        self._stopped.set()
        self.agent.stop()

    def hand_on(self, feed: Feed, document: Document | None, snapshot: bool) -> None:
        """Give a feed what came; None = the agent is gone, and with it all that held."""
        if document is None:
            feed.forget(self._spindle, self._meaning.slots)
            return
        for readings, rate_hz in self._meaning.readings(document, snapshot):
            feed.take(self._spindle, readings, self._url, rate_hz)

    def _put(self, document: Document | None, snapshot: bool) -> None:
        """Queue what came, in the agent's thread; if there is no room the agent waits, and its buffer holds more."""
        while not self._stopped.is_set():
            try:
                self._waiting.put((self, document, snapshot), timeout=0.2)
            except queue.Full:
                continue
            return
