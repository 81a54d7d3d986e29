"""What a service as a whole tells: is it alive, is it ready, and all that its processes count, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import inf, nan
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.service.beats import Beat, Buckets
from engine.service.catalogue import COUNTERS, GAUGES, HISTOGRAMS, REASONS, STEPS
from engine.service.meters import Metrics

if TYPE_CHECKING:
    from prometheus_client import Metric

PREFIX = "spindlewatch_"
SUPERVISOR = "supervisor"
"""Label of what this process tells of itself: memory, files, processor time."""

MAX_LOOP_AGE_S = 10.0
"""A supervisor that did not look after its processes for so long is not alive."""


@dataclass(frozen=True, slots=True)
class Child:
    """One process as its supervisor sees it.

    Parameters
    ----------
    up : bool
        It runs.
    beat : Beat, optional
        The newest since it was started last; None: it has said nothing yet.
    beat_age_s : float
        Since then, or since its start if there was none.
    restarts : mapping
        How often it was started again, by reason: ``died``, ``hung``.
    """

    up: bool
    beat: Beat | None = None
    beat_age_s: float = 0.0
    restarts: Mapping[str, int] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether it does its work, by its own word."""
        return self.up and self.beat is not None and self.beat.ready

    @property
    def why(self) -> str:
        """In a few words, what it is at or what is wrong."""
        if not self.up:
            return "not running"
        return "starting" if self.beat is None else self.beat.detail


@dataclass(frozen=True, slots=True)
class Seen:
    """The service as its supervisor sees it at one moment.

    Parameters
    ----------
    children : mapping
        By name; those that should run.
    loop_age_s : float
        Since the supervisor last looked after them.
    stopping : bool
        It was asked to end: not ready any more.
    n_reloads, n_failed_reloads : int
        Configurations taken over, and refused.
    last_reload_ok : bool
        Whether the last one was taken over; true before the first.
    """

    children: Mapping[str, Child]
    loop_age_s: float = 0.0
    stopping: bool = False
    n_reloads: int = 0
    n_failed_reloads: int = 0
    last_reload_ok: bool = True


def liveness(seen: Seen) -> tuple[bool, dict[str, Any]]:
    """Whether the supervisor itself is at work; if not, only killing it helps.

    Parameters
    ----------
    seen : Seen
        As it is now.

    Returns
    -------
    bool
        False: it hangs.
    dict
        What to tell, as JSON.
    """
    alive = seen.loop_age_s <= MAX_LOOP_AGE_S
    return alive, {"alive": alive, "version": __version__, "loop_age_s": round(seen.loop_age_s, 3)}


def readiness(seen: Seen) -> tuple[bool, dict[str, Any]]:
    """Whether every process does its work: reads, judges, stores and shows.

    Parameters
    ----------
    seen : Seen
        As it is now.

    Returns
    -------
    bool
        False while anything starts, stops, hangs or is away, Redis among it.
    dict
        What to tell, as JSON: the reason of each process.
    """
    ready = not seen.stopping and bool(seen.children) and all(one.ready for one in seen.children.values())
    processes = {
        name: {"up": one.up, "ready": one.ready, "detail": one.why} for name, one in seen.children.items()
    }
    told = {"ready": ready, "stopping": seen.stopping, "last_reload_ok": seen.last_reload_ok}
    return ready, told | {"processes": processes}


def exposition(seen: Seen) -> bytes:
    """Everything in Prometheus' text format.

    Names are those of `engine.service.catalogue` with the prefix ``spindlewatch_`` and units written out; what this
    process needs itself stands there as ``supervisor``. A process that does not run has no numbers but ``up``,
    ``ready`` and ``restarts_total``: old ones would look like new ones.

    Parameters
    ----------
    seen : Seen
        As it is now.

    Returns
    -------
    bytes
        UTF-8. NaN where a process cannot say.
    """
    from prometheus_client import generate_latest
    from prometheus_client.registry import Collector

    class Once(Collector):
        def collect(self) -> Iterator[Metric]:
            yield from _of_supervisor(seen)
            told = {name: one.beat for name, one in seen.children.items() if one.up and one.beat is not None}
            yield from _of_processes({SUPERVISOR: Metrics().beat(SUPERVISOR, True), **told})

    return generate_latest(Once())


