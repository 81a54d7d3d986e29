"""Tools live, wear as textbooks draw it, and are exchanged; the labels say when each edge was at its limit."""

from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from simulated import listen

from engine.errors import UsageError
from engine.records import Context
from replay.recording import Recording
from replay.simulate import (
    START_NS,
    Preset,
    Shop,
    ShopPlan,
    ToolLife,
    lived,
    lives_end_s,
    order_faults,
    simulate,
    tool_life_plan,
)
from replay.simulate.cutting import WearResponse, cutting_forces
from replay.simulate.lives import draw_life
from replay.simulate.plan import spindle_timeline

SEEDS = range(20)
TYPICAL = WearResponse()


def short_lives(seed: int, *lives_s: float) -> ShopPlan:
    """A tool-life plan whose edges last for so many seconds of cutting."""
    plan = tool_life_plan(seed, len(lives_s))
    lives = tuple(replace(one, life_s=life_s) for one, life_s in zip(plan.lives, lives_s, strict=True))
    return replace(plan, lives=lives)


@pytest.mark.parametrize("seed", SEEDS)
def test_wear_grows_from_nothing_to_its_limit_in_three_phases(seed):
    life = draw_life(np.random.default_rng(seed), "M1", "T1", 900.0, 1.2)

    wear = np.array([life.wear(9.0 * step) for step in range(121)])
    rate = np.diff(wear)

    assert wear[0] == 0.0
    assert wear[100] == pytest.approx(1.0)
    assert np.all(rate > 0.0)
    assert rate[0] > 1.5 * rate[40] < rate[98]
    assert rate[105] == pytest.approx(rate[99], rel=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_edges_answer_alike_to_wear_and_none_departs_by_more_than_a_sixth(seed):
    one, other = (life.response for life in tool_life_plan(seed, 2).lives)

    assert one != other
    for response in (one, other):
        for drawn, typical in zip(
            (response.shear, response.edge, response.noise),
            (TYPICAL.shear, TYPICAL.edge, TYPICAL.noise),
            strict=True,
        ):
            assert 0.85 <= drawn / typical <= 1.15


@pytest.mark.parametrize("seed", SEEDS)
def test_drawn_cut_is_one_that_the_spindle_can_drive_when_worn(seed):
    job = tool_life_plan(seed, 1).jobs[0]

    for cut in set(job.cuts):
        torque_nm = cutting_forces(cut, job.material, wear=1.5).torque_nm.mean()

        assert 0.0 < cut.width_mm < cut.tool.diameter_mm
        assert 500.0 <= cut.rpm <= 12_000.0
        assert torque_nm < 90.0
        assert torque_nm * cut.rpm * np.pi / 30 < 20_000.0


@pytest.mark.parametrize("seed", SEEDS)
def test_life_is_forty_to_eighty_cuts_with_a_second_in_the_air_between(seed):
    plan = tool_life_plan(seed, 2)

    edges = lived(plan, lives_end_s(plan))

    assert [edge.edge for edge in edges] == [f"{edges[0].tool}#{number}" for number in (1, 2)]
    assert all(38 <= edge.n_cuts <= 84 for edge in edges)
    for phase in islice(spindle_timeline(plan, 0), 200):
        length_s = phase.end_s - phase.start_s
        assert 2.0 <= length_s <= 4.0 or phase.section not in ("rough", "finish")


def test_plans_of_equal_seeds_are_equal_and_of_others_are_not():
    assert tool_life_plan(3, 2) == tool_life_plan(3, 2)
    assert len({tool_life_plan(seed, 1).jobs for seed in SEEDS}) == len(SEEDS)


def test_edge_is_at_its_limit_after_its_life_of_cutting():
    plan = tool_life_plan(11, 3)

    edges = lived(plan, lives_end_s(plan))

    for edge, life in zip(edges, plan.lives, strict=True):
        assert edge.cutting_s == pytest.approx(life.life_s, abs=0.2)
        assert edge.start_s < edge.limit_s < edge.end_s
        assert edge.end_s - edge.limit_s > 0.1 * (edge.limit_s - edge.start_s)


def test_fresh_edge_comes_with_a_change_of_tool_and_begins_without_wear():
    phases = list(islice(spindle_timeline(short_lives(2, 15.0, 22.0), 0), 400))
    changes = [(one, two) for one, two in pairwise(phases) if one.edge.name != two.edge.name]

    assert len(changes) >= 3
    assert all(two.section == "tool_change" and two.edge.wear_to == 0.0 for _, two in changes)
    assert all(one.edge.wear_to > 1.0 for one, _ in changes)
    assert all(
        one.edge.wear_to == two.edge.wear_from
        for one, two in pairwise(phases)
        if one.edge.name == two.edge.name
    )


def test_context_names_the_edge():
    contexts = [
        item for item in Shop(short_lives(2, 8.0), START_NS).advance(40.0) if isinstance(item, Context)
    ]

    edges = list(dict.fromkeys(context.tool_edge for context in contexts))

    assert edges[:2] == [f"{contexts[0].tool}#1", f"{contexts[0].tool}#2"]


def test_current_and_noise_rise_over_a_life_and_fall_with_the_fresh_edge():
    plan = short_lives(4, 24.0, 24.0)
    first, second = lived(plan, lives_end_s(plan))

    signals = listen(plan, second.start_s + 10.0)["M1"]
    cuts = [
        (a, signals.current(a + 0.3, b).mean(), signals.vib(a + 0.3, b).std())
        for _, a, b in signals.sections("rough")
    ]
    sharp, worn = cuts[0], [cut for cut in cuts if cut[0] < first.end_s][-1]
    fresh = next(cut for cut in cuts if cut[0] > second.start_s)

    assert worn[1] > 1.1 * sharp[1]
    assert worn[2] > 1.1 * sharp[2]
    assert fresh[1] == pytest.approx(sharp[1], rel=0.06)


def test_recording_labels_each_life_and_its_limit(tmp_path):
    plan = short_lives(4, 15.0, 18.0)
    duration_s = lives_end_s(plan) + 2.0
    edges = lived(plan, duration_s)

    (path,) = simulate(plan, duration_s, tmp_path)
    faults = Recording.open(path).faults

    assert [(f.fault, f.start_s, f.end_s) for f in faults[:4]] == [
        row
        for edge in edges[:2]
        for row in (
            ("tool_wear", edge.start_s, edge.end_s),
            ("wear_limit", edge.limit_s, edge.end_s),
        )
    ]
    words = dict(word.split("=") for word in faults[1].note.split())
    assert (words["tool"], words["edge"]) == (edges[0].tool, f"{edges[0].tool}#1")
    assert float(words["cutting_s"]) == pytest.approx(15.0, abs=0.2)


def test_careful_shop_exchanges_edges_early_and_labels_nothing(tmp_path):
    plan = tool_life_plan(4, 1)
    careful = replace(plan, lives=(replace(plan.lives[0], life_s=15.0, until=0.5),))

    (path,) = simulate(careful, 25.0, tmp_path)

    assert lived(careful, 25.0)[0].end_s < 25.0
    assert Recording.open(path).faults == ()


def test_planned_wear_is_labelled_with_its_limit_too(tmp_path):
    plan = order_faults(ShopPlan(("M1",), Preset.DEMO, seed=5), ["tool_wear@0-9:M1:2"])
    (wear,) = plan.faults

    (path,) = simulate(plan, 10.0, tmp_path)
    limit = Recording.open(path).faults[1]

    assert limit.fault == "wear_limit"
    assert limit.start_s == pytest.approx((wear.start_s + wear.end_s) / 2)
    assert limit.note == f"tool={wear.tool} edge={wear.tool}#1"


def test_tool_without_a_life_stays_sharp():
    plan = ShopPlan(("M1",), lives=(ToolLife("M1", "T2", 50.0, 1.2),))

    worn = {phase.tool.name for phase in islice(spindle_timeline(plan, 0), 100) if phase.edge.wear_to > 0.0}

    assert worn == {"T2"}


def test_shop_without_jobs_is_refused():
    with pytest.raises(UsageError, match="needs something to make"):
        ShopPlan(("M1",), jobs=())
