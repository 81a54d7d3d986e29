import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.feeders.merge import Merge
from engine.records import Block, Context, Tick

S = 10**9
T0 = 1_700_000_000 * S
NAMES = ("mtconnect", "mqtt")


class Merged:
    def __init__(self):
        self.items, self.s = [], 0.0
        merge = Merge(self.items.append, NAMES, lambda: self.s)
        self.send = {name: merge.sender(name) for name in NAMES}

    def of(self, kind):
        return [item for item in self.items if isinstance(item, kind)]


def context(s=0.0, spindle="M1", **fields):
    return Context(spindle, T0 + round(s * S), **fields)


def test_a_field_is_that_of_the_first_feed_that_knows_it():
    merged = Merged()
    merged.send["mqtt"](context(0, tool="T9", rpm=100.0))
    merged.send["mtconnect"](context(1, tool="T1", program="O1"))
    merged.send["mtconnect"](context(2, tool=None, program="O2"))
    assert merged.of(Context) == [
        context(0, tool="T9", rpm=100.0),
        context(1, tool="T1", program="O1", rpm=100.0),
        context(2, tool="T9", program="O2", rpm=100.0),
    ]


def test_what_changes_nothing_is_not_sent_again_and_time_never_goes_back():
    merged = Merged()
    merged.send["mtconnect"](context(5, tool="T1"))
    merged.send["mqtt"](context(6, tool="T2"))
    merged.send["mqtt"](context(4, rpm=1.0))
    assert merged.of(Context) == [context(5, tool="T1"), context(5, tool="T1", rpm=1.0)]


def test_false_is_something_that_is_known():
    merged = Merged()
    merged.send["mqtt"](context(0, cutting=True))
    merged.send["mtconnect"](context(1, cutting=False))
    assert [item.cutting for item in merged.of(Context)] == [True, False]


def test_spindles_have_nothing_to_do_with_each_other():
    merged = Merged()
    merged.send["mqtt"](context(0, tool="T1"))
    merged.send["mtconnect"](context(1, spindle="M2", program="O1"))
    assert merged.of(Context) == [context(0, tool="T1"), context(1, spindle="M2", program="O1")]


def test_a_tick_promises_no_more_than_every_feed_did():
    merged = Merged()
    merged.send["mqtt"](Tick("M1", T0))
    merged.send["mtconnect"](Tick("M1", T0 + 5))
    merged.send["mqtt"](Tick("M1", T0 + 7))
    assert [tick.t_ns - T0 for tick in merged.of(Tick)] == [0, 5]


def test_a_feed_that_ticks_no_more_is_not_waited_for():
    merged = Merged()
    merged.send["mtconnect"](Tick("M1", T0))
    merged.s = 6.0
    merged.send["mqtt"](Tick("M1", T0 + 6 * S))
    assert merged.of(Tick)[-1].t_ns == T0 + 6 * S


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["c", "t", "b"])), max_size=30))
def test_one_feed_alone_is_passed_on_as_it_is(told):
    merged, sent = Merged(), []
    for s, (value, kind) in enumerate(told):
        item = {
            "c": context(s, rpm=float(value)),
            "t": Tick("M1", T0 + s),
            "b": Block("M1", "g", T0 + s, 1.0, np.zeros((1, 1), np.float32)),
        }[kind]
        changed = next((one.rpm for one in reversed(sent) if isinstance(one, Context)), None) != float(value)
        if kind != "c" or changed:
            sent.append(item)
        merged.send["mqtt"](item)
    assert merged.items == sent
