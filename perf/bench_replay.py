"""How much faster than the machine itself a recording of it replays, and what the flow adds to bare arithmetic.

The recording is a simulated spindle's, ten minutes of cuts and pauses with controller data: four accelerometers at
25.6 kHz that listen to a declared bearing, so that every signature looks at every channel. The simulator has two
accelerometers; the other two are mixtures of them with noise of their own, which costs what two more sensors would.
"""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from engine.config import load_config
from engine.declared import SensorGroup, Spindle
from engine.records import Context, Window
from operators.blocks import BlockCheck
from operators.extract import extract_batch
from operators.features import FeatureSet
from operators.kernels.time_domain import N_PARTIALS, hop_partials
from operators.windows import WindowSlide
from perf.figures import Bench, Measured, figure
from perf.processes import Finished
from replay.player import items_with_ticks
from replay.recording import Recording, RecordingWriter
from replay.session import replay_recordings
from replay.simulate import START_NS, Shop
from replay.simulate.plan import ShopPlan
from replay.simulate.program import Preset

_DURATION_S = 600
_FS_HZ = 25_600.0
_N_TURNS = 3
_N_JOINT, _JOINT_S = 8, 240.0  # recordings for two processes


def _four(spindle: Spindle) -> Spindle:
    """The spindle with its accelerometers alone, four of them."""
    vib = next(group for group in spindle.groups if group.name == "vib")
    channels = [
        replace(channel, name=f"{channel.name}_{end}")
        for end in ("front", "rear")
        for channel in vib.channels
    ]
    return replace(spindle, groups=(SensorGroup("vib", "waveform", _FS_HZ, tuple(channels)),))


def _write(folder: Path, duration_s: float, seed: int) -> Path:
    """One recording of one spindle; its name tells the seed."""
    shop = Shop(ShopPlan((f"M{seed}",), Preset.SHOP, seed, vib_rate_hz=_FS_HZ), START_NS)
    noise = np.random.default_rng(seed)
    (spindle,) = shop.spindles
    path = folder / spindle.name
    with RecordingWriter(
        path, _four(spindle), START_NS, "spindlewatch simulator", "CC0-1.0", (), (), labelled=True
    ) as writer:
        for step in range(1, round(duration_s) + 1):
            for item in shop.advance(float(step)):
                if isinstance(item, Context):
                    writer.write_context(item)
                elif item.group == "vib":
                    own = 0.02 * noise.standard_normal(item.samples.shape)
                    rear = 0.7 * item.samples[::-1] + 0.3 * item.samples + own
                    writer.write_block("vib", item.t_ns, np.concatenate((item.samples, rear)))
    return path


def _recording(bench: Bench) -> Path:
    return bench.once("four-channels", lambda: _write(bench.work / "four", _DURATION_S, 1))


def _replayed(bench: Bench) -> Finished:
    """The quickest of three replays: others use the machine too."""

    def run() -> Finished:
        recording = _recording(bench)
        # Once for kernels that are not compiled yet and files that are not cached.
        bench.spindlewatch("replay", recording, "--out", bench.work / "cold", "--json")
        replays = [
            bench.spindlewatch("replay", recording, "--out", bench.work / "warm", "--json")
            for _ in range(_N_TURNS)
        ]
        return min(replays, key=lambda finished: finished.wall_s)

    return bench.once("replayed", run)


@figure("replay_realtime_factor", unit="x")
def replay_process(bench: Bench) -> Measured:
    finished = _replayed(bench)
    duration_s = finished.json["duration_s"]
    return Measured(
        value=duration_s / finished.wall_s,
        note=f"{duration_s:.0f} s of four channels at 25.6 kHz from Parquet to alerts and scores on disk, default "
        f"configuration, every signature; whole process {finished.wall_s:.2f} s",
    )


@figure("replay_flow_realtime_factor", unit="x")
def replay_flow(bench: Bench) -> Measured:
    told = _replayed(bench).json
    return Measured(told["realtime_factor"], note=f"the flow alone, {told['wall_s']:.2f} s")


@figure("replay_over_kernels", unit="x")
def replay_over_kernels(bench: Bench) -> Measured:
    path, config = _recording(bench), load_config()
    flow_s, kernels_s = [], []
    for _ in range(_N_TURNS):
        began_s = time.thread_time()
        replay_recordings([path], bench.work / "here", config)
        flow_s.append(time.thread_time() - began_s)
        kernels_s.append(_kernels_s(Recording.open(path)))
    return Measured(
        min(flow_s) / min(kernels_s),
        note=f"processor time from Parquet to alerts and scores on disk, {min(flow_s):.2f} s, over that for the same "
        f"sums and windows from memory, in stacks, {min(kernels_s):.2f} s",
    )


@figure("replay_two_cores", unit="x")
def replay_two_cores(bench: Bench) -> Measured:
    folder = bench.work / "many"
    recordings = [_write(folder, _JOINT_S, seed) for seed in range(2, 2 + _N_JOINT)]
    took_s: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(_N_TURNS):  # in turn, so that a busy moment of the machine hits both alike
        for n_jobs, walls in took_s.items():
            out = bench.work / f"jobs-{n_jobs}"
            finished = bench.spindlewatch(
                "replay", *recordings, "--out", out, "--jobs", str(n_jobs), "--json"
            )
            walls.append(finished.json["wall_s"])
    one_s, two_s = min(took_s[1]), min(took_s[2])
    return Measured(
        one_s / two_s,
        note=f"{_N_JOINT} recordings of {_JOINT_S:.0f} s each: {one_s:.1f} s in one process, {two_s:.1f} s in two, "
        "their start included",
    )


def _kernels_s(recording: Recording) -> float:
    """Processor time for the arithmetic alone: partial sums of every hop, features of every window that was made."""
    config = load_config()
    shop = {recording.spindle.name: recording.spindle}
    features = FeatureSet.for_shop(list(shop.values()), config)
    (group,) = recording.spindle.groups
    from_zero = np.array([channel.dc_coupled for channel in group.channels])
    sums = np.empty((len(group.channels), N_PARTIALS))
    check, slide, spent_s = BlockCheck(shop, config), WindowSlide(shop, config), 0.0
    items = items_with_ticks(recording, config.check.max_block_s)
    while batch := list(islice(items, 64)):
        windows = [item for item in slide.process(check.process(batch)) if isinstance(item, Window)]
        pairs = [(window.spindle, window) for window in windows]
        hops = [window.hops[-1] for window in windows if not window.long]
        began_s = time.thread_time()
        for hop in hops:
            hop_partials(hop, from_zero, sums)
        extract_batch(pairs, features)
        spent_s += time.thread_time() - began_s
    return spent_s
