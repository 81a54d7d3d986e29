from itertools import islice, pairwise

import pytest
from simulated import listen

from engine.errors import UsageError
from replay.simulate import (
    FaultKind,
    PlannedFault,
    Preset,
    ShopPlan,
    demo_plan,
    lives_end_s,
    order_faults,
    plan_from_options,
)
from replay.simulate.faults import NEEDS_CUT, parse_fault
from replay.simulate.plan import spindle_timeline
from replay.simulate.scenario import recurring_faults

SHOP = ShopPlan(("M1", "M2"), Preset.DEMO, seed=9)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("tool_breakage", "wanted FAULT@START"),
        ("tool_breakage@30", "wanted FAULT@START"),
        ("flood@30:M1", "unknown fault 'flood', wanted one of tool_wear, tool_breakage"),
        ("chatter@1.2.3:M1", "START must be a number, got '1.2.3'"),
        ("chatter@30-20:M1", "END must be after START = 30, got 20"),
        ("chatter@30:M1:much", "SEVERITY must be a number, got 'much'"),
        ("chatter@30:M1:0", "SEVERITY must be above 0 and at most 10, got 0"),
        ("chatter@30:M1:nan", "SEVERITY must be above 0"),
        ("chatter@1000000000:M1", "START must be at most 86400 s"),
        ("chatter@30:M7", "no spindle 'M7', wanted one of M1, M2"),
        ("tool_wear@0-0.5:M1", "no steady cut between 0 and 0.5 s"),
    ],
)
def test_impossible_fault_is_one_clear_error(text, wanted):
    with pytest.raises(UsageError, match=wanted.replace("(", r"\(")):
        order_faults(SHOP, [text])


def test_fault_order_is_read_in_full():
    order = parse_fault("tool_wear@20.5-80:M2:0.5")

    assert (order.fault, order.at_s, order.until_s, order.spindle, order.severity) == (
        FaultKind.TOOL_WEAR,
        20.5,
        80.0,
        "M2",
        0.5,
    )


def test_two_faults_at_once_on_one_spindle_are_refused():
    with pytest.raises(
        UsageError, match="M1: sensor_flat_line at 11 s begins before sensor_dropout ends at 13 s"
    ):
        order_faults(SHOP, ["sensor_dropout@10:M1", "sensor_flat_line@11:M1"])

    assert len(order_faults(SHOP, ["sensor_dropout@10:M1", "sensor_flat_line@11:M2"]).faults) == 2


@pytest.mark.parametrize(("spindles", "seed"), [((), 0), (("M1", "M1"), 0), (("M1",), -1)])
def test_impossible_shop_is_refused(spindles, seed):
    with pytest.raises(UsageError):
        ShopPlan(spindles, Preset.DEMO, seed)


def test_own_and_recurring_faults_do_not_mix():
    fault = PlannedFault("M1", FaultKind.COLLISION, 1.0, 4.0)

    with pytest.raises(UsageError, match="got both"):
        ShopPlan(("M1",), faults=(fault,), recur_s=40.0)


def assert_in_a_steady_cut(fault, section, from_s, to_s):
    """The fault begins in a cut that has settled and goes on."""
    assert section in ("rough", "finish")
    assert fault.start_s - from_s >= 0.5
    assert to_s - fault.start_s >= 0.5


@pytest.mark.parametrize("preset", list(Preset))
def test_missing_tool_is_missing_from_the_first_touch_until_the_next_tool_or_part(preset):
    plan = order_faults(ShopPlan(("M1",), preset, seed=9), ["missing_tool@40:M1"])

    (fault,) = plan.faults
    during = [p for p in islice(spindle_timeline(plan, 0), 200) if fault.start_s < p.end_s <= fault.end_s]

    assert fault.start_s == during[0].start_s >= 40.0
    assert during[0].section == "entry"
    assert {phase.section for phase in during}.isdisjoint(("tool_change", "part_change"))
    assert during[-1].end_s == fault.end_s


@pytest.mark.parametrize("preset", list(Preset))
@pytest.mark.parametrize("kind", sorted(NEEDS_CUT - {FaultKind.MISSING_TOOL}))
def test_fault_of_the_process_begins_in_a_steady_cut(preset, kind):
    plan = order_faults(ShopPlan(("M1",), preset, seed=9), [f"{kind}@40:M1"])

    (fault,) = plan.faults
    phase = next(phase for phase in spindle_timeline(plan, 0) if phase.end_s > fault.start_s)

    assert fault.start_s >= 40.0
    assert_in_a_steady_cut(fault, phase.section, phase.start_s, phase.end_s)


def test_broken_tool_ends_with_its_change_and_chatter_with_its_cut():
    contexts = listen(SHOP, 12.0)["M1"].contexts
    (broken,) = order_faults(SHOP, ["tool_breakage@3:M1"]).faults
    (chatter,) = order_faults(SHOP, ["chatter@3:M1"]).faults
    sections = {round(context.t_ns / 1e9, 3): context.section for context in contexts}

    assert sections[broken.end_s] in ("tool_change", "part_change")
    assert sections[chatter.end_s] == "retract"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("duration_s", "least_seen"), [(50.0, 5), (60.0, 5), (180.0, 5)])
