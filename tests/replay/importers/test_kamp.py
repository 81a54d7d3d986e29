"""KAMP's sets, as far as their layout is known: labels from elsewhere, contradictions told, nothing dead unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import RecordingError, UsageError
from engine.records import Block, Context
from replay.faults import Fault
from replay.importers.registry import import_recording
from replay.recording import Recording

COLUMNS = [
    "X_ActualPosition",
    "Z_CurrentFeedback",
    "S_OutputCurrent",
    "M_CURRENT_PROGRAM_NUMBER",
    "M_sequence_number",
    "M_CURRENT_FEEDRATE",
    "Machining_Process",
]
STEPS = ["Prep", "Prep", "Layer 1 Up", "Layer 1 Up", "Repositioning"]


def run(folder: Path, number: int, current: float, encoding: str = "utf-8") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{i},0,{current + i},1,{i},6,{step}" for i, step in enumerate(STEPS)]
    text = "\n".join([",".join(COLUMNS), *rows]) + "\n"
    (folder / f"experiment_{number:02d}.csv").write_text(text, encoding=encoding)


def labels(folder: Path, conditions: dict[int, str], encoding: str = "utf-8") -> None:
    lines = [f"{number},왁스,6,4,{condition},yes,yes" for number, condition in conditions.items()]
    header = "No,material,feedrate,clamp_pressure,tool_condition,machining_finalized,passed_visual_inspection"
    (folder / "train.csv").write_text("\n".join([header, *lines]) + "\n", encoding=encoding)


def test_runs_are_labelled_by_the_table_beside_or_above_them(tmp_path: Path) -> None:
    source = tmp_path / "set"
    run(source / "CNC Virtual Data set _v2", 1, 10.0)
    run(source / "CNC Virtual Data set _v2", 2, 20.0)
    labels(source, {1: "unworn", 2: "worn"}, "cp949")

    report = import_recording("kamp_cnc", source, tmp_path / "dest")
    new, worn = (Recording.open(item.path) for item in report.recordings)
    contexts = [item for item in worn.items(1.0) if isinstance(item, Context)]

    assert new.faults == ()
    assert [(f.start_s, f.end_s, f.fault) for f in worn.faults] == [(0.0, None, "tool_wear")]
    assert "material 왁스" in worn.faults[0].note
    assert [(c.section, c.program, c.feed_mm_min, c.cutting) for c in contexts] == [
        ("Prep", "1", 360.0, False),
        ("Layer 1 Up", "1", 360.0, True),
        ("Repositioning", "1", 360.0, False),
    ]
    assert worn.spindle.groups[0].channel_names == (
        "x_actual_position",
        "z_current_feedback",
        "s_output_current",
    )
    assert "1 of 3 channels never change: z_current_feedback." in worn.notes


def test_one_run_under_two_numbers_with_two_labels_is_labelled_with_neither(tmp_path: Path) -> None:
    for number, current in ((8, 10.0), (14, 30.0), (20, 10.0), (24, 30.0)):
        run(tmp_path / "set", number, current)
    labels(tmp_path / "set", {8: "worn", 14: "worn", 20: "unworn", 24: "worn"})

    report = import_recording("kamp_cnc", tmp_path / "set", tmp_path / "dest")
    recordings = {item.path.name[-2:]: Recording.open(item.path) for item in report.recordings}

    assert {name: len(recording.faults) for name, recording in recordings.items()} == {
        "08": 0,
        "14": 1,
        "20": 0,
        "24": 1,
    }
    assert any("that of experiment_20 (unworn)" in note for note in recordings["08"].notes)
    assert any("contradict" in note for note in recordings["20"].notes)
    assert any("that of experiment_14 (worn)" in note for note in recordings["24"].notes)


def test_a_run_without_label_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "set", 1, 1.0)

    with pytest.raises(RecordingError, match=r"wanted a train\.csv"):
        import_recording("kamp_cnc", tmp_path / "set", tmp_path / "dest")
    labels(tmp_path / "set", {2: "worn"})
    with pytest.raises(RecordingError, match=r"wanted a row of run 1"):
        import_recording("kamp_cnc", tmp_path / "set", tmp_path / "dest")
    assert not (tmp_path / "dest").exists()


def parts(path: Path, rows: list[tuple[str, int, str]], encoding: str = "utf-8") -> Path:
    lines = [
        f"{serial},2022-08-23 10:00:{second:02d},{second}.5,7,{verdict}" for serial, second, verdict in rows
    ]
    header = "SerialNo,ReceivedDateTime,SpindleLoad_max,ServoLoad_Z1_min,passorfail"
    path.write_text("\n".join([header, *lines]) + "\n", encoding=encoding)
    return path


def test_parts_that_failed_are_faults_and_contradictory_serials_are_not(tmp_path: Path) -> None:
    rows = [("a", 0, "1"), ("b", 5, "1"), ("c", 9, "0"), ("d", 12, "1"), ("b", 20, "0"), ("e", 30, "1")]
    source = parts(tmp_path / "parts.csv", rows)

    report = import_recording("kamp_precision", source, tmp_path / "dest")
    recording = Recording.open(tmp_path / "dest")

    assert recording.faults == (Fault(9.0, 9.0, "reject", "label 0"),)
    assert not recording.labelled
    assert any(note.startswith("1 serials have contradictory verdicts") for note in recording.notes)
    assert "Verdicts: 1 (4 rows), 0 (2 rows); 1 is taken as passed." in recording.notes
    assert any("never change: servo_load_z1_min" in note for note in recording.notes)
    assert report.recordings[0].n_samples == 6


def test_without_contradictions_the_labels_are_complete(tmp_path: Path) -> None:
    source = parts(tmp_path / "parts.csv", [("a", 0, "불량"), ("b", 5, "양품"), ("c", 9, "불량")], "cp949")

    import_recording("kamp_precision", source, tmp_path / "dest", passed="양품")
    recording = Recording.open(tmp_path / "dest")

    assert recording.labelled
    assert [(fault.start_s, fault.end_s) for fault in recording.faults] == [(0.0, 0.0), (9.0, None)]
    assert "Text read as cp949, found out." in recording.notes


def test_parts_received_at_one_moment_are_counted(tmp_path: Path) -> None:
    source = parts(tmp_path / "parts.csv", [("a", 0, "1"), ("b", 0, "1"), ("c", 9, "1"), ("d", 12, "1")])

    report = import_recording("kamp_precision", source, tmp_path / "dest")
    values = [i.samples[0, 0] for i in Recording.open(tmp_path / "dest").items(1.0) if isinstance(i, Block)]

    assert [(item.n, item.what) for item in report.recordings[0].dropped] == [(1, "rows")]
    assert values == [0.5, 9.5, 12.5]


def test_a_verdict_that_is_none_is_named(tmp_path: Path) -> None:
    source = parts(tmp_path / "parts.csv", [("a", 0, "1"), ("b", 5, "0")])

    with pytest.raises(UsageError, match="passed: got 'good', wanted one of 1, 0"):
        import_recording("kamp_precision", source, tmp_path / "dest", passed="good")
