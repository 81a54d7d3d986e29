from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS_PER_S
from engine.declared import Channel, SensorGroup
from engine.feeders.assemble import Rows, Samples
from engine.feeders.stamps import Now
from engine.records import samples_to_ns

T0 = 1_700_000_000 * NS_PER_S
LOAD = SensorGroup("load", "scalar", 10.0, (Channel("a"), Channel("b")))
VIB = SensorGroup("vib", "waveform", 1000.0, (Channel("vib_x"),))


def at(s: float) -> Now:
    return Now(T0 + round(s * NS_PER_S), 5 * NS_PER_S + round(s * NS_PER_S))


def ns(s: float) -> int:
    return T0 + round(s * NS_PER_S)


def rows_of(blocks):
    return [((block.t_ns - T0) / NS_PER_S, *block.samples[:, 0].tolist()) for block in blocks]


def test_values_of_nearly_one_time_are_one_row_sent_when_it_is_whole():
    rows = Rows("M1", LOAD, 0.0, Counter())
    assert rows.put(0, 1.0, ns(0.0), at(0.0)) == []
    assert rows_of(rows.put(1, 2.0, ns(0.03), at(0.03))) == [(0.0, 1.0, 2.0)]


def test_values_more_than_half_a_period_apart_are_rows_of_their_own():
    rows = Rows("M1", LOAD, 0.0, Counter())
    rows.put(0, 1.0, ns(0.0), at(0.0))
    np.testing.assert_equal(rows_of(rows.put(1, 2.0, ns(0.051), at(0.051))), [(0.0, 1.0, np.nan)])


def test_a_row_that_stays_incomplete_is_sent_half_a_period_later_with_nan():
    rows = Rows("M1", LOAD, 0.0, Counter())
    rows.put(0, 1.0, ns(0.0), at(0.2))
    assert rows.beat(at(0.24)) == []
    np.testing.assert_equal(rows_of(rows.beat(at(0.25))), [(0.0, 1.0, np.nan)])
    assert rows.beat(at(9.0)) == []


def test_a_held_value_fills_rows_until_it_is_too_old():
    rows = Rows("M1", LOAD, 0.3, Counter())
    rows.put(1, 7.0, ns(0.0), at(0.0))
    told = [row for t in (0.2, 0.4) for row in rows.put(0, t, ns(t), at(t))] + rows.beat(at(0.5))
    np.testing.assert_equal(
        np.float32(rows_of(told)), np.float32([(0.0, np.nan, 7.0), (0.2, 0.2, 7.0), (0.4, 0.4, np.nan)])
    )


def test_a_source_that_tells_changes_only_has_a_row_each_period_until_it_is_gone():
    rows = Rows("M1", LOAD, np.inf, Counter())
    rows.put(0, 1.0, ns(0.0), at(0.0))
    sent = rows.put(1, 2.0, ns(0.0), at(0.0))
    for step in range(1, 101):
        sent += rows.beat(at(step / 50))
    assert rows_of(sent) == [(t / 10, 1.0, 2.0) for t in range(20)]
    assert rows.forget() == []
    assert rows.beat(at(9.0)) == []


def test_what_comes_faster_than_declared_is_thinned_and_counted():
    counts = Counter()
    rows = Rows("M1", LOAD, 0.0, counts)
    sent = []
    for step in range(100):
        for row in (0, 1):
            sent += rows.put(row, step, ns(step / 100), at(step / 100))
    times = [block.t_ns for block in sent]
    assert min(np.diff(times)) >= NS_PER_S // 20
    assert counts["thinned"] + 2 * len(sent) == 200


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10**10)), max_size=40),
    st.sampled_from([0.0, 0.5, np.inf]),
)
def test_no_time_comes_twice_in_a_row_and_every_row_has_a_value(values, hold_s):
    rows = Rows("M1", LOAD, hold_s, Counter())
    sent = []
    for step, (row, t_ns) in enumerate(values):
        sent += rows.put(row, 1.0, T0 + t_ns, at(step)) + rows.beat(at(step))
    sent += rows.forget()
    assert all(a.t_ns != b.t_ns for a, b in pairwise(sent))
    assert all(not np.isnan(block.samples).all() for block in sent)


@given(st.lists(st.floats(0.0, 0.1), min_size=20, max_size=60), st.integers(-100, 100))
def test_blocks_by_arrival_follow_each_other_though_the_network_jitters_and_the_quartz_drifts(delays_s, ppm):
    samples = Samples("M1", VIB)
    ends = []
    for number, delay_s in enumerate(delays_s, 1):
        block = samples.block(
            np.zeros((1, 100), np.float32), None, None, at(number * 0.1 * (1 + ppm * 1e-6) + delay_s)
        )
        ends.append((block.t_ns, block.end_ns))
    steps = [abs(after[0] - before[1]) for before, after in pairwise(ends)]
    assert max(steps) <= samples_to_ns(1, 1000.0) // 2 + 1


def test_a_block_that_comes_a_little_late_hardly_moves_time():
    samples, starts = Samples("M1", VIB), []
    for number in range(1, 20):
        late_s = 0.0003 * (number % 2)
        block = samples.block(np.zeros((1, 100), np.float32), None, None, at(number * 0.1 + late_s))
        starts.append(block.t_ns - ns(number * 0.1))
    assert max(map(abs, np.diff(starts))) < 10_000


def test_blocks_by_arrival_follow_a_drifting_quartz_for_hours():
    samples = Samples("M1", VIB)
    for number in range(1, 100_000):
        block = samples.block(np.zeros((1, 1000), np.float32), None, None, at(number * 1.0001))
    assert abs(block.end_ns - at(number * 1.0001).utc_ns) < 0.01 * NS_PER_S


def test_time_begins_anew_where_blocks_were_lost():
    samples = Samples("M1", VIB)
    samples.block(np.zeros((1, 100), np.float32), None, None, at(0.1))
    assert samples.block(np.zeros((1, 100), np.float32), None, None, at(3.1)).t_ns == ns(3.0)


def test_the_time_of_a_device_is_kept():
    samples = Samples("M1", VIB)
    block = samples.block(np.zeros((1, 100), np.float32), ns(1.0), 2000.0, at(500.0))
    assert (block.t_ns, block.sample_rate_hz) == (ns(1.0), 2000.0)
