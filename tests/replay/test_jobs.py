"""Recordings shared among processes."""

from __future__ import annotations

import os
import signal

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.config import load_config
from engine.errors import RecordingError, UsageError
from replay.jobs import Told
from replay.session import replay_recordings
from replay.simulate import plan_from_options, simulate


def die(*_):
    """Stands for a replay whose process the system kills."""
    os.kill(os.getpid(), signal.SIGKILL)


FAULTS = ("collision@30:M1", "tool_breakage@36:M2")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    plan = plan_from_options(preset="demo", duration_s=50.0, n_spindles=3, seed=4, faults=FAULTS)
    return simulate(plan, 50.0, tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def alone(shop, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone")
    replay_recordings(shop, out, load_config())
    return out


@pytest.fixture(scope="module")
def shared(shop, tmp_path_factory):
    out = tmp_path_factory.mktemp("shared")
    summary = replay_recordings(shop, out, load_config(), n_jobs=2)
    assert summary.as_dict()["alerts"] >= 2
    return out


@pytest.mark.parametrize("name", ["alerts.jsonl", "tools.jsonl"])
def test_alerts_and_tools_are_the_same_bytes_however_many_processes(alone, shared, name):
    assert (alone / name).read_bytes() == (shared / name).read_bytes()


def test_every_score_is_the_same_however_many_processes(alone, shared):
    keys = [("spindle", "ascending"), ("group", "ascending"), ("t_ns", "ascending")]
    one, two = (pq.read_table(out / "scores.parquet").sort_by(keys) for out in (alone, shared))

    assert one.num_rows == two.num_rows > 1000
    for name in one.column_names:
        np.testing.assert_array_equal(one[name].to_pylist(), two[name].to_pylist())


def test_recording_that_breaks_in_another_process_is_named_and_leaves_no_result(shop, tmp_path):
    broken = tmp_path / "M9"
    broken.mkdir()
    for file in shop[0].iterdir():
        data = bytearray(file.read_bytes())
        if file.name == "vib.parquet":
            data[len(data) // 2] ^= 0xFF
        (broken / file.name).write_bytes(data)
    out = tmp_path / "out"

    with pytest.raises(RecordingError, match=r"M9.*vib\.parquet"):
        replay_recordings([broken, shop[1]], out, load_config(), n_jobs=2)

    assert list(out.iterdir()) == []


def test_two_recordings_of_one_spindle_are_refused_as_in_one_flow(shop, tmp_path):
    with pytest.raises(UsageError, match="both of spindle 'M1'"):
        replay_recordings([shop[0], shop[0]], tmp_path, load_config(), n_jobs=2)


def test_paced_replay_is_one_process(shop, tmp_path):
    with pytest.raises(UsageError, match="wanted 1 job"):
        replay_recordings(shop, tmp_path, load_config(), pace=10.0, n_jobs=2)


def test_process_that_is_killed_ends_the_replay_with_one_error(shop, tmp_path, monkeypatch):
    monkeypatch.setattr("replay.jobs._play", die)
    monkeypatch.setattr("replay.jobs._play_here", lambda *_: Told([], []))

    with pytest.raises(RecordingError, match="process that replayed it died"):
        replay_recordings(shop, tmp_path, load_config(), n_jobs=2)
