import math
from dataclasses import replace

import numpy as np
import pytest
from shop import SPINDLE, SPINDLES, T0

from engine.config import parse_config
from engine.declared import Spindle, TeachIn
from engine.errors import ConfigError
from engine.records import Context, FeatureVector, Regime
from engine.verdicts import FaultClass, Score, Tier
from operators.detect import Detect
from operators.features import FeatureSet

CONFIG = parse_config("[learn]\nn_vectors_waveform = 40\nmax_regimes = 3\n")
FEATURES = FeatureSet.for_shop([SPINDLE], CONFIG)
NAMES = FEATURES["M1", "vib"].names
IS_LEVEL = np.array([feature.unit == "g" for feature in FEATURES["M1", "vib"].features])
CUT, OTHER = Regime("T1", "O1", "rough"), Regime("T2", "O1", "rough")
# Where cutting is known, cuts are what is learned from, and how they differ is known beforehand.
ROUGH, AIR = Regime("T1", "O1", "rough", True), Regime("T1", "O1", "approach", False)
HOP_NS = 100_000_000


def vector(hop, level=1.0, regime=CUT, **changes):
    """A vector of levels around ``level``; its noise depends on the hop only."""
    noise = np.random.default_rng(hop).normal(0.0, 0.05, len(NAMES))
    values = level * np.exp(noise)
    t_ns = T0 + hop * HOP_NS
    usual = FeatureVector(
        "M1", "vib", t_ns, t_ns - HOP_NS, values, Context("M1", T0), regime, True, True, True, None
    )
    return replace(usual, **changes)


def detect(items, config=CONFIG, spindles=SPINDLES):
    return only_scores(Detect(spindles, FEATURES, config).process(items))


def only_scores(items):
    return [item for item in items if isinstance(item, Score)]


def usual(n, first=0, **changes):
    return [vector(first + i, **changes) for i in range(n)]


def test_the_learned_tier_says_nothing_before_its_teach_in_is_complete_and_tells_how_far_it_is():
    scores = detect(usual(41))

    assert [score.learned for score in scores] == list(range(41))
    assert not any(score.ready for score in scores[:40])
    assert scores[40].ready
    assert scores[40].wanted == 40


def test_what_was_learned_scores_low_and_what_was_not_scores_above_the_limit():
    scores = detect(usual(100, regime=Regime()) + usual(5, 100, level=3.0, regime=Regime()))

    assert max(score.score for score in scores[40:100]) < 1.0
    assert scores[-1].score > 1.0
    assert scores[-1].tier is Tier.LEARNED
    assert scores[-1].top_feature in NAMES


def cuts(n, first=0, length=40, **changes):
    """Cuts of so many vectors, with moments in the air between."""
    return [
        item
        for cut in range(first, first + n)
        for item in (
            *usual(length, 100 * cut, regime=ROUGH, **changes),
            *usual(10, 100 * cut + 80, regime=AIR),
        )
    ]


def test_a_cut_is_learned_from_three_cuts_and_says_so():
    scores = [score for score in detect(cuts(4)) if score.regime == ROUGH]

    assert not any(score.ready for score in scores[:80])
    assert all(score.ready for score in scores[-40:])


def test_a_cut_that_lasts_for_minutes_is_learned_from_its_parts():
    scores = detect(usual(700, regime=ROUGH))

    assert not scores[100].ready
    assert scores[-1].ready


def test_a_cut_that_goes_on_three_times_as_loud_is_told_by_the_learned_tier():
    last = detect(cuts(3) + usual(30, 300, regime=ROUGH) + usual(12, 330, level=3.0, regime=ROUGH))[-1]

    assert last.score > 1.0
    assert last.tier is Tier.LEARNED


def test_a_score_above_the_limit_explains_itself():
    last = detect(usual(100, regime=Regime()) + usual(5, 100, level=3.0, regime=Regime()))[-1]

    first = last.reasons[0]
    assert first.feature in NAMES
    assert first.low < first.expected < first.high < first.value
    assert first.share == max(reason.share for reason in last.reasons)


def test_each_regime_has_its_own_baseline():
    scores = detect(usual(60) + usual(60, 60, level=5.0, regime=OTHER) + usual(5, 120))

    assert max(score.score for score in scores[100:]) < 1.0
    assert not scores[60].ready
    assert scores[-1].ready


def test_a_cut_that_is_only_inferred_has_no_baseline_of_its_own():
    unknown, inferred = Regime("T1"), Regime("T1", cutting=True, inferred=True)

    scores = detect(usual(100, regime=unknown) + usual(5, 100, regime=inferred))

    assert scores[-1].ready
    assert scores[-1].regime == inferred


