"""One way to run every importer: whole or not at all, and one error for whatever is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from engine.errors import RecordingError, UsageError
from replay.importers.registry import FORMATS, import_recording
from replay.recording import Recording

ALL = sorted(FORMATS)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "load.csv"
    path.write_text("t_s,load\n" + "".join(f"{i / 2},{i}\n" for i in range(20)))
    return path


def test_an_unknown_format_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'nosuch', wanted one of skab, cwru"):
        import_recording("nosuch", tmp_path, tmp_path / "dest")


@pytest.mark.parametrize("name", ALL)
def test_an_unknown_option_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="unknown field `nosuch`"):
        import_recording(name, tmp_path, tmp_path / "dest", nosuch="1")


@pytest.mark.parametrize("name", ALL)
def test_a_missing_source_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordingError, match="nowhere"):
        import_recording(name, tmp_path / "nowhere", tmp_path / "dest")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ALL)
def test_an_empty_folder_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(RecordingError, match="empty: found no"):
        import_recording(name, tmp_path / "empty", tmp_path / "dest")


# Names that each importer takes for its own.
MISLABELLED = {
    "skab": "1.csv",
    "cwru": "1797_Normal.npz",
    "femto": "Bearing1_1.npz",
    "umich": "experiment_01.csv",
    "mfpt": "InnerRaceFault_vload_1.npz",
    "nasa_milling": "mill.mat",
    "lathe": "lathe.mat",
    "nab": "a.csv",
    "kamp_cnc": "experiment_01.csv",
    "kamp_precision": "parts.csv",
    "csv": "a.csv",
    "parquet": "a.parquet",
    "npz": "a.npz",
    "mat": "a.mat",
    "hdf5": "a.h5",
    "wav": "a.wav",
    "flac": "a.flac",
    "tdms": "a.tdms",
    "uff": "a.uff",
}
RUBBISH = {
    "nothing": b"",
    "bytes": bytes(range(256)),
    "noise": np.random.default_rng(1).bytes(4000),
    "text": b"Dear customer,\nplease find enclosed\n",
    "picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde",
    "zip": b"PK\x03\x04" + bytes(100),
    "matlab": b"MATLAB 5.0 MAT-file, Platform: PCWIN64".ljust(124)
    + b"\x00\x01IM"
    + b"\x0e\x00\x00\x00\xff\xff\xff\x00",
}


@pytest.mark.parametrize("content", RUBBISH)
@pytest.mark.parametrize("name", ALL)
def test_a_file_that_is_not_what_it_is_said_to_be_is_one_line_and_leaves_nothing(
    tmp_path: Path, name: str, content: str
) -> None:
    source = tmp_path / MISLABELLED[name]
    source.write_bytes(RUBBISH[content])

    with pytest.raises((RecordingError, UsageError)) as caught:
        import_recording(name, source, tmp_path / "dest")

    assert MISLABELLED[name] in str(caught.value)
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == [source]


def test_one_file_becomes_the_destination(table: Path, tmp_path: Path) -> None:
    report = import_recording("csv", table, tmp_path / "dest")

    assert [item.path for item in report.recordings] == [tmp_path / "dest"]
    assert Recording.open(tmp_path / "dest").spindle.name == "load"


def test_a_folder_becomes_a_folder_below_for_each_file(table: Path, tmp_path: Path) -> None:
    (tmp_path / "set" / "a").mkdir(parents=True)
    for name in ("a/10.csv", "a/2.csv"):
        (tmp_path / "set" / name).write_text(table.read_text())

    report = import_recording("csv", tmp_path / "set", tmp_path / "dest")

    assert [item.path.relative_to(tmp_path).as_posix() for item in report.recordings] == [
        "dest/a-2",
        "dest/a-10",
    ]
    assert Recording.open(tmp_path / "dest" / "a-10").spindle.name == "a-10"


def test_one_bad_file_of_a_folder_leaves_nothing(table: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "1.csv").write_text(table.read_text())
    (tmp_path / "set" / "2.csv").write_text("no,numbers\nat,all\n")

    with pytest.raises(RecordingError, match=r"2\.csv: wanted columns of numbers"):
        import_recording("csv", tmp_path / "set", tmp_path / "dest")

    assert not (tmp_path / "dest").exists()


def test_an_occupied_destination_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "dest").mkdir()
    (tmp_path / "dest" / "mine").write_text("mine")

    with pytest.raises(RecordingError, match="exists already"):
        import_recording("csv", tmp_path / "nowhere", tmp_path / "dest")


def test_the_report_is_json_and_says_what_was_lost(tmp_path: Path) -> None:
    source = tmp_path / "load.csv"
    source.write_text("t_s,load\n0,1\n1,oops\n2,3\n1,4\n3,5\n")

    report = import_recording("csv", source, tmp_path / "dest")
    told = orjson.loads(orjson.dumps(report.as_dict()))["recordings"][0]

    assert (told["rows_read"], told["samples"]) == (5, 4)
    assert [(item["n"], item["what"]) for item in told["dropped"]] == [(1, "cells"), (1, "rows")]
    assert any("dropped 1 rows" in line for line in report.lines())
    assert any(note.startswith("Dropped 1 rows") for note in Recording.open(tmp_path / "dest").notes)
