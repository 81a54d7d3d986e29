from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from detectors.budget import Budget
from detectors.calibration import N_SHORT, BudgetLimit, MarginLimit, chance_distance, held_out_scores


def budgeted(rate: float = 1e-3, margin: float = 1.5) -> BudgetLimit:
    return BudgetLimit(MarginLimit(margin, 0.0), Budget(rate, 1, 4.0, 10))


def test_rows_are_scored_by_a_model_that_has_not_seen_them() -> None:
    rows = np.arange(12.0)[:, None]

    def teach(seen: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return lambda rows: np.isin(rows[:, 0], seen[:, 0]).astype(float)

    scores = held_out_scores(rows, 4, teach)

    assert (scores == 0.0).all()


def test_block_is_approached_through_the_rows_before_it() -> None:
    heard: list[list[float]] = []

    def teach(seen: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        def score_rows(rows: np.ndarray) -> np.ndarray:
            heard.append(rows[:, 0].tolist())
            return np.zeros(len(rows))

        return score_rows

    held_out_scores(np.arange(9.0)[:, None], 3, teach)

    assert heard == [[0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], list(np.arange(9.0))]


def test_limit_is_the_highest_held_out_score_times_a_margin_wider_for_short_teach_ins() -> None:
    long, short = MarginLimit(1.5, 0.0), MarginLimit(1.5, 0.0)

    long.fit(np.concatenate([np.full(N_SHORT * 100 - 1, 1.0), [4.0]]))
    short.fit(np.concatenate([np.full(N_SHORT - 1, 1.0), [4.0]]))

    assert long.limit == pytest.approx(6.0 * 1.01)
    assert short.limit == pytest.approx(12.0)


def test_limit_never_falls_below_what_chance_reaches() -> None:
    limit = MarginLimit(1.5, 5.0)

    limit.fit(np.array([0.1, np.nan, 0.2]))

    assert limit.limit == 5.0


def test_nothing_is_scored_before_a_limit_is_known() -> None:
    limit = budgeted()

    assert math.isnan(limit.score(3.0))
    limit.fit(np.full(100, 2.0))
    assert limit.score(limit.limit) == 1.0
    assert math.isnan(limit.score(math.nan))


def test_without_a_budget_the_teach_in_decides_for_good() -> None:
    limit = budgeted(rate=0.0)
    limit.fit(np.full(100, 2.0))
    before = limit.limit

    for score in np.random.default_rng(0).exponential(5.0, 20_000).tolist():
        limit.observe(score)

    assert limit.limit == before


@pytest.mark.parametrize("taught", [2.0, 5.0, 20.0])
def test_measured_tail_takes_over_whatever_the_teach_in_said(taught: float) -> None:
    limit = budgeted()
    limit.fit(np.full(100, taught))

    for score in np.random.default_rng(1).exponential(size=100_000).tolist():
        limit.observe(score)

    assert limit.limit == pytest.approx(7.0, rel=0.15)  # about one in 1000 exponential scores
    assert limit.moved == pytest.approx(limit.limit / (1.5 * 1.2 * taught))


def test_limit_that_nearly_everything_reaches_is_left_alone() -> None:
    limit = budgeted()
    limit.fit(np.full(100, 0.2))
    before = limit.limit

    for score in np.random.default_rng(1).exponential(size=20_000).tolist():
        limit.observe(score)

    assert limit.limit == before


def test_hand_over_downwards_is_gradual() -> None:
    limit = budgeted()
    limit.fit(np.full(100, 20.0))
    limits = []

    for score in np.random.default_rng(2).exponential(size=20_000).tolist():
        limit.observe(score)
        limits.append(limit.limit)

    assert max(np.abs(np.diff(limits))) < 0.03 * limits[0]
    assert limits[-1] < 0.5 * limits[0]


@pytest.mark.parametrize("split", [0, 500, 5_000, 30_000])
def test_restored_limit_goes_on_as_if_nothing_happened(split: int) -> None:
    scores = np.random.default_rng(3).exponential(size=40_000).tolist()
    first, heir = budgeted(), budgeted()
    first.fit(np.full(100, 2.0))
    for score in scores[:split]:
        first.observe(score)
    heir.restore(first.save())

    for score in scores[split:]:
        first.observe(score)
        heir.observe(score)
        assert heir.limit == first.limit
    assert heir.moved == first.moved


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.001), (0.001, 0.0)])
def test_limit_goes_on_though_false_alerts_are_accepted_from_now_on_or_no_longer(before, after) -> None:
    first, heir = (BudgetLimit(MarginLimit(1.5, 0.0), Budget(rate=rate)) for rate in (before, after))
    first.fit(np.linspace(0.0, 2.0, 100))

    heir.restore(first.save())

    heir.observe(1.0)
    assert heir.limit == first.limit


def test_chance_distance_grows_with_features_and_rarity() -> None:
    assert chance_distance(8, 1e-4) < chance_distance(24, 1e-4) < chance_distance(24, 1e-6)
