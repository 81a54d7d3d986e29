import desk
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS_PER_S
from engine.config import parse_config
from engine.errors import WireError
from engine.feeders.settings import Target, find_slots
from engine.feeders.spindle_feed import Reading
from engine.records import Block, Context, Tick
from engine.wire import encode

T0 = desk.T0

SITE = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "load"
kind = "scalar"
sample_rate_hz = 10.0
channels = [{ name = "load" }]
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 1000.0
channels = [{ name = "vib_x" }, { name = "vib_y" }]
"""
CONFIG = parse_config(SITE)
FIELDS = ("tool", "program", "section", "tool_edge", "rpm", "feed_mm_min", "cutting", "n_teeth")
SLOTS = find_slots(
    {"load": "load", "vib_x": "vib_x", "vib_y": Target(channel="vib_y", factor=2.0)}
    | {field: Target(context=field) for field in FIELDS},
    CONFIG.spindles[0],
    "values",
)


class Desk(desk.Desk):
    """Hands values over by the names of `SLOTS`."""

    def __init__(self, hold_s=0.0):
        super().__init__(CONFIG, hold_s)

    def take(self, s=0.0, **values):
        self.s = s
        self.feed.take("M1", [Reading(name, SLOTS[name], value) for name, value in values.items()], "here")


def test_a_context_is_whole_and_told_when_something_of_it_changed():
    shop = Desk()
    shop.take(tool=12.0, rpm=3000, cutting="true")
    shop.take(s=1.0, rpm=3000.5)
    shop.take(s=2.0, rpm=3600, program="O1\n")
    shop.take(s=3.0, cutting=None)
    told = [(item.t_ns - T0, item.tool, item.program, item.rpm, item.cutting) for item in shop.items]
    s = NS_PER_S
    assert told == [
        (0, "12", None, 3000.0, True),
        (2 * s, "12", "O1", 3600.0, True),
        (3 * s, "12", "O1", 3600.0, None),
    ]


def test_channels_of_a_waveform_that_come_together_are_one_block_and_a_missing_one_is_nan():
    shop = Desk()
    shop.take(vib_y=[1, 2.5, None], vib_x=np.zeros(3))
    shop.take(s=0.003, vib_x=[5, 6, 7])
    both, one = shop.items
    np.testing.assert_equal(both.samples, np.float32([[0, 0, 0], [2, 5, np.nan]]))
    np.testing.assert_equal(one.samples, np.float32([[5, 6, 7], [np.nan] * 3]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("load", "warm"), ("load", [1.0]), ("load", 1e300), ("load", {}), ("load", 10**400),
        ("vib_x", 3.0), ("vib_x", []), ("vib_x", ["a"]), ("vib_x", [[1.0]]),
        ("tool", []), ("tool", "x" * 300), ("tool", "T\x001"), ("cutting", 2), ("cutting", "perhaps"),
        ("n_teeth", 0), ("n_teeth", 2.5), ("rpm", "fast"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_a_dead_letter_and_its_neighbours_go_on(name, value):
    shop = Desk()
    other = "vib_y" if name == "load" else "load"
    shop.take(**{name: value, other: [1.0] if other == "vib_y" else 1.0})
    assert [type(item) for item in shop.items] == [Block]
    assert shop.feed.counts == {"sent": 1, "malformed": 1}
    assert [(letter.reason, letter.origin, letter.spindle) for letter in shop.letters] == [
        ("malformed", "here", "M1")
    ]


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=2)),
    max_leaves=5,
)


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(SLOTS)), ANYTHING, st.one_of(st.none(), st.integers(1, 2**63))),
        max_size=6,
    )
)
def test_no_reading_whatever_it_is_raises_and_all_that_is_sent_can_be_encoded(told):
    shop = Desk(hold_s=1.0)
    readings = [Reading(name, SLOTS[name], value, t_ns) for name, value, t_ns in told]
    shop.feed.take("M1", readings, "here")
    for shop.s in (0.1, 0.3, 5.0):
        shop.feed.beat()
    shop.feed.forget("M1")
    assert shop.feed.counts["sent"] == len(shop.items)


def test_a_time_in_the_future_is_refused_and_one_in_the_past_kept():
    shop = Desk()
    for s in (3600.0, -3600.0):
        shop.feed.take("M1", [Reading("load", SLOTS["load"], 1.0, T0 + round(s * NS_PER_S))], "here")
    assert [item.t_ns - T0 for item in shop.items] == [-3600 * NS_PER_S]
    assert shop.feed.counts == {"ahead": 1, "sent": 1}
    assert shop.feed.skew_s == {"M1": 3600.0}


def test_values_of_one_message_count_in_the_order_of_their_times():
    shop = Desk()
    times_s = (-1.0, -3.0, -2.0)
    readings = [Reading("load", SLOTS["load"], s, T0 + round(s * NS_PER_S)) for s in times_s]
    shop.feed.take("M1", readings, "here")
    assert [item.samples[0, 0] for item in shop.items] == sorted(times_s)


def test_ticks_are_in_the_time_of_the_source_and_begin_with_its_data():
    shop = Desk()
    shop.feed.beat()
    assert shop.items == []
    shop.feed.take("M1", [Reading("load", SLOTS["load"], 1.0, T0 - 60 * NS_PER_S)], "here")
    shop.data()
    for step in range(1, 11):
        shop.s = step / 10
        shop.feed.beat()
    ticks = [item for item in shop.items if isinstance(item, Tick)]
    assert [(tick.t_ns - T0) / NS_PER_S for tick in ticks] == [-59.9, -59.6, -59.3, -59.0]


def test_a_source_that_is_gone_leaves_an_unknown_context_and_silence():
    shop = Desk(hold_s=np.inf)
    shop.take(load=1.0, tool="T1")
    shop.data()
    shop.s = 0.2
    shop.feed.forget("M1")
    assert shop.items == [Context("M1", T0 + 200_000_000)]
    for shop.s in (1.0, 2.0, 3.0):
        shop.feed.beat()
    assert {type(item) for item in shop.items[1:]} == {Tick}


def test_records_of_other_spindles_or_times_or_that_cannot_be_sent_are_dead_letters():
    shop = Desk()
    shop.feed.pass_on(Tick("M2", T0), "here")
    shop.feed.pass_on(Tick("M1", T0 + 3600 * NS_PER_S), "here")
    shop.feed.pass_on(Context("M1", T0, tool="\n"), "here")
    shop.feed.pass_on(Tick("M1", T0), "here")
    assert shop.feed.counts == {"unknown": 1, "ahead": 1, "malformed": 1, "sent": 1}
    with pytest.raises(WireError):
        encode(Context("M1", T0, tool="\n"))
