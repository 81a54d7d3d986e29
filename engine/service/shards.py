"""Which process watches which spindle: a pure function of what is declared, so that all processes agree untold."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from engine.declared import SensorGroup, Spindle


def assign(spindles: Iterable[Spindle], n_shards: int) -> tuple[tuple[Spindle, ...], ...]:
    """Spread spindles over processes, so that none has much more to do than another.

    The heaviest goes first, each to the process that has least (Graham 1969, "Bounds on multiprocessing timing
    anomalies": the busiest has at most 4/3 of the best possible load). One more spindle may move many others; their
    state lies in Redis beside their data, so that moves nothing but the reader.

    Parameters
    ----------
    spindles : iterable of Spindle
        Of distinct names, in any order: it changes nothing.
    n_shards : int
        1 or more.

    Returns
    -------
    tuple of tuple of Spindle
        For each process its spindles, by name; none for some if there are more processes than spindles.

    Examples
    --------
    >>> from engine.declared import Channel
    >>> shop = [Spindle(name, (SensorGroup("g", "waveform", rate, (Channel("x"),)),))
    ...         for name, rate in (("A", 3.0), ("B", 1.0), ("C", 1.0), ("D", 1.0))]
    >>> [[spindle.name for spindle in part] for part in assign(shop, 2)]
    [['A'], ['B', 'C', 'D']]
    """
    parts: list[list[Spindle]] = [[] for _ in range(n_shards)]
    least = [(0.0, index) for index in range(n_shards)]
    for spindle in sorted(spindles, key=lambda spindle: (-load_of(spindle), spindle.name)):
        load, index = least[0]
        parts[index].append(spindle)
        heapq.heapreplace(least, (load + load_of(spindle), index))
    return tuple(tuple(sorted(part, key=lambda spindle: spindle.name)) for part in parts)


def load_of(spindle: Spindle) -> float:
    """Values per second that a spindle's sensors deliver, on average: rate times channels, less the pauses.

    What one value costs differs: those of scalar groups cost more, but there are few of them.
    """
    return sum(_load_of_group(group) for group in spindle.groups)


def _load_of_group(group: SensorGroup) -> float:
    duty = group.duty_cycle
    awake = 1.0 if duty is None else duty.burst_s / duty.period_s
    return group.sample_rate_hz * len(group.channels) * awake
