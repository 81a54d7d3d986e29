"""A recording gives back what was written, however it was cut into rows, and says clearly what is wrong with it."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.declared import Channel, DutyCycle, SensorGroup, Spindle, TeachIn
from engine.errors import RecordingError
from engine.records import Block, Context, samples_to_ns
from replay.faults import Fault
from replay.recording import Recording, validate
from replay.writer import RecordingWriter

START_NS = 1_700_000_000_000_000_000
# A rate whose period is no whole number of nanoseconds.
VIBRATION = SensorGroup(
    "vibration", "waveform", 25_600.0, (Channel("vib_x", "g", 50.0), Channel("vib_y", "g"))
)
LOAD = SensorGroup("load", "scalar", 3.0, (Channel("load", "%", dc_coupled=True),), max_gap_s=1.5)
BURSTS = SensorGroup("bursts", "waveform", 1000.0, (Channel("shock"),), DutyCycle(0.1, 10.0))
SPINDLE = Spindle("M1", (VIBRATION, LOAD, BURSTS), TeachIn(skip_s=1.0, n_vectors=7))
N_SAMPLES = 5_000


def signal(n_channels: int, n_samples: int) -> np.ndarray:
    return np.random.default_rng(n_channels).normal(size=(n_channels, n_samples)).astype(np.float32)


def write(
    path: Path, cuts: list[int], contexts: tuple[Context, ...] = (), spindle: Spindle = SPINDLE
) -> Path:
    with RecordingWriter(
        path, spindle, START_NS, "a test", "CC0-1.0", ("a note",), (Fault(0.1, None, "chatter"),)
    ) as writer:
        for group in spindle.groups:
            samples = signal(len(group.channels), N_SAMPLES)
            bounds = sorted({0, N_SAMPLES, *cuts})
            for first, after in pairwise(bounds):
                t_ns = START_NS + samples_to_ns(first, group.sample_rate_hz)
                writer.write_block(group.name, t_ns, samples[:, first:after])
        for context in contexts:
            writer.write_context(context)
    return path


def played(path: Path, group: str, max_block_s: float) -> tuple[np.ndarray, list[int]]:
    blocks = [i for i in Recording.open(path).items(max_block_s) if isinstance(i, Block) and i.group == group]
    times = [
        block.t_ns + samples_to_ns(i, block.sample_rate_hz)
        for block in blocks
        for i in range(block.samples.shape[1])
    ]
    return np.concatenate([block.samples for block in blocks], axis=1), times


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    contexts = (
        Context("M1", START_NS, tool="T1", program="O100", rpm=1800.0, cutting=False, tool_edge="T1#2"),
        Context("M1", START_NS + 10_000_000, section="슬롯", feed_mm_min=120.0, cutting=True, n_teeth=4),
    )
    return write(tmp_path_factory.mktemp("recordings") / "m1", [1000, 2000, 3000], contexts)


# --- what goes in comes out -----------------------------------------------------------------------------------


def test_header_comes_back_as_written(recording: Path) -> None:
    opened = Recording.open(recording)

    assert opened.spindle == SPINDLE
    assert (opened.source, opened.licence, opened.notes) == ("a test", "CC0-1.0", ("a note",))
    assert opened.faults == (Fault(0.1, None, "chatter"),)
    assert opened.start_ns == START_NS
    assert opened.end_ns == START_NS + samples_to_ns(N_SAMPLES, LOAD.sample_rate_hz)
    assert opened.duration_s == pytest.approx(N_SAMPLES / LOAD.sample_rate_hz)


def test_contexts_come_back_as_written(recording: Path) -> None:
    contexts = [item for item in Recording.open(recording).items(1.0) if isinstance(item, Context)]

    assert contexts == [
        Context("M1", START_NS, tool="T1", program="O100", rpm=1800.0, cutting=False, tool_edge="T1#2"),
        Context("M1", START_NS + 10_000_000, section="슬롯", feed_mm_min=120.0, cutting=True, n_teeth=4),
    ]


def test_recording_of_before_tool_edges_is_read_as_if_they_were_unknown(
    recording: Path, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    shutil.copytree(recording, older)
    table = pq.read_table(older / "context.parquet")
    pq.write_table(table.drop_columns(["tool_edge"]), older / "context.parquet")

    validate(older)
    contexts = [item for item in Recording.open(older).items(1.0) if isinstance(item, Context)]

    assert [(context.tool, context.tool_edge) for context in contexts] == [("T1", None), (None, None)]


def test_any_text_survives_the_header(tmp_path: Path) -> None:
    text = 'quotes " and \\ and \x7f\t\nlines, 한글, [brackets] # no comment'

    with RecordingWriter(tmp_path / "r", Spindle(text, (LOAD,)), START_NS, text, text, (text,)) as writer:
        writer.write_block("load", START_NS, [[1.0]])
    opened = Recording.open(tmp_path / "r")

    assert (opened.spindle.name, opened.source, opened.licence, opened.notes) == (text, text, text, (text,))


def test_missing_samples_stay_nan(tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "r", Spindle("M1", (VIBRATION,)), START_NS, "", "") as writer:
        writer.write_block("vibration", START_NS, [[1.0, np.nan], [np.inf, 2.0]])

    samples, _ = played(tmp_path / "r", "vibration", 1.0)

    np.testing.assert_array_equal(samples, np.array([[1.0, np.nan], [np.inf, 2.0]], np.float32))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.integers(1, N_SAMPLES - 1), max_size=12),
    max_block_s=st.sampled_from([0.0001, 0.0137, 0.1, 1.0, 100.0]),
)
def test_how_rows_were_cut_changes_neither_samples_nor_times(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], max_block_s: float
) -> None:
    path = write(tmp_path_factory.mktemp("cut") / "r", cuts)

    for group in SPINDLE.groups:
        samples, times = played(path, group.name, max_block_s)
        np.testing.assert_array_equal(samples, signal(len(group.channels), N_SAMPLES))
        wanted = [START_NS + samples_to_ns(i, group.sample_rate_hz) for i in range(N_SAMPLES)]
        # Within a block times follow from its start, so they may be rounded by one nanosecond.
        assert max(abs(a - b) for a, b in zip(times, wanted, strict=True)) <= 1


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 49), max_size=5).map(lambda hundreds: [100 * n for n in hundreds]))
def test_rows_that_end_on_the_grid_give_the_very_same_blocks(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    spindle = Spindle("M1", (VIBRATION,))
    grid = 100 / VIBRATION.sample_rate_hz + 1e-9
    whole = write(tmp_path_factory.mktemp("whole") / "r", [], spindle=spindle)
    cut = write(tmp_path_factory.mktemp("cut") / "r", cuts, spindle=spindle)

    one = [(b.t_ns, b.samples.tobytes()) for b in Recording.open(whole).items(grid) if isinstance(b, Block)]
    other = [(b.t_ns, b.samples.tobytes()) for b in Recording.open(cut).items(grid) if isinstance(b, Block)]

    assert len(one) == N_SAMPLES / 100
    assert other == one


# --- the order and shape of items -----------------------------------------------------------------------------


def test_items_come_in_the_order_in_which_they_were_complete(recording: Path) -> None:
    items = list(Recording.open(recording).items(0.01))

    moments = [
        item.t_ns if isinstance(item, Context) or item.group == "load" else item.end_ns for item in items
    ]

    assert len(items) == 2 + N_SAMPLES + -(-N_SAMPLES // 256) + N_SAMPLES // 10
    assert moments == sorted(moments)


def test_a_context_comes_before_a_block_that_ends_then(tmp_path: Path) -> None:
    spindle = Spindle(
        "M1",
        (
            SensorGroup("b", "waveform", 1000.0, (Channel("b"),)),
            SensorGroup("a", "waveform", 1000.0, (Channel("a"),)),
        ),
    )
    with RecordingWriter(tmp_path / "r", spindle, START_NS, "", "") as writer:
        for name in ("a", "b"):
            writer.write_block(name, START_NS, [[0.0] * 10])
        writer.write_context(Context("M1", START_NS + 10_000_000))

    items = list(Recording.open(tmp_path / "r").items(1.0))

    assert [item.group if isinstance(item, Block) else "context" for item in items] == ["context", "b", "a"]


def test_late_blocks_are_replayed_late(tmp_path: Path) -> None:
    spindle = Spindle("M1", (VIBRATION,))
    with RecordingWriter(tmp_path / "r", spindle, START_NS, "", "") as writer:
        for t_ns in (START_NS, START_NS + 2_000_000_000, START_NS + 1_000_000_000):
            writer.write_block("vibration", t_ns, signal(2, 10))

    times = [item.t_ns - START_NS for item in Recording.open(tmp_path / "r").items(1.0)]

    assert times == [0, 2_000_000_000, 1_000_000_000]
    assert Recording.open(tmp_path / "r").duration_s == pytest.approx(2.0 + 10 / 25_600.0)


def test_blocks_are_read_only_contiguous_and_no_longer_than_asked(recording: Path) -> None:
    blocks = [item for item in Recording.open(recording).items(0.01) if isinstance(item, Block)]

    assert all(not block.samples.flags.writeable and block.samples.flags.c_contiguous for block in blocks)
    assert all(block.samples.dtype == np.float32 for block in blocks)
    assert max(b.samples.shape[1] for b in blocks if b.group == "vibration") == 256
    assert {b.samples.shape[1] for b in blocks if b.group == "load"} == {1}


def test_two_readings_do_not_share_a_position(recording: Path) -> None:
    opened = Recording.open(recording)
    first, second = opened.items(1.0), opened.items(1.0)

    next(first)
    next(first)

    assert next(second) == next(opened.items(1.0))


def test_reading_holds_a_small_part_of_a_long_file(tmp_path: Path) -> None:
    spindle = Spindle("M1", (VIBRATION,))
    samples = signal(2, 50_000)
    with RecordingWriter(tmp_path / "r", spindle, START_NS, "", "") as writer:
        for n in range(100):  # 40 MB
            writer.write_block("vibration", START_NS + n * 2_000_000_000, samples * (1 + n / 100))
    before = pa.total_allocated_bytes()

    most = max(pa.total_allocated_bytes() for _ in Recording.open(tmp_path / "r").items(1.0))

    assert most - before < 12_000_000


def test_validate_counts_what_is_there(recording: Path) -> None:
    lines = validate(recording)

    assert "valid recording of spindle M1" in lines[0]
    assert lines[1].startswith("vibration: 5000 samples at 25600 Hz of vib_x, vib_y")
    assert "2 contexts, 1 labelled faults" in lines
    assert lines[-1] == "note: a note"


# --- other tools' files ---------------------------------------------------------------------------------------


def test_files_of_other_tools_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "r", [], spindle=Spindle("M1", (VIBRATION,)))
    table = pq.read_table(path / "vibration.parquet")
    large = pa.large_list(pa.float32())
    other = pa.table(
        {"vib_y": table["vib_y"].cast(large), "vib_x": table["vib_x"].cast(large), "t_ns": table["t_ns"]}
    )
    pq.write_table(other, path / "vibration.parquet", write_statistics=False)

    samples, _ = played(path, "vibration", 0.1)

    np.testing.assert_array_equal(samples, signal(2, N_SAMPLES))


def test_a_null_among_samples_is_nan(tmp_path: Path) -> None:
    path = write(tmp_path / "r", [], spindle=Spindle("M1", (LOAD,)))
    column = pa.array([[1.0, None]], pa.list_(pa.float32()))
    pq.write_table(pa.table({"t_ns": [START_NS], "load": column}), path / "load.parquet")

    samples, _ = played(path, "load", 1.0)

    np.testing.assert_array_equal(samples, [[1.0, np.nan]])


# --- what is wrong --------------------------------------------------------------------------------------------


def damaged(tmp_path: Path, name: str, content: bytes | pa.Table | None) -> Path:
    path = write(tmp_path / "r", [1000, 2000])
    if content is None:
        (path / name).unlink()
    elif isinstance(content, bytes):
        (path / name).write_bytes(content)
    else:
        pq.write_table(content, path / name)
    return path


@pytest.mark.parametrize(
    "name", ["recording.toml", "vibration.parquet", "load.parquet", "context.parquet", "faults.csv"]
)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordingError, match=name):
        Recording.open(damaged(tmp_path, name, None))


@pytest.mark.parametrize("name", ["vibration.parquet", "context.parquet"])
@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"no Parquet at all, but long enough to be looked at twice"]
)
def test_a_file_that_is_no_parquet_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(RecordingError, match=f"{name}: cannot be read as Parquet"):
        Recording.open(damaged(tmp_path, name, content))


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_a_truncated_file_is_named(tmp_path: Path, kept: float) -> None:
    path = write(tmp_path / "r", [1000])
    data = (path / "vibration.parquet").read_bytes()
    (path / "vibration.parquet").write_bytes(data[: int(kept * len(data))])

    with pytest.raises(RecordingError, match=r"vibration\.parquet"):
        Recording.open(path)


def test_damage_inside_a_file_is_found_by_validate(tmp_path: Path) -> None:
    path = write(tmp_path / "r", list(range(100, N_SAMPLES, 100)), spindle=Spindle("M1", (VIBRATION,)))
    data = bytearray((path / "vibration.parquet").read_bytes())
    data[len(data) // 3 : len(data) // 3 + 64] = b"\xff" * 64
    (path / "vibration.parquet").write_bytes(bytes(data))

    with pytest.raises(RecordingError, match=r"vibration\.parquet"):
        validate(path)


LISTS = pa.list_(pa.float32())
ROW = pa.array([[1.0, 2.0]], LISTS)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pa.table({"t_ns": [START_NS], "vib_x": ROW}), "wanted t_ns .integer., vib_x .list of float., vib_y"),
        (pa.table({"t_ns": [START_NS], "vib_x": ROW, "vib_z": ROW}), "vib_z"),
        (pa.table({"t_ns": [START_NS], "vib_x": ROW, "vib_y": ROW, "extra": [1]}), "extra"),
        (pa.table({"t_ns": [1.5], "vib_x": ROW, "vib_y": ROW}), "t_ns .number."),
        (pa.table({"t_ns": [START_NS], "vib_x": ROW, "vib_y": [[1.0, 2.0]]}), "vib_y .list of double."),
        (
            pa.table({"t_ns": [START_NS], "vib_x": ROW, "vib_y": pa.array([1.0], pa.float32())}),
            "vib_y .number.",
        ),
        (pa.table({"t_ns": pa.array([], pa.int64()), "vib_x": ROW[:0], "vib_y": ROW[:0]}), "no rows"),
    ],
)
def test_wrong_columns_are_named_on_opening(tmp_path: Path, table: pa.Table, said: str) -> None:
    with pytest.raises(RecordingError, match=said):
        Recording.open(damaged(tmp_path, "vibration.parquet", table))


@pytest.mark.parametrize(
    ("vib_x", "vib_y", "said"),
    [
        ([[1.0], [1.0, 2.0]], [[1.0], [1.0]], r"row 1: got \{'vib_x': 2, 'vib_y': 1\}"),
        ([[1.0], []], [[1.0], []], r"row 1: got \{'vib_x': 0, 'vib_y': 0\}"),
        ([[1.0], None], [[1.0], [1.0]], "empty cells"),
    ],
)
def test_wrong_rows_are_named_on_reading(tmp_path: Path, vib_x: list, vib_y: list, said: str) -> None:
    table = pa.table(
        {
            "t_ns": [START_NS, START_NS + 1_000_000],
            "vib_x": pa.array(vib_x, LISTS),
            "vib_y": pa.array(vib_y, LISTS),
        }
    )
    path = damaged(tmp_path, "vibration.parquet", table)

    with pytest.raises(RecordingError, match=said):
        validate(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 2", "Expected version 1, got 2"),
        ("version = 1", "version = 'one'", r"\$\.version"),
        ("licence = ", "license = ", "unknown field `license`"),
        ("sample_rate_hz = 25600.0", "sample_rate_hz = -1.0", r"\$\.groups\[0\]"),
        ("sample_rate_hz = 25600.0", "sample_rate_hz = nan", "sample_rate_hz above 0, got nan"),
        ('kind = "waveform"', 'kind = "wave"', "Invalid enum value 'wave'"),
        ('name = "vib_y"', 'name = "vib_x"', "'vib_x' twice"),
        ('name = "vib_y"', 'name = "t_ns"', "other than 't_ns'"),
        ('name = "load"\nkind', 'name = "../load"\nkind', r"got '\.\./load'"),
        ('name = "load"\nkind', 'name = "vibration"\nkind', "'vibration' twice"),
        ("period_s = 10.0", "period_s = 0.01", "no longer than its period"),
        ("n_vectors = 7", "n_vectors = -7", r"\$\.teach_in\.n_vectors"),
        ("[teach_in]", "[teach_in", "recording.toml"),
    ],
)
def test_a_wrong_header_is_named_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = write(tmp_path / "r", [])
    header = path / "recording.toml"
    text = header.read_text(encoding="utf-8")
    assert old in text
    header.write_text(text.replace(old, new), encoding="utf-8")

    with pytest.raises(RecordingError, match=said):
        Recording.open(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "wanted the header"),
        ("start,end,fault,note\n", "wanted the header"),
        ("start_s,end_s,fault,note\n1,2\n", "row 2: wanted 4 values, got 2"),
        ("start_s,end_s,fault,note\nsoon,,x,\n", "row 2: wanted seconds .* got 'soon'"),
        ("start_s,end_s,fault,note\n-1,,x,\n", "got '-1'"),
        ("start_s,end_s,fault,note\nnan,,x,\n", "got 'nan'"),
        ("start_s,end_s,fault,note\n5,4,x,\n", "at or after the start 5.0 s, got 4.0 s"),
        ("start_s,end_s,fault,note\n5,,,\n", "name of a fault"),
    ],
)
def test_wrong_faults_are_named_with_their_row(tmp_path: Path, text: str, said: str) -> None:
    path = damaged(tmp_path, "faults.csv", text.encode())

    with pytest.raises(RecordingError, match=said):
        Recording.open(path)


def test_a_file_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("x")

    with pytest.raises(RecordingError, match="wanted a recording, which is a folder"):
        Recording.open(tmp_path / "r")


def test_a_spreadsheets_faults_are_read(tmp_path: Path) -> None:
    path = damaged(tmp_path, "faults.csv", "\ufeffstart_s,end_s,fault,note\r\n1,,chatter,\r\n\r\n".encode())

    assert Recording.open(path).faults == (Fault(1.0, None, "chatter"),)


@pytest.mark.parametrize("labelled", [True, False])
def test_whether_the_labels_are_complete_survives(tmp_path, labelled):
    with RecordingWriter(
        tmp_path / "r", Spindle("M1", (LOAD,)), START_NS, "", "", labelled=labelled
    ) as writer:
        writer.write_block(LOAD.name, START_NS, np.zeros((len(LOAD.channels), 1), np.float32))

    assert Recording.open(tmp_path / "r").labelled is labelled
