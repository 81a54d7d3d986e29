"""A healthy recording with known contexts, for tests of what is injected into it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.clock import NS_PER_S
from engine.declared import Bearing, Channel, SensorGroup, Spindle
from engine.records import Context, samples_to_ns
from replay.recording import Recording, RecordingWriter
from replay.rows import GroupRows

T0 = 1_700_000_000_000_000_000
RPM, RATE_HZ = 3000.0, 10_000.0
BALLS = Bearing(9, 7.94, 39.04)
VIB = SensorGroup(
    "vib", "waveform", RATE_HZ, (Channel("vib_x", "g", bearing=BALLS), Channel("vib_y", "g", 50.0))
)
CURRENT = SensorGroup("current", "waveform", 1000.0, (Channel("current_u", "A", dc_coupled=True),))
LOAD = SensorGroup("load", "scalar", 2.0, (Channel("load_pct", "%", dc_coupled=True),))
SPINDLE = Spindle("M1", (VIB, CURRENT, LOAD))
# Air from 0 to 2 s, then a cut of T1 to 8 s, air with T2 to 9 s, a cut of T2 to 12 s.
DURATION_S = 12.0
PHASES = ((0.0, "T1", False), (2.0, "T1", True), (8.0, "T2", False), (9.0, "T2", True))
IDLE_RMS_G, CUT_RMS_G, IDLE_A, CUT_A = 0.05, 0.4, 5.0, 20.0


def context(t_s: float, tool: str, cutting: bool, n_teeth: int | None = 4) -> Context:
    t_ns = T0 + round(t_s * NS_PER_S)
    return Context("M1", t_ns, tool=tool, section="rough", rpm=RPM, cutting=cutting, n_teeth=n_teeth)


def write_healthy(
    path: Path,
    spindle: Spindle = SPINDLE,
    *,
    block_s: float = 0.05,
    phases: tuple = PHASES,
    n_teeth: int | None = 4,
    cut_share: float = 1.0,
) -> Path:
    """Noise whose level follows the phases, currents around their means; ``cut_share`` = how much cuts show."""
    rng = np.random.default_rng(0)
    with RecordingWriter(path, spindle, T0, "test", "CC0-1.0", ["a note"], labelled=True) as writer:
        for t_s, tool, cutting in phases:
            writer.write_context(context(t_s, tool, cutting, n_teeth))
        for group in spindle.groups:
            n = round(DURATION_S * group.sample_rate_hz)
            t_s = np.arange(n) / group.sample_rate_hz
            cut = np.zeros(n)
            for at_s, _tool, cutting in PHASES:
                cut[t_s >= at_s] = cut_share * cutting
            noise = rng.standard_normal((len(group.channels), n))
            dc = np.array([[channel.dc_coupled] for channel in group.channels])
            level = IDLE_A + (CUT_A - IDLE_A) * cut
            samples = np.where(dc, level + 0.1 * noise, (IDLE_RMS_G + (CUT_RMS_G - IDLE_RMS_G) * cut) * noise)
            n_block = 1 if group.kind == "scalar" else max(1, round(block_s * group.sample_rate_hz))
            for first in range(0, n, n_block):
                t_ns = T0 + samples_to_ns(first, group.sample_rate_hz)
                writer.write_block(group.name, t_ns, samples[:, first : first + n_block])
    return path


def samples_of(path: Path, group: str) -> np.ndarray:
    """Everything in a group, as float32[n_channels, n_samples]."""
    recording = Recording.open(path)
    declared = recording.spindle.group(group)
    assert declared is not None
    rows = GroupRows(path / f"{group}.parquet", recording.spindle.name, declared)
    return np.concatenate([block.samples for block in rows.blocks(1.0)], axis=1)
