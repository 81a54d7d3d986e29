"""Declared spindles and streams for tests of the flow's steps."""

from __future__ import annotations

from itertools import chain, repeat

import numpy as np

from engine.config import load_config
from engine.declared import Channel, SensorGroup, Spindle
from engine.records import Block, Context, Tick, complete_ns, samples_to_ns

MAX_BLOCK_S = load_config().check.max_block_s
TICK_NS = 250_000_000
T0 = 1_700_000_000_000_000_000
VIB = SensorGroup("vib", "waveform", 1000.0, (Channel("vib_x", "g"), Channel("vib_y", "g")))
CURRENT = SensorGroup("current", "waveform", 250.0, (Channel("current_u", "A", dc_coupled=True),))
LOAD = SensorGroup("load", "scalar", 2.0, (Channel("load_pct", "%", dc_coupled=True),))
SPINDLE = Spindle("M1", (VIB, CURRENT, LOAD))
SPINDLES = {"M1": SPINDLE}


def noise(group: SensorGroup, duration_s: float, seed: int = 0) -> np.ndarray:
    """Gaussian noise, float32[n_channels, n_samples]."""
    n = round(duration_s * group.sample_rate_hz)
    return np.random.default_rng(seed).standard_normal((len(group.channels), n)).astype(np.float32)


def cut(group: SensorGroup, samples: np.ndarray, lengths: list[int], start_s: float = 0.0) -> list[Block]:
    """Cut samples into contiguous blocks of the given lengths, then of the greatest that a sender may deliver."""
    blocks, first = [], 0
    longest = max(1, round(MAX_BLOCK_S * group.sample_rate_hz))
    for length in chain(lengths, repeat(longest)):
        last = min(first + min(length, longest), samples.shape[1])
        if last > first:
            blocks.append(block(group, samples[:, first:last], first, start_s))
        first = last
        if first == samples.shape[1]:
            return blocks
    raise AssertionError


def block(group: SensorGroup, samples: np.ndarray, first: int = 0, start_s: float = 0.0) -> Block:
    """One block whose first sample is sample number ``first`` of the group's stream."""
    t_ns = T0 + round(start_s * 1e9) + samples_to_ns(first, group.sample_rate_hz)
    return Block("M1", group.name, t_ns, group.sample_rate_hz, samples)


def by_end(items: list) -> list:
    """The order in which a source delivers: when each item is complete; scalars and contexts first."""

    def key(item: Block | Context | Tick) -> tuple[int, bool]:
        if not isinstance(item, Block):
            return item.t_ns, False
        group = SPINDLE.group(item.group)
        return complete_ns(item, group), group.kind == "waveform"

    return sorted(items, key=key)


def with_ticks(items: list) -> list:
    """What a source delivers: items in their order, and a tick whenever a quarter of a second has passed."""
    out, tick_ns = [], None
    for item in by_end(items):
        group = SPINDLE.group(item.group) if isinstance(item, Block) else None
        due_ns = complete_ns(item, group) if group else item.t_ns
        if tick_ns is None or due_ns - due_ns % TICK_NS > tick_ns:
            tick_ns = due_ns - due_ns % TICK_NS
            out.append(Tick("M1", tick_ns))
        out.append(item)
    return [*out, Tick("M1", due_ns, last=True)]