def test_demo_faults_strike_regimes_that_were_learnt(seed, duration_s, least_seen):
    plan = demo_plan(duration_s, seed)
    kinds = [fault.fault for fault in plan.faults]

    assert {FaultKind.TOOL_BREAKAGE, FaultKind.COLLISION, FaultKind.SENSOR_DROPOUT} <= set(kinds)
    assert all(one.end_s <= two.start_s for one, two in pairwise(plan.faults))
    assert plan.faults[0].start_s >= 0.4 * duration_s
    assert plan.faults[-1].end_s <= duration_s - 4.0
    assert plan.spindles[-1] not in {fault.spindle for fault in plan.faults}
    assert len({fault.spindle for fault in plan.faults}) == len(plan.spindles) - 1


def test_demo_labels_match_what_the_controller_says():
    plan = demo_plan(60.0, 3)
    signals = listen(plan, 60.0)

    for fault in plan.faults:
        cuts = signals[fault.spindle].sections("rough", "finish")
        now, from_s, to_s = next(cut for cut in cuts if cut[2] > fault.start_s)
        seen = [c for c, _, _ in cuts if (c.tool, c.section) == (now.tool, now.section) and c.t_ns < now.t_ns]
        assert now.cutting
        assert len(seen) >= 5
        assert_in_a_steady_cut(fault, now.section, from_s, to_s)


def test_demo_of_one_spindle_takes_turns_on_it():
    plan = demo_plan(60.0, 0, n_spindles=1)

    assert {fault.spindle for fault in plan.faults} == {"M1"}
    assert len(plan.faults) == 3


@pytest.mark.parametrize("duration_s", [1.0, 15.0, 30.0, 38.0])
def test_a_demo_too_short_to_learn_has_only_faults_that_need_no_baseline(duration_s):
    plan = demo_plan(duration_s, 1)

    assert {fault.fault for fault in plan.faults} <= {FaultKind.COLLISION, FaultKind.SENSOR_DROPOUT}
    assert all(fault.end_s <= duration_s - 4.0 for fault in plan.faults)


def test_demo_needs_a_spindle():
    with pytest.raises(UsageError, match="got none"):
        demo_plan(60.0, 0, n_spindles=0)


def test_endless_demo_has_a_fault_about_every_forty_seconds():
    faults = list(islice(recurring_faults(demo_plan(None, 1)), 15))
    gaps_s = [two.start_s - one.start_s for one, two in pairwise(faults)]

    assert 25.0 < faults[0].start_s < 45.0
    assert all(35.0 < gap_s < 55.0 for gap_s in gaps_s)
    assert len({fault.fault for fault in faults}) == 5
    assert {fault.spindle for fault in faults} == {"M1", "M2", "M3"}


def options(**changed):
    return {"preset": "shop", "duration_s": 300.0, "n_spindles": 1, "seed": 1, "faults": ()} | changed


@pytest.mark.parametrize("changed", [{}, {"preset": "demo", "duration_s": 60.0}, {"n_spindles": 4}])
def test_command_line_without_faults_gets_the_usual_ones(changed):
    plan = plan_from_options(**options(**changed))

    assert [fault.fault for fault in plan.faults[:3]] == ["tool_breakage", "collision", "sensor_dropout"]
    assert plan.faults[-1].end_s <= options(**changed)["duration_s"] - 4.0


def test_command_line_may_order_faults_or_none():
    ordered = plan_from_options(**options(faults=("sensor_drift@10-20:M1:2",)))
    healthy = plan_from_options(**options(faults=("none",)))

    assert ordered.faults == (PlannedFault("M1", FaultKind.SENSOR_DRIFT, 10.0, 20.0, 2.0, "severity 2"),)
    assert healthy.faults == ()
    assert (healthy.preset, healthy.spindles) == (Preset.SHOP, ("M1",))


def test_command_line_run_that_is_too_short_for_faults_says_what_to_do():
    with pytest.raises(UsageError, match=r"10 s of preset shop are too short .*--fault none"):
        plan_from_options(**options(duration_s=10.0))


@pytest.mark.parametrize("preset", ["everyday", "lives"])
def test_preset_in_which_nothing_is_to_go_wrong_has_no_faults_but_those_ordered(preset):
    options = {"preset": preset, "duration_s": 900.0, "n_spindles": 1, "seed": 4}

    assert plan_from_options(**options, faults=()).faults == ()
    assert plan_from_options(**options, faults=("none",)).faults == ()
    assert len(plan_from_options(**options, faults=("chatter@300:M1",)).faults) == 1


def test_lives_are_of_one_spindle():
    with pytest.raises(UsageError, match="preset lives is of one spindle, got 2"):
        plan_from_options(preset="lives", duration_s=60.0, n_spindles=2, seed=4, faults=())


def test_no_life_of_a_long_recording_comes_twice():
    plan = plan_from_options(preset="lives", duration_s=3000.0, n_spindles=1, seed=4, faults=())

    assert lives_end_s(plan) > 3000.0
