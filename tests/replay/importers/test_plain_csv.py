"""Tables from anywhere become recordings without being told what can be found out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.clock import NS_PER_S
from engine.errors import RecordingError, UsageError
from engine.records import Block
from replay.importers.registry import import_recording
from replay.recording import Recording

NO_DATE_NS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * NS_PER_S


def imported(tmp_path: Path, text: str | bytes, **options: Any) -> Recording:
    source = tmp_path / "source.csv"
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    import_recording("csv", source, tmp_path / "dest", **options)
    return Recording.open(tmp_path / "dest")


def rows(recording: Recording) -> tuple[list[float], np.ndarray]:
    blocks = [item for item in recording.items(1.0) if isinstance(item, Block)]
    times = [
        (b.t_ns - recording.start_ns) / NS_PER_S + np.arange(b.samples.shape[1]) / b.sample_rate_hz
        for b in blocks
    ]
    return np.concatenate(times).tolist(), np.concatenate([b.samples for b in blocks], axis=1)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = "time_s,load,temp\n0,1,2\n1,3,4\n2,5,6\n".replace(",", delimiter)

    times, values = rows(imported(tmp_path, text))

    assert times == [0.0, 1.0, 2.0]
    assert values.tolist() == [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]


def test_a_decimal_comma_is_found(tmp_path: Path) -> None:
    times, values = rows(imported(tmp_path, "time_s;load\n0,0;1,5\n0,5;-2,25\n"))

    assert times == [0.0, 0.5]
    assert values.tolist() == [[1.5, -2.25]]


@pytest.mark.parametrize(
    ("heading", "stamps", "start"),
    [
        ("timestamp", ["2020-03-01 15:44:06", "2020-03-01 15:44:07"], "2020-03-01T15:44:06"),
        ("datetime", ["2020-03-01T15:44:06.5Z", "2020-03-01T15:44:07.5Z"], "2020-03-01T15:44:06.5"),
        ("Time Stamp", ["13:28:15", "13:28:16"], "2000-01-01T13:28:15"),
        ("t_s", ["5", "6"], "2000-01-01T00:00:05"),
        ("t_ms", ["5000", "6000"], "2000-01-01T00:00:05"),
        ("Time [ms]", ["0.5", "1000.5"], "2000-01-01T00:00:00.0005"),
        ("time", ["1583077446", "1583077447"], "2020-03-01T15:44:06"),
        ("time", ["1583077446.25", "1583077447.25"], "2020-03-01T15:44:06.25"),
        ("time", ["1583077446000", "1583077447000"], "2020-03-01T15:44:06"),
        ("t_ns", ["1583077446000000000", "1583077447000000000"], "2020-03-01T15:44:06"),
        ("시간", ["2020-03-01 15:44:06", "2020-03-01 15:44:07"], "2020-03-01T15:44:06"),
    ],
)
def test_times_are_understood(tmp_path: Path, heading: str, stamps: list[str], start: str) -> None:
    recording = imported(tmp_path, f"{heading},load\n" + "".join(f"{stamp},1\n" for stamp in stamps))

    wanted = datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp()

    assert recording.start_ns == pytest.approx(wanted * NS_PER_S, abs=1000)
    assert rows(recording)[0] == pytest.approx([0.0, 1.0])


def test_other_times_are_understood_when_told(tmp_path: Path) -> None:
    text = "when,load\n23-Oct-2018 08:45:55,1\n23-Oct-2018 08:45:57,2\n"

    recording = imported(tmp_path, text, time_column="when", time_format="%d-%b-%Y %H:%M:%S")

    assert recording.start_ns == int(datetime(2018, 10, 23, 8, 45, 55, tzinfo=UTC).timestamp()) * NS_PER_S
    assert rows(recording)[0] == [0.0, 2.0]


def test_times_of_day_go_on_after_midnight(tmp_path: Path) -> None:
    recording = imported(tmp_path, "time,load\n23:59:59,1\n00:00:00,2\n00:00:01,3\n")

    assert rows(recording)[0] == [0.0, 1.0, 2.0]


def test_without_times_the_rate_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found no column of times among vib_x, vib_y; give time_column"):
        imported(tmp_path, "vib_x,vib_y\n1,2\n3,4\n")


def test_a_told_rate_makes_a_waveform_of_it(tmp_path: Path) -> None:
    text = "vib_x [g],current (A)\n" + "0.5,1\n" * 1000

    recording = imported(tmp_path, text, rate_hz="1000", start="2020-03-01T00:00:00")
    group = recording.spindle.groups[0]

    assert (group.kind, group.sample_rate_hz) == ("waveform", 1000.0)
    assert [(c.name, c.unit, c.dc_coupled) for c in group.channels] == [
        ("vib_x", "g", False),
        ("current", "A", True),
    ]
    assert recording.start_ns == int(datetime(2020, 3, 1, tzinfo=UTC).timestamp()) * NS_PER_S
    assert recording.duration_s == 1.0


def test_columns_without_headings_are_numbered(tmp_path: Path) -> None:
    recording = imported(tmp_path, "1.5,2\n3,-4e-3\n", rate_hz="10")

    assert recording.spindle.groups[0].channel_names == ("column_1", "column_2")
    np.testing.assert_array_equal(rows(recording)[1], np.array([[1.5, 3.0], [2.0, -4e-3]], np.float32))


def test_slow_rows_are_scalars_at_their_usual_step(tmp_path: Path) -> None:
    stamps = [0, 1, 2, 4, 5, 60, 61]
    recording = imported(tmp_path, "t_s,load\n" + "".join(f"{t},{t}\n" for t in stamps), max_gap_s="5")
    group = recording.spindle.groups[0]

    assert (group.kind, group.sample_rate_hz, group.max_gap_s) == ("scalar", 1.0, 5.0)
    assert rows(recording)[0] == stamps


def test_a_gap_in_a_waveform_stays_a_gap(tmp_path: Path) -> None:
    t_ms = [*range(1000), *range(3000, 4000)]
    recording = imported(tmp_path, "t_ms,vib\n" + "".join(f"{t},{t}\n" for t in t_ms))

    times, values = rows(recording)

    assert recording.spindle.groups[0].kind == "waveform"
    assert recording.spindle.groups[0].sample_rate_hz == pytest.approx(1000.0)
    assert times == pytest.approx([t / 1000 for t in t_ms])
    assert values[0].tolist() == t_ms
    assert "1 gaps in the file's times." in recording.notes


def test_stamps_of_whole_seconds_are_spread_evenly(tmp_path: Path) -> None:
    counts = {"10:00:00": 100, "10:00:01": 500, "10:00:02": 500, "10:00:03": 500, "10:00:04": 50}
    lines = [f"{stamp},{i}\n" for stamp, n in counts.items() for i in range(n)]
    recording = imported(tmp_path, "Time Stamp, Current-A\n" + "".join(lines))
    group = recording.spindle.groups[0]

    times, values = rows(recording)

    assert group.kind == "waveform"
    assert group.sample_rate_hz == pytest.approx(500.0, rel=1e-6)
    assert group.channel_names == ("current_a",)
    assert recording.start_ns == NO_DATE_NS + 36_000 * NS_PER_S + 800_000_000
    assert np.diff(times) == pytest.approx(0.002)
    assert values.shape == (1, 1650)


def test_held_values_are_told(tmp_path: Path) -> None:
    lines = [f"{t},{t // 45}\n" for t in range(4500)]
    recording = imported(tmp_path, "t_ms,current\n" + "".join(lines))

    assert any(
        note.startswith("Each value is held for 45 rows: some 22.2 fresh values") for note in recording.notes
    )


def test_what_is_no_number_is_nan_and_counted(tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_text("t_s,load,comment\n0,1,a\n1,oops,b\n2,,c\n3,4,d\n")

    report = import_recording("csv", source, tmp_path / "dest").recordings[0]
    values = rows(Recording.open(tmp_path / "dest"))[1]

    assert [str(item) for item in report.dropped] == ["2 cells: no number in them; they are NaN"]
    np.testing.assert_array_equal(values, np.array([[1.0, np.nan, np.nan, 4.0]], np.float32))
    assert "Columns not imported: comment." in report.notes


def test_repeated_and_earlier_rows_are_dropped_and_counted(tmp_path: Path) -> None:
    recording = imported(tmp_path, "t_s,load\n0,0\n1,1\n2,2\n1,9\n2,9\n3,3\n,9\n4,4\n")

    assert rows(recording)[1].tolist() == [[0.0, 1.0, 2.0, 3.0, 4.0]]
    assert any(note.startswith("Dropped 3 rows") for note in recording.notes)


def test_columns_units_and_spindle_as_told(tmp_path: Path) -> None:
    recording = imported(
        tmp_path,
        "t_s,a,b,c\n0,1,2,3\n1,4,5,6\n",
        columns="c,a",
        units="a=A,c=bar",
        spindle="M7",
        licence="ours",
    )

    assert recording.spindle.name == "M7"
    assert recording.licence == "ours"
    assert [(c.name, c.unit) for c in recording.spindle.groups[0].channels] == [("c", "bar"), ("a", "A")]
    assert rows(recording)[1].tolist() == [[3.0, 6.0], [1.0, 4.0]]


def test_korean_tables_are_read(tmp_path: Path) -> None:
    text = "시간,전류 [A],진동\n2024-01-01 09:00:00,1,2\n2024-01-01 09:00:01,3,4\n".encode("cp949")

    recording = imported(tmp_path, text, encoding="cp949")

    assert [(c.name, c.unit) for c in recording.spindle.groups[0].channels] == [("전류", "A"), ("진동", "")]


def test_headings_that_become_the_same_name_stay_apart(tmp_path: Path) -> None:
    recording = imported(tmp_path, "t_s,Load,load,LOAD!,t_ns\n0,1,2,3,4\n1,1,2,3,4\n", time_column="t_s")

    assert recording.spindle.groups[0].channel_names == ("load", "load_2", "load_3", "t_ns_2")


@pytest.mark.parametrize(
    ("text", "options", "error", "said"),
    [
        ("t_s,load\n0,1\n1,2\n", {"time_column": "when"}, UsageError, "wanted column 'when', got t_s, load"),
        ("t_s,load\n0,1\n1,2\n", {"columns": "lood"}, UsageError, "wanted column 'lood'"),
        ("t_s,load\n0,1\n1,2\n", {"units": "lood=A"}, UsageError, "units: got lood"),
        ("t_s,load\n0,1\n1,2\n", {"rate_hz": "fast"}, UsageError, "rate_hz"),
        ("t_s,load\n0,1\n1,2\n", {"rate_hz": "-1"}, UsageError, "rate_hz"),
        ("t_s,load\n0,1\n1,2\n", {"encoding": "klingon"}, UsageError, "klingon"),
        ("t_s,load\n0,1\n1,2\n", {"delimiter": ";;"}, UsageError, "';;'"),
        ("t_s,load\n0,1\n1,2\n", {"start": "soon"}, RecordingError, "soon"),
        ("t_s,load\n0,1\n", {}, RecordingError, "at least two rows"),
        ("t_s,load\n", {}, RecordingError, "header only"),
        ("time,load\nsoon,1\nlater,2\n", {}, RecordingError, "got 'soon'; give time_format"),
        ("t_s,load\n0,1\n1,2,3\n", {}, RecordingError, "Expected 2 columns"),
        ("t_s,name\n0,a\n1,b\n", {}, RecordingError, "wanted columns of numbers"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, text: str, options: dict[str, str], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        imported(tmp_path, text, **options)
