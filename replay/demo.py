"""The demo: a simulated shop watched live, by the engine's own parts, with a real subscriber taking the time."""

from __future__ import annotations

import math
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.clock import NS_PER_S, WallClock
from engine.config import Config, load_config
from engine.declared import Spindle
from engine.errors import UsageError
from engine.flow import ShadowBranch, build_flow
from engine.fuse import Fuse
from engine.runtime import Stop, run_flow
from engine.verdicts import Alert, AlertState
from operators.kernels import warm_up
from replay.live import LiveShop
from replay.outcome import FaultOutcome, match_faults
from replay.recording import Fault
from replay.simulate import PlannedFault, Shop, demo_plan
from sinks.base import Writer
from sinks.baselines import BaselineFile, beside
from sinks.collect import Collect
from sinks.journal import Journal
from sinks.ring import Ring
from sinks.ring_layout import ring_beside
from sinks.shadow import ShadowJournal, shadow_beside
from sinks.streams import RedisAlerts
from sinks.tool_history import ToolHistory
from sinks.watch import Subscription
from sinks.websocket import LiveServer

REDIS_STREAM = "spindlewatch:alerts"
_TEMPORARY_GIB = 0.25


@dataclass(frozen=True, slots=True)
class DemoFault:
    """One injected fault and what became of it."""

    spindle: str
    outcome: FaultOutcome


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a demo of limited duration found.

    Parameters
    ----------
    duration_s : float
        How long it ran.
    faults : tuple[DemoFault, ...]
        Injected, in order of spindle and time.
    false_alerts : tuple[Alert, ...]
        Opening messages that no injected fault explains.
    latencies_ms : tuple[float, ...]
        For every alert message: from the last sample of the deciding window to the subscriber.
    """

    duration_s: float
    faults: tuple[DemoFault, ...]
    false_alerts: tuple[Alert, ...]
    latencies_ms: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        injected = [{"spindle": fault.spindle, **fault.outcome.as_dict()} for fault in self.faults]
        return {
            "duration_s": self.duration_s,
            "faults_injected": injected,
            "faults_detected": [fault for fault in injected if fault["detected"]],
            "false_alerts": len(self.false_alerts),
            "false_alert_ids": [alert.id for alert in self.false_alerts],
            "latency_ms": _percentiles(self.latencies_ms),
        }

    def print_table(self) -> None:
        """Print what a person wants to know."""
        from replay.tables import print_demo

        print_demo(self)


class _Stopwatch:
    """A subscriber on the websocket, as a browser would be, that notes when each alert message arrives."""

    def __init__(self, url: str, clock: WallClock) -> None:
        self.latencies_ms: list[float] = []
        self._subscription = Subscription(url)
        self._clock = clock
        self._thread = threading.Thread(target=self._listen, name="stopwatch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._subscription.close()
        self._thread.join(timeout=5.0)

    def _listen(self) -> None:
        for message in self._subscription:
            if message["type"] == "alert":
                late_ns = self._clock.now_ns() - message["alert"]["t_ns"]
                self.latencies_ms.append(late_ns / 1e6)


def run_demo(
    *,
    duration_s: float | None = None,
    n_spindles: int = 4,
    seed: int = 1,
    port: int | None = None,
    journal_path: Path | None = None,
    redis_url: str | None = None,
    config_path: Path | None = None,
    shadow_path: Path | None = None,
    quiet: bool = False,
) -> DemoResult:
    """Run the demo until its duration is over or it is interrupted.

    Parameters
    ----------
    duration_s : float, optional
        None = until interrupted, with faults recurring.
    n_spindles : int
        Simulated spindles.
    seed : int
        Of the shop and its faults.
    port : int, optional
        Of the page; 0 = any free one; None = the configured one.
    journal_path : Path, optional
        Where alerts are kept, and beside it what `record` and `incident` take; None = a temporary folder.
    redis_url : str, optional
        A Redis whose stream `REDIS_STREAM` gets the alerts too.
    config_path : Path, optional
        Site configuration.
    shadow_path : Path, optional
        A second configuration, whose alerts are kept beside the journal and told to nobody.
    quiet : bool
        Print nothing.

    Returns
    -------
    DemoResult
        Without faults if the demo was endless.

    Raises
    ------
    SpindlewatchError
        A configuration, port or journal that cannot be used, or a shadow without a journal.
    """
    config = _with_port(load_config(config_path), port)
    if shadow_path is not None and journal_path is None:
        raise UsageError("--shadow: wanted --journal too, for its alerts are kept beside it; got none")
    other = None if shadow_path is None else load_config(shadow_path)
    clock, stop, collected = WallClock(), Stop(), Collect(Alert)
    plan = demo_plan(duration_s, seed, n_spindles)
    with ExitStack() as stack:
        stack.enter_context(stop.on_signals())
        warm_up()  # before the first sample is due: no sample waits for a compiler
        if journal_path is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="spindlewatch-"))
            journal_path = Path(folder) / "journal.sqlite3"
            config = _with_small_ring(config)
        journal = stack.enter_context(closing(Journal(journal_path)))
        store = stack.enter_context(closing(BaselineFile(beside(journal_path))))
        shadow = None if other is None else _shadow_branch(other, config, journal_path, stack)
        start_ns = clock.now_ns()
        shop = Shop(plan, start_ns)
        ring = _ring(config, journal_path, shop.spindles, stack)
        server = LiveServer(config.hub, journal, clock, shop.spindles)
        address = server.start()
        stack.callback(server.close)
        stopwatch = stack.enter_context(closing(_Stopwatch(address.stream_url, clock)))
        stopwatch.start()
        if not quiet:
            _greet(address.page_url, plan.spindles, duration_s)
        source = LiveShop(shop, start_ns, clock, duration_s, stop)
        writers: list[Writer] = [server, ToolHistory(journal), collected]
        if redis_url is not None:
            writers.append(stack.enter_context(closing(RedisAlerts(redis_url, REDIS_STREAM))))
        flow = build_flow(
            source, shop.spindles, config, clock, writers, [server], store=store, shadow=shadow, ring=ring
        )
        run_flow(flow)
        end_ns = clock.now_ns()
    return _result(start_ns, end_ns, shop.faults, collected.records, stopwatch.latencies_ms)


def _ring(config: Config, journal_path: Path, spindles: Sequence[Spindle], stack: ExitStack) -> Ring | None:
    """Open the ring beside the journal; the stack closes it."""
    if not config.ring.enabled:
        return None
    folder = ring_beside(journal_path, config.ring.path)
    return stack.enter_context(closing(Ring(folder, spindles, config.ring, config.hash)))


def _with_small_ring(config: Config) -> Config:
    """Spare the disk for temporary files, which may be memory."""
    small = msgspec.structs.replace(config.ring, max_gib=min(config.ring.max_gib, _TEMPORARY_GIB))
    return msgspec.structs.replace(config, ring=small)


def _shadow_branch(other: Config, live: Config, journal_path: Path, stack: ExitStack) -> ShadowBranch:
    """Open what a shadow configuration writes to; the stack closes it."""
    fuse, path = Fuse("the shadow configuration"), shadow_beside(journal_path)
    kept = stack.enter_context(closing(ShadowJournal(path, other.hash, live.hash, fuse)))
    store = stack.enter_context(closing(BaselineFile(beside(path))))
    return ShadowBranch(other, [kept], fuse, store)


def _result(
    start_ns: int,
    end_ns: int,
    injected: Sequence[PlannedFault],
    alerts: Sequence[Alert],
    latencies_ms: Sequence[float],
) -> DemoResult:
    ran_s = (end_ns - start_ns) / NS_PER_S
    faults: list[DemoFault] = []
    false_ids: set[str] = set()
    for spindle in sorted({fault.spindle for fault in injected} | {alert.spindle for alert in alerts}):
        labels = [
            Fault(fault.start_s, fault.end_s, str(fault.fault), fault.note)
            for fault in injected
            if fault.spindle == spindle and fault.start_s < ran_s
        ]
        own = [alert for alert in alerts if alert.spindle == spindle]
        outcomes, unexplained = match_faults(labels, own, start_ns, end_ns)
        faults.extend(DemoFault(spindle, outcome) for outcome in outcomes)
        false_ids |= unexplained
    false_alerts = [a for a in alerts if a.id in false_ids and a.state is AlertState.OPENED]
    return DemoResult(round(ran_s, 3), tuple(faults), tuple(false_alerts), tuple(latencies_ms))


def _percentiles(values_ms: Sequence[float]) -> dict[str, float | int | None]:
    if not values_ms:
        return {"p50": None, "p99": None, "max": None, "n": 0}
    p50, p99, worst = (round(float(q), 1) for q in np.percentile(values_ms, [50, 99, 100]))
    return {"p50": p50, "p99": p99, "max": worst, "n": len(values_ms)}


def _with_port(config: Config, port: int | None) -> Config:
    if port is None:
        return config
    return msgspec.structs.replace(config, hub=msgspec.structs.replace(config.hub, port=port))


def _greet(page_url: str, spindles: Sequence[str], duration_s: float | None) -> None:
    from rich.console import Console

    console = Console(stderr=True)
    console.print(
        f"[bold]spindlewatch demo[/bold]: {len(spindles)} simulated spindles ({', '.join(spindles)})"
    )
    console.print(f"Open [bold]{page_url}[/bold] in a browser.", highlight=False)
    until = (
        "Ctrl-C stops." if math.isinf(duration_s or math.inf) else f"Ends by itself after {duration_s:g} s."
    )
    console.print(f"Baselines are learnt in the first seconds; then faults arrive. {until}", highlight=False)
