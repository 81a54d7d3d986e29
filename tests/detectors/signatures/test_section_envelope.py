from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from cuts import AIR, CONFIG, CUT, FEATURES, GROUP, T0, Cut, vectors, watch

from detectors.signatures.section_envelope import SectionEnvelope
from engine.config import parse_config
from engine.declared import Channel, DutyCycle, SensorGroup
from engine.records import Context, Feature, Regime
from engine.verdicts import FaultClass, Tier, Why

N_CUTS = CONFIG.learn.n_cuts


def signature(config=CONFIG):
    return SectionEnvelope(FEATURES, GROUP, config)


def healthy_cuts(n, seed=0):
    rng = np.random.default_rng(seed)
    return [Cut(height=1.0 + rng.uniform(-0.03, 0.03), late_s=rng.uniform(-0.15, 0.15)) for _ in range(n)]


def after_teach_in(*cuts, seed=0, config=CONFIG):
    """What is found in cuts that follow a teach-in."""
    own = signature(config)
    assert not watch(own, vectors(healthy_cuts(N_CUTS + 2, seed), seed))
    return watch(own, vectors(list(cuts), seed + 1))


@pytest.mark.parametrize("seed", range(5))
def test_healthy_cuts_of_any_usual_hardness_find_nothing(seed):
    assert not watch(signature(), vectors(healthy_cuts(40, seed), seed))


def test_limits_hold_from_the_tenth_good_cut_on_and_tell_how_far_they_are():
    own, told = signature(parse_config("")), []
    for cut in healthy_cuts(12):
        watch(own, vectors([cut]))
        told.append(own.progress(CUT))

    assert told[:3] == [(1, 10), (2, 10), (3, 10)]
    assert told[-1] == (10, 10)
    assert own.progress(AIR) == (0, 10)


@pytest.mark.parametrize("seed", range(5))
def test_a_fifth_more_from_the_middle_of_a_cut_on_is_found_within_a_second_as_process(seed):
    found = after_teach_in(Cut(change=lambda s: 1.2 if s > 5.0 else 1.0), seed=seed)

    assert {finding.fault for finding in found} == {FaultClass.PROCESS}
    assert found[0].tier is Tier.LEARNED
    began_ns = T0 + round((2.0 + 5.0) * 1e9)
    assert abs(found[0].onset_ns - began_ns) <= 300_000_000


@pytest.mark.parametrize("seed", range(5))
def test_a_fifth_less_from_the_middle_of_a_cut_on_is_found_as_too_little_material(seed):
    found = after_teach_in(Cut(change=lambda s: 0.8 if s > 5.0 else 1.0), seed=seed)

    assert {finding.fault for finding in found} == {FaultClass.MISSING_TOOL}


def test_a_finding_names_the_level_with_what_was_expected_here_and_the_limit_it_passed():
    reason = after_teach_in(Cut(change=lambda s: 1.3 if s > 5.0 else 1.0))[-1].reasons[0]

    assert reason.feature in ("current_u.mean", "current_u.peak_to_peak")
    assert reason.unit == "A"
    assert reason.expected < reason.high < reason.value
    assert np.isnan(reason.low)


def test_no_material_at_all_is_found_from_the_beginning_of_the_cut():
    found = after_teach_in(Cut(change=lambda _s: 0.4))

    assert {finding.fault for finding in found} == {FaultClass.MISSING_TOOL}


@pytest.mark.parametrize("height", [0.8, 0.9, 1.1, 1.25])
def test_a_cut_that_is_higher_or_lower_as_a_whole_is_wear_or_another_lot_and_no_finding(height):
    assert not after_teach_in(Cut(height=height), Cut(height=height))


def test_a_cut_half_as_high_again_as_a_whole_is_found():
    assert after_teach_in(Cut(height=1.5))


def test_wear_that_grows_over_a_hundred_cuts_is_neither_followed_nor_found():
    own = signature()
    watch(own, vectors(healthy_cuts(2 * N_CUTS)))
    before = pickle.dumps(own.save()["envelopes"][0][1]["limits"])

    worn = [
        replace(cut, height=cut.height * (1.0 + 0.0025 * n)) for n, cut in enumerate(healthy_cuts(100, 1))
    ]
    assert not watch(own, vectors(worn))
    assert pickle.dumps(own.save()["envelopes"][0][1]["limits"]) == before