def test_only_so_many_regimes_are_kept_and_the_least_recent_goes_first():
    regimes = [Regime(f"T{i}") for i in range(4)]
    items = [v for i, regime in enumerate(regimes) for v in usual(45, 45 * i, regime=regime)]

    scores = detect([*items, *usual(1, 180, regime=regimes[1]), *usual(1, 181, regime=regimes[0])])

    assert scores[-2].ready
    assert scores[-1].learned == 0


@pytest.mark.parametrize("changes", [{"learnable": False}, {"steady": False}, {"usable": False}])
def test_nothing_is_learned_from_vectors_that_must_not_be(changes):
    scores = detect(usual(50, **changes))

    assert scores[-1].learned == 0


def test_a_fault_during_the_teach_in_is_not_learned():
    scores = detect(usual(30) + usual(20, 30, level=50.0) + usual(60, 50))

    during = [score.learned for score in scores[32:50]]
    assert len(set(during)) == 1
    assert scores[-1].ready


def test_what_goes_on_after_the_teach_in_is_not_learned():
    scores = detect(usual(60) + usual(400, 60, level=3.0))

    assert scores[-1].score > 1.0


def test_an_unsteady_window_is_judged_by_absolute_limits_only():
    config = parse_config('[[limits]]\nfeature = "vib_x.rms"\nabove = 2.0\n')

    (score,) = detect([vector(0, level=8.0, steady=False)], config)

    assert score.tier is Tier.ABSOLUTE
    assert score.score == pytest.approx(vector(0, level=8.0).values[NAMES.index("vib_x.rms")] / 2.0)


def test_absolute_limits_act_from_the_first_vector():
    config = parse_config('[[limits]]\nfeature = "vib_x.rms"\nabove = 0.5\n')

    score = detect([vector(0)], config)[0]

    assert score.score > 1.0
    assert score.tier is Tier.ABSOLUTE
    assert not score.ready


def test_unusable_vectors_have_no_score():
    (score,) = detect([vector(0, usable=False, values=np.full(len(NAMES), np.nan))])

    assert math.isnan(score.score)
    assert not score.usable


def test_a_sudden_shock_is_told_by_the_dynamic_tier_and_needs_no_teach_in():
    shocked = vector(35, regime=ROUGH)
    shocked.values[:] = np.where([name.endswith(".peak") for name in NAMES], 30.0, shocked.values)

    score = detect([*usual(35, regime=ROUGH), shocked])[-1]

    assert score.tier is Tier.DYNAMIC
    assert FaultClass.COLLISION in {finding.fault for finding in score.findings if finding.score >= 1.0}
    assert not score.ready


def test_a_sudden_rise_where_nobody_tells_of_a_cut_is_not_told_for_it_may_be_a_tool_that_enters():
    scores = detect(usual(30) + usual(8, 30, level=50.0))

    assert not any(score.score >= 1.0 for score in scores)
    assert scores[-1].learned == scores[30].learned  # nor is it learnt as it begins


@pytest.mark.parametrize("inferred", [False, True])
def test_a_sudden_rise_within_a_cut_is_told_whoever_says_that_it_is_one(inferred):
    regime = Regime("T1", "O1", "rough", True, inferred=inferred)

    last = detect(usual(30, regime=regime) + usual(2, 30, level=50.0, regime=regime))[-1]

    assert last.score >= 1.0
    assert last.tier is Tier.DYNAMIC


def leaving(n, first, level, regime):
    """Vectors of a tool that leaves the material: levels fall, shapes do not."""
    found = usual(n, first, regime=regime)
    for item in found:
        item.values[IS_LEVEL] *= level
    return found


def test_a_tool_that_leaves_where_nobody_tells_of_a_cut_falls_back_to_what_was_seen_before_it_entered():
    before, after = Regime("T1", "O1", "entry"), Regime("T1", "O1", "exit")
    air, cut = leaving(30, 0, 0.2, before), usual(60, 30, regime=after)
    end = leaving(30, 90, 0.3, after)

    known, unknown = detect([*air, *cut, *end]), detect([*cut, *end])

    assert max(score.score for score in known[-30:]) < 1.0
    assert max(score.score for score in unknown[-30:]) > 1.0


def test_a_fault_that_ended_with_the_last_cut_does_not_colour_the_next():
    cuts = usual(60) + usual(20, 60, level=3.0)
    pause = usual(10, 80, level=0.1, regime=Regime("T1", "O1", "idle", False))

    scores = detect([*cuts, *pause, *usual(10, 90)])

    assert scores[79].score > 1.0
    assert max(score.score for score in scores[90:]) < 1.0


