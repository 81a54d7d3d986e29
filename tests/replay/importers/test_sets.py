"""Each importer on small files of its set's layout: units, times, labels, teach-in, and the set's traps."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from engine.clock import NS_PER_S
from engine.declared import DutyCycle, TeachIn
from engine.errors import RecordingError
from engine.records import Block, Context
from replay.faults import Fault
from replay.importers.mfpt import surrogate
from replay.importers.registry import import_recording
from replay.importers.report import ImportReport
from replay.recording import Recording


def imported(format_: str, source: Path, **options: Any) -> tuple[dict[str, Recording], ImportReport]:
    dest = source.parent / f"dest-{format_}"
    report = import_recording(format_, source, dest, **options)
    return {item.path.name: Recording.open(item.path) for item in report.recordings}, report


def only(format_: str, source: Path, **options: Any) -> Recording:
    (recording,) = imported(format_, source, **options)[0].values()
    return recording


def blocks_of(recording: Recording, group: str | None = None) -> list[Block]:
    items = recording.items(100.0)
    return [item for item in items if isinstance(item, Block) and group in (None, item.group)]


def samples_of(recording: Recording, group: str | None = None) -> np.ndarray:
    return np.concatenate([block.samples for block in blocks_of(recording, group)], axis=1)


def seconds_of(recording: Recording) -> list[float]:
    return [(block.t_ns - recording.start_ns) / NS_PER_S for block in blocks_of(recording)]


def contexts_of(recording: Recording) -> list[tuple[Any, ...]]:
    return [
        (
            (c.t_ns - recording.start_ns) / NS_PER_S,
            c.tool,
            c.program,
            c.section,
            c.rpm,
            c.feed_mm_min,
            c.cutting,
        )
        for c in recording.items(1.0)
        if isinstance(c, Context)
    ]


def is_contiguous(recording: Recording) -> bool:
    return all(abs(a.end_ns - b.t_ns) <= 1 for a, b in pairwise(blocks_of(recording)))  # rounded


# --- skab -----------------------------------------------------------------------------------------------------

SKAB_HEADER = (
    "datetime;Accelerometer1RMS;Accelerometer2RMS;Current;Pressure;Temperature;Thermocouple;Voltage;"
    "Volume Flow RateRMS"
)


def skab_file(path: Path, seconds: list[int], anomaly: list[int] | None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [SKAB_HEADER + (";anomaly;changepoint" if anomaly else "")]
    for i, t in enumerate(seconds):
        label = f";{anomaly[i]}.0;0.0" if anomaly else ""
        lines.append(f"2020-03-01 16:{t // 60:02d}:{t % 60:02d};{i};1;2;3;4;5;6;7{label}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_skab_rows_are_scalars_with_labels_as_intervals(tmp_path: Path) -> None:
    source = skab_file(tmp_path / "valve1" / "1.csv", [0, 1, 3, 4, 90, 91], [0, 1, 1, 0, 0, 1])

    recording = only("skab", source)
    group = recording.spindle.groups[0]

    assert (group.kind, group.sample_rate_hz, group.max_gap_s) == ("scalar", 1.0, 5.0)
    assert [c.unit for c in group.channels] == ["g", "g", "A", "bar", "°C", "°C", "V", "l/min"]
    assert seconds_of(recording) == [0, 1, 3, 4, 90, 91]
    assert samples_of(recording)[0].tolist() == [0, 1, 2, 3, 4, 5]
    cause = "valve at the flow inlet to the pump closed"
    assert recording.faults == (Fault(1.0, 3.0, "anomaly", cause), Fault(91.0, None, "anomaly", cause))
    assert recording.spindle.teach_in == TeachIn(n_vectors=400)
    assert any(note.startswith("3 of the first 400 rows are anomalous") for note in recording.notes)


def test_skab_without_labels_is_healthy(tmp_path: Path) -> None:
    recording = only("skab", skab_file(tmp_path / "anomaly-free" / "a.csv", [0, 1, 2], None))

    assert recording.faults == ()


def test_skab_without_a_column_names_it(tmp_path: Path) -> None:
    source = skab_file(tmp_path / "1.csv", [0, 1], None)
    source.write_text(source.read_text().replace("Pressure", "pressure"))

    with pytest.raises(RecordingError, match=r"1\.csv: wanted the columns Pressure; got datetime"):
        import_recording("skab", source, tmp_path / "dest")


# --- nab ------------------------------------------------------------------------------------------------------


def test_nab_keeps_the_rows_that_came_first_when_the_clock_jumps_back(tmp_path: Path) -> None:
    source = tmp_path / "realKnownCause" / "machine_temperature_system_failure.csv"
    source.parent.mkdir()
    stamps = ["02:45:00", "02:50:00", "02:55:00", "02:50:00", "02:55:00", "03:00:00", "03:05:00"]
    source.write_text("timestamp,value\n" + "".join(f"2014-01-07 {t},{i}\n" for i, t in enumerate(stamps)))
    window = ["2014-01-07 02:50:00.000000", "2014-01-07 03:00:00.000000"]
    (tmp_path / "windows.json").write_text(json.dumps({f"realKnownCause/{source.name}": [window]}))

    recording = only("nab", source)

    assert recording.spindle.groups[0].sample_rate_hz == pytest.approx(1 / 300)
    assert seconds_of(recording) == [0, 300, 600, 900, 1200]
    assert samples_of(recording)[0].tolist() == [0, 1, 2, 5, 6]
    assert recording.faults == (Fault(300.0, 900.0, "anomaly", "NAB window"),)
    assert any(note.startswith("Dropped 2 rows") for note in recording.notes)


def test_nab_probation_is_taught(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text(
        "timestamp,value\n"
        + "".join(f"2014-01-01 {h:02d}:{m:02d}:00,1\n" for h in range(2) for m in range(50))
    )

    recording = only("nab", source)

    assert recording.spindle.teach_in == TeachIn(n_vectors=15)
    assert recording.faults == ()
    assert any("nothing is labelled" in note for note in recording.notes)


# --- cwru -----------------------------------------------------------------------------------------------------


def cwru_file(path: Path, rate_hz: int, n: int, level: float, channels: tuple[str, ...]) -> Path:
    t = np.arange(n) / rate_hz
    rng = np.random.default_rng(n)
    arrays = {
        c: (np.sin(2 * np.pi * 500 * t) + level * rng.normal(size=n)).astype(np.float32) for c in channels
    }
    np.savez(path, sample_rate_hz=np.int32(rate_hz), **arrays)
    return path


def test_cwru_fault_comes_behind_the_decimated_healthy_file(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    cwru_file(folder / "1797_Normal.npz", 48_000, 240_000, 0.0, ("DE", "FE"))
    fault = cwru_file(folder / "1797_OR@6_7_DE12.npz", 12_000, 60_000, 1.0, ("DE", "FE", "BA"))

    recordings, _ = imported("cwru", folder)
    recording = recordings["1797_OR-6_7_DE12"]
    healthy_s = recording.faults[0].start_s
    signal = samples_of(recording)
    n_healthy = round(healthy_s * 12_000)

    assert recordings.keys() == {"1797_Normal", "1797_OR-6_7_DE12"}
    assert recording.spindle.groups[0].channel_names == ("vib_de", "vib_fe")
    assert recording.faults == (Fault(healthy_s, None, "outer_race_fault", "0.007 in at 6 o'clock; spliced"),)
    assert is_contiguous(recording)
    assert contexts_of(recording) == [(0.0, None, None, None, 1797.0, None, None)]
    np.testing.assert_array_equal(signal[0, n_healthy:], np.load(fault)["DE"])
    # What was healthy is still the same sine at a quarter of the rate, from its first sample to its last.
    assert 4.9 < healthy_s < 5.0
    assert np.sqrt((signal[0, :n_healthy] ** 2).mean()) == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert np.abs(signal[0, :n_healthy]).max() == pytest.approx(1.0, abs=0.001)
    # The last vector that is learnt ends a second or more before the fault.
    assert recording.spindle.teach_in is not None
    assert recording.spindle.teach_in.n_vectors is not None
    assert 0.2 + 0.1 * (recording.spindle.teach_in.n_vectors - 1) <= healthy_s - 1.0


def test_cwru_decimation_folds_nothing_back(tmp_path: Path) -> None:
    t = np.arange(240_000) / 48_000
    loud = np.sin(2 * np.pi * 7_000 * t).astype(np.float32)  # would fold to 5 kHz
    np.savez(tmp_path / "1797_Normal.npz", DE=loud, FE=loud)
    cwru_file(tmp_path / "1797_B_7_DE12.npz", 12_000, 1_200, 0.0, ("DE", "FE"))

    recording = only("cwru", tmp_path / "1797_B_7_DE12.npz")
    n_healthy = round(recording.faults[0].start_s * 12_000)

    assert np.abs(samples_of(recording)[0, :n_healthy]).max() < 1e-3


def test_cwru_at_48_khz_is_joined_as_it_is(tmp_path: Path) -> None:
    healthy = cwru_file(tmp_path / "1797_Normal.npz", 48_000, 4_800, 0.1, ("DE", "FE"))
    fault = cwru_file(tmp_path / "1797_IR_14_DE48.npz", 48_000, 2_400, 1.0, ("DE", "FE"))

    signal = samples_of(only("cwru", fault))

    np.testing.assert_array_equal(signal[1], np.concatenate([np.load(healthy)["FE"], np.load(fault)["FE"]]))


def test_cwru_fault_without_its_healthy_file_is_refused(tmp_path: Path) -> None:
    fault = cwru_file(tmp_path / "1797_IR_14_DE48.npz", 48_000, 2_400, 1.0, ("DE", "FE"))

    with pytest.raises(RecordingError, match=r"wanted the healthy recording 1797_Normal\.npz beside it"):
        import_recording("cwru", fault, tmp_path / "dest")


@pytest.mark.parametrize("name", ["1797_XX_7_DE12.npz", "bearing.npz"])
def test_cwru_names_that_say_nothing_are_refused(tmp_path: Path, name: str) -> None:
    source = cwru_file(tmp_path / name, 12_000, 1_200, 1.0, ("DE", "FE"))

    with pytest.raises(RecordingError, match="wanted a name like 1797_IR_7_DE12"):
        import_recording("cwru", source, tmp_path / "dest")


def test_cwru_rate_that_contradicts_the_name_is_refused(tmp_path: Path) -> None:
    cwru_file(tmp_path / "1797_Normal.npz", 48_000, 4_800, 0.1, ("DE", "FE"))
    source = cwru_file(tmp_path / "1797_IR_7_DE12.npz", 48_000, 1_200, 1.0, ("DE", "FE"))

    with pytest.raises(RecordingError, match=r"at 12000 Hz, got lengths .* at 48000 Hz"):
        import_recording("cwru", source, tmp_path / "dest")


# --- mfpt -----------------------------------------------------------------------------------------------------


def impulses(n: int) -> np.ndarray:
    signal = 0.1 * np.random.default_rng(1).normal(size=n)
    signal[::400] += 10.0
    return signal.astype(np.float32)


def mfpt_file(path: Path) -> Path:
    np.savez(path, gs=impulses(146_484), sr=np.int32(48_828), load=np.float32(25), rate=np.float32(25))
    return path


def kurtosis(x: np.ndarray) -> float:
    centred = x.astype(np.float64) - x.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2)


def test_mfpt_surrogate_has_the_spectrum_without_the_impulses() -> None:
    signal = impulses(20_000)

    noise = surrogate(signal, 20_000, 100, seed=3)

    # Phases of the mean and the Nyquist frequency are no phases: their signs may differ.
    np.testing.assert_allclose(np.abs(np.fft.rfft(noise)), np.abs(np.fft.rfft(signal)), rtol=1e-6, atol=1e-6)
    assert kurtosis(signal) > 50
    assert 2.5 < kurtosis(noise) < 3.5
    assert np.abs(noise).max() < 5 * noise.std()


def test_mfpt_realisations_are_joined_at_equal_power() -> None:
    signal = impulses(20_000)

    noise = surrogate(signal, 50_000, 2_000, seed=3)
    join = noise[18_000:20_000]

    assert len(noise) == 50_000
    assert join.std() == pytest.approx(signal.std(), rel=0.15)
    assert not np.allclose(noise[:18_000], noise[18_000:36_000])


def test_mfpt_fault_comes_behind_its_surrogate(tmp_path: Path) -> None:
    source = mfpt_file(tmp_path / "OuterRaceFault_vload_1.npz")

    recording = only("mfpt", source)
    signal = samples_of(recording)[0]
    n_healthy = len(signal) - 146_484

    assert recording.faults == (Fault(6.0, None, "outer_race_fault", "25 lb; before it a surrogate"),)
    assert n_healthy == 6 * 48_828
    np.testing.assert_array_equal(signal[n_healthy:], impulses(146_484))
    assert kurtosis(signal[:n_healthy]) < 3.5
    assert is_contiguous(recording)
    assert contexts_of(recording)[0][4] == 1500.0
    assert recording.spindle.teach_in == TeachIn(n_vectors=49)  # ends at 5.0 s
    assert any(note.startswith("NOT MEASURED") for note in recording.notes)


def test_mfpt_surrogate_is_repeatable(tmp_path: Path) -> None:
    source = mfpt_file(tmp_path / "OuterRaceFault_vload_1.npz")
    seeds = {"a": "1", "b": "1", "c": "2"}
    for name, seed in seeds.items():
        import_recording("mfpt", source, tmp_path / name, seed=seed)

    files = {name: (tmp_path / name / "vibration.parquet").read_bytes() for name in seeds}

    assert files["a"] == files["b"]
    assert files["a"] != files["c"]


def test_mfpt_without_surrogate_is_the_fault_alone(tmp_path: Path) -> None:
    source = mfpt_file(tmp_path / "InnerRaceFault_vload_1.npz")

    recording = only("mfpt", source, healthy="none")

    assert recording.faults == (Fault(0.0, None, "inner_race_fault", "25 lb; the whole recording"),)
    assert recording.spindle.teach_in is None
    np.testing.assert_array_equal(samples_of(recording)[0], impulses(146_484))


def test_mfpt_original_files_are_read(tmp_path: Path) -> None:
    bearing = {"gs": impulses(48_828)[:, None], "sr": 48_828.0, "load": 270.0, "rate": 25.0}
    savemat(tmp_path / "baseline_1.mat", {"bearing": bearing})

    recording = only("mfpt", tmp_path / "baseline_1.mat")

    assert recording.faults == ()
    assert recording.duration_s == 1.0


# --- femto ----------------------------------------------------------------------------------------------------


def test_femto_records_are_bursts_and_only_the_end_is_labelled(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).normal(size=(4, 2, 2560)).astype(np.float32)
    source = tmp_path / "Bearing2_2.npz"
    np.savez(source, t_s=np.array([0.0, 10.0, 20.0, 30.0]), samples=samples, sample_rate_hz=np.int32(25_600))

    recording = only("femto", source)

    assert recording.spindle.groups[0].duty_cycle == DutyCycle(0.1, 10.0)
    assert seconds_of(recording) == [0.0, 10.0, 20.0, 30.0]
    np.testing.assert_array_equal(samples_of(recording)[0], samples[:, 0].ravel())
    assert recording.faults == (Fault(30.0, None, "end_of_life", "last record; test stopped"),)
    assert contexts_of(recording)[0][4] == 1650.0
    assert recording.spindle.teach_in == TeachIn(skip_s=200.0, duration_s=1000.0)


def test_femto_original_folders_are_read_whatever_separates_their_columns(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "Bearing1_4"
    folder.mkdir(parents=True)
    for n, (time, delimiter) in enumerate([((23, 59, 50, 500_000), ","), ((0, 0, 0, 500_000), ";")], start=1):
        rows = [[*time, i * n, -i] for i in range(2560)]
        text = "\n".join(delimiter.join(map(str, row)) for row in rows)
        (folder / f"acc_{n:05d}.csv").write_text(text)
    (folder / "temp_00001.csv").write_text("0;0;0;0;50\n")

    recordings, report = imported("femto", tmp_path / "set")
    recording = recordings["Bearing1_4"]

    assert report.recordings[0].n_read == 5120
    assert seconds_of(recording) == [0.0, 10.0]
    assert samples_of(recording)[:, 2561].tolist() == [2.0, -1.0]
    assert contexts_of(recording)[0][4] == 1800.0


# --- umich ----------------------------------------------------------------------------------------------------


def umich_file(folder: Path, number: int, rows: list[tuple[float, float, str]]) -> Path:
    path = folder / f"experiment_{number:02d}.csv"
    header = ",X1_ActualPosition,S1_CurrentFeedback,M1_CURRENT_PROGRAM_NUMBER,M1_sequence_number,M1_CURRENT_FEEDRATE,"
    lines = [header + "Machining_Process"]
    lines += [f"{i},{x},{i}.5,1,{i},{feed},{step}" for i, (x, feed, step) in enumerate(rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


ROWS = [
    (198.0, 50.0, "Starting"),
    (150.0, 6.0, "Prep"),
    (140.0, 6.0, "Layer 1 Up"),
    (140.0, 6.0, "Layer 1 Up"),
    (198.0, 6.0, "Layer 1 Up"),
    (140.0, 50.0, "Layer 1 Up"),
    (140.0, 6.0, "End"),
    (140.0, 6.0, "end"),
]
TRAIN = "No,material,feedrate,clamp_pressure,tool_condition,machining_finalized,passed_visual_inspection\n"


def test_umich_context_is_unknown_where_rows_are_unreliable(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(f"{TRAIN}1,wax,6,4,unworn,yes,yes\n")

    recording = only("umich", umich_file(tmp_path, 1, ROWS))

    assert contexts_of(recording) == [
        (0.0, None, None, None, None, None, None),
        (0.1, None, "1", "prep", None, 360.0, False),
        (0.2, None, "1", "layer 1 up", None, 360.0, True),
        (0.4, None, None, None, None, None, None),
        (0.6, None, "1", "end", None, 360.0, False),
    ]
    assert "3 of 8 rows are unreliable." in recording.notes
    assert samples_of(recording).shape == (2, 8)


def test_umich_signals_are_named_and_neither_labels_nor_counters_are_signals(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(f"{TRAIN}1,wax,6,4,unworn,yes,yes\n")

    group = only("umich", umich_file(tmp_path, 1, ROWS)).spindle.groups[0]

    assert [(c.name, c.unit) for c in group.channels] == [
        ("x1_actual_position", "mm"),
        ("s1_current_feedback", "A"),
    ]
    assert (group.kind, group.sample_rate_hz) == ("scalar", 10.0)


def test_umich_wear_is_the_whole_run(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.csv").write_text(f"{TRAIN}1,wax,6,4,unworn,yes,yes\n6,wax,6,4,worn,yes,no\n")
    for number in (1, 6):
        umich_file(tmp_path / "set", number, ROWS)

    recordings, _ = imported("umich", tmp_path / "set")

    assert recordings["experiment_01"].faults == ()
    assert [(f.start_s, f.end_s, f.fault) for f in recordings["experiment_06"].faults] == [
        (0.0, None, "tool_wear")
    ]


def test_umich_without_a_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="wanted tool_condition worn or unworn"):
        import_recording("umich", umich_file(tmp_path, 1, ROWS), tmp_path / "dest")


# --- nasa milling ---------------------------------------------------------------------------------------------

CUT_FIELDS = ("smcAC", "smcDC", "vib_table", "vib_spindle", "AE_table", "AE_spindle")


def cut(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {field: rng.normal(size=9000).astype(np.float32) for field in CUT_FIELDS}


def test_nasa_currents_and_envelopes_are_groups_of_their_own(tmp_path: Path) -> None:
    source = tmp_path / "case01_run02.npz"
    np.savez(source, sample_rate_hz=np.int32(250), vb_mm=np.float32(np.nan), **cut(1))

    recording = only("nasa_milling", source)

    assert [(g.name, g.kind, g.sample_rate_hz) for g in recording.spindle.groups] == [
        ("current", "waveform", 250.0),
        ("envelope", "waveform", 250.0),
    ]
    assert all(c.dc_coupled and c.unit == "V" for g in recording.spindle.groups for c in g.channels)
    np.testing.assert_array_equal(samples_of(recording, "current")[1], cut(1)["smcDC"])
    np.testing.assert_array_equal(samples_of(recording, "envelope")[3], cut(1)["AE_spindle"])
    assert [(c[0], c[3], c[6]) for c in contexts_of(recording)] == [
        (0.0, "entry", None),
        (9.984, "steady", True),
        (27.904, "exit", None),
    ]
    assert recording.notes[0] == "Flank wear not measured."


def test_nasa_steady_part_is_as_labelled(tmp_path: Path) -> None:
    np.savez(tmp_path / "case01_run02.npz", sample_rate_hz=np.int32(250), **cut(1))
    (tmp_path / "labels.csv").write_text("case,run,window_start,window_end\n1,1,0,9\n1,2,250,500\n")

    contexts = contexts_of(only("nasa_milling", tmp_path / "case01_run02.npz"))

    assert [c[0] for c in contexts] == [0.0, 1.0, 2.0]


def test_nasa_cuts_in_two_formats_are_taken_once(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    np.savez(folder / "case01_run02.npz", sample_rate_hz=np.int32(250), **cut(2))
    kinds = [(name, "O") for name in ("case", "run", "VB", *CUT_FIELDS)]
    mill = np.empty((1, 2), dtype=kinds)
    for run in (1, 2):
        mill[0, run - 1] = (1, run, 0.3, *(values[:, None] for values in cut(run).values()))
    savemat(folder / "mill.mat", {"mill": mill})

    recordings, _ = imported("nasa_milling", folder)

    assert recordings.keys() == {"case01_run01", "case01_run02"}
    np.testing.assert_array_equal(samples_of(recordings["case01_run01"], "current")[0], cut(1)["smcAC"])
    assert recordings["case01_run01"].notes[0] == "Flank wear 0.3 mm."
    assert recordings["case01_run02"].source.endswith("case01_run02.npz")


# --- lathe ----------------------------------------------------------------------------------------------------

LATHE_NAMES = {
    "current_main_spindle": "Current_MainSpindle",
    "current_sub_spindle": "Current_SubSpindle",
    "power_main_spindle": "Power_MainSpindle",
    "power_sub_spindle": "Power_SubSpindle",
    "position_error_x": "Psition_ERR_X",
    "position_error_z": "Psition_ERR_Z",
    "t_ms": "Time",
    "speed_main_spindle_rpm": "Speed_MainSpindle",
    "speed_sub_spindle_rpm": "Speed_SubSpindle",
    "tool_number": "TOOL_Number",
    "cut_signal": "CUT_Signal",
}


def lathe_arrays(n: int = 1000) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {name: np.full(n, i, np.float32) for i, name in enumerate(LATHE_NAMES)}
    arrays["t_ms"] = np.arange(n, dtype=np.int32)
    arrays["tool_number"] = np.repeat([3, 8], n // 2).astype(np.uint8)
    arrays["cut_signal"] = np.repeat([0, 1, 0, 1], n // 4).astype(np.uint8)
    arrays["speed_main_spindle_rpm"] = np.where(np.arange(n) < 100, 1500, -2000).astype(np.int16)
    arrays["speed_sub_spindle_rpm"] = np.zeros(n, np.int16)
    return arrays


def test_lathe_context_follows_tool_cut_and_speed(tmp_path: Path) -> None:
    source = tmp_path / "lathe.npz"
    np.savez(source, started=np.array("23-Oct-2018 08:45:55"), **lathe_arrays())

    recording = only("lathe", source)

    assert [(c[0], c[1], c[4], c[6]) for c in contexts_of(recording)] == [
        (0.0, "T3", 1500.0, False),
        (0.1, "T3", 2000.0, False),
        (0.25, "T3", 2000.0, True),
        (0.5, "T8", 2000.0, False),
        (0.75, "T8", 2000.0, True),
    ]
    assert recording.start_ns == 1_540_284_355 * NS_PER_S
    assert samples_of(recording)[:, 0].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert all(channel.dc_coupled for channel in recording.spindle.groups[0].channels)


def test_lathe_speed_is_that_of_the_spindle_that_turns(tmp_path: Path) -> None:
    arrays = lathe_arrays()
    arrays["speed_main_spindle_rpm"][600:] = 0
    arrays["speed_sub_spindle_rpm"][600:] = -5000
    source = tmp_path / "lathe.npz"
    np.savez(source, started=np.array("23-Oct-2018 08:45:55"), **arrays)

    assert [c[4] for c in contexts_of(only("lathe", source)) if c[0] >= 0.5] == [2000.0, 5000.0, 5000.0]


def test_lathe_original_is_the_same_recording_and_taken_once(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    np.savez(folder / "lathe.npz", started=np.array("23-Oct-2018 08:45:55"), **lathe_arrays())
    original = {mat: lathe_arrays()[npz][:, None] for npz, mat in LATHE_NAMES.items()}
    savemat(folder / "Data.mat", {**original, "TimeStamp": "23-Oct-2018 08:45:55"})

    both, report = imported("lathe", folder)
    alone = only("lathe", folder / "Data.mat")

    assert both.keys() == {"lathe"}
    assert [item.path.name for item in report.skipped] == ["Data.mat"]
    np.testing.assert_array_equal(samples_of(alone), samples_of(both["lathe"]))
    assert contexts_of(alone) == contexts_of(both["lathe"])


def test_lathe_missing_milliseconds_stay_a_gap(tmp_path: Path) -> None:
    arrays = lathe_arrays()
    arrays["t_ms"][500:] += 70
    source = tmp_path / "lathe.npz"
    np.savez(source, started=np.array("23-Oct-2018 08:45:55"), **arrays)

    recording = only("lathe", source)

    assert recording.duration_s == 1.07
    assert 0.57 in seconds_of(recording)
    assert contexts_of(recording)[3][0] == 0.57
