"""How many spindles a whole service watches on this machine: senders, Redis, engines, gateway, all of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import orjson
from redis import Redis

from engine import redis_keys
from engine.clock import NS_PER_S, monotonic_s
from perf.figures import Bench, FailedError, Measured, NotMeasurableError, figure
from perf.processes import ROOT, running_spindlewatch
from perf.real_redis import LONG_S, RedisServer, wait_until
from perf.streams import FS_HZ, N_CHANNELS, spindles
from replay.feed import site_text

N_SHARDS = 2
_TRIAL_S, _SHORT_S, _LONG_RUN_S = 60.0, 120.0, 600.0
_WARM_S = 60.0  # until then memory may grow
_LATENCY_MS = 300.0
_FEWEST, _MOST, _STEP = 20, 340, 20
_START_S = 60.0
_AIM = 200


@dataclass(frozen=True, slots=True)
class Watched:
    """A run of a service under a load.

    Parameters
    ----------
    n_spindles : int
        Of four channels at 25.6 kHz each.
    latencies_ms : tuple of float
        From the end of an alert's window, by its sender's clock, to the alert's entry in Redis.
    n_blows : int
        That should have led to an alert.
    n_missing : int
        Blocks that were gone before they were read.
    lag_s : float
        Of whichever spindle was furthest behind when the load ended.
    late_ms : float
        99th percentile of what the senders themselves were late.
    slope_mib_min : float
        Of the memory of all processes of the service after the first minute; NaN: too short to say.
    rss_mib : float
        Their memory at the end.
    cores : dict
        Processors that each part kept busy, while the load lasted.
    """

    n_spindles: int
    latencies_ms: tuple[float, ...]
    n_blows: int
    n_missing: int
    lag_s: float
    late_ms: float
    slope_mib_min: float
    rss_mib: float
    cores: dict[str, float]

    @property
    def p99_ms(self) -> float:
        """99th percentile of the latencies; infinite if fewer blows were told than there should be."""
        told = len(self.latencies_ms) >= 0.95 * self.n_blows
        return float(np.percentile(self.latencies_ms, 99)) if told and self.latencies_ms else np.inf

    @property
    def sustained(self) -> bool:
        """Whether the service kept up: nothing lost, no backlog, alerts in time, and the senders were on time."""
        return self.n_missing == 0 and self.lag_s < 1.0 and self.p99_ms <= _LATENCY_MS

    def told(self) -> str:
        """In words."""
        return (
            f"{self.n_spindles} spindles: {len(self.latencies_ms)} of {self.n_blows} blows told, "
            f"p99 {self.p99_ms:.0f} ms, {self.n_missing} blocks missing, {self.lag_s:.1f} s behind at the end, "
            f"senders late {self.late_ms:.0f} ms; cores busy: "
            + ", ".join(f"{part} {busy:.2f}" for part, busy in self.cores.items())
        )


def watch(n_spindles: int, duration_s: float) -> Watched:
    """Run `spindlewatch run` over so many spindles for so long."""
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder), durable=False)
        server.start()
        try:
            with service(server, Path(folder), n_spindles) as status, server.client() as redis:
                return _under_load(server, redis, status, n_spindles, duration_s)
        finally:
            server.stop()


@contextmanager
def service(server: RedisServer, folder: Path, n_spindles: int) -> Iterator[Status]:
    """`spindlewatch run` over so many spindles, once it is ready."""
    site = folder / "site.toml"
    settings = (
        f'[journal]\npath = "{folder}/shop.sqlite3"\n[ring]\nenabled = false\n[hub]\nport = 0\n'
        f"[service]\nshards = {N_SHARDS}\nhttp_port = 0\n"
    )
    head, _, declared = site_text(tuple(spindles(n_spindles)), server.url, "load").partition("\n\n")
    site.write_text(f"{head}\nbatch = 2000\n{settings}\n{declared}")
    with running_spindlewatch("run", "--config", site, "--log", "json") as process:
        status = Status(process)
        wait_until(status.ready, _START_S)
        yield status


class Status:
    """What a running service says of itself."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.pid = process.pid
        self._url = ""
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._listen, args=(process,), daemon=True)
        self._reader.start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with suppress(ValueError):  # closed at the end
            for line in process.stderr:
                self._lines.append(line)

    def ready(self) -> bool:
        """Whether all of it does its work."""
        found = re.search(r"status at (http://[\d.:]+)", "".join(self._lines))
        self._url = found[1] if found else ""
        return bool(self._url) and self._ask("readyz") is not None

    def metric(self, name: str) -> list[float]:
        """A metric's values, of all processes."""
        text = self._ask("metrics") or ""
        return [
            float(value) for value in re.findall(rf"^spindlewatch_{name}(?:{{[^}}]*}})? (\S+)$", text, re.M)
        ]

    def cpu_s(self) -> dict[str, float]:
        """Processor time of each process so far."""
        text = self._ask("metrics") or ""
        found = re.findall(r'^spindlewatch_cpu_seconds_total{process="([^"]+)"} (\S+)$', text, re.M)
        return {name: float(value) for name, value in found}

    def rss_mib(self) -> float:
        """Memory of the service's processes together."""
        pids = [self.pid, *map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())]
        pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
        return sum(pages) * 4096 / 2**20

    def _ask(self, what: str) -> str | None:
        try:
            with urlopen(f"{self._url}/{what}", timeout=LONG_S) as answer:
                return str(answer.read().decode())
        except URLError:
            return None


