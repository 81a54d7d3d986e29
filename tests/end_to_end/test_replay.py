"""Whole replays, from a recording on disk to the files a user gets."""

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.config import parse_config
from engine.declared import Channel, SensorGroup, Spindle, TeachIn
from engine.records import Block, Context, samples_to_ns
from operators.step import Running
from replay.recording import Fault
from replay.session import replay_recordings
from replay.writer import RecordingWriter

T0 = 1_700_000_000_000_000_000
VIB = SensorGroup("vib", "waveform", 2000.0, (Channel("vib_x", "g"), Channel("vib_y", "g")))
CURRENT = SensorGroup("current", "waveform", 500.0, (Channel("current_u", "A", dc_coupled=True),))
LOAD = SensorGroup("load", "scalar", 2.0, (Channel("load_pct", "%", dc_coupled=True),))
SPINDLE = Spindle("M1", (VIB, CURRENT, LOAD), TeachIn(n_vectors=60))
DURATION_S = 20.0
FAULT = Fault(12.0, 14.0, "collision", "four times as loud")
CONFIG = parse_config("[waveform]\nband_low_hz = 20.0\nn_bands = 4\n")


def signals():
    rng = np.random.default_rng(5)
    arrays = {}
    for group in SPINDLE.groups:
        n = round(DURATION_S * group.sample_rate_hz)
        arrays[group.name] = rng.standard_normal((len(group.channels), n)).astype(np.float32)
    arrays["current"] += 10.0
    arrays["load"] += 40.0
    vib = arrays["vib"]
    vib[:, round(FAULT.start_s * 2000) : round(FAULT.end_s * 2000)] *= 12.0
    vib[0, round(10.2 * 2000)] = np.nan
    return arrays


SIGNALS = signals()
DROPOUT_S = (16.0, 18.2)  # of the vibration: longer than silence takes to be noticed


def write(path, lengths):
    """Write the recording with its waveforms cut into rows of the given lengths, over and over."""
    with RecordingWriter(
        path, SPINDLE, T0, "made by a test", "CC0-1.0", faults=(FAULT,), labelled=True
    ) as writer:
        for group in SPINDLE.groups:
            samples, first, turn = SIGNALS[group.name], 0, 0
            gap, back = (round(s * group.sample_rate_hz) for s in DROPOUT_S)
            while first < samples.shape[1]:
                n = 1 if group.kind == "scalar" else lengths[turn % len(lengths)]
                if group is VIB and first <= gap:
                    n = min(n, gap - first)
                if n == 0:
                    first = back
                    continue
                t_ns = T0 + samples_to_ns(first, group.sample_rate_hz)
                writer.write_block(group.name, t_ns, samples[:, first : first + n])
                first, turn = first + n, turn + 1
        writer.write_context(Context("M1", T0, tool="T1", section="rough", rpm=3000.0, cutting=True))
    return path


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    out = folder / "out"
    summary = replay_recordings([write(folder / "recording", [100])], out, CONFIG)
    return summary, out


def test_the_fault_is_found_and_nothing_else_is_alerted(reference):
    summary, _ = reference
    (outcome,) = summary.outcomes

    assert [fault.found.found for fault in outcome.faults] == [True]
    assert outcome.faults[0].found.delay_s < 1.0
    assert outcome.unexplained == ()
    assert [(a.fault, a.detail) for a in outcome.alerts if a.fault == "sensor"] == [("sensor", "silent")]


def test_the_files_hold_what_is_promised(reference):
    summary, out = reference

    scores = pq.read_table(out / "scores.parquet")
    lines = [orjson.loads(line) for line in (out / "alerts.jsonl").read_bytes().splitlines()]

    assert {"t_ns", "spindle", "regime", "tier", "score", "ready", "alerting", "top_feature"} <= set(
        scores.column_names
    )
    assert scores.num_rows > 2 * 150
    assert {line["state"] for line in lines} >= {"opened", "closed"}
    assert orjson.loads((out / "summary.json").read_bytes())["config_hash"] == summary.config_hash


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(1, 3000), min_size=1, max_size=6).filter(lambda ns: sum(ns) > 20 * len(ns))
)
def test_a_recording_cut_into_any_blocks_gives_byte_identical_alerts(reference, tmp_path_factory, lengths):
    folder = tmp_path_factory.mktemp("cut")

    replay_recordings([write(folder / "recording", lengths)], folder / "out", CONFIG)

    assert (folder / "out" / "alerts.jsonl").read_bytes() == (reference[1] / "alerts.jsonl").read_bytes()


def test_two_replays_give_byte_identical_results(reference, tmp_path):
    _, out = reference

    replay_recordings([out.parent / "recording"], tmp_path / "again", CONFIG)

    for name in ("alerts.jsonl", "scores.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()


def test_a_paced_replay_gives_the_same_alerts_as_an_unpaced_one(reference, tmp_path):
    _, out = reference

    summary = replay_recordings([out.parent / "recording"], tmp_path / "paced", CONFIG, pace=10.0)

    assert (tmp_path / "paced" / "alerts.jsonl").read_bytes() == (out / "alerts.jsonl").read_bytes()
    assert summary.wall_s >= 0.95 * DURATION_S / 10.0


def test_an_abort_and_a_resume_lose_and_invent_no_alert(reference, tmp_path):
    from bytewax.inputs import AbortExecution
    from bytewax.recovery import RecoveryConfig, init_db_dir

    from engine.clock import NoClock
    from engine.flow import build_flow
    from engine.runtime import run_flow
    from engine.verdicts import Alert
    from replay.player import Player, items_with_ticks
    from replay.recording import Recording
    from sinks.collect import Collect

    _, out = reference
    recording = Recording.open(out.parent / "recording")
    init_db_dir(tmp_path, 1)
    recovery = RecoveryConfig(str(tmp_path))
    collected = Collect(Alert)
    n_played = {"aborted": 0, "resumed": 0}

    def crash_in_the_fault(n, item):
        n_played["aborted"] += n
        if isinstance(item, Block) and item.t_ns > T0 + 13_000_000_000:
            raise AbortExecution

    def go_on(n, _item):
        n_played["resumed"] += n

    for on_progress in (crash_in_the_fault, go_on):
        player = Player([recording], NoClock(), CONFIG.check.max_block_s, on_progress=on_progress)
        flow = build_flow(
            player, player.spindles, CONFIG, NoClock(), [collected], running=Running(recoverable=True)
        )
        run_flow(flow, recovery, epoch_s=0.0)

    whole = [orjson.loads(line) for line in (out / "alerts.jsonl").read_bytes().splitlines()]
    n_all = sum(1 for _ in items_with_ticks(recording, CONFIG.check.max_block_s))
    assert 0 < n_played["aborted"] < n_all
    assert 0 < n_played["resumed"] < n_all  # it went on, it did not begin again
    assert {(a.id, str(a.state)) for a in collected.records} == {(a["id"], a["state"]) for a in whole}
