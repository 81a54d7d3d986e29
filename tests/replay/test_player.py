import numpy as np
import pytest
from shop import CURRENT, LOAD, T0, VIB, noise

from engine.clock import NoClock, WallClock
from engine.declared import Spindle
from engine.errors import UsageError
from engine.records import Block, Context, Tick
from engine.runtime import Stop
from replay.player import Player, items_with_ticks
from replay.recording import Recording
from replay.writer import RecordingWriter

SPINDLE = Spindle("M1", (VIB, CURRENT, LOAD))


@pytest.fixture
def recording(tmp_path):
    with RecordingWriter(tmp_path / "recording", SPINDLE, T0, "test", "CC0-1.0") as writer:
        for group in SPINDLE.groups:
            writer.write_block(group.name, T0, noise(group, 3.0))
        writer.write_context(Context("M1", T0 + 1_000_000_000, tool="T1"))
    return Recording.open(tmp_path / "recording")


def play(player):
    """All items of the only partition, as Bytewax would fetch them."""
    (name,) = player.list_parts()
    part = player.build_part("source", name, None)
    items = []
    while True:
        try:
            items += [item for _, item in part.next_batch()]
        except StopIteration:
            return items


def test_ticks_promise_what_has_been_played(recording):
    promised = 0
    for item in items_with_ticks(recording, 0.5):
        if isinstance(item, Tick):
            promised = item.t_ns
        elif isinstance(item, Block):
            assert item.t_ns + 3_000_000_000 > promised
            assert item.end_ns > promised - 500_000_000


def test_the_last_item_says_that_nothing_follows(recording):
    items = list(items_with_ticks(recording, 0.5))

    assert [item.last for item in items if isinstance(item, Tick)][-1] is True
    assert sum(isinstance(item, Tick) and item.last for item in items) == 1
    assert isinstance(items[-1], Tick)


def test_ticks_come_at_least_as_often_as_blocks_end(recording):
    ticks = [item.t_ns for item in items_with_ticks(recording, 0.25) if isinstance(item, Tick)]

    assert np.diff(ticks).max() <= 500_000_000


def test_every_sample_is_played_once(recording):
    played = play(Player([recording], NoClock(), 0.5))

    for group in SPINDLE.groups:
        samples = [item.samples for item in played if isinstance(item, Block) and item.group == group.name]
        assert np.concatenate(samples, axis=1).tobytes() == noise(group, 3.0).tobytes()


def test_an_unpaced_replay_stamps_nothing(recording):
    assert {
        item.received_ns for item in play(Player([recording], NoClock(), 0.5)) if isinstance(item, Block)
    } == {None}


def test_a_paced_replay_stamps_what_it_hands_over(recording):
    stamps = [
        i.received_ns for i in play(Player([recording], WallClock(), 0.5, pace=100.0)) if isinstance(i, Block)
    ]

    assert stamps == sorted(stamps)
    assert None not in stamps


def test_nothing_is_due_before_its_time(recording):
    player = Player([recording], WallClock(), 0.5, pace=1.0)
    first, *_, last = items_with_ticks(recording, 0.5)

    player.wait_s(T0, first)

    assert 2.5 < player.wait_s(T0, last) <= 3.5


def test_a_resumed_part_goes_on_after_the_last_item(recording):
    player = Player([recording], NoClock(), 0.5)
    whole = play(player)
    part = player.build_part("source", "M1", 5)

    resumed = [item for _, item in part.next_batch()]

    assert [item.t_ns for item in resumed] == [item.t_ns for item in whole[5 : 5 + len(resumed)]]


def test_a_stop_ends_the_part(recording):
    stop = Stop()
    part = Player([recording], NoClock(), 0.5, stop=stop).build_part("source", "M1", None)
    stop.ask()

    with pytest.raises(StopIteration):
        part.next_batch()


def test_two_recordings_of_one_spindle_are_refused(recording):
    with pytest.raises(UsageError, match="both of spindle 'M1'"):
        Player([recording, recording], NoClock(), 0.5)
