import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shop import CURRENT, LOAD, SPINDLES, T0, VIB, block, by_end, cut, noise, with_ticks

from engine.config import load_config
from engine.records import Block, CheckedBlock, Context, SensorOutcome, Tick, Trouble
from operators.blocks import BlockCheck

CONFIG = load_config()
SECOND = 1_000_000_000


def check(items, last=True):
    """Run a fresh check; by default ending as a recording does, with the last tick."""
    end = max((i.end_ns if isinstance(i, Block) else i.t_ns) for i in items)
    return BlockCheck(SPINDLES, CONFIG).process([*items, Tick("M1", end, last=True)] if last else items)


def process(stream):
    return BlockCheck(SPINDLES, CONFIG).process(stream)


def hops(out, group="vib"):
    return [item for item in out if isinstance(item, CheckedBlock) and item.block.group == group]


def outcomes(out, kind=None):
    return [item for item in out if isinstance(item, SensorOutcome) and kind in (None, item.kind)]


def signature(out):
    """All that is downstream of the check, comparable."""
    return [
        (
            item.block.group,
            item.block.t_ns,
            item.block.samples.tobytes(),
            item.contiguous,
            item.learnable,
            item.regime,
        )
        if isinstance(item, CheckedBlock)
        else (item.group, item.kind, item.t_ns, item.onset_ns)
        for item in out
    ]


LENGTHS = st.lists(st.integers(1, 250), max_size=12)


@settings(max_examples=60, deadline=None)
@given(vib=LENGTHS, current=LENGTHS)
def test_how_samples_were_cut_into_blocks_changes_nothing(vib, current):
    samples = {group.name: noise(group, 3.0) for group in (VIB, CURRENT, LOAD)}
    samples["vib"][0, 700:720] = np.nan
    samples["vib"][1, 1500:1700] = 0.25
    contexts = [
        Context("M1", T0 + SECOND, tool="T1", cutting=True),
        Context("M1", T0 + 2 * SECOND, tool="T1"),
    ]

    def stream(vib, current):
        blocks = cut(VIB, samples["vib"], vib) + cut(CURRENT, samples["current"], current)
        return with_ticks(blocks + cut(LOAD, samples["load"], [1] * 6) + contexts)

    assert signature(process(stream(vib, current))) == signature(process(stream([], [])))


@settings(max_examples=80, deadline=None)
@given(before=LENGTHS, after=LENGTHS, gap_s=st.floats(0.01, 4.0))
@example(before=[], after=[1], gap_s=CONFIG.check.silent_s)
def test_a_gap_or_a_silence_is_the_same_however_blocks_were_cut(before, after, gap_s):
    first, second = noise(VIB, 1.0), noise(VIB, 1.0, seed=1)
    start_s = round((1.0 + gap_s) * 1000) / 1000
    other = cut(CURRENT, noise(CURRENT, start_s + 1.0), [25] * 40) + cut(
        LOAD, noise(LOAD, start_s + 1.0), [1] * 12
    )

    def stream(before, after):
        return with_ticks(cut(VIB, first, before) + cut(VIB, second, after, start_s) + other)

    assert signature(process(stream(before, after))) == signature(process(stream([], [])))


def test_hops_are_whole_and_hold_every_sample():
    samples = noise(VIB, 1.05)

    out = hops(check(cut(VIB, samples, [333, 1, 400])))

    assert [hop.block.samples.shape for hop in out] == [(2, 100)] * 10
    assert np.concatenate([hop.block.samples for hop in out], axis=1).tobytes() == samples[:, :1000].tobytes()
    assert [hop.contiguous for hop in out] == [False] + [True] * 9


def test_groups_come_out_in_stream_time_whatever_came_in_first():
    vib, current = block(VIB, noise(VIB, 1.0)), block(CURRENT, noise(CURRENT, 1.0))

    for order in ([vib, current], [current, vib]):
        out = check(order)
        assert [item.block.end_ns for item in out] == sorted(item.block.end_ns for item in out)
        assert len(hops(out)) == len(hops(out, "current")) == 10


def test_a_group_that_has_not_delivered_yet_holds_the_others_back():
    checker = BlockCheck(SPINDLES, CONFIG)

    held = checker.process([block(VIB, noise(VIB, 1.0))])
    released = checker.process([block(CURRENT, noise(CURRENT, 0.5))])

    assert held == []
    assert len(hops(released)) == 5


