"""What a process counts and measures, cheaply enough for where the work is done."""

from __future__ import annotations

import logging
import math
import os
import resource
import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any, TypeVar

from engine.service.beats import Beat, Buckets
from engine.service.catalogue import COUNTERS, GAUGES, HISTOGRAMS, REASONS

OTHER = "other"
"""Stands for whatever comes beyond so many reasons of one counter."""

_MAX_REASONS = 32
_PAGE_BYTES = resource.getpagesize()

_log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


class Count:
    """A number that only rises. Any thread may add."""

    __slots__ = ("_lock", "_n")

    def __init__(self) -> None:
        self._n, self._lock = 0.0, threading.Lock()

    def add(self, n: float = 1) -> None:
        """Add ``n``, 0 or more."""
        with self._lock:
            self._n += n

    @property
    def value(self) -> float:
        """So far."""
        return self._n


class Gauge:
    """A number as it is now; NaN until it is set. Any thread may set it."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = math.nan

    def set(self, value: float) -> None:
        """Replace it; NaN: cannot say."""
        self.value = value


class Reasons:
    """Counts by reason, for any thread; the first 32 reasons by name, what comes beyond them together."""

    __slots__ = ("_lock", "_n")

    def __init__(self) -> None:
        self._n: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, reason: str, n: float = 1) -> None:
        """Add ``n``, 0 or more."""
        with self._lock:
            if reason not in self._n and len(self._n) >= _MAX_REASONS:
                reason = OTHER
            self._n[reason] = self._n.get(reason, 0) + n

    @property
    def value(self) -> Mapping[str, float]:
        """So far."""
        return self._n.copy()


class Histogram:
    """How many observations fell into which bucket. Any thread may observe.

    Parameters
    ----------
    bounds : sequence of float
        Upper bounds, rising.
    """

    __slots__ = ("_bounds", "_counts", "_lock", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts, self._sum = [0] * (len(self._bounds) + 1), 0.0
        self._lock = threading.Lock()

    def observe(self, value: float) -> None:
        """Count one; NaN, of which nothing can be said, is left out."""
        if math.isnan(value):
            return
        with self._lock:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value

    @property
    def value(self) -> Buckets:
        """So far."""
        with self._lock:
            return Buckets(self._bounds, tuple(self._counts), self._sum)


class Metrics:
    """What a process counts and measures, by the names of `engine.service.catalogue`.

    Take a handle once and use it where the work is done: each costs well under a microsecond. What the work counts
    anyway is better asked for, once a second, than counted twice: `ask` and `ask_reasons`.
    """

    def __init__(self) -> None:
        self._counters: dict[str, Count] = {}
        self._gauges: dict[str, Gauge] = {}
        self._reasons: dict[str, Reasons] = {}
        self._histograms: dict[str, Histogram] = {}
        self._asked: dict[str, Callable[[], float]] = {}
        self._asked_reasons: dict[str, Callable[[], Mapping[str, float]]] = {}
        self._steps_s: dict[str, float] = {}
        self._silent: set[str] = set()

    def counter(self, name: str) -> Count:
        """Handle of a counter; the same for the same name. KeyError: there is no such name."""
        return self._counters.setdefault(_known(name, COUNTERS), Count())

    def gauge(self, name: str) -> Gauge:
        """Handle of a gauge; the same for the same name. KeyError: there is no such name."""
        return self._gauges.setdefault(_known(name, GAUGES), Gauge())

    def reasons(self, name: str) -> Reasons:
        """Handle of a counter by reason; the same for the same name. KeyError: there is no such name."""
        return self._reasons.setdefault(_known(name, REASONS), Reasons())

    def histogram(self, name: str) -> Histogram:
        """Handle of a histogram; the same for the same name. KeyError: there is no such name."""
        return self._histograms.setdefault(name, Histogram(HISTOGRAMS[_known(name, HISTOGRAMS)][1]))

    def ask(self, name: str, value: Callable[[], float]) -> None:
        """Let a counter or gauge be asked for whenever a line is made; by another thread than the work's.

        Parameters
        ----------
        name : str
            Of a counter or gauge. KeyError: there is no such name.
        value : callable
            Quick; NaN: cannot say.
        """
        self._asked[_known(name, {**COUNTERS, **GAUGES})] = value

    def ask_reasons(self, name: str, value: Callable[[], Mapping[str, float]]) -> None:
        """Let counts by reason be asked for whenever a line is made; as `ask`."""
        self._asked_reasons[_known(name, REASONS)] = value

    def timed(self, step: str, work: Callable[[T], R]) -> Callable[[T], R]:
        """Add up the time that a step of the flow takes.

        Parameters
        ----------
        step : str
            Name of the step. One step's work runs in one thread, for all its spindles.
        work : callable
            What the step does with a list of items.

        Returns
        -------
        callable
            Does the same; costs about 0.2 us more.
        """
        spent_s = self._steps_s
        spent_s.setdefault(step, 0.0)

        def run(items: T) -> R:
            began_s = perf_counter()
            try:
                return work(items)
            finally:
                spent_s[step] += perf_counter() - began_s

        return run

    def beat(self, process: str, ready: bool, detail: str = "", reloaded: int = 0) -> Beat:
        """Everything as it is now."""
        counters = {name: one.value for name, one in self._counters.items()} | {"cpu_s_total": _cpu_s()}
        gauges: dict[str, float | None] = {name: one.value for name, one in self._gauges.items()}
        gauges |= {"rss_bytes": _rss_bytes(), "open_files": _open_files()}
        for name, ask in self._asked.items():
            if (value := self._answer(name, ask)) is not None:
                (counters if name in COUNTERS else gauges)[name] = value
        by_reason = {name: dict(one.value) for name, one in self._reasons.items()}
        for name, ask_reasons in self._asked_reasons.items():
            if (counts := self._answer(name, ask_reasons)) is not None:
                by_reason[name] = dict(counts)
        histograms = {name: one.value for name, one in self._histograms.items()}
        return Beat(
            process, ready, detail, reloaded, counters, by_reason, gauges, histograms, self._steps_s.copy()
        )

    def _answer(self, name: str, ask: Callable[[], T]) -> T | None:
        """Ask; whoever cannot answer must not end what works, so it is logged, once, and left out."""
        try:
            return ask()
        except Exception:
            if name not in self._silent:
                self._silent.add(name)
                _log.exception("nobody can say %s", name)
            return None


def _known(name: str, names: Mapping[str, Any]) -> str:
    if name not in names:
        raise KeyError(f"{name!r} is not among {sorted(names)}")
    return name


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss_bytes() -> float:
    with suppress(OSError), open("/proc/self/statm", "rb") as statm:
        return float(statm.read().split()[1]) * _PAGE_BYTES
    return math.nan


def _open_files() -> float:
    with suppress(OSError):
        return float(len(os.listdir("/proc/self/fd")))
    return math.nan
