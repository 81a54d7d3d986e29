"""The first cut on a machine that tells nothing, and trouble on the same machine."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs
from shop import CURRENT, SPINDLE, SPINDLES, T0, VIB

from detectors.spindle_loads import SpindleLoads
from engine.config import parse_config
from engine.declared import Spindle, TeachIn
from engine.records import Context, FeatureVector, Regime
from engine.verdicts import Score
from operators.detect import Detect
from operators.features import FeatureSet
from operators.untold_work import UntoldWork, load_features

CONFIG = parse_config("[learn]\nn_vectors_waveform = 40\n")
FEATURES = FeatureSet.for_shop([SPINDLE], CONFIG)
HOP_NS = 100_000_000
UNTOLD = Regime("T1")


def levels_at(group, level, seed):
    """Features of a window: levels so high, shapes as ever."""
    features = FEATURES["M1", group].features
    values = np.exp(np.random.default_rng(seed).normal(0.0, 0.03, len(features)))
    return values * np.where([feature.unit in ("g", "A") for feature in features], level, 1.0)


def vectors(n, first, vibration, load, regime=UNTOLD):
    """Of both groups, ten times a second, of a spindle that shakes and takes so much."""
    for hop in range(first, first + n):
        t_ns = T0 + hop * HOP_NS
        context = Context("M1", T0)
        for group, level in (("current", load), ("vib", vibration)):
            values = levels_at(group, level, hop)
            yield FeatureVector(
                "M1", group, t_ns, t_ns - HOP_NS, values, context, regime, True, True, True, None
            )


def scores(items, detect=None):
    detect = detect or Detect(SPINDLES, FEATURES, CONFIG)
    return [score for score in detect.process(list(items)) if isinstance(score, Score)]


def exceeding(found, first=0):
    """Hops from one on at which a score is beyond the limit, by group."""
    return {
        (score.group, (score.t_ns - T0) // HOP_NS)
        for score in found
        if score.score >= 1.0 and score.t_ns >= T0 + first * HOP_NS
    }


def in_air(n=100, first=0, **changes):
    return vectors(n, first, 1.0, 2.0, **changes)


def in_cut(n, first, **changes):
    return vectors(n, first, 5.0, 6.0, **changes)


def test_the_first_cut_after_a_teach_in_in_the_air_is_no_alert_and_is_learned_instead():
    found = scores([*in_air(), *in_cut(200, 100)])

    assert not exceeding(found)
    assert all(score.ready for score in found[-20:])


def test_cuts_and_air_in_turn_stay_silent_once_both_have_been_seen():
    turns = [
        item for turn in range(4) for item in (*in_cut(120, 200 * turn + 100), *in_air(80, 200 * turn + 220))
    ]

    assert not exceeding(scores([*in_air(), *turns]))


def test_trouble_in_the_cut_is_told_once_the_cut_has_been_learned():
    found = scores([*in_air(), *in_cut(200, 100), *vectors(30, 300, 25.0, 6.0)])

    assert ("vib", 329) in exceeding(found)


def test_what_shakes_more_and_takes_no_more_power_is_told_after_a_second():
    found = exceeding(scores([*in_air(), *vectors(40, 100, 5.0, 2.0)]))

    assert min(found)[0] == "vib"
    assert 110 <= min(hop for _, hop in found) <= 112
    assert ("vib", 139) in found


def test_a_load_that_steps_up_for_the_third_time_is_told():
    """A spindle stands, turns in the air and cuts: no more is believed."""
    louder = [vectors(200, 100 + 200 * step, 5.0 ** (step + 1), 2.0 * 3.0 ** (step + 1)) for step in range(3)]

    found = exceeding(scores([*in_air(), *(item for step in louder for item in step)]))

    assert {"vib", "current"} == {group for group, _ in found}
    assert min(hop for _, hop in found) >= 500


@pytest.mark.parametrize("cutting", [True, None])
def test_a_controller_that_tells_of_cuts_or_a_prescribed_teach_in_leaves_nothing_to_hold_back(cutting):
    spindle = Spindle("M1", SPINDLE.groups, TeachIn(n_vectors=40))
    detect = Detect({"M1": spindle}, FEATURES, CONFIG)
    regime = Regime("T1", cutting=cutting)

    found = scores([*in_air(regime=regime), *in_cut(20, 100, regime=regime)], detect)

    assert ("vib", 101) in exceeding(found)


@pytest.mark.parametrize("split", [98, 103, 108, 111, 160])
def test_saved_and_restored_as_a_cut_begins_it_goes_on_as_if_nothing_had_happened(split):
    items = [*in_air(), *in_cut(200, 100)]
    first, second = Detect(SPINDLES, FEATURES, CONFIG), Detect(SPINDLES, FEATURES, CONFIG)

    found = scores(items[: 2 * split], first)
    second.restore(first.save())
    found += scores(items[2 * split :], second)

    whole = scores(items)
    assert [(s.t_ns, s.learned, s.ready) for s in found] == [(s.t_ns, s.learned, s.ready) for s in whole]
    np.testing.assert_equal([s.score for s in found], [s.score for s in whole])


def test_loads_are_what_is_dc_coupled_fast_enough_and_measured():
    current, vibration = (FEATURES["M1", name].features for name in ("current", "vib"))

    where = load_features(CURRENT, current)

    assert [current[i].name for i in (*where.means, *where.deviations)] == ["current_u.mean", "current_u.std"]
    assert not load_features(VIB, vibration).means
    assert not load_features(structs.replace(CURRENT, sample_rate_hz=1.0), current).means
    assert not load_features(CURRENT, current[:1]).means


def test_a_gap_counts_as_no_load():
    loads = SpindleLoads()
    work = UntoldWork(CURRENT, FEATURES["M1", "current"].features, loads)

    for item in vectors(3, 0, 1.0, 1.0):
        if item.group == "current":
            work.note(replace(item, usable=False))

    assert not loads.any
