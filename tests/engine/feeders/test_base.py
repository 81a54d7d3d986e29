import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS_PER_S
from engine.config import parse_config
from engine.errors import WireError
from engine.feeders.base import Feed
from engine.feeders.settings import Target, find_slots
from engine.feeders.spindle_feed import Reading
from engine.feeders.stamps import Now
from engine.records import Block, Context, Tick
from engine.wire import encode

T0 = 1_700_000_000 * NS_PER_S
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


class Desk:
    """A feed with a clock of its own, and what it sent."""

    def __init__(self, hold_s=0.0):
        self.items, self.letters, self.s = [], [], 0.0
        self.feed = Feed(CONFIG, self.send, self, hold_s, lambda: Now(T0 + self.ns, 7 * NS_PER_S + self.ns))

    @property
    def ns(self):
        return round(self.s * NS_PER_S)

    def send(self, item):
        encode(item)
        self.items.append(item)

    def put(self, letter):
        self.letters.append(letter)

    def take(self, s=0.0, **values):
        self.s = s
        self.feed.take("M1", [Reading(name, SLOTS[name], value) for name, value in values.items()], "here")

    def take_items(self):
        taken, self.items = self.items, []
        return taken


def test_a_context_is_whole_and_told_when_something_of_it_changed():
    desk = Desk()
    desk.take(tool=12.0, rpm=3000, cutting="true")
    desk.take(s=1.0, rpm=3000.5)
    desk.take(s=2.0, rpm=3600, program="O1\n")
    desk.take(s=3.0, cutting=None)
    told = [(item.t_ns - T0, item.tool, item.program, item.rpm, item.cutting) for item in desk.items]
    s = NS_PER_S
    assert told == [
        (0, "12", None, 3000.0, True),
        (2 * s, "12", "O1", 3600.0, True),
        (3 * s, "12", "O1", 3600.0, None),
    ]


def test_channels_of_a_waveform_that_come_together_are_one_block_and_a_missing_one_is_nan():
    desk = Desk()
    desk.take(vib_y=[1, 2.5, None], vib_x=np.zeros(3))
    desk.take(s=0.003, vib_x=[5, 6, 7])
    both, one = desk.items
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
    desk = Desk()
    other = "vib_y" if name == "load" else "load"
    desk.take(**{name: value, other: [1.0] if other == "vib_y" else 1.0})
    assert [type(item) for item in desk.items] == [Block]
    assert desk.feed.counts == {"sent": 1, "malformed": 1}
    assert [(letter.reason, letter.origin, letter.spindle) for letter in desk.letters] == [
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
    desk = Desk(hold_s=1.0)
    readings = [Reading(name, SLOTS[name], value, t_ns) for name, value, t_ns in told]
    desk.feed.take("M1", readings, "here")
    for desk.s in (0.1, 0.3, 5.0):
        desk.feed.beat()
    desk.feed.forget("M1")
    assert desk.feed.counts["sent"] == len(desk.items)


def test_a_time_in_the_future_is_refused_and_one_in_the_past_kept():
    desk = Desk()
    for s in (3600.0, -3600.0):
        desk.feed.take("M1", [Reading("load", SLOTS["load"], 1.0, T0 + round(s * NS_PER_S))], "here")
    assert [item.t_ns - T0 for item in desk.items] == [-3600 * NS_PER_S]
    assert desk.feed.counts == {"ahead": 1, "sent": 1}
    assert desk.feed.skew_s == {"M1": 3600.0}


def test_ticks_are_in_the_time_of_the_source_and_begin_with_its_data():
    desk = Desk()
    desk.feed.beat()
    assert desk.items == []
    desk.feed.take("M1", [Reading("load", SLOTS["load"], 1.0, T0 - 60 * NS_PER_S)], "here")
    desk.take_items()
    for step in range(1, 11):
        desk.s = step / 10
        desk.feed.beat()
    ticks = [item for item in desk.items if isinstance(item, Tick)]
    assert [(tick.t_ns - T0) / NS_PER_S for tick in ticks] == [-59.9, -59.6, -59.3, -59.0]


def test_a_source_that_is_gone_leaves_an_unknown_context_and_silence():
    desk = Desk(hold_s=np.inf)
    desk.take(load=1.0, tool="T1")
    desk.take_items()
    desk.s = 0.2
    desk.feed.forget("M1")
    assert desk.items == [Context("M1", T0 + 200_000_000)]
    for desk.s in (1.0, 2.0, 3.0):
        desk.feed.beat()
    assert {type(item) for item in desk.items[1:]} == {Tick}


def test_records_of_other_spindles_or_times_or_that_cannot_be_sent_are_dead_letters():
    desk = Desk()
    desk.feed.pass_on(Tick("M2", T0), "here")
    desk.feed.pass_on(Tick("M1", T0 + 3600 * NS_PER_S), "here")
    desk.feed.pass_on(Context("M1", T0, tool="\n"), "here")
    desk.feed.pass_on(Tick("M1", T0), "here")
    assert desk.feed.counts == {"unknown": 1, "ahead": 1, "malformed": 1, "sent": 1}
    with pytest.raises(WireError):
        encode(Context("M1", T0, tool="\n"))
