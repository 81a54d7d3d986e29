"""The service under kills: is every alert told, and once."""

from __future__ import annotations

import random
import shutil
import signal
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from engine.clock import monotonic_s
from perf.figures import Bench, FailedError, Measured, figure
from perf.real_redis import RedisServer, wait_until
from perf.service_process import Service, send, shop_items

_N_KILLS, _EVERY = 36, 6  # each so many, Redis dies too
_DURATION_S = 240.0
_LONG_S = 120.0


@dataclass(frozen=True, slots=True)
class _Chaos:
    """What a run that was killed told, beside one that was not."""

    n_kills: int
    n_alerts: int
    n_missing: int
    n_twice: int
    recovery_s: tuple[float, ...]


def _chaos(bench: Bench) -> _Chaos:
    def measure() -> _Chaos:
        if shutil.which("redis-server") is None:
            raise FailedError("redis-server is not on the PATH")
        with tempfile.TemporaryDirectory() as folder:
            server = RedisServer(Path(folder))
            server.start()
            try:
                return _run(server, Path(folder))
            finally:
                server.stop()

    return bench.once("chaos", measure)


def _run(server: RedisServer, folder: Path) -> _Chaos:
    spindles, items = shop_items(_DURATION_S, 2, seed=3)
    whole, killed = (
        # One entry at a time: the stream lasts for all kills.
        Service(server, folder / name, spindles, name, batch=1)
        for name in ("whole", "killed")
    )
    for service in (whole, killed):
        with server.client() as redis:
            send(redis, service.prefix, items)
    whole.start()
    wait_until(whole.has_read_all, _LONG_S)
    whole.end()
    recovery_s = _kill_often(killed, server)
    killed.start()
    wait_until(killed.has_read_all, _LONG_S)
    killed.end()
    wanted, told = whole.alerts(_DURATION_S), killed.alerts(_DURATION_S)
    lost, extra = set(wanted) - set(told), set(told) - set(wanted)
    if extra:
        raise FailedError(
            f"{len(extra)} alert messages that the run without kills did not tell: {sorted(extra)[0]}"
        )
    return _Chaos(len(recovery_s), len(wanted), len(lost), len(told) - len(set(told)), recovery_s)


def _kill_often(service: Service, server: RedisServer) -> tuple[float, ...]:
    """Kill at odd moments while there is something to read; seconds from each start to new work on record."""
    chance = random.Random(1)
    recovery_s: list[float] = []
    while len(recovery_s) < _N_KILLS:
        began_s, before = monotonic_s(), service.checkpoints()
        service.start()
        wait_until(lambda before=before: service.checkpoints() != before, _LONG_S)  # type: ignore[misc]
        recovery_s.append(monotonic_s() - began_s)
        if service.has_read_all():
            raise FailedError(f"all was read after {len(recovery_s)} kills, wanted {_N_KILLS}")
        threading.Event().wait(chance.uniform(0.0, 0.4))
        if len(recovery_s) % _EVERY == 0:
            server.stop()
            server.start()
        service.end(signal.SIGKILL)
    return tuple(recovery_s)


@figure("chaos_missing", unit="")
def chaos_missing(bench: Bench) -> Measured:
    found = _chaos(bench)
    return Measured(
        found.n_missing,
        note=f"of {found.n_alerts} alert messages of two spindles in {_DURATION_S:g} s; {found.n_kills} x kill -9, "
        f"in one of {_EVERY} of Redis too; none that the run without kills did not tell",
    )


@figure("chaos_duplicates", unit="")
def chaos_duplicates(bench: Bench) -> Measured:
    return Measured(_chaos(bench).n_twice, note="the same message twice in the stream of alerts")


@figure("chaos_recovery_s", unit="s")
def chaos_recovery(bench: Bench) -> Measured:
    found = _chaos(bench)
    told = "slowest start of a killed service to new work on record, which comes behind its alerts"
    return Measured(max(found.recovery_s), note=told)
