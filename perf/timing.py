"""Timing of small work in this process: ours and a peer in turn, by the processor time of this thread.

The machine is shared. On the wall clock, whoever else runs would be charged to whoever was being timed; the
processor time of the thread counts only what it computed itself. It does not see other threads or processes, so
what is timed must work in one thread: peers are called so that they do. And it says nothing about latency, which
figures of whole processes measure on the wall clock (`perf.processes`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

Work = Callable[[], object]
Clock = Callable[[], float]

LEAST_SAMPLE_S = 0.005
"""Shorter measurements are repeated until they last so long: far beyond the clock's own cost and the scheduler's."""

_MOST_REPEATS = 1 << 24


@dataclass(frozen=True, slots=True)
class Paired:
    """Ours and a peer, measured in turn.

    Parameters
    ----------
    ours_s, peer_s : float
        Processor seconds of one call, the median over the rounds.
    ratio : float
        Peer over ours, the median of the rounds' own ratios: a slow moment of the machine hits both halves of
        a round and cancels, which it does not in the ratio of the medians.
    """

    ours_s: float
    peer_s: float
    ratio: float


def thread_s() -> float:
    """Processor seconds that this thread has used since some start.

    Returns
    -------
    float
        Never decreases; stands still while the thread waits.
    """
    return time.thread_time()


def time_work(work: Work, n_rounds: int = 7, clock: Clock = thread_s) -> float:
    """Time one piece of work alone.

    Parameters
    ----------
    work : callable
        Called often, and at least once before anything counts. Only in this thread.
    n_rounds : int
        Samples to take the median of, at least 1.
    clock : callable
        Seconds; another one for tests.

    Returns
    -------
    float
        Seconds of one call, median of the rounds.
    """
    n_calls = _calls_per_sample(work, clock)
    return median(_sample_s(work, n_calls, clock) for _ in range(n_rounds))


def time_paired(ours: Work, peer: Work, n_rounds: int = 7, clock: Clock = thread_s) -> Paired:
    """Time two pieces of work in turn: ours, peer, ours, peer.

    Parameters
    ----------
    ours, peer : callable
        As for `time_work`. Comparable only if they do the same amount of work per call.
    n_rounds : int
        Pairs, at least 1.
    clock : callable
        Seconds; another one for tests.

    Returns
    -------
    Paired
        The medians of both and of their ratio.
    """
    n_ours, n_peer = _calls_per_sample(ours, clock), _calls_per_sample(peer, clock)
    rounds = [(_sample_s(ours, n_ours, clock), _sample_s(peer, n_peer, clock)) for _ in range(n_rounds)]
    return Paired(
        ours_s=median(ours_s for ours_s, _ in rounds),
        peer_s=median(peer_s for _, peer_s in rounds),
        ratio=median(peer_s / ours_s for ours_s, peer_s in rounds),
    )


def _calls_per_sample(work: Work, clock: Clock) -> int:
    """Calls that fill a sample, found by doubling; the first call, which may compile and load, counts for none."""
    work()
    n_calls = 1
    while n_calls < _MOST_REPEATS and _sample_s(work, n_calls, clock) * n_calls < LEAST_SAMPLE_S:
        n_calls *= 2
    return n_calls


def _sample_s(work: Work, n_calls: int, clock: Clock) -> float:
    """Seconds of one call, averaged over one sample."""
    start_s = clock()
    for _ in range(n_calls):
        work()
    return (clock() - start_s) / n_calls
