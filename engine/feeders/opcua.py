"""Feeding from OPC UA servers: values that change, and arrays as waveforms, for one spindle each."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.config import Config
from engine.errors import UsageError
from engine.feeders.base import Feed
from engine.feeders.opcua_table import OpcuaTable
from engine.feeders.settings import feed_table, find_slots, find_spindle
from engine.feeders.source import Source
from engine.runtime import Stop

if TYPE_CHECKING:
    from engine.feeders.opcua_server import Server

_BEAT_S = 0.05


def opcua_source(config: Config, _dry: bool = False) -> Source:
    """Make a source that follows every server of ``[feeds.opcua]``.

    A value holds until another is told or the server is gone, for servers tell changes only.

    Parameters
    ----------
    config : Config
        ``[feeds.opcua]``, ``[[spindles]]``.

    Returns
    -------
    Source
        Not connected yet.

    Raises
    ------
    ConfigError, UsageError
        A table, an address, a node id, a password or certificates that cannot be used; or asyncua is not installed.
    """
    table = feed_table(config, "opcua", OpcuaTable)
    try:
        from engine.feeders.opcua_server import Server
    except ModuleNotFoundError as error:
        raise UsageError(f"opcua: {error.name} is not installed; the extra `opcua` brings it") from error
    logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)  # it logs each attempt, with tracebacks
    servers = []
    for index, one in enumerate(table.servers):
        path = f"feeds.opcua.servers[{index}]"
        spindle = find_spindle(config, one.spindle, f"{path}.spindle")
        servers.append(Server(one, find_slots(one.values, spindle, f"{path}.values"), path))
    return Source(lambda feed, stop: asyncio.run(_follow(servers, feed, stop)), math.inf)


async def _follow(servers: Sequence[Server], feed: Feed, stop: Stop) -> None:
    tasks = [asyncio.create_task(server.follow(feed)) for server in servers]
    try:
        while not stop.asked:
            for task in tasks:
                if task.done():
                    task.result()  # an error of ours, for none of a server's gets here
            _count(servers, feed)
            feed.beat()
            await asyncio.sleep(_BEAT_S)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=5.0)
        _count(servers, feed)


def _count(servers: Sequence[Server], feed: Feed) -> None:
    for what in {what for server in servers for what in server.all_counts}:
        feed.counts[f"servers_{what}"] = sum(server.all_counts[what] for server in servers)
