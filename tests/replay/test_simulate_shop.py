from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import NS_PER_S
from engine.records import Block, Context, complete_ns
from replay.simulate import Preset, Shop, ShopPlan, order_faults

START_NS = 1_767_592_800_000_000_000
PLAN = order_faults(
    ShopPlan(("M1", "M2"), Preset.DEMO, seed=2),
    ["collision@1:M1", "sensor_dropout@1.23-2.1:M2"],
)


def run(plan, *times_s):
    shop = Shop(plan, START_NS)
    return [item for to_s in times_s for item in shop.advance(to_s)]


def plain(item):
    """Everything about an item, comparable."""
    if isinstance(item, Context):
        return item
    return (
        item.spindle,
        item.group,
        item.t_ns,
        item.sample_rate_hz,
        item.samples.shape,
        item.samples.tobytes(),
    )


def done_ns(shop, item):
    if isinstance(item, Context):
        return item.t_ns
    spindle = next(spindle for spindle in shop.spindles if spindle.name == item.spindle)
    return complete_ns(item, spindle.group(item.group))


@pytest.fixture(scope="module")
def at_once():
    return [plain(item) for item in run(PLAN, 3.2)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.0, 3.2), max_size=30))
def test_how_time_advances_never_changes_what_is_handed_out(at_once, times_s):
    in_steps = [plain(item) for item in run(PLAN, *sorted(times_s), 3.2)]

    assert in_steps == at_once


@settings(max_examples=8, deadline=None)
@given(st.lists(st.floats(0.0, 45.0), max_size=6))
def test_how_time_advances_never_changes_which_faults_recur(times_s):
    plan = ShopPlan(("M1",), Preset.DEMO, seed=2, recur_s=5.0)
    shop = Shop(plan, START_NS)
    for to_s in (*sorted(times_s), 45.0):
        shop.advance(to_s)
    direct = Shop(plan, START_NS)
    direct.advance(45.0)

    assert shop.faults == direct.faults
    assert len(shop.faults) >= 2


def test_everything_is_handed_out_when_it_is_complete_and_in_that_order():
    shop = Shop(PLAN, START_NS)
    before_ns, last_ns = START_NS - 1, 0
    for step in range(1, 41):
        for item in shop.advance(step * 0.07):
            assert before_ns < done_ns(shop, item) <= START_NS + round(step * 0.07 * NS_PER_S)
            assert done_ns(shop, item) >= last_ns
            last_ns = done_ns(shop, item)
        before_ns = START_NS + round(step * 0.07 * NS_PER_S)


def test_time_never_runs_backwards():
    shop = Shop(PLAN, START_NS)
    shop.advance(1.0)

    with pytest.raises(ValueError, match=r"backwards: got 0.5 after 1.0"):
        shop.advance(0.5)


def test_first_item_is_the_context_of_each_spindle():
    items = Shop(PLAN, START_NS).advance(0.0)

    assert [(item.spindle, item.t_ns, item.cutting) for item in items] == [
        ("M1", START_NS, False),
        ("M2", START_NS, False),
    ]


def test_blocks_match_their_declared_group():
    shop = Shop(PLAN, START_NS)
    groups = {(spindle.name, group.name): group for spindle in shop.spindles for group in spindle.groups}
    n_samples = {"vib": 640, "current": 100, "load": 1}

    for block in (item for item in shop.advance(2.0) if isinstance(item, Block)):
        group = groups[block.spindle, block.group]
        assert block.samples.shape == (len(group.channels), n_samples[group.name])
        assert block.samples.dtype == np.float32
        assert block.samples.flags.c_contiguous
        assert not block.samples.flags.writeable
        assert np.isfinite(block.samples).all()
        assert block.sample_rate_hz == group.sample_rate_hz


def test_blocks_follow_each_other_without_a_gap_but_for_the_dropout():
    blocks = [item for item in run(PLAN, 3.0) if isinstance(item, Block)]
    whole = [b for b in blocks if (b.spindle, b.group) == ("M1", "vib")]
    torn = [b for b in blocks if (b.spindle, b.group) == ("M2", "vib")]
    gaps = [(one.end_ns, two.t_ns) for one, two in pairwise(torn) if one.end_ns != two.t_ns]

    assert all(one.end_ns == two.t_ns for one, two in pairwise(whole))
    assert gaps == [(START_NS + 1_200_000_000, START_NS + 2_100_000_000)]


def test_equal_seeds_give_equal_samples_and_others_do_not():
    def samples(seed):
        return [plain(item) for item in run(ShopPlan(("M1",), Preset.DEMO, seed), 1.5)]

    assert samples(4) == samples(4)
    assert samples(4) != samples(5)


def test_spindle_does_not_depend_on_its_neighbours():
    alone = [plain(item) for item in run(ShopPlan(("M1",), Preset.DEMO, 3), 2.0)]
    among = [plain(i) for i in run(ShopPlan(("M1", "M2", "M3"), Preset.DEMO, 3), 2.0) if i.spindle == "M1"]

    assert alone == among


@pytest.mark.parametrize("preset", list(Preset))
def test_context_tells_the_program_in_its_order(preset):
    plan = ShopPlan(("M1",), preset)
    contexts = [item for item in run(plan, 70.0) if isinstance(item, Context)]
    sections = [context.section for context in contexts[:8]]

    assert sections == [
        "part_change",
        "tool_change",
        "spin_up",
        "approach",
        "entry",
        "rough",
        "retract",
        "spin_down",
    ]
    assert [context.cutting for context in contexts[:8]] == [False] * 4 + [True] * 2 + [False] * 2
    rough = contexts[5]
    assert (rough.tool, rough.program, rough.n_teeth, rough.rpm) == ("T1", "O1001", 5, 1500.0)
    assert rough.feed_mm_min == pytest.approx(0.14 * 5 * 1500.0)


def test_demo_parts_take_five_to_six_seconds_with_cuts_of_more_than_one_and_a_half():
    contexts = [
        i for i in run(ShopPlan(("M1", "M2", "M3", "M4"), Preset.DEMO), 30.0) if isinstance(i, Context)
    ]
    for spindle in ("M1", "M2", "M3", "M4"):
        own = [context for context in contexts if context.spindle == spindle]
        parts_s = np.diff([c.t_ns / NS_PER_S for c in own if c.section == "part_change"])
        cuts = [(one, two) for one, two in pairwise(own) if one.section in ("rough", "finish")]

        assert np.all((parts_s[1:] > 5.0) & (parts_s[1:] < 6.0))
        assert min(two.t_ns - one.t_ns for one, two in cuts) > 1.5 * NS_PER_S
        assert len({(one.tool, one.section) for one, _ in cuts}) == 2
