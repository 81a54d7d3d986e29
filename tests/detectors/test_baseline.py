from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from detectors.baseline import NAMED, Baseline
from detectors.budget import Budget
from detectors.registry import DETECTORS
from engine.config import DetectorConfig, EnsembleConfig, load_config
from engine.records import Feature

FEATURES = (
    Feature("vib_x.rms", "g", True),
    Feature("vib_x.peak", "g", True),
    Feature("vib_x.kurtosis", "", False),
    Feature("load.value", "%", False),
)
ALL = tuple(
    DetectorConfig(name=name) for name in ("mewma", "half_space_trees", "gaussian_scorer", "p2_quantile")
)


def healthy(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rms = 0.3 * np.exp(0.1 * rng.normal(size=n))
    peak = 4.0 * rms * np.exp(0.05 * rng.normal(size=n))
    return np.column_stack([rms, peak, 3.0 + 0.2 * rng.normal(size=n), 40.0 + 2.0 * rng.normal(size=n)])


def taught(n: int = 60, vectors: np.ndarray | None = None, **options: Any) -> Baseline:
    baseline = Baseline(FEATURES, load_config().detectors, n, **options)
    for vector in healthy(n) if vectors is None else vectors:
        baseline.learn(vector)
    return baseline


def test_nothing_is_said_before_the_teach_in_is_complete() -> None:
    baseline = Baseline(FEATURES, load_config().detectors, 60)
    for vector in healthy(59):
        baseline.learn(vector)

    early = baseline.score(healthy(1)[0])
    baseline.learn(healthy(1)[0])

    assert math.isnan(early.score)
    assert early.top == -1
    assert baseline.ready
    assert (baseline.learned, baseline.wanted) == (60, 60)
    assert math.isfinite(baseline.score(healthy(1)[0]).score)


@pytest.mark.parametrize("seed", range(5))
def test_healthy_vectors_stay_below_the_limit_after_a_short_teach_in(seed: int) -> None:
    vectors = healthy(2000, seed)
    baseline = taught(45, vectors[:45])

    scores = [baseline.score(vector).score for vector in vectors[45:]]

    assert max(scores) < 1.0


def test_doubled_level_reaches_the_limit_and_is_explained() -> None:
    baseline = taught()
    vector = np.array([0.6, 2.4, 3.0, 40.0])

    assessment = [baseline.score(vector) for _ in range(20)][-1]
    reasons = baseline.reasons(vector, assessment)

    assert assessment.score > 1.0
    assert FEATURES[assessment.top].name == reasons[0].feature
    assert {reasons[0].feature, reasons[1].feature} == {"vib_x.rms", "vib_x.peak"}
    rms = next(reason for reason in reasons if reason.feature == "vib_x.rms")
    assert rms.unit == "g"
    assert rms.value == 0.6
    assert rms.expected == pytest.approx(0.3, rel=0.05)
    assert rms.low < rms.expected < rms.high < rms.value
    assert sum(reason.share for reason in baseline.reasons(vector, assessment, 4)) == pytest.approx(1.0)


def test_features_that_never_varied_or_were_never_known_are_left_out() -> None:
    vectors = healthy(60)
    vectors[:, 1] = 7.0
    vectors[:, 2] = np.nan
    baseline = taught(60, vectors)

    usual = baseline.score(np.array([0.3, 7.0, math.nan, 40.0]))
    moved = baseline.score(np.array([0.3, 700.0, 3.0, 40.0]))

    assert usual.score < 1.0
    assert moved.score < 1.0


def test_teach_in_without_anything_that_varies_never_gets_ready() -> None:
    baseline = taught(60, np.ones((60, 4)))

    assert baseline.complete
    assert not baseline.ready
    assert math.isnan(baseline.score(np.ones(4)).score)


def test_vector_without_a_value_is_neither_learnt_nor_scored() -> None:
    baseline = Baseline(FEATURES, load_config().detectors, 60)
    nothing = np.full(4, np.nan)

    baseline.learn(nothing)

    assert baseline.learned == 0
    assert math.isnan(taught().score(nothing).score)


def test_level_of_zero_counts_as_unknown_not_as_minus_infinity() -> None:
    baseline = taught()

    score = baseline.score(np.array([0.0, 0.0, 3.0, 40.0])).score

    assert score < 1.0


def test_finish_freezes_what_there_is() -> None:
    baseline = Baseline(FEATURES, load_config().detectors, 1000)
    for vector in healthy(50):
        baseline.learn(vector)

    baseline.finish()

    assert baseline.ready
    assert baseline.learned == 50


def test_finish_with_too_few_vectors_never_gets_ready() -> None:
    baseline = Baseline(FEATURES, load_config().detectors, 1000)
    for vector in healthy(7):
        baseline.learn(vector)

    baseline.finish()

    assert baseline.complete
    assert not baseline.ready


def test_largest_score_of_several_detectors_counts() -> None:
    vectors = healthy(200)
    together = Baseline(FEATURES, ALL, 120)
    alone = [Baseline(FEATURES, (config,), 120) for config in ALL]
    for vector in vectors[:120]:
        for baseline in (together, *alone):
            baseline.learn(vector)

    for vector in vectors[120:]:
        scores = [baseline.score(vector).score for baseline in alone]
        assessment = together.score(vector)

        assert assessment.score == max(scores)
        assert assessment.detector == ALL[int(np.argmax(scores))].name


@pytest.mark.parametrize("name", sorted(DETECTORS))
@pytest.mark.parametrize("known", [True, False])
def test_contributions_of_all_features_sum_to_the_score(name: str, known: bool) -> None:
    vectors = healthy(220)
    baseline = Baseline(FEATURES, (DetectorConfig(name=name),), 200)
    for vector in vectors[:200]:
        baseline.learn(vector)
    strange = np.array([2.0, 9.0, 5.0 if known else math.nan, 80.0])

    for vector in (*vectors[200:], *[strange] * 30):
        assessment = baseline.score(vector)
        parts = baseline.attribution(vector, assessment)

        assert sum(part.contribution for part in parts) == pytest.approx(assessment.score)
        assert sum(part.share for part in parts) == pytest.approx(1.0)
        assert {part.feature for part in parts} == {feature.name for feature in FEATURES}
        assert all(part.low < part.expected < part.high for part in parts)
    assert assessment.score > 1.0
    assert baseline.reasons(strange, assessment, 2) == parts[:2]
    assert parts[0].contribution == max(part.contribution for part in parts)


@pytest.mark.parametrize("rule", ["max", "mean", "agree"])
def test_contributions_sum_to_the_score_of_an_ensemble(rule: Any) -> None:
    vectors = healthy(200)
    baseline = Baseline(FEATURES, ALL, 120, ensemble=EnsembleConfig(rule=rule, agree=2))
    for vector in vectors[:120]:
        baseline.learn(vector)

    for vector in (*vectors[120:], np.array([2.0, 9.0, 5.0, 80.0])):
        assessment = baseline.score(vector)
        parts = baseline.attribution(vector, assessment)

        assert sum(part.contribution for part in parts) == pytest.approx(assessment.score)


def test_nothing_is_attributed_where_nothing_was_said() -> None:
    nothing = np.full(4, np.nan)
    baseline = taught()

    assert baseline.attribution(nothing, baseline.score(nothing)) == ()


def test_top_feature_is_named_where_the_score_is_worth_it() -> None:
    vectors = healthy(500)
    baseline = taught(200, vectors[:200])

    for vector in (*vectors[200:], *[np.array([0.6, 2.4, 3.0, 40.0])] * 20):
        assessment = baseline.score(vector)

        assert (assessment.top >= 0) == (assessment.score >= NAMED)


def test_limits_learn_from_the_stream_only_what_they_are_let() -> None:
    vectors = healthy(20_000)
    budget = Budget(rate=1e-3)
    blind, seeing = taught(60, vectors[:60], budget=budget), taught(60, vectors[:60], budget=budget)

    for vector in vectors[60:]:
        blind.score(vector)
        seeing.score(vector)
        seeing.observe()

    assert seeing.score(vectors[100]).score != pytest.approx(blind.score(vectors[100]).score, rel=0.02)


def test_vector_is_observed_once_and_only_if_it_was_scored() -> None:
    vectors = healthy(5_000)
    once, twice = (taught(60, vectors[:60], budget=Budget(rate=1e-2)) for _ in range(2))

    for vector in vectors[60:]:
        assert once.score(vector) == twice.score(vector)
        once.observe()
        twice.observe()
        twice.observe()
        twice.score(np.full(4, np.nan))
        twice.observe()


def test_feature_that_counts_only_above_is_not_reported_when_it_falls() -> None:
    quiet = np.array([0.1, 0.4, 3.0, 40.0])
    either, above = taught(), taught(direction={"vib_x.*": "above"})

    fallen = [[baseline.score(quiet).score for _ in range(30)][-1] for baseline in (either, above)]
    risen = [above.score(np.array([0.6, 2.4, 3.0, 40.0])).score for _ in range(30)]

    assert fallen[0] > 1.0
    assert fallen[1] < 0.5
    assert risen[-1] > 1.0


@pytest.mark.parametrize("split", [20, 60, 61, 150, 3_000])
def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(split: int) -> None:
    vectors = healthy(4_000 if split > 1_000 else 300)
    options: dict[str, Any] = {"budget": Budget(rate=1e-2), "direction": {"load.*": "above"}}

    def follow(baseline: Baseline, part: np.ndarray) -> list[str]:
        said = []
        for vector in part:
            assessment = baseline.score(vector)
            said.append(repr((assessment, baseline.reasons(vector, assessment))))
            baseline.observe()
            baseline.learn(vector)
        return said

    detectors = ALL if split < 1_000 else load_config().detectors
    first = Baseline(FEATURES, detectors, 60, **options)
    follow(first, vectors[:split])
    heir = Baseline(FEATURES, detectors, 60, **options)
    heir.restore(first.save())

    assert follow(heir, vectors[split:]) == follow(first, vectors[split:])


def test_drift_is_told_before_the_limit_is_reached() -> None:
    vectors = healthy(2000)
    baseline = taught(200, vectors[:200])
    quiet = [baseline.score(vector) for vector in vectors[200:1000]]
    vectors[1000:, :2] *= 1.2  # rms and peak, 20 %

    drifting = [baseline.score(vector) for vector in vectors[1000:]]

    assert not any(assessment.drift for assessment in quiet)
    assert any(assessment.drift for assessment in drifting)
    assert max(assessment.score for assessment in drifting) < 1.0


def test_wider_margin_lowers_scores_in_proportion() -> None:
    narrow = Baseline(FEATURES, (DetectorConfig(name="p2_quantile", margin=1.0),), 60)
    wide = Baseline(FEATURES, (DetectorConfig(name="p2_quantile", margin=2.0),), 60)
    for vector in healthy(60):
        narrow.learn(vector)
        wide.learn(vector)
    vector = np.array([0.6, 2.4, 3.0, 40.0])

    assert narrow.score(vector).score == pytest.approx(2.0 * wide.score(vector).score)
