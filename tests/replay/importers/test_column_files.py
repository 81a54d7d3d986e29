"""What single formats say of themselves: clocks, layouts, encodings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from nptdms import ChannelObject, TdmsWriter

from engine.records import Block
from replay.importers.registry import import_recording
from replay.recording import Recording


def imported(format_: str, source: Path, **options: str) -> Recording:
    import_recording(format_, source, source.parent / "dest", **options)
    return Recording.open(source.parent / "dest")


def samples_of(recording: Recording, group: str | None = None) -> np.ndarray:
    blocks = [i for i in recording.items(1.0) if isinstance(i, Block) and group in (None, i.group)]
    return np.concatenate([block.samples for block in blocks], axis=1)


@pytest.fixture
def two_clocks(tmp_path: Path) -> Path:
    fast = {"wf_increment": 0.001, "wf_start_time": np.datetime64("2020-01-01T00:00:00"), "unit_string": "g"}
    slow = {"wf_increment": 0.1, "wf_start_time": np.datetime64("2020-01-01T00:00:02"), "unit_string": "kW"}
    with TdmsWriter(tmp_path / "a.tdms") as writer:
        writer.write_segment(
            [
                ChannelObject("fast", "ch0", np.arange(3000.0), properties=fast),
                ChannelObject("slow", "ch0", np.arange(10.0), properties=slow),
                ChannelObject("bare", "ch0", np.arange(20.0), properties={"wf_increment": 0.1}),
            ]
        )
    return tmp_path / "a.tdms"


@pytest.mark.parametrize("start", ["", "2024-05-06T07:08:09"])
def test_tdms_clocks_keep_their_distance(two_clocks: Path, start: str) -> None:
    recording = imported("tdms", two_clocks, start=start)
    firsts = {}
    for item in recording.items(1.0):
        if isinstance(item, Block):
            firsts.setdefault(item.group, (item.t_ns - recording.start_ns) / 1e9)

    began = datetime.fromisoformat(start or "2020-01-01T00:00:00").replace(tzinfo=UTC)
    assert recording.start_ns == int(began.timestamp()) * 1_000_000_000
    assert firsts == {"fast": 0.0, "slow": 2.0, "bare": 0.0}
    assert [g.kind for g in recording.spindle.groups].count("waveform") == 1
    assert {c.name: c.unit for g in recording.spindle.groups for c in g.channels} == {
        "fast_ch0": "g",
        "slow_ch0": "kW",
        "bare_ch0": "",
    }


def test_arrays_of_any_layout_have_time_along_the_longer_side(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    across, along = rng.random((3, 500)), rng.random((500, 2))
    np.savez(
        tmp_path / "a.npz",
        a=across,
        b=np.asfortranarray(across),
        c=along,
        d=np.asfortranarray(along),
        e=along.astype(">f4"),
        f=np.arange(500, dtype=np.float16),
        other=np.arange(7),
        fs=1000,
    )

    recording = imported("npz", tmp_path / "a.npz")

    wanted = [across, across, along.T, along.T, along.T.astype(np.float32), np.arange(500)[np.newaxis]]
    np.testing.assert_array_equal(samples_of(recording), np.concatenate(wanted).astype(np.float32))
    assert any("other lengths" in note and "other" in note for note in recording.notes)


def test_sound_is_scaled_to_what_its_full_scale_stands_for(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.5, -1.0, 0.25]), 48_000, subtype="PCM_16")

    recording = imported("wav", tmp_path / "a.wav", full_scale="50", units="channel_1=g")
    (channel,) = recording.spindle.groups[0].channels

    assert (channel.unit, channel.full_scale, channel.dc_coupled) == ("g", 50.0, False)
    assert samples_of(recording).tolist() == [[25.0, -50.0, 12.5]]


def test_parquet_keeps_what_is_flat_and_names_the_rest(tmp_path: Path) -> None:
    table = pa.table(
        {
            "ts": pa.array([datetime(2020, 1, 1, 0, 0, second, tzinfo=UTC) for second in range(4)]),
            "tool": pa.array(["T1", "T1", "T2", None]).dictionary_encode(),
            "load": pa.array([1, None, 3, 4]),
            "price": pa.array([1, 2, 3, 4]).cast(pa.decimal128(25, 2)),
            "spectrum": pa.array([[1.0]] * 4),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")

    recording = imported("parquet", tmp_path / "a.parquet")

    assert recording.spindle.groups[0].channel_names == ("load", "price")
    np.testing.assert_array_equal(samples_of(recording), [[1, np.nan, 3, 4], [1, 2, 3, 4]])
    assert "Columns of lists and structs, not imported: spectrum." in recording.notes
    assert "Context: tool from tool." in recording.notes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_the_encoding_of_a_korean_table_is_found(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.tsv").write_bytes("시간 [s]\t전류 [A]\t온도\n0\t1\t2\n1\t3\t4\n".encode(encoding))

    recording = imported("csv", tmp_path / "a.tsv")

    assert [(c.name, c.unit) for c in recording.spindle.groups[0].channels] == [("전류", "A"), ("온도", "")]
    assert samples_of(recording).tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert any("found out" in note for note in recording.notes) == (encoding in ("utf-16", "cp949"))


def test_a_western_degree_sign_is_no_korean(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("t_s,Temp [°C]\n0,1\n1,2\n".encode("latin-1"))

    assert imported("csv", tmp_path / "a.csv").spindle.groups[0].channels[0].unit == "°C"
