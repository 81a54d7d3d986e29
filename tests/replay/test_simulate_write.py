import pytest

from engine.errors import UsageError
from engine.records import Block, Context
from replay.recording import Recording
from replay.simulate import START_NS, Preset, Shop, ShopPlan, demo_plan, order_faults, simulate

PLAN = order_faults(ShopPlan(("M1", "M2"), Preset.DEMO, seed=2), ["collision@1:M1", "tool_wear@2-60:M2"])


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_same_plan_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        simulate(PLAN, 4.0, tmp_path / name)

    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) >= 2 * 6


def test_recording_holds_what_the_shop_said(tmp_path):
    said = [item for item in Shop(PLAN, START_NS).advance(4.0) if item.spindle == "M2"]

    _, path = simulate(PLAN, 4.0, tmp_path)
    held = list(Recording.open(path).items(max_block_s=0.05))

    assert path == tmp_path / "M2"
    assert [item for item in held if isinstance(item, Context)] == [i for i in said if isinstance(i, Context)]
    for group in ("vib", "current", "load"):
        spoken, stored = (
            [(i.t_ns, i.samples.tobytes()) for i in items if isinstance(i, Block) and i.group == group]
            for items in (said, held)
        )
        assert stored == spoken


def test_recording_carries_its_labels(tmp_path):
    one, two = (Recording.open(path) for path in simulate(PLAN, 8.0, tmp_path))

    assert [(f.start_s, f.end_s, f.fault) for f in one.faults] == [
        (fault.start_s, fault.end_s, "collision") for fault in PLAN.faults if fault.spindle == "M1"
    ]
    assert [(f.end_s, f.fault) for f in two.faults] == [(None, "tool_wear")]
    assert one.start_ns == START_NS


def test_endless_plan_is_cut_off_at_the_end(tmp_path):
    plan = ShopPlan(("M1", "M2"), Preset.DEMO, 0, recur_s=5.0)

    one, two = (Recording.open(path) for path in simulate(plan, 40.0, tmp_path))

    assert len(one.faults) >= 1
    assert two.faults == ()
    assert all(fault.start_s < 40.0 for fault in one.faults)


def test_progress_ends_with_everything_done(tmp_path):
    shares = []

    simulate(ShopPlan(("M1",), Preset.DEMO), 2.5, tmp_path, shares.append)

    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_fault_after_the_end_is_refused(tmp_path):
    with pytest.raises(UsageError, match="after the end of a simulation of 10 s"):
        simulate(demo_plan(60.0, 0), 10.0, tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("nan")])
def test_duration_must_be_positive(tmp_path, duration_s):
    with pytest.raises(UsageError, match="duration must be above 0 s"):
        simulate(PLAN, duration_s, tmp_path)
