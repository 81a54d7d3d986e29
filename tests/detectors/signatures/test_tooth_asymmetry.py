from __future__ import annotations

import pickle

import pytest
from milling import AIR, CURRENT, CUT, VIB, Windows, features, watch

from detectors.signatures.tooth_asymmetry import ToothAsymmetry
from engine.config import load_config
from engine.verdicts import FaultClass, Tier, Why

ENTRY = CUT._replace(section="entry")
BROKEN = {"rev_1": 3.0, "tooth_1": 0.8, "rms": 1.1}
BROKEN_CURRENT = {"rev_1": 3.0, "std": 1.1}
BURST = {"peak": 3.5, "rms": 1.6, "rev_1": 1.8}


def asymmetry(group=VIB):
    return ToothAsymmetry(features(group), group, load_config())


def in_cut(group=VIB, n_cuts=1, seed=0):
    """A signature in the middle of a cut, after so many cuts in all, and windows that go on from there."""
    own, windows = asymmetry(group), Windows(group, seed=seed)
    for _ in range(n_cuts):
        assert not watch(own, windows.cut())
    return own, windows


def test_a_jump_of_the_line_within_the_first_cut_is_a_breakage_after_three_windows():
    own, windows = in_cut(CURRENT)
    broken = windows.make(6, **BROKEN_CURRENT)

    ((vector, finding), *_) = watch(own, broken)

    assert vector is broken[2]
    assert finding.fault is FaultClass.TOOL_BREAKAGE
    assert finding.tier is Tier.DYNAMIC
    assert finding.certainty == pytest.approx(0.7)
    assert finding.onset_ns == broken[0].onset_ns
    reason = finding.reasons[0]
    assert reason.feature == "current_u.rev_1"
    assert reason.unit == "A"
    assert reason.value == pytest.approx(3.0 * reason.expected, rel=0.3)


def test_without_a_blow_a_vibration_alone_may_as_well_be_a_lost_balance():
    own, windows = in_cut(n_cuts=6)

    assert not watch(own, windows.make(20, rev_1=6.4))
    assert not watch(own, windows.cut(rev_1=6.4))


def test_with_a_burst_at_its_onset_two_windows_are_enough():
    own, windows = in_cut()
    first = windows.make(1, **BURST)
    rest = windows.make(5, **BROKEN)

    ((vector, finding), *_) = watch(own, first + rest)

    assert vector in (rest[0], rest[1])
    assert finding.certainty == pytest.approx(0.8)
    assert finding.onset_ns in (first[0].onset_ns, rest[0].onset_ns)


def test_with_a_burst_a_smaller_jump_counts():
    own, windows = in_cut()
    smaller = {"rev_1": 1.6}
    assert not watch(own, windows.make(8, **smaller))

    own, windows = in_cut()
    assert watch(own, windows.make(1, peak=3.5, rms=1.3, rev_1=1.6) + windows.make(4, **smaller))


def test_an_edge_that_breaks_out_as_the_tool_enters_is_a_breakage_and_a_loud_entry_is_none():
    broken = {"rev_1": 2.3, "rms": 1.1}
    for entry, wanted in ((BURST, True), ({"peak": 1.2}, False)):
        own, windows = in_cut(n_cuts=4)
        watch(own, windows.make(12, AIR))

        found = watch(own, windows.make(3, steady=False, **entry) + windows.make(6, **broken))

        assert bool(found) is wanted


def enters(windows, before, **settling):
    """A section that follows upon another regime, up to its first steady window."""
    return [*windows.make(12, before, steady=False), *windows.make(5, steady=False, **settling)]


@pytest.mark.parametrize(
    ("before", "settling", "wanted"),
    [
        (ENTRY, {}, True),
        (
            AIR,
            {},
            False,
        ),  # the tool has not been in the material before: its load comes, and with it the line
        (ENTRY._replace(tool="T2"), {}, False),
        (ENTRY._replace(rpm=2000), {}, False),
        (ENTRY, {"rev_1": 1.3}, False),  # this clamping runs out more than earlier ones
    ],
)
def test_a_smaller_jump_counts_in_the_first_window_of_a_section_if_the_tool_was_in_the_material(
    before, settling, wanted
):
    own, windows = in_cut(n_cuts=4)
    watch(own, enters(windows, before, **settling))

    found = watch(own, windows.make(1, peak=3.5, rms=1.3) + windows.make(4, rev_1=1.5))

    assert bool(found) is wanted
    assert all(finding.tier is Tier.DYNAMIC for _, finding in found)


def test_such_a_jump_counts_only_over_earlier_cuts_and_after_a_blow():
    own, windows = asymmetry(), Windows()
    watch(own, enters(windows, ENTRY))
    assert not watch(own, windows.make(1, peak=3.5, rms=1.3) + windows.make(2, rev_1=1.5))

    own, windows = in_cut(n_cuts=4)
    watch(own, enters(windows, ENTRY))
    assert not watch(own, windows.make(20, rev_1=1.5))


def test_a_line_that_is_on_the_move_while_a_section_settles_needs_more():
    own, windows = in_cut(n_cuts=4)
    watch(own, windows.make(12, ENTRY, steady=False))
    for factor in (0.7, 0.7, 0.8, 1.0, 1.2):
        watch(own, windows.make(1, steady=False, rev_1=factor))

    assert not watch(own, windows.make(1, peak=3.5, rms=1.3) + windows.make(4, rev_1=1.5))


def test_a_blow_at_the_entry_alone_is_no_breakage():
    own, windows = in_cut(n_cuts=4)
    watch(own, windows.make(12, AIR))

    assert not watch(own, windows.make(3, steady=False, **BURST) + windows.make(20))


