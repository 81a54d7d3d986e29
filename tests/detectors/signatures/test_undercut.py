from __future__ import annotations

import pickle

import pytest
from milling import AIR, CURRENT, CUT, VIB, Windows, features, watch

from detectors.signatures.undercut import Undercut
from engine.config import load_config
from engine.verdicts import FaultClass, Tier, Why

# What a cut reads if nothing is cut.
NOTHING = {
    "rms": 0.05 / 0.4,
    "peak": 0.2 / 1.5,
    "mean": 7.5 / 20.0,
    "std": 0.07,
    "rev_1": 0.5,
    "tooth_1": 0.005,
}


def undercut(group=VIB):
    return Undercut(features(group), group, load_config())


def after_cuts(n_cuts=3, group=VIB, **factors):
    own, windows = undercut(group), Windows(group)
    for _ in range(n_cuts):
        assert not watch(own, windows.cut(**factors))
    return own, windows


@pytest.mark.parametrize("group", [VIB, CURRENT])
def test_a_cut_that_takes_nothing_from_its_beginning_is_a_missing_tool(group):
    own, windows = after_cuts(group=group)
    cut = windows.cut(**NOTHING)

    ((vector, finding), *_) = watch(own, cut)

    first = next(window for window in cut if window.regime == CUT and window.steady)
    assert finding.fault is FaultClass.MISSING_TOOL
    assert finding.tier is Tier.LEARNED
    assert finding.onset_ns == first.onset_ns
    assert vector.t_ns - first.t_ns == 500_000_000
    assert finding.reasons[0].value < finding.reasons[0].low < finding.reasons[0].expected


def test_it_is_told_as_long_as_nothing_is_cut():
    own, windows = after_cuts()

    assert len(watch(own, windows.cut(60, **NOTHING))) == 55


@pytest.mark.parametrize("share", [0.5, 0.7, 1.0, 1.5])
def test_a_lighter_cut_is_none(share):
    own, windows = after_cuts()

    assert not watch(own, windows.cut(rms=share, tooth_1=share, mean=share, rev_1=share))


def test_one_channel_that_shows_the_cut_is_enough():
    own, windows = after_cuts()
    cut = windows.cut(rms=0.125, vib_x__tooth_1=0.005, vib_y__tooth_1=0.9)

    assert not watch(own, cut)


def test_a_tool_that_touches_late_by_habit_is_waited_for():
    own, windows = undercut(), Windows()
    for _ in range(4):
        late = windows.cut(0) + windows.make(8, **NOTHING) + windows.make(30)
        assert not watch(own, late)
    cut = windows.cut(60, **NOTHING)

    ((vector, _), *_) = watch(own, cut)

    assert vector.t_ns - cut[16].t_ns >= 1_600_000_000


def test_a_tool_that_has_cut_is_not_missing():
    own, windows = after_cuts()

    assert not watch(own, windows.cut(10) + windows.make(30, **NOTHING))


def test_a_missing_tool_does_not_become_what_is_usual():
    own, windows = after_cuts()
    for _ in range(10):
        assert watch(own, windows.cut(**NOTHING))

    assert watch(own, windows.cut(**NOTHING))


def test_a_missing_tool_before_there_are_enough_cuts_is_none_of_them():
    own, windows = after_cuts(1)
    assert not watch(own, windows.cut(**NOTHING))

    assert own.why_not(windows.make(1)[0]) == Why.LEARNING
    assert not watch(own, windows.cut())
    assert watch(own, windows.cut(**NOTHING))


def test_without_air_only_teeth_tell_of_a_cut():
    own, windows = undercut(CURRENT), Windows(CURRENT)
    for _ in range(3):
        watch(own, windows.make(4, steady=False) + windows.make(30) + windows.make(1, AIR))
    (vector,) = windows.make(1)

    assert own.why_not(vector) == Why.CHANNEL


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"regime": CUT._replace(cutting=None)}, Why.CONTEXT),
        ({"regime": CUT._replace(inferred=True)}, Why.CONTEXT),
        ({"regime": AIR}, Why.NOT_CUTTING),
        ({"regime": CUT._replace(rpm=None)}, Why.RPM),
        ({"steady": False}, Why.UNSTEADY),
        ({"regime": CUT._replace(section="other")}, Why.LEARNING),
        ({}, ""),
    ],
)
def test_what_cannot_be_judged_says_why(change, why):
    own, windows = after_cuts()

    (vector,) = windows.make(1, **change)

    assert own.why_not(vector) == why


@pytest.mark.parametrize("n", [10, 18, 22, 40])
def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(n):
    own, windows = after_cuts()
    stream = windows.cut(**NOTHING) + windows.cut() + windows.cut(**NOTHING)
    watch(own, stream[:n])
    heir = undercut()
    heir.restore(pickle.loads(pickle.dumps(own.save())))

    assert watch(heir, stream[n:]) == watch(own, stream[n:])
    assert heir.save() == own.save()


def test_state_of_another_version_is_refused():
    with pytest.raises(ValueError, match="version"):
        undercut().restore({**undercut().save(), "version": 0})


def test_where_teeth_are_not_told_apart_the_level_shows_a_heavy_cut_even_without_air():
    own, windows = undercut(), Windows()
    nan = float("nan")
    for _ in range(3):
        watch(own, windows.make(4, steady=False) + windows.make(30, tooth_1=nan) + windows.make(1, AIR))

    assert watch(own, windows.make(4, steady=False) + windows.make(10, **{**NOTHING, "tooth_1": nan}))
