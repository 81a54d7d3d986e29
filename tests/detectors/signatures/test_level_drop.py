from __future__ import annotations

import pickle

import pytest
from milling import AIR, CURRENT, VIB, Windows, features, watch

from detectors.signatures.level_drop import LevelDrop
from engine.config import load_config
from engine.verdicts import FaultClass, Tier

# What a cut reads if nothing is cut.
NOTHING = {
    "rms": 0.05 / 0.4,
    "peak": 0.2 / 1.5,
    "mean": 7.5 / 20.0,
    "std": 0.07,
    "rev_1": 0.5,
    "tooth_1": 0.005,
}


def level_drop(group=VIB):
    return LevelDrop(features(group), group, load_config())


def in_cut(n_cuts=3, group=VIB, **factors):
    """A signature in the middle of a cut, and windows that go on from there."""
    own, windows = level_drop(group), Windows(group)
    for _ in range(n_cuts):
        assert not watch(own, windows.cut())
    assert not watch(own, windows.cut(20, **factors))
    return own, windows


@pytest.mark.parametrize("group", [VIB, CURRENT])
def test_a_tool_that_stops_taking_anything_within_the_cut_is_broken(group):
    own, windows = in_cut(group=group)
    gone = windows.make(20, **NOTHING)

    ((vector, finding), *_) = watch(own, gone)

    assert vector is gone[4]
    assert finding.fault is FaultClass.TOOL_BREAKAGE
    assert finding.tier is Tier.LEARNED
    assert finding.onset_ns == gone[0].onset_ns
    assert finding.reasons[0].value < finding.reasons[0].low


def test_it_is_told_as_long_as_the_controller_says_cutting():
    own, windows = in_cut()

    assert len(watch(own, windows.make(60, **NOTHING))) == 56


@pytest.mark.parametrize("n_late", [1, 2, 3, 4])
def test_the_end_of_a_cut_told_late_is_no_breakage(n_late):
    own, windows = in_cut()

    assert not watch(own, windows.make(n_late, **NOTHING) + windows.make(5, AIR) + windows.cut())


@pytest.mark.parametrize("share", [0.4, 0.6, 1.6])
def test_another_load_within_the_cut_is_no_breakage(share):
    own, windows = in_cut()

    assert not watch(own, windows.make(30, rms=share, tooth_1=share, rev_1=share))


def test_a_section_with_moves_in_air_is_known_by_them():
    own, windows = level_drop(), Windows()
    for _ in range(4):
        watch(own, windows.cut(15) + windows.make(8, **NOTHING) + windows.make(15))

    assert not watch(own, windows.cut(15) + windows.make(30, **NOTHING))


def test_a_slot_that_is_crossed_takes_nothing_from_the_cover():
    own, windows = level_drop(), Windows()
    for _ in range(4):
        assert not watch(own, windows.cut(15) + windows.make(2, **NOTHING) + windows.make(15))

    assert watch(own, windows.cut(15) + windows.make(10, **NOTHING))


def test_the_first_cuts_of_a_section_are_not_judged():
    own, windows = in_cut(n_cuts=0)

    assert not watch(own, windows.make(20, **NOTHING))


def test_a_cut_that_never_took_anything_does_not_drop():
    own, windows = in_cut(**NOTHING)

    assert not watch(own, windows.make(40, **NOTHING))


def test_end_of_an_overload_is_no_breakage():
    own, windows = in_cut(group=CURRENT, mean=2.0, tooth_1=3.0)

    assert not watch(own, windows.make(30))


@pytest.mark.parametrize("n", [2, 6, 25])
def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(n):
    own, windows = in_cut()
    stream = windows.make(10, **NOTHING) + windows.cut() + windows.make(10, **NOTHING)
    watch(own, stream[:n])
    heir = level_drop()
    heir.restore(pickle.loads(pickle.dumps(own.save())))

    assert watch(heir, stream[n:]) == watch(own, stream[n:])
    assert heir.save() == own.save()