def test_a_cut_that_ends_early_and_what_is_left_of_it_are_no_findings():
    assert not after_teach_in(Cut(length_s=5.0), Cut(cutting_from_s=5.0), Cut())


def test_an_override_tells_where_the_tool_is_and_that_the_level_is_not_to_be_compared():
    assert not after_teach_in(Cut(override=0.5, height=0.6), Cut(override=1.2, height=1.2), Cut())


def test_after_an_override_within_a_cut_places_are_still_right():
    own = signature()
    watch(own, vectors(healthy_cuts(N_CUTS + 2)))
    items = vectors([Cut(slow=(1.0, 2.5))])  # before the step at 3.0

    assert not watch(own, items[:-50])
    assert own.why_not(items[-50]) == ""
    assert not watch(own, items[-50:])


def test_what_goes_on_at_another_speed_in_mid_cut_is_no_cut_of_that_speed():
    own, other = signature(), CUT._replace(rpm=2700.0)
    items = [v for v in vectors([Cut()]) if v.regime == CUT]
    watch(own, [*vectors([]), *items[:60], *(replace(v, regime=other) for v in items[60:]), *vectors([])])

    assert own.progress(other) == (0, N_CUTS)


def test_spikes_of_single_vectors_are_no_finding():
    assert not after_teach_in(Cut(change=lambda s: 3.0 if round(s * 10) % 20 == 0 else 1.0))


def test_nothing_is_learnt_from_a_cut_in_which_something_exceeded():
    own = signature()
    watch(own, vectors(healthy_cuts(3)), allowed=False)

    assert own.progress(CUT) == (0, N_CUTS)


def test_a_program_that_was_edited_is_learnt_anew_instead_of_never_being_judged_again():
    own = signature()
    watch(own, vectors(healthy_cuts(N_CUTS + 2)))
    edited = [replace(cut, feed=800.0) for cut in healthy_cuts(2 * N_CUTS, 3)]
    assert not watch(own, vectors(edited))

    assert own.progress(CUT) == (N_CUTS, N_CUTS)
    assert watch(own, vectors([replace(Cut(change=lambda s: 1.25 if s > 5.0 else 1.0), feed=800.0)]))


def test_a_level_that_is_edited_for_good_is_told_in_three_cuts_and_then_learnt():
    own, edited = signature(), [Cut(height=1.5) for _ in range(N_CUTS + 8)]
    watch(own, vectors(healthy_cuts(N_CUTS + 2)))

    told = [any(f.score >= 1.0 for f in watch(own, vectors([cut], seed))) for seed, cut in enumerate(edited)]

    assert told == [True] * 3 + [False] * (len(edited) - 3)
    assert own.progress(CUT) == (N_CUTS, N_CUTS)
    back = watch(own, vectors([Cut(height=0.6)]))
    assert {finding.fault for finding in back} == {FaultClass.MISSING_TOOL}  # the new level's own limits hold


def test_a_tool_that_stays_missing_is_told_in_every_cut():
    own = signature()
    watch(own, vectors(healthy_cuts(N_CUTS + 2)))

    for seed in range(8):
        assert watch(own, vectors([Cut(change=lambda _s: 0.4)], seed))


def test_without_a_feed_places_are_along_time():
    own = signature()
    watch(own, vectors([replace(cut, feed=None) for cut in healthy_cuts(N_CUTS + 2)]))

    assert watch(own, vectors([Cut(feed=None, change=lambda s: 1.25 if s > 5.0 else 1.0)]))


@pytest.mark.parametrize("length_s", [1.5, 60.0, 300.0])
def test_short_and_very_long_cuts_are_judged_too(length_s):
    own = signature()
    watch(own, vectors([replace(cut, length_s=length_s) for cut in healthy_cuts(N_CUTS)]))
    assert not watch(own, vectors([Cut(length_s=length_s)]))

    late_s = 0.6 * length_s
    assert watch(own, vectors([Cut(length_s=length_s, change=lambda s: 1.4 if s > late_s else 1.0)]))


def test_too_little_is_not_told_where_missing_tools_are_not_watched_for():
    config = parse_config('[learn]\nn_cuts = 5\n[diagnosis]\noff = ["missing_tool"]\n')

    assert not after_teach_in(Cut(change=lambda s: 0.5 if s > 5.0 else 1.0), config=config)


