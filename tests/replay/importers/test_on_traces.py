"""The importers on the real recordings: what comes out is what their description and ``labels.csv`` say."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from engine.records import Block
from replay.importers.registry import import_recording
from replay.recording import Recording, validate

# Folder, format, recordings, samples (over all groups).
SETS = [
    ("skab", "skab", 16, 25_662),
    ("cwru", "cwru", 9, 2_138_420),
    ("femto", "femto", 2, (871 + 797) * 2560),
    ("umich_smart_cnc", "umich", 10, 14_806),
    ("mfpt", "mfpt", 4, 4 * (146_484 + 6 * 48_828)),
    ("nasa_milling_truncated", "nasa_milling", 2, 2 * 2 * 9000),
    ("tvhahn_cnc_lathe", "lathe", 1, 177_000),
    ("nab", "nab", 2, 22_695 - 12 + 7_267),
    ("motor_current_3ph", "csv", 1, 95_000),
]


@pytest.mark.parametrize(("folder", "format_", "n_recordings", "n_samples"), SETS)
def test_every_set_is_imported_whole_and_valid(
    traces: Path, tmp_path: Path, folder: str, format_: str, n_recordings: int, n_samples: int
) -> None:
    report = import_recording(format_, traces / folder, tmp_path / "dest")

    lines = [validate(item.path)[0] for item in report.recordings]

    assert all("valid recording" in line for line in lines)
    assert len(lines) == n_recordings
    assert sum(item.n_samples for item in report.recordings) == n_samples
    assert len({item.spindle for item in report.recordings}) == n_recordings


@pytest.mark.parametrize("dataset", ["skab", "nab"])
def test_intervals_are_those_of_the_label_table(traces: Path, tmp_path: Path, dataset: str) -> None:
    import_recording(dataset, traces / dataset, tmp_path / "dest")
    with (traces / "labels.csv").open(encoding="utf-8", newline="") as file:
        wanted = [
            row for row in csv.DictReader(file) if row["dataset"] == dataset and row["label"] == "anomaly"
        ]

    found = []
    for row in wanted:
        name = row["file"].removesuffix(".csv").replace("/", "-")
        recording = Recording.open(tmp_path / "dest" / name)
        # An interval without an end lasts to the last row, one second before the end of the recording.
        last_s = recording.duration_s - 1.0
        spans = [
            (fault.start_s, last_s if fault.end_s is None else fault.end_s) for fault in recording.faults
        ]
        found.append((float(row["start_s"]), float(row["end_s"])) in spans)

    assert len(wanted) == {"skab": 15, "nab": 6}[dataset]
    assert all(found)


def test_cwru_levels_are_those_of_the_description(traces: Path, tmp_path: Path) -> None:
    import_recording("cwru", traces / "cwru", tmp_path / "dest")
    levels = {}
    for name in ("1797_B_7_DE12", "1797_IR_7_DE12", "1797_OR-6_21_DE12"):
        recording = Recording.open(tmp_path / "dest" / name)
        signal = np.concatenate([i.samples[0] for i in recording.items(1.0) if isinstance(i, Block)]).astype(
            np.float64
        )
        n_healthy = round(recording.faults[0].start_s * 12_000)
        levels[name] = [round(float(part.std()), 3) for part in (signal[:n_healthy], signal[n_healthy:])]

    assert levels["1797_B_7_DE12"] == pytest.approx([0.073, 0.139], abs=0.003)
    assert levels["1797_IR_7_DE12"] == pytest.approx([0.073, 0.29], abs=0.003)
    assert levels["1797_OR-6_21_DE12"] == pytest.approx([0.073, 0.58], abs=0.005)


def test_the_motor_currents_held_values_and_stamps_are_told(traces: Path, tmp_path: Path) -> None:
    import_recording("csv", traces / "motor_current_3ph" / "healthy.csv", tmp_path / "dest")
    recording = Recording.open(tmp_path / "dest")

    assert recording.spindle.groups[0].sample_rate_hz == pytest.approx(443.3, abs=0.5)
    assert "95000 rows share 216 time stamps; they are spread evenly." in recording.notes
    assert any(note.startswith("Each value is held for 44 rows") for note in recording.notes)
