"""What an engine process tells of itself: the flow's own counts, asked for once a second, and what passes its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from engine.clock import NS_PER_S, WallClock, monotonic_s
from engine.service.meters import Metrics
from engine.sources.redis_streams import RedisStreams
from engine.verdicts import Alert, AlertState, Condition, SpindleState, Verdict
from sinks.checkpoints import Checkpoints
from sinks.live_channel import LiveChannel
from sinks.streams import RedisAlerts

_LATE_S = 10.0
_RECEIVED = (
    "blocks",
    "contexts",
    "ticks",
    "samples",
    "missing",
    "repeated",
    "streams_restarted",
    "redis_errors",
)
_STORED = {
    "alerts_total": "added",
    "alerts_repeated_total": "repeated",
    "lives_total": "lives",
    "baselines_total": "baselines",
    "checkpoints_total": "kept",
}
_DEAD = ("malformed", "foreign", "ahead")


class FlowMeters:
    """A writer that measures; it stands at the end of the flow.

    Parameters
    ----------
    metrics : Metrics
        Where to.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._verdicts = metrics.counter("verdicts_total")
        self._late = metrics.counter("late_alerts_total")
        self._latency, self._age = metrics.histogram("alert_latency_s"), metrics.histogram("alert_age_s")
        self._states: dict[str, SpindleState] = {}
        metrics.ask("spindles_learning", lambda: self._n_in(Condition.LEARNING))
        metrics.ask("spindles_alerting", lambda: self._n_in(Condition.ALERTING))
        metrics.ask("spindles_in_trouble", lambda: self._n_in(Condition.SENSOR))
        metrics.ask_reasons("troubles", self._troubles)

    def write(self, records: Sequence[Any]) -> None:
        """Measure; keeps the newest state of each spindle."""
        n_verdicts = 0
        for record in records:
            if type(record) is Verdict:
                n_verdicts += 1
            elif type(record) is SpindleState:
                self._states[record.spindle] = record
            elif type(record) is Alert and record.state is AlertState.OPENED:
                self._opened(record)
        if n_verdicts:
            self._verdicts.add(n_verdicts)

    def _opened(self, alert: Alert) -> None:
        if alert.judged_ns is None:
            return
        age_s = (alert.judged_ns - alert.t_ns) / NS_PER_S
        self._age.observe(age_s)
        if age_s > _LATE_S:
            self._late.add()
        if alert.received_ns is not None:
            self._latency.observe((alert.judged_ns - alert.received_ns) / NS_PER_S)

    def _n_in(self, condition: Condition) -> float:
        return float(sum(state.condition is condition for state in self._known()))

    def _troubles(self) -> dict[str, float]:
        told: dict[str, float] = {}
        for state in self._known():
            for kind, n in state.troubles:
                told[str(kind)] = told.get(str(kind), 0.0) + n
        return told

    def _known(self) -> tuple[SpindleState, ...]:
        return tuple(self._states.copy().values())  # a copy is one step for other threads


def ask_parts(
    metrics: Metrics, source: RedisStreams, out: RedisAlerts, live: LiveChannel, checkpoints: Checkpoints
) -> None:
    """Let the parts of an engine process be asked for what they count anyway.

    Parameters
    ----------
    metrics : Metrics
        Asks.
    source, out, live, checkpoints
        The parts.
    """
    for name in _RECEIVED:
        metrics.ask(f"{name}_total", _count(source.counts, name))
    for name, counted in _STORED.items():
        metrics.ask(name, _count(out.counts, counted))
    metrics.ask("live_messages_total", _count(live.counts, "sent"))
    metrics.ask("checkpoints_failed_total", lambda: float(checkpoints.n_failed))
    metrics.ask("spindles", lambda: float(len(source.spindles)))
    metrics.ask("spindles_heard", lambda: float(len(source.heard)))
    metrics.ask("queue", lambda: float(out.n_waiting))
    metrics.ask("redis_connected", lambda: float(source.connected))
    clock = WallClock()
    metrics.ask("lag_s", lambda: _lag_s(source, clock))
    metrics.ask("checkpoint_age_s", lambda: _oldest_s(checkpoints))
    metrics.ask("checkpoint_bytes", lambda: float(sum(checkpoints.sizes.copy().values())))
    metrics.ask_reasons("dead_letters", lambda: {reason: float(source.counts[reason]) for reason in _DEAD})
    metrics.ask_reasons("dropped", lambda: {"alerts": float(out.counts["dropped"])})


def _count(counts: Any, name: str) -> Callable[[], float]:
    return lambda: float(counts[name])


def _lag_s(source: RedisStreams, clock: WallClock) -> float:
    ends_ns = source.reached_ns()
    return max(0.0, (clock.now_ns() - min(ends_ns)) / NS_PER_S) if ends_ns else math.nan


def _oldest_s(checkpoints: Checkpoints) -> float:
    kept_s = checkpoints.kept_s.copy()
    return monotonic_s() - min(kept_s.values()) if kept_s else math.nan
