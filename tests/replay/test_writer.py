"""A recording appears whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.declared import Channel, SensorGroup, Spindle
from engine.errors import RecordingError
from engine.records import Context
from replay import writer as writing
from replay.faults import Fault
from replay.recording import Recording
from replay.writer import RecordingWriter

GROUP = SensorGroup("vib", "waveform", 1000.0, (Channel("vib_x"), Channel("vib_y")))
SPINDLE = Spindle("M1", (GROUP,))


def writer_of(path: Path, spindle: Spindle = SPINDLE, faults: tuple[Fault, ...] = ()) -> RecordingWriter:
    return RecordingWriter(path, spindle, 0, "a test", "CC0-1.0", faults=faults)


def test_nothing_is_left_of_a_recording_that_failed(tmp_path: Path) -> None:
    def write_and_fail() -> None:
        with writer_of(tmp_path / "r") as writer:
            writer.write_block("vib", 0, np.zeros((2, 10)))
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()

    assert list(tmp_path.iterdir()) == []


def test_nothing_is_there_before_the_end(tmp_path: Path) -> None:
    with writer_of(tmp_path / "r") as writer:
        writer.write_block("vib", 0, np.zeros((2, 10)))
        assert not (tmp_path / "r").exists()

    assert Recording.open(tmp_path / "r").duration_s == 0.01


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()

    with writer_of(tmp_path / "r") as writer:
        writer.write_block("vib", 0, np.zeros((2, 10)))

    assert Recording.open(tmp_path / "r").spindle == SPINDLE


@pytest.mark.parametrize("content", ["file", "folder", "link"])
def test_what_exists_is_not_touched(tmp_path: Path, content: str) -> None:
    dest = tmp_path / "r"
    if content == "file":
        dest.write_text("mine")
    elif content == "folder":
        dest.mkdir()
        (dest / "mine.txt").write_text("mine")
    else:
        dest.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(RecordingError, match="exists already"), writer_of(dest):
        pass

    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_what_came_into_being_meanwhile_is_not_touched(tmp_path: Path) -> None:
    def write_while_another_does() -> None:
        with writer_of(tmp_path / "r") as writer:
            writer.write_block("vib", 0, np.zeros((2, 10)))
            (tmp_path / "r").mkdir()
            (tmp_path / "r" / "mine.txt").write_text("mine")

    with pytest.raises(RecordingError, match="exists already"):
        write_while_another_does()

    assert [path.name for path in tmp_path.rglob("*")] == ["r", "mine.txt"]


def test_parents_are_made_and_the_folder_has_usual_rights(tmp_path: Path) -> None:
    with writer_of(tmp_path / "a" / "b" / "r") as writer:
        writer.write_block("vib", 0, np.zeros((2, 10)))
    (tmp_path / "usual").mkdir()

    rights = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a" / "b" / "r", tmp_path / "usual")]

    assert rights[0] == rights[1]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(RecordingError, match="file/r: cannot be written"), writer_of(tmp_path / "file" / "r"):
        pass


def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing._GroupFile, "flush", full)

    with (
        pytest.raises(RecordingError, match=r"r: cannot be written: .*No space"),
        writer_of(tmp_path / "r") as writer,
    ):
        writer.write_block("vib", 0, np.zeros((2, 10)))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("group", "samples", "said"),
    [
        ("nosuch", np.zeros((2, 10)), "wanted one of"),
        ("vib", np.zeros((3, 10)), r"got samples of shape \(3, 10\), wanted \(2, 1 or more\)"),
        ("vib", np.zeros((2, 0)), r"shape \(2, 0\)"),
        ("vib", np.zeros(10), r"shape \(10,\)"),
    ],
)
def test_samples_of_another_shape_are_refused(
    tmp_path: Path, group: str, samples: np.ndarray, said: str
) -> None:
    with pytest.raises(RecordingError, match=said), writer_of(tmp_path / "r") as writer:
        writer.write_block(group, 0, samples)


def test_a_group_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="'vib': got no samples"), writer_of(tmp_path / "r"):
        pass

    assert list(tmp_path.iterdir()) == []


def test_another_spindles_context_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="'M2', wanted 'M1'"), writer_of(tmp_path / "r") as writer:
        writer.write_context(Context("M2", 0))


def test_a_fault_that_could_not_be_read_back_is_refused(tmp_path: Path) -> None:
    faults = (Fault(5.0, 1.0, "chatter"),)

    with (
        pytest.raises(RecordingError, match="at or after the start"),
        writer_of(tmp_path / "r", faults=faults),
    ):
        pass

    assert list(tmp_path.iterdir()) == []


def test_an_impossible_spindle_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    twice = Spindle("M1", (GROUP, GROUP))

    with pytest.raises(RecordingError, match="'vib' twice"):
        writer_of(tmp_path / "r", twice)


def test_the_callers_buffer_may_be_reused(tmp_path: Path) -> None:
    buffer = np.zeros((2, 10), np.float32)
    with writer_of(tmp_path / "r") as writer:
        for n in range(3):
            buffer[:] = n
            writer.write_block("vib", n * 10_000_000, buffer)

    values = [item.samples[0, 0] for item in Recording.open(tmp_path / "r").items(1.0)]

    assert values == [0.0, 1.0, 2.0]


def test_long_blocks_become_rows_and_row_groups_of_bounded_size(tmp_path: Path) -> None:
    with writer_of(tmp_path / "r") as writer:
        writer.write_block("vib", 0, np.zeros((2, 2_000_000), np.float32))

    metadata = pq.read_metadata(tmp_path / "r" / "vib.parquet")

    assert metadata.num_rows == 31
    assert max(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)) < 4 << 20
