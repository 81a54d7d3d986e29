"""A healthy shop in which everything varies that may: what varies, how much, and that nothing is wrong with it."""

from dataclasses import replace
from itertools import groupby, pairwise, takewhile

import numpy as np
import pytest
from simulated import amplitude, listen

from replay.recording import Recording
from replay.simulate import Preset, ShopPlan, Variety, order_faults, simulate, variety_plan
from replay.simulate.drive import Drive
from replay.simulate.plan import generator, spindle_timeline
from replay.simulate.program import CUTTING_SECTIONS, kind_of
from replay.simulate.variety import USUAL, Moods

DAY_S = 86_400.0
FS = 12_800.0
PLAN = variety_plan(7)


@pytest.fixture(scope="module")
def day():
    """The phases of one spindle's first day."""
    return list(takewhile(lambda phase: phase.start_s < DAY_S, spindle_timeline(PLAN, 0)))


def test_new_programs_come_every_few_hours(day):
    batches_s = [next(phases).start_s for _, phases in groupby(day, key=lambda phase: phase.program)]

    assert len({phase.program for phase in day}) >= 4
    assert np.all(np.diff(batches_s) > 0.9 * PLAN.variety.batch_s[0])


def test_edges_are_exchanged_in_time(day):
    numbers = {phase.edge.name for phase in day}
    exchanges = [
        (one.edge, two.edge)
        for _, phases in groupby(
            sorted(day, key=lambda p: (p.tool.name, p.start_s)), key=lambda p: p.tool.name
        )
        for one, two in pairwise(phases)
        if one.edge.name != two.edge.name
    ]

    assert len(numbers) > 1.5 * len({phase.tool.name for phase in day})
    assert all(two.wear_to == 0.0 < one.wear_to < 0.8 for one, two in exchanges)
    assert max(phase.edge.wear_to for phase in day) < 0.8


def test_some_parts_run_at_another_override_and_the_controller_says_so(day):
    cuts = [phase for phase in day if kind_of(phase.section) in CUTTING_SECTIONS]
    usual = {
        key: np.median([(cut.rpm_command, cut.feed_mm_min) for cut in group], axis=0)
        for key, group in (
            (key, [c for c in cuts if (c.program, c.tool, c.section) == key])
            for key in {(c.program, c.tool, c.section) for c in cuts}
        )
    }

    ratios = np.array([(c.rpm_command, c.feed_mm_min) / usual[c.program, c.tool, c.section] for c in cuts])

    assert ratios.min() >= 0.799
    assert ratios.max() <= 1.101
    assert 0.05 < np.mean(np.abs(ratios[:, 1] - 1.0) > 0.01) < 0.25
    assert np.mean(np.abs(ratios[:, 0] - 1.0) > 0.01) > 0.02
    assert all(c.cut.rpm == c.rpm_to == c.rpm_command for c in cuts)


def test_operators_are_late_now_and_then_and_have_breaks(day):
    waits_s = np.array([p.end_s - p.start_s for p in day if p.section == "part_change"])

    assert 0.005 < np.mean((waits_s > 100.0) & (waits_s < 620.0)) < 0.1
    assert np.count_nonzero(waits_s > 1400.0) >= 3


def test_lots_of_material_differ_by_a_few_percent(day):
    hardness = [
        np.mean([phase.hardness for phase in batch]) for _, batch in groupby(day, key=lambda p: p.program)
    ]

    assert 0.9 < min(hardness) < 0.995
    assert 1.005 < max(hardness) < 1.1


def test_coolant_is_heard_in_wet_parts_and_only_while_asked_for():
    wet, dry = (
        listen(replace(PLAN, variety=Variety(dry_share=share, override_share=0.0)), 30.0)["M1"]
        for share in (0.0, 1.0)
    )
    _, air_s, air_end_s = wet.sections("approach")[0]
    _, still_s, still_end_s = wet.sections("tool_change")[0]

    pump_g = [amplitude(one.vib(air_s, air_end_s), FS, 49.2) for one in (wet, dry)]

    assert pump_g[0] > 3 * pump_g[1]
    assert wet.vib(air_s, air_end_s).std() > dry.vib(air_s, air_end_s).std()
    np.testing.assert_array_equal(wet.vib(still_s, still_end_s), dry.vib(still_s, still_end_s))


def test_spindle_is_warm_after_twenty_minutes_and_cold_again_after_a_night():
    moods = Moods(Variety(), np.random.default_rng(0))

    start, *_, warm = (moods.move(0.5 * step, 0.5, turning=True) for step in range(2400))
    *_, late = (moods.move(1200.0 + step, 1.0, turning=False) for step in range(36_000))

    assert start.friction == pytest.approx(1.35, abs=0.01)
    assert warm.friction < 1.02 > warm.rolling - 0.02
    assert late.friction > 1.34


def test_cold_spindle_draws_more_current_at_the_same_speed():
    constant = np.ones(1000)
    currents_a = []
    for mood in (USUAL, replace(USUAL, friction=1.35)):
        drive = Drive(2000.0, np.random.default_rng(0))
        for _ in range(4):
            current_a, load_pct, _ = drive.advance(3000.0 * constant, 0.0 * constant, 0.0 * constant, mood)
        currents_a.append((current_a.mean(), load_pct))

    assert currents_a[1] > (1.02 * currents_a[0][0], 1.2 * currents_a[0][1])


def test_noise_of_the_sensor_wanders_slowly():
    moods = Moods(Variety(), np.random.default_rng(1))

    floors = np.log([moods.move(10.0 * step, 10.0, turning=True).floor for step in range(20_000)])

    assert floors.std() == pytest.approx(0.12, rel=0.25)
    assert np.abs(np.diff(floors)).max() < 0.1


def test_healthy_recording_labels_nothing_and_says_that_it_is_complete(tmp_path):
    (path,) = simulate(PLAN, 3.0, tmp_path)
    recording = Recording.open(path)

    assert recording.labelled
    assert recording.faults == ()


def test_faults_can_be_ordered_in_a_shop_that_varies():
    plan = order_faults(PLAN, ["tool_breakage@600:M1", "imbalance@4000-4600:M1"])

    assert [fault.start_s >= 600.0 for fault in plan.faults] == [True, True]


def test_equal_seeds_give_equal_plans_and_others_make_other_things():
    assert variety_plan(3) == variety_plan(3)
    assert variety_plan(3).jobs != variety_plan(4).jobs


def test_spindles_of_a_varied_shop_begin_with_different_programs():
    plan = variety_plan(3, 3)
    first = [next(spindle_timeline(plan, index)).program for index in range(3)]

    assert len(set(first)) == 3


def test_shop_without_variety_is_always_the_same():
    moods = Moods(None, generator(ShopPlan(("M1",), Preset.DEMO), 0, "moods"))

    assert {moods.move(float(second), 1.0, turning=True) for second in range(5)} == {USUAL}
