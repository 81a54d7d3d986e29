from __future__ import annotations

import logging
import pickle
from dataclasses import dataclass, field

import pytest
from told import alert, state

from engine.clock import NoClock
from engine.config import load_config, parse_config
from engine.errors import ConfigError
from engine.flow import ShadowBranch, build_flow
from engine.fuse import Fuse
from engine.runtime import run_flow
from engine.verdicts import Alert
from operators import shadow as shadow_module
from operators.detect import Detect
from operators.features import FeatureSet
from operators.shadow import Shadow, steps_of
from operators.step import Running
from replay.player import Player, items_with_ticks
from replay.recording import Recording
from replay.session import replay_alerts
from replay.simulate import plan_from_options, simulate
from sinks.baselines import BaselineFile
from sinks.collect import Collect

LIVE = load_config()
STRICT = parse_config("[judge]\non = 1.5\non_delay_vectors = 4\n[diagnosis.sensitivity]\ncollision = 0.9\n")
OTHER_WINDOWS = parse_config("[waveform]\nwindow_s = 0.4\nn_bands = 4\n")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    plan = plan_from_options(
        preset="demo", duration_s=16.0, n_spindles=1, seed=3, faults=("collision@12:M1",)
    )
    (path,) = simulate(plan, 16.0, tmp_path_factory.mktemp("shop") / "shop")
    return Recording.open(path)


@pytest.fixture(scope="module")
def alone(shop):
    return replay_alerts([shop], LIVE)


def run_beside(shop, config, fuse=None):
    """Replay with a shadow; what live and shadow told."""
    live, other = Collect(Alert), Collect(Alert)
    branch = ShadowBranch(config, [other], fuse or Fuse("the shadow"), BaselineFile(None))
    player = Player([shop], NoClock(), LIVE.check.max_block_s)
    store = BaselineFile(None)
    run_flow(
        build_flow(
            player,
            player.spindles,
            LIVE,
            NoClock(),
            [live],
            running=Running(recoverable=True),  # so that whatever is saved is saved here too
            store=store,
            shadow=branch,
        )
    )
    return live.records, other.records


@pytest.mark.parametrize("config", [LIVE, STRICT, OTHER_WINDOWS], ids=["same", "shared", "own windows"])
def test_a_shadow_tells_what_its_configuration_alone_would_and_changes_nothing(shop, alone, config):
    live, other = run_beside(shop, config)

    assert live == alone
    assert other == replay_alerts([shop], config)
    assert other


def test_alerts_of_both_branches_that_are_equal_bear_the_same_id(shop, alone):
    _, other = run_beside(shop, STRICT)

    assert {one.id for one in alone} & {one.id for one in other}
    assert {one.config_hash for one in other} == {STRICT.hash}


@pytest.mark.parametrize("config", [STRICT, OTHER_WINDOWS], ids=["shared", "own windows"])
def test_a_shadow_that_raises_is_cut_off_and_the_live_branch_goes_on(
    shop, alone, config, monkeypatch, caplog
):
    calls = []

    class Breaking(Detect):
        def process(self, items):
            calls.append(len(items))
            if len(calls) == 3:
                raise ZeroDivisionError("injected")
            return super().process(items)

    monkeypatch.setattr(shadow_module, "Detect", Breaking)
    fuse = Fuse("the shadow")
    with caplog.at_level(logging.ERROR):
        live, other = run_beside(shop, config, fuse)

    assert live == alone
    assert other == []
    assert (len(calls), fuse.n_failures, fuse.reason) == (3, 1, "ZeroDivisionError: injected")
    assert len(caplog.records) == 1


def test_a_shadow_that_does_not_fit_is_told_before_anything_flows(shop):
    wrong = parse_config('[[limits]]\nfeature = "nothing.rms"\nabove = 1.0\n')

    with pytest.raises(ConfigError, match=r"^shadow configuration: .*nothing\.rms"):
        run_beside(shop, wrong)


def test_vectors_are_shared_only_if_nothing_that_makes_them_differs():
    for text in (
        "[check]\nsilent_s = 2.0",
        "[learn]\nsettle_s = 0.5",
        "[scalar]\nn_history = 5",
        "[diagnosis]\nwindow_s = 1.0",
        "[diagnosis]\nenabled = false",
    ):
        assert parse_config(text).measuring_hash != LIVE.measuring_hash
    alike = parse_config("[learn]\nlimit = 0.5\n[diagnosis]\noff = ['chatter']")
    assert alike.measuring_hash == LIVE.measuring_hash


@dataclass
class Echo:
    """A step that tells what it is given, and fails on demand."""

    fail: set[str] = field(default_factory=set)
    seen: list = field(default_factory=list)

    def process(self, items):
        if "process" in self.fail:
            raise ValueError("process")
        self.seen += items
        return list(items)

    def save(self):
        if "save" in self.fail:
            raise ValueError("save")
        return list(self.seen)

    def restore(self, state):
        if "restore" in self.fail:
            raise ValueError("restore")
        self.seen = list(state)


def test_only_alerts_and_states_leave_a_shadow():
    shadow = Shadow(lambda: [Echo()], "hash", Fuse("shadow"))

    assert shadow.process([alert(1), "a verdict", state()]) == [alert(1), state()]


def test_one_spindle_that_fails_cuts_off_the_others_and_their_state_is_let_go():
    fuse, step = Fuse("shadow"), Echo()
    well, ill = Shadow(lambda: [step], "hash", fuse), Shadow(lambda: [Echo({"process"})], "hash", fuse)

    assert well.process([alert(1)]) == [alert(1)]
    assert ill.process([alert(2)]) == []
    assert well.process([alert(3)]) == []
    assert step.seen == [alert(1)]
    assert well.save() is None


def test_a_shadow_goes_on_after_a_restart_but_not_under_another_configuration():
    before = Shadow(lambda: [Echo()], "hash", Fuse("shadow"))
    before.process([alert(1)])
    same, other = Echo(), Echo()

    Shadow(lambda: [same], "hash", Fuse("shadow")).restore(before.save())
    Shadow(lambda: [other], "another", Fuse("shadow")).restore(before.save())

    assert (same.seen, other.seen) == ([alert(1)], [])


def test_a_shadow_that_is_stopped_anywhere_and_goes_on_tells_the_same(shop):
    shop_of = {shop.spindle.name: shop.spindle}
    features = FeatureSet.for_shop([shop.spindle], OTHER_WINDOWS)

    def make():
        store = BaselineFile(None)
        return Shadow(
            lambda: steps_of(shop_of, features, OTHER_WINDOWS, NoClock(), store, shared=False),
            OTHER_WINDOWS.hash,
            Fuse("shadow"),
        )

    items = list(items_with_ticks(shop, LIVE.check.max_block_s))
    cut = 4 * len(items) // 5
    before, after = make(), make()

    told = before.process(items[:cut])
    after.restore(pickle.loads(pickle.dumps(before.save())))
    told += after.process(items[cut:])

    assert [one for one in told if isinstance(one, Alert)] == replay_alerts([shop], OTHER_WINDOWS)


@pytest.mark.parametrize("when", ["save", "restore"])
def test_a_shadow_whose_state_cannot_be_kept_is_cut_off(when):
    fuse = Fuse("shadow")
    shadow = Shadow(lambda: [Echo({when})], "hash", fuse)
    shadow.process([alert(1)])

    shadow.restore(("hash", [[]]))
    shadow.save()

    assert fuse.reason == f"ValueError: {when}"
    assert shadow.process([alert(2)]) == []
