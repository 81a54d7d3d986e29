"""What it costs the flow to keep what it knows, and how soon a changed site acts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from engine import redis_keys
from engine.barriers import Snapshot
from engine.checkpoint import OWNER, Position
from engine.clock import NS_PER_S, NoClock, WallClock
from engine.config import load_config
from engine.flow import STATEFUL, build_flow
from engine.records import Block, Context
from engine.runtime import run_flow
from perf.bench_capacity import service
from perf.figures import Bench, FailedError, Measured, NotMeasurableError, figure
from perf.processes import ROOT
from perf.real_redis import RedisServer, wait_until
from perf.streams import FS_HZ, HOP_NS, START_NS, hop_pool, spindles
from sinks.checkpoints import Checkpoints
from sinks.streams import Kept, KeptBaseline

_N_SPINDLES, _N_HOPS, _N_ROUNDS = 4, 600, 25
_LIMIT = '\n[[limits]]\nfeature = "vib_0.rms"\nabove = 0.01\n'


class _Forget:
    """Takes checkpoints, in place of the queue to Redis, whose thread works beside the flow."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def keep(self, kept: Kept | KeptBaseline) -> None:
        self.sizes.append(len(kept.data))


class _Taught(FixedPartitionedSource[Any, None]):
    """A minute of cutting of a few spindles; then barriers, one at a time, each timed until it is through."""

    def __init__(self, positions: dict[tuple[str, int], Position]) -> None:
        self.positions, self.began_s = positions, [0.0]

    def list_parts(self) -> list[str]:
        return ["taught"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _TaughtPart:  # noqa: ARG002
        return _TaughtPart(self._batches())

    def _batches(self) -> Iterator[list[tuple[str, Any]]]:
        pool, names = hop_pool(), [spindle.name for spindle in spindles(_N_SPINDLES)]
        before_ns = START_NS - HOP_NS
        yield [(n, Context(n, before_ns, "T1", "O1001", "rough", 3600.0, 800.0, True, 4)) for n in names]
        for hop in range(_N_HOPS):
            t_ns = START_NS + hop * HOP_NS
            yield [
                (name, Block(name, "vib", t_ns, FS_HZ, pool[(7 * hop + i) % len(pool)]))
                for i, name in enumerate(names)
            ]
        yield []  # what is under way arrives
        for number in range(_N_ROUNDS):
            for name in names:
                self.positions[name, number] = Position()
                self.began_s.append(time.thread_time())
                yield [(name, Snapshot(name, START_NS + _N_HOPS * HOP_NS, number, owner=OWNER))]
        self.began_s.append(time.thread_time())


class _TaughtPart(StatefulSourcePartition[Any, None]):
    def __init__(self, batches: Iterator[list[tuple[str, Any]]]) -> None:
        self._batches = batches

    def next_batch(self) -> list[Any]:
        batch = next(self._batches, None)
        if batch is None:
            raise StopIteration
        return batch

    def snapshot(self) -> None:
        return None


@figure("checkpoint_pause_ms", unit="ms")
def checkpoint_pause(bench: Bench) -> Measured:  # noqa: ARG001
    shop, forget = spindles(_N_SPINDLES), _Forget()
    config = msgspec.structs.replace(load_config(), spindles=tuple(shop))
    positions: dict[tuple[str, int], Position] = {}
    source = _Taught(positions)
    checkpoints = Checkpoints(forget, positions, config, STATEFUL, "bench")  # type: ignore[arg-type]
    run_flow(build_flow(source, shop, config, NoClock(), [checkpoints]))
    if len(forget.sizes) != _N_SPINDLES * _N_ROUNDS:
        raise FailedError(f"got {len(forget.sizes)} checkpoints, wanted {_N_SPINDLES * _N_ROUNDS}")
    pauses_ms = 1e3 * np.diff(source.began_s[1:])
    return Measured(
        float(np.max(pauses_ms)),
        note=f"longest of {len(pauses_ms)}, median {np.median(pauses_ms):.2f} ms; one spindle's state at a time, "
        f"however many there are, of {max(forget.sizes) / 1024:.0f} KiB after a minute of cutting",
    )


@figure("reload_acts_s", unit="s")
def reload_acts(bench: Bench) -> Measured:  # noqa: ARG001
    if shutil.which("redis-server") is None:
        raise NotMeasurableError("redis-server is not on the PATH")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = RedisServer(folder)
        server.start()
        try:
            with service(server, folder, 2) as status:
                return Measured(_reload(server, folder, status.pid), note=_RELOADED)
        finally:
            server.stop()


_RELOADED = (
    "from SIGHUP to the supervisor until the first alert by a limit that was not there before is in Redis; two "
    "spindles that send all the time, two engines"
)


def _reload(server: RedisServer, folder: Path, supervisor: int) -> float:
    command = [sys.executable, "-m", "perf.load", server.url, "load", "2", "20"]
    alerts = redis_keys.alerts("load")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as sender, server.client() as redis:
        wait_until(lambda: redis.hlen(redis_keys.states("load")) == 2)
        site = folder / "site.toml"
        site.write_text(site.read_text() + _LIMIT)
        new = load_config(site).hash.encode()
        asked_ns = WallClock().now_ns()
        os.kill(supervisor, signal.SIGHUP)

        def first() -> Any:
            found: Any = redis.xrange(alerts)
            return next((entry for entry, fields in found if new in fields[b"alert"]), None)

        wait_until(first)
        sender.terminate()
        return redis_keys.entry_key(first())[0] / 1e3 - asked_ns / NS_PER_S
