"""Short recordings of slow channels, for tests that tune: milliseconds each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.clock import NS_PER_S
from engine.declared import Channel, SensorGroup, Spindle, TeachIn
from replay.faults import Fault
from replay.writer import RecordingWriter

START_NS = 1_700_000_000 * NS_PER_S
GROUP = SensorGroup("slow", "scalar", 1.0, (Channel("load", "%", dc_coupled=True), Channel("temp", "°C")))
N_ROWS = 200
FAULT_S = 140.0
CHEAP = """
[tune]
folds = 3
[tune.space]
"judge.on" = { low = 0.8, high = 3.0, log = true }
"judge.on_delay_vectors" = { low = 1, high = 8 }
"detectors[*].margin" = { low = 1.0, high = 6.0, log = true }
"ensemble.rule" = { choices = ["max", "mean"] }
[[detectors]]
name = "mewma"
margin = 3.0
"""
"""A site whose settings are far from the best for such recordings, with every kind of axis."""


def tunable(path: Path, seed: int, spindle: str = "", *, fault: bool = True, shift: float = 2.0) -> Path:
    """Write a recording: noise, taught for 80 s, shifted from ``FAULT_S`` on; some with a bump that is no fault."""
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal((2, N_ROWS))
    if fault:
        samples[0, int(FAULT_S) :] += shift
    if seed % 2:
        samples[1, 100:104] += 4.0
    owner = Spindle(spindle or f"S{seed}", (GROUP,), teach_in=TeachIn(n_vectors=80))
    faults = [Fault(FAULT_S, None, "anomaly")] if fault else []
    with RecordingWriter(path, owner, START_NS, "made", "CC0-1.0", faults=faults, labelled=True) as writer:
        writer.write_block("slow", START_NS, samples)
    return path


def tunables(folder: Path, n: int = 6) -> list[Path]:
    """Write so many, of a spindle each; the last one is healthy."""
    return [tunable(folder / f"r{seed}", seed, fault=seed < n - 1) for seed in range(n)]
