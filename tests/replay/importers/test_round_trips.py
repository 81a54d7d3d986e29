"""Whatever a library writes, its importer gives back: the same samples, at the same times, at the same rate."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from signal_files import WRITERS

from engine.clock import NS_PER_S
from engine.records import Block
from replay.importers.registry import import_recording
from replay.recording import Recording

RATES_HZ = [250.0, 1000.0, 12_800.0, 25_600.0]
# What their files say of units; the others say nothing.
UNITS = {"tdms": "g", "uff": "g"}
DATED = {"parquet", "tdms"}


@st.composite
def signals(draw: st.DrawFn) -> dict[str, np.ndarray]:
    n_rows, n_channels = draw(st.integers(2, 200)), draw(st.integers(1, 3))
    values = st.floats(-0.75, 0.75, width=32)
    return {
        name: draw(arrays(np.float32, n_rows, elements=values))
        for name in ("acc_x", "load", "temp")[:n_channels]
    }


def read_back(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    blocks = [item for item in recording.items(1.0) if isinstance(item, Block)]
    times = [
        (b.t_ns - recording.start_ns) / NS_PER_S + np.arange(b.samples.shape[1]) / b.sample_rate_hz
        for b in blocks
    ]
    return np.concatenate(times), np.concatenate([b.samples for b in blocks], axis=1)


@pytest.mark.parametrize("kind", WRITERS)
@settings(max_examples=12, deadline=None)
@given(written=signals(), rate_hz=st.sampled_from(RATES_HZ))
def test_samples_times_rate_and_units_come_back(kind: str, written: dict[str, Any], rate_hz: float) -> None:
    format_, name, write = WRITERS[kind]
    with tempfile.TemporaryDirectory() as folder:
        source, dest = Path(folder, name), Path(folder, "dest")
        write(source, written, rate_hz)

        report = import_recording(format_, source, dest).recordings[0]

        recording = Recording.open(dest)
        times, samples = read_back(recording)
    (group,) = recording.spindle.groups
    wanted = np.stack(list(written.values()))
    assert report.n_read == wanted.shape[1]
    assert group.kind == "waveform"
    assert group.sample_rate_hz == pytest.approx(rate_hz, rel=1e-5)
    np.testing.assert_allclose(times, np.arange(wanted.shape[1]) / rate_hz, atol=1e-7 + 1e-5 / rate_hz)
    np.testing.assert_allclose(samples, wanted, atol=2.0**-23 if kind == "flac" else 0.0)
    assert {channel.unit for channel in group.channels} == {UNITS.get(format_, "")}
    assert any("no date" in note for note in recording.notes) != (format_ in DATED)


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind not in ("wav", "flac")])
def test_channels_are_called_as_their_file_calls_them(tmp_path: Path, kind: str) -> None:
    format_, name, write = WRITERS[kind]
    write(tmp_path / name, {"acc_x": np.array([0.5, 0.25]), "load": np.array([1.0, 2.0])}, 1000.0)

    import_recording(format_, tmp_path / name, tmp_path / "dest")

    names = Recording.open(tmp_path / "dest").spindle.groups[0].channel_names
    assert [name.removeprefix("daq_").removeprefix("bearing_") for name in names] == ["acc_x", "load"]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_longer_than_a_batch_comes_back_whole(tmp_path: Path, kind: str) -> None:
    format_, name, write = WRITERS[kind]
    wanted = np.random.default_rng(3).uniform(-0.9, 0.9, 70_001).astype(np.float32)
    write(tmp_path / name, {"a": wanted, "b": wanted[::-1].copy()}, 25_600.0)

    import_recording(format_, tmp_path / name, tmp_path / "dest")
    _, samples = read_back(Recording.open(tmp_path / "dest"))

    np.testing.assert_allclose(samples, [wanted, wanted[::-1]], atol=2.0**-23 if kind == "flac" else 0.0)