def _of_supervisor(seen: Seen) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    gauge = partial(GaugeMetricFamily, labels=["process"])
    up = gauge(PREFIX + "up", "1 if the process runs.")
    ready = gauge(PREFIX + "ready", "1 if the process does its work.")
    age = gauge(PREFIX + "beat_age_seconds", "Since the process last gave a sign of life.")
    reloaded = gauge(PREFIX + "reloaded", "Configurations that the process has taken over since it began.")
    text = "How often the process was started again, by reason: died or hung."
    restarts = CounterMetricFamily(PREFIX + "restarts", text, labels=["process", "reason"])
    for name, child in seen.children.items():
        up.add_metric([name], child.up)
        ready.add_metric([name], child.ready)
        if child.up:
            age.add_metric([name], child.beat_age_s)
            reloaded.add_metric([name], child.beat.reloaded if child.beat is not None else nan)
        # Also at 0, or the first restart would be no increase.
        for reason, n in {"died": 0, "hung": 0, **child.restarts}.items():
            restarts.add_metric([name, reason], n)
    yield from (up, ready, age, reloaded, restarts)
    text = "1 if the last configuration to be reloaded was taken over, 0 if it was refused."
    yield GaugeMetricFamily(PREFIX + "last_reload_ok", text, value=seen.last_reload_ok)
    reloads = CounterMetricFamily(
        PREFIX + "reloads", "Configurations reloaded, by result.", labels=["result"]
    )
    reloads.add_metric(["ok"], seen.n_reloads)
    reloads.add_metric(["refused"], seen.n_failed_reloads)
    yield reloads
    text = "Since the supervisor last looked after its processes."
    yield GaugeMetricFamily(PREFIX + "loop_age_seconds", text, value=seen.loop_age_s)
    build = GaugeMetricFamily(PREFIX + "build_info", "1; which version this is.", labels=["version"])
    build.add_metric([__version__], 1)
    yield build


def _of_processes(beats: Mapping[str, Beat]) -> Iterator[Metric]:
    """Whatever at least one process tells; names that the catalogue lacks are another version's, and left out."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    for name, text in COUNTERS.items():
        counter = CounterMetricFamily(family(name), text, labels=["process"])
        for process, beat in beats.items():
            if name in beat.counters:
                counter.add_metric([process], beat.counters[name])
        yield counter
    for name, text in REASONS.items():
        counter = CounterMetricFamily(family(name), text, labels=["process", "reason"])
        for process, beat in beats.items():
            for reason, n in beat.by_reason.get(name, {}).items():
                counter.add_metric([process, reason], n)
        yield counter
    for name, text in GAUGES.items():
        gauge = GaugeMetricFamily(family(name), text, labels=["process"])
        for process, beat in beats.items():
            if name in beat.gauges:
                value = beat.gauges[name]
                gauge.add_metric([process], nan if value is None else value)
        yield gauge
    for name, (text, _) in HISTOGRAMS.items():
        histogram = HistogramMetricFamily(family(name), text, labels=["process"])
        for process, beat in beats.items():
            if name in beat.histograms:
                told = beat.histograms[name]
                histogram.add_metric([process], _cumulative(told), sum_value=told.sum)
        yield histogram
    steps = CounterMetricFamily(PREFIX + "step_seconds", STEPS, labels=["process", "step"])
    for process, beat in beats.items():
        for step, spent_s in beat.steps_s.items():
            steps.add_metric([process, step], spent_s)
    yield steps


def family(name: str) -> str:
    """Name of a metric for Prometheus, without what its kind adds (``_total``, ``_bucket``).

    Parameters
    ----------
    name : str
        In the catalogue.

    Returns
    -------
    str
        With prefix, and seconds written out.

    Examples
    --------
    >>> family("cpu_s_total"), family("alert_latency_s"), family("dropped")
    ('spindlewatch_cpu_seconds', 'spindlewatch_alert_latency_seconds', 'spindlewatch_dropped')
    """
    name = name.removesuffix("_total")
    return PREFIX + (f"{name}econds" if name.endswith("_s") else name)


def _cumulative(told: Buckets) -> list[tuple[str, float]]:
    n, out = 0, []
    for bound, count in zip((*told.le, inf), told.counts, strict=True):
        n += count
        out.append(("+Inf" if bound == inf else repr(bound), float(n)))
    return out