def test_a_silent_group_is_told_once_and_no_longer_waited_for():
    checker = BlockCheck(SPINDLES, CONFIG)
    checker.process([block(CURRENT, noise(CURRENT, 0.5)), block(LOAD, noise(LOAD, 0.5)), Tick("M1", T0)])

    out = []
    for second in range(1, 6):
        out += checker.process(
            [block(VIB, noise(VIB, 1.0), 1000 * (second - 1)), Tick("M1", T0 + second * SECOND)]
        )

    out += checker.process([Tick("M1", T0 + 5 * SECOND, last=True)])

    silent = [item for item in outcomes(out, Trouble.SILENT) if item.group == "current"]
    assert len(silent) == 1
    assert silent[0].alerting
    assert silent[0].onset_ns == T0 + SECOND // 2
    assert silent[0].t_ns == T0 + SECOND // 2 + round(CONFIG.check.silent_s * SECOND)
    assert len(hops(out)) == 50


@pytest.mark.parametrize("skew_s", [-600.0, 600.0])
def test_a_group_whose_clock_is_wrong_is_neither_called_silent_nor_waited_for(skew_s):
    checker = BlockCheck(SPINDLES, CONFIG)
    load = cut(LOAD, noise(LOAD, 10.0), [1] * 20)

    out = checker.process([Tick("M1", T0)])
    for second in range(10):
        vib = block(VIB, noise(VIB, 1.0), 1000 * second)
        current = block(CURRENT, noise(CURRENT, 1.0), 250 * second, skew_s)
        out += checker.process([*load[2 * second : 2 * second + 2], vib, current, Tick("M1", vib.end_ns)])

    assert outcomes(out) == []
    assert len(hops(out)) == len(hops(out, "current")) == 100


