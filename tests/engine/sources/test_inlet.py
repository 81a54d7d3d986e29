import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checkpoint import Checkpoint, Position, decode
from engine.declared import Channel, SensorGroup, Spindle
from engine.errors import CheckpointError
from engine.records import Block, Context, Tick
from engine.sources.inlet import Inlet
from engine.wire import encode

T0 = 1_700_000_000_000_000_000
START = Position()
SPINDLE = Spindle("M1", (SensorGroup("vib", "waveform", 1000.0, (Channel("vib_x", "g"),)),))


def entry(number: int, item=None, n: int | None = None):
    item = Tick("M1", T0 + number) if item is None else item
    fields = {b"d": item if isinstance(item, bytes) else encode(item)}
    return f"5-{number}".encode(), fields | ({} if n is None else {b"n": str(n).encode()})


def inlet(position=START, ticks=()):
    return Inlet(SPINDLE, position, ticks, 5_000_000_000)


@given(st.lists(st.dictionaries(st.sampled_from([b"d", b"n", b"x"]), st.binary(max_size=80)), max_size=20))
def test_whatever_an_entry_holds_it_is_an_item_or_a_dead_letter(hostile):
    one = inlet()
    entries = [(f"7-{index}".encode(), fields) for index, fields in enumerate(hostile)]
    items, refused = one.take(entries, T0, T0)
    assert len(items) + len(refused) + one.n_repeated == len(hostile)


@given(st.lists(st.integers(0, 9), max_size=3).map(sorted), st.data())
def test_how_entries_are_batched_changes_nothing(ends, data):
    entries = [entry(number, n=number + 1) for number in range(10)]
    whole, parts = inlet(), inlet()
    wanted, _ = whole.take(entries, T0 + 100, T0 + 100)
    found = []
    for first, last in zip([0, *ends], [*ends, 10], strict=True):
        found += parts.take(entries[first:last], T0 + 100, T0 + 100)[0]
    assert found == wanted
    assert parts.position == whole.position


def test_a_jump_of_the_running_number_counts_what_is_gone():
    one = inlet()
    one.take([entry(1, n=1), entry(2, n=2), entry(9, n=9)], T0 + 100, T0 + 100)
    assert (one.n_missing, one.n_repeated, one.position.n) == (6, 0, 9)


def test_the_same_number_twice_in_a_row_is_a_repetition_and_a_smaller_one_a_sender_that_counts_anew():
    one = inlet()
    items, _ = one.take([entry(1, n=8), entry(2, n=8), entry(3, n=1), entry(4, n=2)], T0 + 100, T0 + 100)
    assert len(items) == 3
    assert (one.n_repeated, one.n_missing) == (1, 0)


def test_data_that_ends_too_far_ahead_is_refused_and_what_is_near_is_not():
    block = Block("M1", "vib", T0, 1000.0, np.zeros((1, 1000), np.float32))
    near, _ = inlet().take([entry(1, block)], T0 - 4_000_000_000, T0 - 4_000_000_000)
    none, refused = inlet().take([entry(1, block)], T0 - 4_000_000_001, T0 - 4_000_000_001)
    assert len(near) == 1
    assert none == []
    assert (refused[0].reason, refused[0].error) == ("ahead", "got data 5.000 s ahead, wanted at most 5 s")


def test_a_slow_value_is_of_the_instant_at_which_it_was_taken():
    slow = SensorGroup("oil", "scalar", 0.1, (Channel("temperature", "°C"),))
    one = Inlet(Spindle("M1", (slow,)), START, (), 5_000_000_000)

    items, refused = one.take([entry(1, Block("M1", "oil", T0, 0.1, np.zeros((1, 1), np.float32)))], T0, T0)

    assert (len(items), refused) == (1, [])
    assert one.end_ns == T0


def test_a_process_whose_own_clock_has_drifted_refuses_nothing():
    block = Block("M1", "vib", T0, 1000.0, np.zeros((1, 1000), np.float32))
    items, _ = inlet().take([entry(1, block)], T0 - 3_600_000_000_000, T0 + 1_000_000_000)
    assert len(items) == 1


def test_data_of_another_spindle_is_refused():
    _, refused = inlet().take([entry(1, Context("M2", T0))], T0, T0)
    assert (refused[0].reason, refused[0].error) == ("foreign", "got data of 'M2', wanted 'M1'")


def test_ticks_made_before_a_crash_are_made_again_at_their_place():
    one = inlet(Position("5-3", 3, 1), [("5-3", T0 + 50), ("5-4", T0 + 60)])
    items, _ = one.take([entry(4), entry(5)], T0 + 100, T0 + 100)
    assert [item.t_ns - T0 for item in items] == [50, 4, 60, 5]
    assert one.position == Position("5-5", 3, 3)


@given(
    st.builds(Position, st.from_regex(r"[0-9]{1,9}-[0-9]{1,9}", fullmatch=True), st.integers(0, 2**62)),
    st.dictionaries(st.text(max_size=9), st.binary(max_size=99), max_size=4),
)
def test_a_checkpoint_is_read_as_it_was_written(position, states):
    kept = Checkpoint(position, T0, "a" * 12, "b" * 12, states)
    assert decode(kept.encode(), "M1") == kept


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\x92\x01\xc0", b"\x92\x63\xc0"])
def test_a_damaged_checkpoint_is_one_clear_error(damage):
    with pytest.raises(CheckpointError, match=r"checkpoint of 'M1': .* start with --fresh to learn anew"):
        decode(damage, "M1")


def test_time_follows_a_clock_that_was_set_back_and_no_straggler():
    one, hour_ns = inlet(), 3600 * 10**9
    one.take([entry(1, Tick("M1", T0))], T0, T0)
    one.take([entry(k, Tick("M1", T0 - hour_ns + k)) for k in range(2, 21)], T0, T0)
    assert one.end_ns == T0
    one.take([entry(21, Tick("M1", T0 + 1)), entry(22, Tick("M1", T0 - hour_ns))], T0, T0)
    assert one.end_ns == T0 + 1
    one.take([entry(k, Tick("M1", T0 - hour_ns + k)) for k in range(23, 50)], T0, T0)
    assert one.end_ns == T0 - hour_ns + 49


def test_an_engine_whose_clock_is_an_hour_behind_refuses_until_it_is_corrected_and_ahead_it_refuses_nothing():
    one, hour_ns = inlet(), 3600 * 10**9
    items, refused = one.take([entry(1, Tick("M1", T0), n=1)], T0, T0 - hour_ns)
    assert (items, [letter.reason for letter in refused]) == ([], ["ahead"])
    items, refused = one.take([entry(2, Tick("M1", T0 + 1), n=2)], T0, T0)
    assert (len(items), refused, one.n_missing) == (1, [], 0)
    items, refused = one.take([entry(3, Tick("M1", T0 + 2), n=3)], T0, T0 + hour_ns)
    assert (len(items), refused) == (1, [])
