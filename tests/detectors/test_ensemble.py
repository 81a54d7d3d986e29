from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from detectors.budget import Budget
from detectors.ensemble import Ensemble, combine, weights
from engine.config import DetectorConfig, EnsembleConfig

MAX, MEAN = EnsembleConfig(rule="max"), EnsembleConfig(rule="mean")
RULES = (MAX, MEAN, EnsembleConfig(rule="agree", agree=1), EnsembleConfig(rule="agree", agree=2))
N_FEATURES = 4
CONFIGS = (
    DetectorConfig(name="mewma"),
    DetectorConfig(name="mewma", parameters={"weight": 1.0}),
    DetectorConfig(name="gaussian_scorer"),
)


def agree(k: int) -> EnsembleConfig:
    return EnsembleConfig(rule="agree", agree=k)


def taught(rule: EnsembleConfig, configs: Any = CONFIGS, **options: Any) -> Ensemble:
    ensemble = Ensemble(configs, rule, options.pop("budget", Budget()), N_FEATURES, 0)
    ensemble.fit(np.random.default_rng(0).normal(size=(200, N_FEATURES)), np.full(N_FEATURES, 0.1))
    return ensemble


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_agree_reaches_the_limit_exactly_when_so_many_members_do(k: int) -> None:
    for seed in range(50):
        scores = np.random.default_rng(seed).uniform(0.0, 2.0, 4).tolist()

        assert (combine(scores, agree(k)) >= 1.0) == (sum(score >= 1.0 for score in scores) >= k)


def test_agreement_of_one_is_the_maximum_and_the_mean_lies_below() -> None:
    scores = [0.2, 1.4, 0.9]

    assert combine(scores, agree(1)) == combine(scores, MAX) == 1.4
    assert combine(scores, MEAN) == pytest.approx(2.5 / 3.0)


@pytest.mark.parametrize("rule", RULES)
def test_member_that_cannot_say_anything_is_passed_over(rule: EnsembleConfig) -> None:
    assert combine([math.nan, 0.7, math.nan, 1.2], rule) == combine([0.7, 1.2], rule)
    assert math.isnan(combine([math.nan, math.nan], rule))


def test_all_that_can_say_something_must_agree_if_they_are_too_few() -> None:
    assert combine([1.5, math.nan, 1.2], agree(3)) == 1.2


@pytest.mark.parametrize("rule", RULES)
def test_weights_sum_to_one_and_are_of_those_who_count(rule: EnsembleConfig) -> None:
    found = weights([0.5, math.nan, 1.5, 1.0], rule)

    assert sum(found) == pytest.approx(1.0)
    assert found[1] == 0.0
    assert max(found) == found[2]
    assert weights([math.nan], rule) == [0.0]


@pytest.mark.parametrize("rule", RULES)
def test_score_of_one_member_is_its_own(rule: EnsembleConfig) -> None:
    alone, ensemble = taught(MAX, CONFIGS[:1]), taught(rule, CONFIGS[:1])

    for row in np.random.default_rng(1).normal(size=(20, N_FEATURES)):
        assert ensemble.score(row) == alone.score(row)


@pytest.mark.parametrize("rule", RULES)
def test_shares_sum_to_one_and_name_the_culprit(rule: EnsembleConfig) -> None:
    ensemble = taught(rule)
    strange = np.array([0.0, 0.0, 9.0, 0.0])
    for _ in range(10):
        ensemble.score(strange)

    shares = ensemble.shares(strange)

    assert shares.sum() == pytest.approx(1.0)
    assert int(np.argmax(shares)) == 2


def test_two_members_of_one_name_are_told_apart() -> None:
    ensemble, slow, quick = taught(MAX, CONFIGS[:2]), taught(MAX, CONFIGS[:1]), taught(MAX, CONFIGS[1:2])

    for row in np.vstack([np.zeros((5, N_FEATURES)), np.full((20, N_FEATURES), 1.5)]):
        scores = [slow.score(row), quick.score(row)]

        assert ensemble.score(row) == max(scores)
        assert ensemble.loudest == int(np.argmax(scores))


def test_members_share_the_budget() -> None:
    rows = np.random.default_rng(2).normal(size=(40_000, N_FEATURES))
    budget = Budget(rate=1e-3)
    exceeded = []
    for configs in (CONFIGS[:2], CONFIGS[:1]):
        ensemble = taught(MAX, configs, budget=budget)
        for row in rows:
            ensemble.score(row)
            ensemble.observe()
        fresh = np.random.default_rng(3).normal(size=(40_000, N_FEATURES))
        over = np.flatnonzero([ensemble.score(row) >= 1.0 for row in fresh])
        exceeded.append(int((np.diff(over) == 1).sum()))

    assert max(exceeded) <= 3 * 40


@pytest.mark.parametrize("rule", RULES)
def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(rule: EnsembleConfig) -> None:
    rows = np.random.default_rng(4).normal(size=(3_000, N_FEATURES))
    first, heir = (
        taught(rule, budget=Budget(rate=1e-2)),
        Ensemble(CONFIGS, rule, Budget(rate=1e-2), N_FEATURES, 0),
    )
    for row in rows[:1_500]:
        first.score(row)
        first.observe()
    heir.restore(first.save())

    for row in rows[1_500:]:
        assert heir.score(row) == first.score(row)
        first.observe()
        heir.observe()


def test_state_of_other_members_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        taught(MAX).restore(taught(MAX).save() | {"version": 99})
    with pytest.raises(ValueError, match="argument"):
        taught(MAX).restore(taught(MAX, CONFIGS[:1]).save())