def _under_load(
    server: RedisServer, redis: Redis, status: Status, n_spindles: int, duration_s: float
) -> Watched:
    command = [sys.executable, "-m", "perf.load", server.url, "load", str(n_spindles), str(duration_s)]
    memory: list[tuple[float, float]] = []
    before, service_s = _cpu_s(server.process.pid), status.cpu_s()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as sender:
        began_s = monotonic_s()
        pause = threading.Event()
        while sender.poll() is None:
            sender_s = _cpu_s(sender.pid)
            pause.wait(1.0)
            if monotonic_s() - began_s > _WARM_S:
                memory.append((monotonic_s(), status.rss_mib()))
        assert sender.stdout is not None
        sent = orjson.loads(sender.stdout.read())
    spent_s = {name: cpu_s - service_s.get(name, 0.0) for name, cpu_s in status.cpu_s().items()}
    spent_s |= {"Redis": _cpu_s(server.process.pid) - before, "senders": sender_s}
    lag_s = max(status.metric("lag_seconds"), default=np.inf)
    rss_mib = status.rss_mib()
    pause.wait(2.0)  # what is under way arrives
    return Watched(
        n_spindles,
        tuple(_latencies_ms(redis)),
        sent["blows"],
        round(sum(status.metric("missing_total"))),
        lag_s,
        sent["late_ms_p99"],
        _slope(memory),
        rss_mib,
        {part: cpu_s / sent["took_s"] for part, cpu_s in spent_s.items()},
    )


def _cpu_s(pid: int) -> float:
    """Processor time of a process so far; that of one that has just ended counts as it was last."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _latencies_ms(redis: Redis) -> Iterator[float]:
    entries = cast(list[Any], redis.xrange(redis_keys.alerts("load")))
    for entry, fields in entries:
        alert = orjson.loads(fields[b"alert"])
        if alert["state"] == "opened" and alert["fault"] == "collision":
            yield redis_keys.entry_key(entry)[0] - alert["t_ns"] / (NS_PER_S / 1000)


def _slope(memory: list[tuple[float, float]]) -> float:
    """MiB per minute."""
    if len(memory) < 30:
        return np.nan
    t_s, mib = np.array(memory).T
    return float(np.polyfit(t_s, mib, 1)[0] * 60.0)


def _most(bench: Bench) -> Watched:
    """The largest shop that is kept up with in a short run, by halving."""

    def measure() -> Watched:
        if shutil.which("redis-server") is None:
            raise NotMeasurableError("redis-server is not on the PATH")
        best, low, high = None, _FEWEST - _STEP, _MOST
        while high - low > _STEP:
            n_spindles = (low + high) // 2 // _STEP * _STEP
            found = watch(n_spindles, _TRIAL_S)
            print(found.told(), file=sys.stderr)
            low, high = (n_spindles, high) if found.sustained else (low, n_spindles)
            best = found if found.sustained else best
        if best is None:
            raise FailedError(f"not even {_FEWEST} spindles are kept up with")
        return best

    return bench.once("capacity", measure)


def _aim(bench: Bench) -> Watched:
    """The shop that the service is to keep up with, for longer."""

    def measure() -> Watched:
        if shutil.which("redis-server") is None:
            raise NotMeasurableError("redis-server is not on the PATH")
        return watch(_AIM, _LONG_RUN_S if bench.full else _SHORT_S)

    return bench.once("capacity-aim", measure)


@figure("service_spindles", unit="")
def service_spindles(bench: Bench) -> Measured:
    found = _most(bench)
    rate = found.n_spindles * N_CHANNELS * FS_HZ / 1e6
    return Measured(
        found.n_spindles,
        note=f"{rate:.1f} MS/s for {_TRIAL_S:.0f} s, tried in steps of {_STEP}: senders, Redis without a disk, "
        f"{N_SHARDS} engines, gateway, without the ring; {found.told()}",
    )


@figure("service_latency_p99_ms", unit="ms")
def service_latency(bench: Bench) -> Measured:
    found = _aim(bench)
    long_s = _LONG_RUN_S if bench.full else _SHORT_S
    return Measured(
        found.p99_ms,
        note=f"from the end of an alert's window to its entry in Redis, median "
        f"{float(np.median(found.latencies_ms or [np.nan])):.0f} ms; {long_s:.0f} s; {found.told()}; "
        f"memory of the service {found.rss_mib:.0f} MiB, {found.slope_mib_min:+.2f} MiB/min",
        wrong="" if found.sustained else "not kept up with",
    )