def test_it_says_why_it_cannot_judge():
    own = signature()
    cut = [vector for vector in vectors([Cut()]) if vector.regime == CUT][50]
    air = vectors([])[0]

    assert own.why_not(air) == Why.NOT_CUTTING
    assert own.why_not(cut) == Why.LEARNING
    assert own.why_not(replace(air, regime=Regime())) == Why.CONTEXT
    temperature = SectionEnvelope([Feature("oil.value", "°C", False)], GROUP, CONFIG)
    assert temperature.why_not(cut) == Why.CHANNEL
    sleepy = SensorGroup("vib", "waveform", 1000.0, (Channel("vib_x", "g"),), DutyCycle(1.0, 600.0))
    assert SectionEnvelope([Feature("vib_x.rms", "g", True)], sleepy, CONFIG).why_not(cut) == Why.CHANNEL


@pytest.mark.parametrize("unit", ["", "V", "°C", "mm"])
def test_the_mean_of_what_is_no_load_is_not_looked_at(unit):
    own = SectionEnvelope(
        [Feature("drive_1.mean", unit, False), Feature("drive_1.value", unit, False)], GROUP, CONFIG
    )

    assert own.why_not([vector for vector in vectors([Cut()]) if vector.regime == CUT][50]) == Why.CHANNEL


def test_a_load_that_is_hardly_there_is_not_judged_by_its_noise():
    own, noise = signature(), np.random.default_rng(0)
    idle = [
        replace(v, values=0.01 * noise.standard_normal(3) + [0.0, 0.1, 0.1]) for v in vectors([Cut()] * 30)
    ]

    assert not watch(own, idle)


def test_a_cut_whose_beginning_was_not_seen_is_neither_judged_nor_learnt():
    own = signature()
    watch(own, [vector for vector in vectors([Cut()]) if vector.regime == CUT][30:] + vectors([]))

    assert own.progress(CUT) == (0, N_CUTS)


def test_vibration_that_falls_is_no_missing_tool():
    features = [Feature("vib_x.rms", "g", True)]
    own = SectionEnvelope(features, GROUP, CONFIG)
    watch(own, vectors(healthy_cuts(N_CUTS + 1)))

    assert not watch(own, vectors([Cut(change=lambda s: 0.5 if s > 5.0 else 1.0)]))
    assert watch(own, vectors([Cut(change=lambda s: 1.5 if s > 5.0 else 1.0)]))


@pytest.mark.parametrize("at", [3, 400, 777, 1100])
def test_saved_and_restored_it_goes_on_as_if_nothing_had_happened(at):
    items = vectors([*healthy_cuts(9), Cut(change=lambda s: 1.3 if s > 5.0 else 1.0)])
    whole, first, second = signature(), signature(), signature()
    found = watch(whole, items)

    before = watch(first, items[:at])
    second.restore(pickle.loads(pickle.dumps(first.save())))
    assert before + watch(second, items[at:]) == found
    assert found


def test_a_state_of_another_version_or_of_other_levels_is_refused():
    own = signature()
    watch(own, vectors(healthy_cuts(2)))
    with pytest.raises(ValueError, match="version"):
        signature().restore({**own.save(), "version": 99})
    other = SectionEnvelope([Feature("vib_x.rms", "g", True)], GROUP, CONFIG)
    with pytest.raises(ValueError, match="rows"):
        other.restore(own.save())


def test_only_so_many_sections_are_remembered():
    config = parse_config("[learn]\nn_cuts = 5\nmax_regimes = 2\n")
    own = signature(config)
    for section in ("a", "b", "c"):
        watch(own, vectors([Cut(regime=CUT._replace(section=section))]))

    assert own.progress(CUT._replace(section="a")) == (0, 5)
    assert own.progress(CUT._replace(section="c")) == (1, 5)


def test_a_gap_within_a_cut_loses_its_place():
    own = signature()
    watch(own, vectors(healthy_cuts(N_CUTS + 2)))
    items = vectors([Cut()])
    missing = [vector for k, vector in enumerate(items) if not 60 <= k < 75]

    assert not watch(own, missing)
    assert own.why_not(replace(items[100])) == Why.UNSTEADY


def test_an_unknown_context_is_not_a_cut():
    own = signature()
    unknown = [replace(v, regime=Regime(), context=Context("M1", T0)) for v in vectors([Cut()])]

    assert not watch(own, unknown)