def test_a_prescribed_teach_in_is_followed():
    spindle = Spindle("M1", SPINDLE.groups, TeachIn(skip_s=2.0, n_vectors=30))

    scores = detect(usual(60), spindles={"M1": spindle})

    assert scores[20].learned == 0
    assert scores[60 - 1].ready
    assert scores[-1].wanted == 30


def test_a_teach_in_of_a_duration_ends_with_it():
    spindle = Spindle("M1", SPINDLE.groups, TeachIn(duration_s=5.0))
    items = [v for i, v in enumerate(usual(60)) if i % 3]

    scores = detect(items, spindles={"M1": spindle})

    assert scores[-1].ready
    assert scores[-1].learned < scores[-1].wanted


def test_saved_and_restored_in_mid_stream_it_goes_on_as_if_nothing_had_happened():
    items = usual(60) + usual(10, 60, level=3.0) + usual(10, 70, regime=OTHER) + usual(10, 80)
    items += leaving(10, 90, 0.3, CUT)
    whole = detect(items)

    for split in (20, 50, 65, 75, 85, 95):
        first, second = Detect(SPINDLES, FEATURES, CONFIG), Detect(SPINDLES, FEATURES, CONFIG)
        out = only_scores(first.process(items[:split]))
        second.restore(first.save())
        out += only_scores(second.process(items[split:]))
        assert [(s.score, s.learned, s.tier) for s in out if s.score == s.score] == [
            (s.score, s.learned, s.tier) for s in whole if s.score == s.score
        ]


LOOSE = parse_config("[learn]\nn_vectors_waveform = 40\nfalse_alerts_per_day = 86400\n")
NONE = parse_config("[learn]\nn_vectors_waveform = 40\nfalse_alerts_per_day = 0\n")


def test_limits_of_a_cut_do_not_sink_because_a_thousand_vectors_of_one_cut_are_one_cut():
    items = usual(4000, regime=ROUGH)

    loose, none = detect(items, LOOSE)[-1], detect(items, NONE)[-1]

    assert loose.score <= none.score


def test_a_cut_that_stays_unlike_what_was_learned_is_told_three_times_and_then_learned():
    items = cuts(3) + cuts(10, 3, length=80, level=6.0)

    scores = [score for score in detect(items)[150:] if score.regime == ROUGH]

    visits = [scores[80 * visit : 80 * (visit + 1)] for visit in range(10)]
    told = [any(score.tier is Tier.LEARNED and score.score >= 1.0 for score in visit) for visit in visits]
    assert told == [True] * 3 + [False] * 7
    assert scores[-1].ready


def test_a_spindle_that_stands_still_is_only_held_against_absolute_limits():
    still = Context("M1", T0, rpm=0.0)

    scores = detect(usual(100) + usual(5, 100, level=30.0, context=still))

    assert all(math.isnan(score.score) for score in scores[100:])


def test_limits_follow_the_healthy_stream_towards_the_budget():
    items = usual(4000, regime=Regime())

    loose, none = detect(items, LOOSE), detect(items, NONE)

    assert [s.score for s in loose[:1900]] == pytest.approx([s.score for s in none[:1900]], nan_ok=True)
    assert loose[-1].score > 1.1 * none[-1].score


@pytest.mark.parametrize("changes", [{"learnable": False}, {"steady": False}, {"usable": False}])
def test_vectors_that_must_not_be_learned_do_not_move_the_limits(changes):
    items = usual(60) + usual(4000, 60, **changes) + usual(1, 4060)

    assert detect(items, LOOSE)[-1].score == detect(items, NONE)[-1].score


def test_how_vectors_come_together_does_not_change_when_limits_move():
    items = usual(3000)
    whole, single = Detect(SPINDLES, FEATURES, LOOSE), Detect(SPINDLES, FEATURES, LOOSE)

    together = whole.process(items)
    one_by_one = [score for item in items for score in single.process([item])]

    assert [s.score for s in together[40:]] == [s.score for s in one_by_one[40:]]


def test_a_limit_on_a_feature_that_does_not_exist_is_refused_while_the_flow_is_built():
    import bytewax.operators as op
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSource

    from operators.detect import detect as detect_step

    config = parse_config('[[limits]]\nfeature = "vib_x.loudness"\nabove = 2.0\n')
    stream = op.input("source", Dataflow("test"), TestingSource([]))

    with pytest.raises(ConfigError, match=r"vib_x\.loudness"):
        detect_step("detect", stream, SPINDLES, FEATURES, config)
