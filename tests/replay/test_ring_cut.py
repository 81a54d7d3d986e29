"""What an engine received last becomes ordinary recordings, while it runs, after it died, and never half."""

from pathlib import Path

import msgspec
import pytest
from barriers import T0, live_items, run_items

from engine.clock import NS_PER_S
from engine.config import load_config
from engine.errors import RecordingError, UsageError
from engine.records import Block, Context
from replay.recording import Recording, validate
from replay.ring_cut import record_ring
from sinks.ring import Ring
from sinks.ring_layout import folder_of, segments_in

CONFIG = load_config()
TABLE = msgspec.structs.replace(CONFIG.ring, segment_s=2.0)


def fill(folder, shop, items, *, close=True):
    """Hand items to a ring as a flow would, barriers coming back at once."""
    ring = Ring(folder, shop.spindles, TABLE, CONFIG.hash)
    for item in items:
        ring.write([record for _, record in ring.tap([(item.spindle, item)])])
    if close:
        ring.close()
    return ring


@pytest.fixture(scope="module")
def shop_items():
    return live_items(12.0, n_spindles=2)


@pytest.fixture(scope="module")
def ring(shop_items, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cut") / "ring"
    fill(folder, *shop_items)
    return folder


def joined(blocks):
    """Each group's samples, by time."""
    found = {}
    for block in blocks:
        found.setdefault(block.group, []).append((block.t_ns, block.samples.tobytes()))
    return found


def test_everything_that_came_is_recorded_sample_for_sample(ring, shop_items, tmp_path):
    _, items = shop_items

    record_ring(ring, tmp_path / "all")

    for name in ("M1", "M2"):
        recording = Recording.open(tmp_path / "all" / name)
        rows = [item for item in recording.items(1e9) if isinstance(item, Block)]
        came = [item for item in items if isinstance(item, Block) and item.spindle == name]
        assert joined(rows) == joined(came)
        contexts = [item for item in recording.items(1e9) if isinstance(item, Context)]
        assert contexts == [item for item in items if isinstance(item, Context) and item.spindle == name]
        assert "valid recording" in validate(recording.path)[0]


def test_a_recording_in_a_folder_with_a_colon_is_read_by_its_relative_path(ring, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    (cut,) = record_ring(ring, Path("M1:today"), "M1", 2.0)

    assert "valid recording" in validate(cut.path)[0]


def test_the_last_seconds_begin_with_the_context_that_held(ring, shop_items, tmp_path):
    _, items = shop_items

    (cut,) = record_ring(ring, tmp_path / "last", "M1", 3.0)

    recording = Recording.open(cut.path)
    assert cut.duration_s == pytest.approx(3.0, abs=0.2)
    assert recording.start_ns == pytest.approx(T0 + 9 * NS_PER_S, abs=0.2 * NS_PER_S)
    first = next(item for item in recording.items(1.0) if isinstance(item, Context))
    held = [
        i for i in items if isinstance(i, Context) and i.spindle == "M1" and i.t_ns <= recording.start_ns
    ][-1]
    assert (first.t_ns, first.tool, first.section, first.rpm) == (
        recording.start_ns,
        held.tool,
        held.section,
        held.rpm,
    )


def test_a_context_from_before_the_segments_that_are_cut_is_looked_up(shop_items, tmp_path):
    shop, items = shop_items
    rare = [item for item in items if not isinstance(item, Context)]
    rare.insert(5, Context("M1", T0, tool="T9", rpm=1234.0))
    fill(tmp_path / "ring", shop, rare)

    record_ring(tmp_path / "ring", tmp_path / "last", "M1", 1.0)

    (context,) = (i for i in Recording.open(tmp_path / "last").items(1.0) if isinstance(i, Context))
    assert (context.tool, context.rpm) == ("T9", 1234.0)


def test_the_recording_of_a_whole_run_replays_to_its_alerts(tmp_path):
    from replay.session import replay_alerts

    shop, items = live_items(46.0, seed=3, faults=("missing_tool@40:M1",))
    fill(tmp_path / "ring", shop, items)

    record_ring(tmp_path / "ring", tmp_path / "whole", "M1")

    live = {record.id for record in run_items(shop, items) if type(record).__name__ == "Alert"}
    assert (
        {alert.id for alert in replay_alerts([Recording.open(tmp_path / "whole")], CONFIG)} == live != set()
    )


def test_a_ring_is_read_while_it_is_being_written(shop_items, tmp_path):
    shop, items = shop_items
    ring = fill(tmp_path / "ring", shop, items[: len(items) // 2], close=False)
    while not segments_in(folder_of(tmp_path / "ring", "M1"))[2:]:  # the disk has its own thread
        pass

    (cut,) = record_ring(tmp_path / "ring", tmp_path / "running", "M1")
    ring.close()

    assert cut.duration_s > 2.0
    assert "valid recording" in validate(cut.path)[0]


def test_what_a_killed_engine_left_is_recorded_up_to_its_last_whole_frame(ring, tmp_path):
    (whole,) = record_ring(ring, tmp_path / "whole", "M1")
    last = segments_in(folder_of(ring, "M1"))[-1]
    torn = tmp_path / "ring" / "spindles" / "M1"
    torn.mkdir(parents=True)
    for file in segments_in(folder_of(ring, "M1")):
        data = file.path.read_bytes()
        (torn / file.path.name).write_bytes(data[: len(data) // 2] if file == last else data)

    (cut,) = record_ring(tmp_path / "ring", tmp_path / "torn", "M1")

    assert whole.duration_s - 2.5 < cut.duration_s <= whole.duration_s
    assert cut.n_breaks == 0
    assert "valid recording" in validate(cut.path)[0]


def test_two_runs_of_the_engine_are_one_recording_with_a_break(tmp_path):
    shop, items = live_items(8.0)
    half = len(items) // 2
    fill(tmp_path / "ring", shop, items[:half])
    fill(tmp_path / "ring", shop, items[half:])

    (cut,) = record_ring(tmp_path / "ring", tmp_path / "both", "M1")

    rows = [item for item in Recording.open(cut.path).items(1e9) if isinstance(item, Block)]
    assert cut.n_breaks == 1
    assert joined(rows) == joined(item for item in items if isinstance(item, Block))


def test_a_spindle_that_sent_nothing_is_left_out_and_alone_an_error(tmp_path):
    shop, items = live_items(6.0, n_spindles=2)
    fill(
        tmp_path / "ring",
        shop,
        [item for item in items if item.spindle == "M1" or not isinstance(item, Block)],
    )

    cuts = record_ring(tmp_path / "ring", tmp_path / "all")

    assert [cut.spindle for cut in cuts] == ["M1"]
    with pytest.raises(RecordingError, match="got no samples of M2"):
        record_ring(tmp_path / "ring", tmp_path / "M2", "M2")
    assert not (tmp_path / "M2").exists()


def test_what_cannot_be_recorded_is_one_clear_error(ring, tmp_path):
    with pytest.raises(UsageError, match=r"'M9'.*M1, M2"):
        record_ring(ring, tmp_path / "dest", "M9")
    with pytest.raises(RecordingError, match=r"wanted the ring of an engine"):
        record_ring(tmp_path / "nowhere", tmp_path / "dest")
    (tmp_path / "dest").mkdir()
    (tmp_path / "dest" / "file").touch()
    with pytest.raises(RecordingError, match="exists already"):
        record_ring(ring, tmp_path / "dest")
