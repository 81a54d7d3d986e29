"""`spindlewatch run`: the declared spindles watched for months, their data from Redis, until asked to end."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from engine import redis_keys
from engine.clock import WallClock
from engine.config import Config, load_config
from engine.errors import UsageError
from engine.flow import STATEFUL, build_flow
from engine.redis_link import without_password
from engine.runtime import Stop, run_flow
from engine.service.notify import notify
from engine.sources.redis_streams import RedisStreams
from operators.kernels import warm_up
from sinks.base import Writer
from sinks.baselines import BaselineFile, beside
from sinks.checkpoints import Checkpoints
from sinks.journal import Journal
from sinks.ring import Ring
from sinks.ring_layout import ring_beside
from sinks.streams import RedisAlerts
from sinks.tool_history import ToolHistory
from sinks.websocket import LiveServer

# While so much waits for Redis, nothing more is read from it: memory stays bounded, and no alert is dropped.
_MAX_WAITING = 1000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a service did from its start to its end.

    Parameters
    ----------
    received : Counter of str
        Blocks, contexts, ticks; dead letters by reason; missing, repeated, redis_errors.
    stored : Counter of str
        Alerts added and repeated, checkpoints kept, errors.
    """

    received: Counter[str]
    stored: Counter[str]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"received": dict(self.received), "stored": dict(self.stored)}


def run_service(config_path: Path, *, port: int | None = None, fresh: bool = False) -> RunResult:
    """Watch until SIGTERM or SIGINT; then every state is kept, and the next start goes on where this one ended.

    Parameters
    ----------
    config_path : Path
        Site configuration; declares the spindles.
    port : int, optional
        Of the page; None = as configured.
    fresh : bool
        Forget what was learnt.

    Returns
    -------
    RunResult
        What came and what became of it.

    Raises
    ------
    SpindlewatchError
        A configuration, port, journal or checkpoint that cannot be used. A Redis that is away is no error.
    """
    config = load_config(config_path)
    if not config.spindles:
        raise UsageError(f"{config_path}: wanted the spindles to watch as [[spindles]], got none")
    clock, stop = WallClock(), Stop()
    journal_path = Path(config.journal.path)
    hub = config.hub if port is None else msgspec.structs.replace(config.hub, port=port)
    with ExitStack() as stack:
        stack.enter_context(stop.on_signals())
        warm_up()  # before the first sample comes: no sample waits for a compiler
        journal = stack.enter_context(closing(Journal(journal_path)))
        store = stack.enter_context(closing(BaselineFile(beside(journal_path))))
        ring = _ring(config, journal_path, stack)
        server = LiveServer(hub, journal, clock, config.spindles)
        address = server.start()
        stack.callback(server.close)
        alerts = redis_keys.alerts(config.redis.prefix)
        out = stack.enter_context(closing(RedisAlerts(config.redis.url, alerts)))
        source = RedisStreams(
            config.spindles, config, clock, stop, paused=lambda: out.n_waiting > _MAX_WAITING, fresh=fresh
        )
        checkpoints = Checkpoints(out, source.positions, config, STATEFUL)
        writers: list[Writer] = [server, ToolHistory(journal), out, checkpoints]
        flow = build_flow(source, config.spindles, config, clock, writers, [server], store=store, ring=ring)
        told = without_password(config.redis.url)
        _log.info("%d spindles from %s, page at %s", len(config.spindles), told, address.page_url)
        notify("READY=1")
        run_flow(flow)
        notify("STOPPING=1")
    return RunResult(source.counts, out.counts)


def _ring(config: Config, journal_path: Path, stack: ExitStack) -> Ring | None:
    """Open the ring beside the journal; the stack closes it."""
    if not config.ring.enabled:
        return None
    folder = ring_beside(journal_path, config.ring.path)
    return stack.enter_context(closing(Ring(folder, config.spindles, config.ring, config.hash)))