def test_wider_engagement_raises_all_levels_and_is_no_breakage():
    own, windows = in_cut()

    assert not watch(own, windows.make(20, rms=2.5, peak=2.5, rev_1=2.5, tooth_1=2.5))


def test_a_step_of_the_load_leaks_into_two_windows_only():
    own, windows = in_cut(CURRENT)

    assert not watch(own, windows.make(2, rev_1=4.0) + windows.make(20))


def test_current_alone_shows_a_breakage():
    own, windows = in_cut(CURRENT)

    ((_, finding), *_) = watch(own, windows.make(4, rev_1=3.0, std=1.3))

    assert finding.reasons[0].feature == "current_u.rev_1"


def test_a_slow_cutter_whose_current_swings_by_the_broken_tooth_alone_is_told_by_its_mean():
    own, windows = in_cut(CURRENT)

    assert watch(own, windows.make(4, rev_1=2.3, std=2.3, peak_to_peak=2.3))


def test_a_heavier_cut_whose_current_swings_more_is_no_breakage():
    own, windows = in_cut(CURRENT)

    assert not watch(own, windows.make(10, rev_1=2.0, std=2.0, mean=(7.5 + 2.0 * 12.5) / 20.0))


def test_another_clamping_is_no_breakage():
    own, windows = in_cut(n_cuts=6)

    for run_out in (1.15, 0.85, 1.3, 1.0):
        assert not watch(own, windows.cut(rev_1=run_out))


def test_a_tool_that_enters_broken_is_told_by_its_earlier_cuts():
    own, windows = in_cut(CURRENT, n_cuts=6)

    ((_, finding), *_) = watch(own, windows.cut(**BROKEN_CURRENT))

    assert finding.tier is Tier.LEARNED


def test_a_tool_that_enters_broken_must_stand_out_more_while_there_were_few_cuts():
    own, windows = in_cut(CURRENT, n_cuts=2)

    assert not watch(own, windows.cut(**BROKEN_CURRENT))
    assert watch(own, windows.cut(rev_1=4.5))


def test_a_tool_that_enters_broken_is_not_told_at_its_first_cut():
    assert not watch(asymmetry(), Windows().cut(rev_1=4.5))


def test_a_breakage_at_the_first_window_of_a_cut_is_told_by_earlier_ones():
    own, windows = in_cut(n_cuts=2)
    watch(own, windows.cut(0))

    ((_, finding), *_) = watch(own, windows.make(1, **BURST) + windows.make(3, **BROKEN))

    assert finding.tier is Tier.LEARNED


def test_a_line_that_wanders_by_itself_needs_more():
    own, windows = asymmetry(), Windows()
    wandering = [windows.make(1, rev_1=level)[0] for level in (1.0, 2.2, 0.7, 1.8, 0.6, 1.4) * 8]
    assert not watch(own, wandering)

    assert not watch(own, windows.make(8, rev_1=2.0))


def test_return_to_what_is_usual_is_no_breakage():
    own, windows = in_cut(n_cuts=6)

    assert not watch(own, windows.cut(20, rev_1=0.3) + windows.make(20))


def test_a_line_that_a_tone_could_leak_into_is_passed_over():
    own, windows = in_cut()

    assert not watch(own, windows.make(10, rev_1=3.0, rms=12.0, peak=5.0))


def test_a_broken_tool_is_told_as_long_as_it_cuts():
    own, windows = in_cut(CURRENT)

    found = watch(own, windows.make(60, **BROKEN_CURRENT))

    assert len(found) == 58


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"regime": CUT._replace(rpm=None)}, Why.RPM),
        ({"regime": CUT._replace(cutting=None)}, Why.CONTEXT),
        ({"regime": AIR}, Why.NOT_CUTTING),
        ({"n_teeth": 1}, Why.TEETH),
        ({"steady": False}, Why.UNSTEADY),
        ({"rev_1": float("nan")}, Why.RESOLUTION),
        ({"regime": CUT._replace(section="other")}, Why.LEARNING),
        ({}, ""),
    ],
)
def test_what_cannot_be_judged_says_why(change, why):
    own, windows = in_cut()

    (vector,) = windows.make(1, **change)

    assert own.why_not(vector) == why
    if why:
        assert own.assess(vector) is None


def test_a_group_without_lines_says_so():
    own = ToothAsymmetry(features(VIB)[:2], VIB, load_config())
    (vector,) = Windows().make(1)

    assert own.why_not(vector) == Why.CHANNEL
    assert own.assess(vector) is None


def test_restored_while_a_section_settles_goes_on_as_if_nothing_happened():
    own, windows = in_cut(n_cuts=4)
    *first, last = enters(windows, ENTRY)
    watch(own, first)
    heir = asymmetry()
    heir.restore(pickle.loads(pickle.dumps(own.save())))
    rest = [last, *windows.make(1, peak=3.5, rms=1.3), *windows.make(4, rev_1=1.5), *windows.cut(20)]

    found = watch(heir, rest)

    assert found
    assert watch(own, rest) == found
    assert heir.save() == own.save()


@pytest.mark.parametrize("n_cuts", [1, 6])
def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(n_cuts):
    own, windows = in_cut(n_cuts=n_cuts)
    watch(own, windows.make(1, **BURST))
    heir = asymmetry()
    heir.restore(pickle.loads(pickle.dumps(own.save())))
    rest = windows.make(5, **BROKEN) + windows.cut(20) + windows.cut(20)

    assert watch(heir, rest) == watch(own, rest)
    assert heir.save() == own.save()


def test_state_of_another_version_is_refused():
    with pytest.raises(ValueError, match="version"):
        asymmetry().restore({**asymmetry().save(), "version": 0})
