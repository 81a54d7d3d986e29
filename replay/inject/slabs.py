"""A sensor group's samples in slabs of a tenth of a second, however they were cut into rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import SensorGroup
from engine.records import Block, samples_to_ns
from replay.layout import group_file
from replay.recording import Recording
from replay.rows import GroupRows

SLAB_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Slab:
    """Contiguous samples of one group.

    Parameters
    ----------
    t_ns : int
        Time of the first sample.
    number : int
        Of the first sample since the unbroken run began.
    t_s : float64[n_samples]
        Seconds from the recording's start.
    samples : float32[n_channels, n_samples]
        Read-only.
    """

    t_ns: int
    number: int
    t_s: NDArray[np.float64]
    samples: NDArray[np.float32]


def slabs(recording: Recording, group: SensorGroup) -> Iterator[Slab]:
    """Read one group of a recording in slabs.

    Parameters
    ----------
    recording : Recording
        Opened.
    group : SensorGroup
        One of its groups.

    Yields
    ------
    Slab
        In the order of the file. Slabs are counted from where an unbroken run of samples begins, so what is
        worked out slab by slab does not depend on how the samples were cut into rows. Scalars come one by one.

    Raises
    ------
    RecordingError
        A damaged file.
    """
    rate_hz = group.sample_rate_hz
    n_slab = 1 if group.kind == "scalar" else max(1, round(SLAB_S * rate_hz))
    rows = GroupRows(recording.path / group_file(group.name), recording.spindle.name, group)
    for anchor_ns, blocks in _runs(rows.blocks(1.0), rate_hz):
        number, waiting = 0, np.zeros((len(group.channels), 0), np.float32)
        for block in blocks:
            waiting = np.concatenate([waiting, block.samples], axis=1)
            while waiting.shape[1] >= n_slab:
                yield _slab(recording, anchor_ns, number, waiting[:, :n_slab], rate_hz)
                number, waiting = number + n_slab, waiting[:, n_slab:]
        if waiting.shape[1]:
            yield _slab(recording, anchor_ns, number, waiting, rate_hz)


def _runs(blocks: Iterator[Block], rate_hz: float) -> Iterator[tuple[int, Iterator[Block]]]:
    """Group blocks that continue each other: where each run began, and its blocks."""
    following = next(blocks, None)
    while following is not None:
        first = following

        def run(block: Block) -> Iterator[Block]:
            nonlocal following
            n_run, anchor_ns = 0, block.t_ns
            while True:
                yield block
                n_run += block.samples.shape[1]
                following = next(blocks, None)
                if following is None or following.t_ns != anchor_ns + samples_to_ns(n_run, rate_hz):
                    return
                block = following

        yield first.t_ns, run(first)


def _slab(
    recording: Recording, anchor_ns: int, number: int, samples: NDArray[np.float32], rate_hz: float
) -> Slab:
    from_s = (anchor_ns - recording.start_ns) / NS_PER_S
    t_s = from_s + (number + np.arange(samples.shape[1])) / rate_hz
    samples.flags.writeable = False
    return Slab(anchor_ns + samples_to_ns(number, rate_hz), number, t_s, samples)
