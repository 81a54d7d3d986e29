from __future__ import annotations

import pickle

import pytest
from milling import AIR, CURRENT, CUT, Windows, features, watch

from detectors.signatures.load_step import LoadStep
from engine.config import load_config
from engine.verdicts import FaultClass, Tier, Why

UNTOLD = {"n_teeth": None}
_CUT_A, _AIR_A = 20.0, 7.5


def load_step():
    return LoadStep(features(CURRENT), CURRENT, load_config())


def taking(share):
    """Factor on the mean of a cut, in which this share of the load above air is taken."""
    return (_AIR_A + share * (_CUT_A - _AIR_A)) / _CUT_A


def in_cut(n=20, **told):
    """A signature in its first cut, and windows that go on from there."""
    own, windows = load_step(), Windows(CURRENT)
    told = {**UNTOLD, **told}
    assert not watch(own, windows.make(8, AIR, **told) + windows.make(2, steady=False, **told))
    assert not watch(own, windows.make(n, **told))
    return own, windows


@pytest.mark.parametrize(("share", "n"), [(0.5, 3), (1.8, 6)])
def test_a_load_that_steps_and_stays_within_the_first_cut_is_a_breakage(share, n):
    own, windows = in_cut()
    broken = windows.make(20, mean=taking(share), **UNTOLD)

    ((vector, finding),) = watch(own, broken)

    assert vector is broken[n - 1]
    assert (finding.fault, finding.tier) == (FaultClass.TOOL_BREAKAGE, Tier.DYNAMIC)
    assert finding.onset_ns == broken[0].onset_ns
    assert not finding.reasons[0].low < finding.reasons[0].value < finding.reasons[0].high


@pytest.mark.parametrize("share", [0.8, 1.3])
def test_a_smaller_step_is_none(share):
    own, windows = in_cut()

    assert not watch(own, windows.make(20, mean=taking(share), **UNTOLD))


@pytest.mark.parametrize("n", [1, 2])
def test_what_comes_back_within_two_windows_is_none(n):
    own, windows = in_cut()

    assert not watch(own, windows.make(n, mean=taking(0.5), **UNTOLD) + windows.make(20, **UNTOLD))


def test_a_load_that_falls_over_seconds_is_none():
    own, windows = in_cut()
    falling = [windows.make(1, mean=taking(1.0 - k / 40), **UNTOLD)[0] for k in range(35)]

    assert not watch(own, falling)


def test_a_tool_that_touches_the_material_after_the_controller_says_so_is_not_broken():
    own, windows = in_cut(n=1)
    watch(own, windows.make(20, mean=taking(0.0), **UNTOLD))

    assert not watch(own, windows.make(20, **UNTOLD))


def test_a_tool_that_leaves_the_material_before_the_controller_says_so_is_not_broken():
    own, windows = in_cut()

    assert not watch(own, windows.make(20, mean=taking(0.05), **UNTOLD))


def test_another_feed_is_another_load():
    own, windows = in_cut()
    slower = windows.make(20, mean=taking(0.5), **UNTOLD)
    for vector in slower:
        object.__setattr__(vector.context, "feed_mm_min", 300.0)

    assert not watch(own, slower)


def test_where_teeth_are_known_others_see_more():
    own, windows = in_cut(n_teeth=4)
    broken = windows.make(20, mean=taking(0.5))

    assert not watch(own, broken)
    assert own.why_not(broken[-1]) == Why.CHANNEL


def test_a_section_whose_speed_varies_by_design_varies_in_load():
    own, windows = in_cut()
    facing = windows.make(20, **UNTOLD) + windows.make(20, mean=taking(0.5), **UNTOLD)
    for vector in facing:
        object.__setattr__(vector, "regime", CUT._replace(rpm=None))

    assert not watch(own, facing)
    assert own.why_not(facing[-1]) == Why.UNSTEADY


def test_it_judges_once_the_cut_has_shown_its_own_load():
    own, windows = in_cut(n=2)
    (first,) = windows.make(1, **UNTOLD)

    assert own.why_not(first) == Why.LEARNING
    watch(own, [first, *windows.make(10, **UNTOLD)])
    assert own.why_not(first) == ""


@pytest.mark.parametrize("n", [1, 9, 12, 14])
def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(n):
    own, windows = in_cut()
    stream = windows.make(10, **UNTOLD) + windows.make(20, mean=taking(0.5), **UNTOLD)
    watch(own, stream[:n])
    heir = load_step()
    heir.restore(pickle.loads(pickle.dumps(own.save())))

    assert watch(heir, stream[n:]) == watch(own, stream[n:])
    assert heir.save() == own.save()
