"""One engine process of a service: its share of the declared spindles, from Redis to Redis."""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import sys
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from engine import redis_keys
from engine.clock import WallClock
from engine.config import Config, load_config
from engine.declared import Spindle
from engine.errors import SpindlewatchError, UsageError
from engine.flow import STATEFUL, build_flow
from engine.redis_link import without_password
from engine.runtime import Stop, run_flow
from engine.service.flow_meters import FlowMeters, ask_parts
from engine.service.health import HealthPipe, Heart, Metrics
from engine.service.logs import log_to_stderr
from engine.service.reload import Reload
from engine.service.shards import assign
from engine.sources.redis_streams import RedisStreams
from operators.kernels import warm_up
from operators.step import Running
from sinks.base import Writer
from sinks.checkpoints import Checkpoints
from sinks.live_channel import LiveChannel
from sinks.redis_baselines import RedisBaselines
from sinks.ring import Ring
from sinks.ring_layout import ring_beside
from sinks.streams import RedisAlerts

# While so much waits for Redis, nothing more is read from it: memory stays bounded, and no alert is dropped.
_MAX_WAITING = 1000

_SOFTWARE = 70  # as sysexits.h has it: an internal error

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What an engine process did from its start to its end.

    Parameters
    ----------
    received : Counter of str
        Blocks, contexts, ticks; dead letters by reason; missing, repeated, redis_errors.
    stored : Counter of str
        Alerts added and repeated, lives, checkpoints and baselines kept, errors.
    """

    received: Counter[str]
    stored: Counter[str]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"received": dict(self.received), "stored": dict(self.stored)}


def run_shard(
    config_path: Path, index: int, *, fresh: bool = False, health_fd: int | None = None
) -> ShardResult:
    """Watch until SIGTERM or SIGINT; then every state is kept, and whoever comes next goes on from there.

    SIGHUP reads the configuration again (`engine.service.reload`).

    Parameters
    ----------
    config_path : Path
        Site configuration; declares the spindles.
    index : int
        Which process of ``[service] shards``, from 0.
    fresh : bool
        Forget what was learnt.
    health_fd : int, optional
        Pipe to whoever supervises.

    Returns
    -------
    ShardResult
        What came and what became of it.

    Raises
    ------
    SpindlewatchError
        A configuration or checkpoint that cannot be used. A Redis that is away is no error.
    """
    config = load_config(config_path)
    if index >= config.service.shards:
        raise UsageError(f"shard {index}: wanted one below service.shards = {config.service.shards}")
    mine = assign(config.spindles, config.service.shards)[index]
    stop, reload, metrics = Stop(), Reload(config_path, config, mine), Metrics()
    heart = Heart(
        HealthPipe(health_fd, f"shard-{index}"), metrics, config.service.hang_s / 2, on_gone=stop.ask
    )
    with ExitStack() as stack:
        stack.enter_context(stop.on_signals())
        stack.enter_context(reload.on_signal())
        heart.start()
        stack.callback(heart.close)
        warm_up()  # before the first sample comes: no sample waits for a compiler
        shard = _Shard(config, mine, index, stop, reload, fresh, heart, stack)
        told = without_password(config.redis.url)
        _log.info("%d of %d spindles from %s", len(mine), len(config.spindles), told)
        shard.run(metrics, heart)
    return ShardResult(shard.source.counts, shard.out.counts)


class _Shard:
    """The parts of one engine process, opened; the stack closes them, in order."""

    def __init__(
        self,
        config: Config,
        spindles: tuple[Spindle, ...],
        index: int,
        stop: Stop,
        reload: Reload,
        fresh: bool,
        heart: Heart,
        stack: ExitStack,
    ) -> None:
        redis = config.redis
        self._config, self._spindles, self._reload = config, spindles, reload
        addresses = config.cluster.addresses
        self._cluster = (index, addresses) if addresses else None
        self._ring = _ring(config, spindles, stack)
        streams = redis_keys.alerts(redis.prefix), redis_keys.lives(redis.prefix)

        def patient() -> bool:
            heart.touch()
            heart.tell(False, "redis is away", reload.counts["done"])
            return not stop.asked

        self.out = out = stack.enter_context(closing(RedisAlerts(redis, *streams)))
        self._live = stack.enter_context(closing(LiveChannel(redis, redis.prefix)))
        self._store = stack.enter_context(closing(RedisBaselines(out, redis, redis.prefix, patient)))
        self._clock = WallClock()
        self.source = RedisStreams(
            spindles,
            config,
            self._clock,
            stop,
            paused=lambda: out.n_waiting > _MAX_WAITING,
            fresh=fresh,
            worker=(index, len(addresses)) if addresses else (0, 1),
            replaced=reload.take,
            ousted=lambda: out.ousted_from,
        )

    def run(self, metrics: Metrics, heart: Heart) -> None:
        """Run the flow until it is asked to stop."""
        source = self.source
        source.alive = lambda: self._show(heart)
        checkpoints = Checkpoints(self.out, source.positions, self._config, STATEFUL, source.owner)
        ask_parts(metrics, source, self.out, self._live, checkpoints)
        writers: list[Writer] = [self._live, self.out, checkpoints, FlowMeters(metrics)]
        flow = build_flow(
            source,
            self._spindles,
            self._config,
            self._clock,
            writers,
            store=self._store,
            ring=self._ring,
            running=Running(timed=metrics.timed),
        )
        gc.collect()
        gc.freeze()  # what was loaded stays; looked through now and then, it would hold up the flow for 0.1 s
        run_flow(flow, cluster=self._cluster)
        if source.failure is not None:
            raise source.failure

    def _show(self, heart: Heart) -> None:
        """Show that the flow is at work; called by the flow itself."""
        heart.touch()
        ready = self.source.connected or not self._spindles
        heart.tell(ready, "" if ready else "redis is away", self._reload.counts["done"])


def _ring(config: Config, mine: tuple[Spindle, ...], stack: ExitStack) -> Ring | None:
    """Open this process's part of the ring; the stack closes it."""
    if not config.ring.enabled or not mine:
        return None
    folder = ring_beside(Path(config.journal.path), config.ring.path)
    others = frozenset(spindle.name for spindle in config.spindles if spindle not in mine)
    share = len(mine) / len(config.spindles)
    part = msgspec.structs.replace(config.ring, max_gib=config.ring.max_gib * share)
    return stack.enter_context(closing(Ring(folder, mine, part, config.hash, others)))


def main() -> int:
    """Run one engine process of a service: what the supervisor starts.

    Returns
    -------
    int
        0 ended on request; as of the command line otherwise, with one line in the log.
    """
    parser = argparse.ArgumentParser(prog="python -m engine.service.shard", description=main.__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--shard", type=int, default=0)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--log", choices=("json", "text"), help="instead of [log] format")
    parser.add_argument("--health-fd", type=int)
    parser.add_argument("--json", action="store_true", help="at the end, say what was received and stored")
    wanted = parser.parse_args()
    try:
        log = load_config(wanted.config).log
        log_to_stderr(wanted.log or log.format, log.level, f"shard-{wanted.shard}")
        result = run_shard(wanted.config, wanted.shard, fresh=wanted.fresh, health_fd=wanted.health_fd)
    except SpindlewatchError as error:
        _log.error("%s", error)
        return error.exit_code
    except BaseException as error:
        # A cluster that loses a member panics, which is no Exception, and may never end by itself.
        _log.critical("the flow failed: %s: %s", type(error).__name__, error, exc_info=error)
        os._exit(_SOFTWARE)
    if wanted.json:
        print(json.dumps(result.as_dict()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
