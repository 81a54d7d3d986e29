"""A shop of many spindles without sensors: blocks from memory, as fast as they are taken."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from numpy.typing import NDArray

from engine.clock import NS_PER_S, NoClock
from engine.config import Config, load_config
from engine.declared import Bearing, Channel, SensorGroup, Spindle, TeachIn
from engine.flow import build_flow
from engine.records import Block, Context
from engine.runtime import run_flow
from engine.verdicts import Verdict

FS_HZ = 25_600.0
N_CHANNELS = 4
N_HOP = 2560
HOP_NS = NS_PER_S // 10
START_NS = 1_700_000_000 * NS_PER_S
N_PER_BATCH = 64
_N_POOL = 128  # hops that differ: 5 MB, more than the L2 cache holds

Item = tuple[str, Block | Context]


def complete_config() -> Config:
    """Every feature there is, with the default ensemble."""
    return load_config(Path(__file__).with_name("complete.toml"))


def spindles(n_spindles: int) -> list[Spindle]:
    """Spindles of four accelerometers each, at a bearing whose geometry is known."""
    bearing = Bearing(9, 7.94, 39.04)
    channels = tuple(Channel(f"vib_{i}", "g", bearing=bearing) for i in range(N_CHANNELS))
    group = SensorGroup("vib", "waveform", FS_HZ, channels)
    taught = TeachIn(n_vectors=60)  # else a cut that never ends is learned in parts, for a minute and a half
    return [Spindle(f"M{i:04d}", (group,), taught) for i in range(n_spindles)]


def hop_pool(seed: int = 0) -> list[NDArray[np.float32]]:
    """Hops of noise over lines of speed and teeth, float32[4, 2560] each; read-only."""
    rng, t = np.random.default_rng(seed), np.arange(N_HOP) / FS_HZ
    pool = []
    for _ in range(_N_POOL):
        tones = sum(
            np.sin(2 * np.pi * (hz * t + rng.uniform())) / k for k, hz in enumerate((60, 120, 240), 1)
        )
        hop = (0.2 * tones + 0.3 * rng.standard_normal((N_CHANNELS, N_HOP))).astype(np.float32)
        hop.flags.writeable = False
        pool.append(hop)
    return pool


class _Part(StatefulSourcePartition[Item, None]):
    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items

    def next_batch(self) -> list[Item]:
        batch = list(islice(self._items, N_PER_BATCH))
        if not batch:
            raise StopIteration
        return batch

    def snapshot(self) -> None:
        return None


class MemorySource(FixedPartitionedSource[Item, None]):
    """Hop by hop, one block of every spindle.

    Parameters
    ----------
    names : sequence of str
        The spindles.
    n_hops : int
        Of each.
    pool : list of float32[4, 2560]
        Handed out in turn.
    own : bool
        Whether every block is a copy, as it is when it comes over a network; else spindles share the pool's, as if
        they lay in the receiver's buffer.
    """

    def __init__(self, names: Sequence[str], n_hops: int, pool: list[NDArray[np.float32]], own: bool) -> None:
        self._names, self._n_hops, self._pool, self._own = names, n_hops, pool, own
        self.began_s: list[float] = []

    def list_parts(self) -> list[str]:
        """One partition."""
        return ["memory"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Part:  # noqa: ARG002
        """Begin at the first hop."""
        return _Part(self._items())

    def _items(self) -> Iterator[Item]:
        for index, name in enumerate(self._names):
            rpm = 3600.0 + index % 100
            yield name, Context(name, START_NS - NS_PER_S, "T1", "O1001", "rough", rpm, 800.0, True, 4)
        for hop in range(self._n_hops):
            self.began_s.append(time.thread_time())
            for index, name in enumerate(self._names):
                samples = self._pool[(7 * hop + index) % len(self._pool)]
                if self._own:
                    samples = samples.copy()
                yield name, Block(name, "vib", START_NS + hop * HOP_NS, FS_HZ, samples)


class CountScores:
    """A writer that counts verdicts whose score says something, and notes the memory in use meanwhile."""

    def __init__(self) -> None:
        self.n_vectors = self.n_scored = self.resident_kib = 0

    def write(self, records: Sequence[Any]) -> None:
        """Count."""
        for record in records:
            if isinstance(record, Verdict):
                self.n_vectors += 1
                self.n_scored += record.score.score == record.score.score
                if self.n_vectors % 512 == 0:
                    self.resident_kib = resident_kib()


def resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1024


def run_shop(
    n_spindles: int, n_hops: int, config: Config, *, own: bool = False
) -> tuple[list[float], CountScores]:
    """Run the whole flow over blocks from memory, in this thread.

    Parameters
    ----------
    n_spindles, n_hops : int
        Size of the stream.
    config : Config
        What decides.
    own : bool
        As for `MemorySource`.

    Returns
    -------
    list of float
        CPU seconds of this thread when each hop of all spindles began to be handed out, and at the end.
    CountScores
        What came out.
    """
    shop, counted = spindles(n_spindles), CountScores()
    source = MemorySource([spindle.name for spindle in shop], n_hops, hop_pool(), own)
    run_flow(build_flow(source, shop, config, NoClock(), [counted]))
    return [*source.began_s, time.thread_time()], counted