@pytest.mark.parametrize("skew_s", [-600.0, 0.0, 600.0])
def test_where_nobody_ticked_for_long_the_next_tick_calls_nobody_silent_that_was_heard_just_before(skew_s):
    checker = BlockCheck(SPINDLES, CONFIG)
    current = cut(CURRENT, noise(CURRENT, 10.0), [], skew_s)
    others = [*cut(LOAD, noise(LOAD, 10.0), [1] * 20), *cut(VIB, noise(VIB, 10.0), [])]
    data = sorted([*current, *others], key=lambda item: item.end_ns - skew_s * SECOND * (item in current))

    out = checker.process([Tick("M1", T0), *data, Tick("M1", T0 + 10_600_000_000)])
    later = checker.process([Tick("M1", T0 + tenths * SECOND // 10) for tenths in range(108, 150, 2)])

    assert outcomes(out) == []
    assert {item.group for item in outcomes(later, Trouble.SILENT)} == {"vib", "current", "load"}


def test_a_gap_ends_the_segment_counts_its_samples_and_pauses_learning():
    out = check([block(VIB, noise(VIB, 1.0)), block(VIB, noise(VIB, 4.0), 1500)])

    (gap,) = outcomes(out, Trouble.GAP)
    assert (gap.n_samples, gap.alerting) == (500, True)
    assert gap.onset_ns == T0 + SECOND
    after = [hop for hop in hops(out) if hop.block.t_ns >= gap.t_ns]
    assert not after[0].contiguous
    pause_ns = round(CONFIG.check.recover_s * SECOND)
    assert [hop.learnable for hop in after] == [hop.block.t_ns >= gap.t_ns + pause_ns for hop in after]


def test_repeated_samples_are_dropped_and_counted():
    samples = noise(VIB, 1.0)

    out = check([block(VIB, samples[:, :600]), block(VIB, samples[:, 500:], 500)])

    (overlap,) = outcomes(out, Trouble.OVERLAP)
    assert (overlap.n_samples, overlap.alerting) == (100, False)
    assert np.concatenate([hop.block.samples for hop in hops(out)], axis=1).tobytes() == samples.tobytes()


@settings(max_examples=20, deadline=None)
@given(lengths=LENGTHS)
def test_a_sender_that_keeps_repeating_itself_is_told(lengths):
    samples = noise(VIB, 4.0)
    twice = [piece for one in cut(VIB, samples, lengths) for piece in (one, one)]

    out = check(twice)

    repeated = outcomes(out, Trouble.LATE) + outcomes(out, Trouble.OVERLAP)
    assert not repeated[0].alerting
    assert repeated[-1].alerting
    assert len(hops(out)) == 40


def test_a_polled_value_that_always_comes_twice_is_told():
    values = cut(LOAD, noise(LOAD, 60.0), [1] * 120)

    out = check([value for one in values for value in (one, one)])

    assert outcomes(out, Trouble.OVERLAP)[-1].alerting
    assert not outcomes(out, Trouble.OVERLAP)[0].alerting


def test_a_late_block_is_dropped_and_counted():
    samples = noise(VIB, 1.0)

    out = check([block(VIB, samples), block(VIB, samples[:, 200:300], 200)])

    (late,) = outcomes(out, Trouble.LATE)
    assert (late.n_samples, late.alerting) == (100, False)
    assert len(hops(out)) == 10


@settings(max_examples=25, deadline=None)
@given(lengths=LENGTHS)
def test_a_clock_that_was_set_back_is_followed_after_two_seconds(lengths):
    back_s = -600.0
    later = noise(VIB, 5.0, seed=1)

    out = check([block(VIB, noise(VIB, 1.0)), *cut(VIB, later, lengths, back_s)])

    (jump,) = outcomes(out, Trouble.CLOCK_JUMP)
    assert jump.alerting
    assert jump.t_ns == T0 + round((back_s + 2.0) * SECOND)
    assert len(hops(out)) == 10 + 30


def test_a_clock_that_leaps_ahead_is_told_as_a_jump():
    out = check([block(VIB, noise(VIB, 1.0)), block(VIB, noise(VIB, 1.0), start_s=10_000.0)])

    (jump,) = outcomes(out, Trouble.CLOCK_JUMP)
    assert jump.alerting


@pytest.mark.parametrize(("n_bad", "alerting"), [(1, False), (50, True)])
def test_nan_channel_is_unscored_and_its_neighbour_is_not(n_bad, alerting):
    samples = noise(VIB, 0.5)
    samples[0, 210 : 210 + n_bad] = np.nan

    out = check([block(VIB, samples)])

    (nan,) = outcomes(out, Trouble.NAN)
    assert (nan.channel, nan.n_samples, nan.alerting) == ("vib_x", n_bad, alerting)
    hop = hops(out)[2]
    assert np.isnan(hop.block.samples[0]).all()
    assert np.isfinite(hop.block.samples[1]).all()
    assert hop.usable


def test_a_flat_accelerometer_is_told_and_unscored():
    samples = noise(VIB, 1.0)
    samples[0, 300:] = samples[0, 300]

    out = check([block(VIB, samples)])

    flat = outcomes(out, Trouble.FLAT)
    assert flat
    assert all(item.alerting and item.channel == "vib_x" for item in flat)
    assert np.isnan(hops(out)[9].block.samples[0]).all()


def test_an_unused_dc_channel_is_no_trouble_but_one_that_went_flat_is():
    unused = np.zeros((1, 250 * 8), np.float32)
    went_flat = noise(CURRENT, 8.0)
    went_flat[0, 250:] = 0.0

    assert outcomes(check([block(CURRENT, unused)])) == []
    assert outcomes(check([block(CURRENT, went_flat)]), Trouble.FLAT)


def test_clipped_hops_are_scored_not_learnt_and_told_only_when_it_lasts():
    samples = np.clip(noise(VIB, 1.0), -0.5, 0.5)

    out = check([block(VIB, samples)])

    clipped = outcomes(out, Trouble.CLIPPED)
    assert [item.alerting for item in clipped[:2]] == [False, False]
    assert clipped[-1].alerting
    assert not any(hop.learnable for hop in hops(out)[1:])
    assert np.isfinite(hops(out)[5].block.samples).all()


def test_a_wrong_rate_is_told_and_its_samples_are_not_used():
    slow = Block("M1", "vib", T0, 900.0, noise(VIB, 0.9))

    out = check([slow])

    (rate,) = outcomes(out, Trouble.RATE)
    assert rate.alerting
    assert "900" in rate.detail.en
    assert "900" in rate.detail.ko
    assert hops(out) == []


def test_many_small_gaps_are_told_as_a_loss_of_rate():
    blocks = [block(VIB, noise(VIB, 0.05), 60 * i) for i in range(60)]

    out = check(blocks)

    assert all(not gap.alerting for gap in outcomes(out, Trouble.GAP))
    assert any(rate.alerting for rate in outcomes(out, Trouble.RATE))


@pytest.mark.parametrize(
    "wrong",
    [
        Block("M1", "vib", T0, 1000.0, np.zeros((3, 10), np.float32)),
        Block("M1", "vib", T0, 1000.0, np.zeros((2, 0), np.float32)),
        Block("M1", "nosuch", T0, 1000.0, np.zeros((2, 10), np.float32)),
    ],
)
def test_a_block_that_does_not_fit_is_an_outcome_and_its_neighbours_are_kept(wrong):
    out = check([wrong, block(CURRENT, noise(CURRENT, 1.0))])

    (shape,) = outcomes(out, Trouble.SHAPE)
    assert shape.alerting
    assert "wanted" in shape.detail.en
    assert len(hops(out, "current")) == 10


def test_a_scalar_pause_longer_than_allowed_is_a_gap():
    steps = np.array([0.0, 0.5, 1.0, 2.4, 2.9, 9.0])
    blocks = [
        Block("M1", "load", T0 + round(s * SECOND), 2.0, np.ones((1, 1), np.float32) * i)
        for i, s in enumerate(steps)
    ]

    out = check(blocks)

    (gap,) = outcomes(out, Trouble.GAP)
    assert gap.t_ns == T0 + 9 * SECOND
    assert [hop.contiguous for hop in hops(out, "load")] == [False, True, True, True, True, False]


def test_a_duty_cycled_sensor_may_pause_but_not_miss_a_burst():
    from engine.declared import DutyCycle, SensorGroup, Spindle

    group = SensorGroup("vib", "waveform", 1000.0, VIB.channels, DutyCycle(0.1, 10.0))
    checker = BlockCheck({"M1": Spindle("M1", (group,))}, CONFIG)

    out = checker.process([block(group, noise(group, 0.1), start_s=s) for s in (0.0, 10.0, 20.0, 40.0)])

    assert [hop.contiguous for hop in hops(out)] == [False] * 4
    silent, gap = outcomes(out)
    assert (silent.kind, silent.alerting) == (Trouble.SILENT, True)
    assert (gap.kind, gap.alerting, gap.t_ns) == (Trouble.GAP, False, T0 + 40 * SECOND)


def test_saved_and_restored_in_mid_stream_it_goes_on_as_if_nothing_had_happened():
    items = by_end(
        cut(VIB, noise(VIB, 2.0), [130] * 15)
        + cut(CURRENT, noise(CURRENT, 2.0), [37] * 13)
        + cut(LOAD, noise(LOAD, 2.0), [1] * 4)
    )
    whole = BlockCheck(SPINDLES, CONFIG).process(items)

    first, second = BlockCheck(SPINDLES, CONFIG), BlockCheck(SPINDLES, CONFIG)
    out = first.process(items[:11])
    second.restore(first.save())
    out += second.process(items[11:])

    assert signature(out) == signature(whole)


def test_a_context_older_than_the_latest_is_counted_and_told_only_if_that_goes_on():
    late = [Context("M1", T0 + SECOND // 10, tool="T0")] * 5
    blocks = [block(VIB, noise(VIB, 1.0)), block(CURRENT, noise(CURRENT, 1.0))]
    after = [block(VIB, noise(VIB, 1.0), 1000), block(CURRENT, noise(CURRENT, 1.0), 250)]

    out = check([Context("M1", T0 + SECOND // 2, tool="T1"), *blocks, *late, *after])

    found = [item for item in outcomes(out, Trouble.LATE) if item.group == "context"]
    assert [item.alerting for item in found] == [False] * 4 + [True]
    assert found[0].onset_ns == T0 + SECOND // 10
    assert {hop.regime.tool for hop in hops(out)} == {None, "T1"}


def test_a_speed_override_is_unsteady_until_it_has_settled_and_then_a_regime_of_its_own():
    contexts = [Context("M1", T0, tool="T1", rpm=3000.0), Context("M1", T0 + SECOND, tool="T1", rpm=2400.0)]
    blocks = [block(VIB, noise(VIB, 2.0)), block(CURRENT, noise(CURRENT, 2.0))]

    found = hops(check(by_end([*contexts, *blocks])))

    settle_ns = round(CONFIG.learn.settle_s * SECOND)
    judged = [hop for hop in found if hop.block.t_ns >= hop.settled_ns]
    assert {hop.regime.rpm for hop in judged if hop.block.end_ns <= T0 + SECOND} == {3000}
    later = [hop for hop in judged if hop.block.end_ns > T0 + SECOND]
    assert {hop.regime.rpm for hop in later} == {2400}
    assert min(hop.block.t_ns for hop in later) == T0 + SECOND + settle_ns
