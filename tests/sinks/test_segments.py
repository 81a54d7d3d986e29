"""Segments are read as far as they are whole, whoever wrote them and however that ended."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import SPINDLE, T0

from engine.errors import RecordingError
from engine.records import Block, Context, Tick
from sinks.ring_layout import alert_of, folder_of, incident_folder, segment_file, segments_in, spindles_in
from sinks.segments import (
    MAGIC,
    VERSION,
    BlockItem,
    End,
    Items,
    Messages,
    Start,
    States,
    Stored,
    read_segment,
    to_frame,
    to_item,
    to_record,
)

START = Start(VERSION, "run", 3, T0, SPINDLE, "abc")
FRAMES = (
    START,
    States({"check": b"one", "judge": b"two"}),
    Items((to_item(Tick("M1", T0)), to_item(Context("M1", T0, tool="T1", rpm=math.pi)))),
    Messages((b'{"id":"M1"}',)),
    Stored("key", b"value"),
    Items((to_item(Block("M1", "vib", T0, 1000.0, np.ones((2, 3), np.float32))),)),
    End(),
)
DATA = MAGIC + b"".join(map(to_frame, FRAMES))


def reread(tmp_path, data):
    path = tmp_path / "a.segment"
    path.write_bytes(data)
    return read_segment(path)


@given(
    st.floats(width=32).flatmap(
        lambda fill: st.tuples(st.integers(0, 4), st.integers(0, 9)).map(
            lambda shape: np.full(shape, fill, np.float32)
        )
    )
)
def test_a_block_comes_back_to_the_last_bit_whatever_its_shape(samples):
    block = Block("M1", "vib", T0, 999.5, samples, received_ns=17)
    item = msgspec.msgpack.decode(msgspec.msgpack.encode(to_item(block)), type=BlockItem)

    back = to_record(item, "M1")

    assert (back.t_ns, back.sample_rate_hz, back.received_ns) == (T0, 999.5, None)
    assert back.samples.shape == samples.shape
    assert back.samples.tobytes() == samples.tobytes()
    assert not back.samples.flags.writeable


@pytest.mark.parametrize(
    "record", [Tick("M1", 5), Tick("M1", 6, last=True), Context("M1", 7), Context("M1", 8, "T1", n_teeth=4)]
)
def test_contexts_and_ticks_come_back_as_they_were(record):
    assert to_record(to_item(record), "M1") == record


def test_a_whole_segment_says_so(tmp_path):
    segment = reread(tmp_path, DATA)

    assert segment.whole
    assert segment.start == START
    assert (len(segment.items), segment.messages) == (3, [b'{"id":"M1"}'])
    assert segment.states == {"check": b"one", "judge": b"two"}
    assert segment.stored == {"key": b"value"}


def test_a_segment_cut_off_anywhere_is_read_up_to_its_last_whole_frame(tmp_path):
    ends = np.cumsum([len(MAGIC), *(len(to_frame(frame)) for frame in FRAMES)])
    for n_bytes in range(0, len(DATA), 5):
        segment = reread(tmp_path, DATA[:n_bytes])
        n_whole = int(np.searchsorted(ends, n_bytes, side="right")) - 1

        assert (segment is None) == (n_whole < 1)
        if segment is not None:
            assert not segment.whole
            assert len(segment.items) == sum(len(f.items) for f in FRAMES[:n_whole] if isinstance(f, Items))


@given(st.integers(len(MAGIC), len(DATA) - 1), st.integers(1, 255))
def test_a_flipped_byte_cuts_the_segment_off_there_and_invents_nothing(tmp_path_factory, position, flip):
    damaged = bytearray(DATA)
    damaged[position] ^= flip

    segment = reread(tmp_path_factory.mktemp("damaged"), bytes(damaged))

    assert segment is None or not segment.whole
    if segment is not None:
        assert (
            segment.items
            == [i for f in FRAMES if isinstance(f, Items) for i in f.items][: len(segment.items)]
        )


@pytest.mark.parametrize(
    "data",
    [
        b"something else altogether",
        MAGIC + to_frame(End()),
        MAGIC + to_frame(msgspec.structs.replace(START, version=2)),
        DATA + to_frame(START),
        MAGIC + to_frame(START) + to_frame(msgspec.Raw(msgspec.msgpack.encode([1, "no items"]))),
        MAGIC + to_frame(START) + to_frame(msgspec.Raw(msgspec.msgpack.encode([77]))),
    ],
)
def test_what_is_no_segment_is_one_clear_error_that_names_the_file(tmp_path, data):
    with pytest.raises(RecordingError, match=r"a\.segment: "):
        reread(tmp_path, data)


def test_a_missing_file_is_one_clear_error(tmp_path):
    with pytest.raises(RecordingError, match=r"gone\.segment: cannot be read"):
        read_segment(tmp_path / "gone.segment")


@pytest.mark.parametrize(("rate_hz", "shape"), [(1000.0, (3, 2**40)), (0.0, (1, 2)), (math.nan, (1, 2))])
def test_a_block_whose_shape_or_rate_is_a_lie_is_refused(rate_hz, shape):
    with pytest.raises(RecordingError, match="vib"):
        to_record(BlockItem("vib", T0, rate_hz, shape, bytes(8)), "M1")


def test_a_segment_follows_only_a_whole_one_of_the_same_run_with_the_number_before(tmp_path):
    one, torn = reread(tmp_path, DATA), reread(tmp_path, DATA[:-1])
    starts = {
        "next": msgspec.structs.replace(START, number=4),
        "skipped": msgspec.structs.replace(START, number=5),
        "other run": msgspec.structs.replace(START, number=4, run="other"),
        "other configuration": msgspec.structs.replace(START, number=4, config_hash="other"),
    }
    later = {name: reread(tmp_path, MAGIC + to_frame(start)) for name, start in starts.items()}

    assert [name for name, segment in later.items() if segment.follows(one)] == ["next"]
    assert not later["next"].follows(torn)


@pytest.mark.parametrize("name", ["M1", "line 1/M2", "..", ".hidden", "밀링 1", "a:b%2F"])
def test_any_name_of_a_spindle_or_alert_is_a_folder_of_its_own_inside_the_ring(tmp_path, name):
    for folder in (folder_of(tmp_path, name), incident_folder(tmp_path, name)):
        folder.mkdir(parents=True)
        assert folder.resolve().parent.parent == tmp_path.resolve()
    assert spindles_in(tmp_path) == [name]
    assert alert_of(incident_folder(tmp_path, name)) == name


def test_segments_are_found_by_when_they_begin_and_other_files_passed_over(tmp_path):
    wanted = [segment_file(tmp_path, t_ns, "ab-cd", number) for t_ns, number in ((5, 2), (40, 1), (40, 3))]
    for file in reversed(wanted):
        file.path.touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "nonsense.segment").touch()

    assert segments_in(tmp_path) == wanted
    assert segments_in(tmp_path / "missing") == []
