from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.budget import Budget
from detectors.spot import N_PEAKS, N_TRUSTED, SHAPE_SPREAD, Spot, fit_excesses

BUDGET = Budget(rate=1e-3, n_confirm=1, immediate=4.0, n_quiet=10)
NEVER = math.inf


def exponential(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=n)


def taught(scores: np.ndarray, limit: float = NEVER, budget: Budget = BUDGET) -> Spot:
    spot = Spot(budget)
    for score in scores.tolist():
        spot.observe(score, limit)
    return spot


def clusters(scores: np.ndarray, limit: float, budget: Budget) -> int:
    """What the judge would have told: runs of `n_confirm` above the limit, apart by `n_quiet` below it."""
    confirmed = np.lib.stride_tricks.sliding_window_view(scores, budget.n_confirm).min(axis=1)
    where = np.flatnonzero(confirmed >= limit)
    return 0 if where.size == 0 else 1 + int((np.diff(where) > budget.n_quiet).sum())


def likelihood(excesses: np.ndarray, n_above: int, shape: float, scale: float) -> float:
    """Log posterior of a generalised Pareto distribution, term by term."""
    ordered = np.sort(excesses)
    n = ordered.size - n_above
    total = -(shape**2) / (2.0 * SHAPE_SPREAD**2)
    for i in range(ordered.size):
        base = 1.0 + shape * ordered[min(i, n - 1)] / scale
        if base <= 0.0:
            return -math.inf
        steps = math.log(base) / shape
        total -= steps if i >= n else math.log(scale) + (1.0 + shape) * steps
    return total


@pytest.mark.parametrize("shape", [-0.1, 0.0, 0.2, 0.4])
@pytest.mark.parametrize("n_above", [0, 30])
def test_fit_is_as_likely_as_the_best_of_a_search(shape: float, n_above: int) -> None:
    steps = exponential(240, 3)
    excesses = 2.0 * (np.expm1(shape * steps) / shape if shape else steps)

    found = fit_excesses(excesses, n_above)
    searched = max(
        likelihood(excesses, n_above, s, scale)
        for s in np.linspace(-0.295, 0.7, 40)
        for scale in np.linspace(1.0, 3.5, 60)
    )

    assert likelihood(excesses, n_above, *found) > searched - 0.25


def test_handful_of_excesses_gives_nearly_an_exponential_tail() -> None:
    shape, scale = fit_excesses(np.array([0.1, 0.2, 5.0]), 0)

    assert abs(shape) < 0.1
    assert scale == pytest.approx(5.3 / 3.0, rel=0.1)


@pytest.mark.parametrize("excesses", [[], [0.0], [0.0, 0.0, 0.0]])
def test_nothing_above_the_threshold_has_no_scale(excesses: list[float]) -> None:
    assert fit_excesses(np.array(excesses), 0) == (0.0, 0.0)


@pytest.mark.parametrize("excesses", [[1.0], [2.0, 2.0], [1e-12, 3e-12], [1e9, 2e9, 3e9]])
def test_few_or_equal_excesses_are_fitted_without_complaint(excesses: list[float]) -> None:
    shape, scale = fit_excesses(np.array(excesses), 0)

    assert math.isfinite(shape)
    assert scale > 0.0


def test_wildest_excesses_only_count() -> None:
    excesses = exponential(256, 5)
    wild = np.where(excesses >= np.sort(excesses)[-32], 1e6, excesses)

    assert fit_excesses(wild, 32) == fit_excesses(excesses, 32)


@pytest.mark.parametrize("n_confirm", [1, 2, 3])
@pytest.mark.parametrize("alike", [0.0, 0.8])
def test_alerts_come_as_often_as_the_budget_allows(n_confirm: int, alike: float) -> None:
    budget = Budget(rate=1e-3, n_confirm=n_confirm, immediate=1e9, n_quiet=10)
    rng = np.random.default_rng(n_confirm)
    scores = np.empty(250_000)
    value = 0.0
    for index, noise in enumerate(rng.normal(size=scores.size).tolist()):
        value = alike * value + math.sqrt(1.0 - alike**2) * noise
        scores[index] = abs(value)
    spot = taught(scores[:50_000], budget=budget)

    n_alerts = clusters(scores[50_000:], spot.quantile(), budget)

    assert spot.weight == 1.0
    assert 100 <= n_alerts <= 400


def test_limit_that_is_too_low_is_put_right_and_one_that_is_too_high_too() -> None:
    scores = exponential(100_000, 7)
    right = taught(scores).quantile()

    for wrong in (0.6 * right, 1.5 * right):
        spot, limit = Spot(BUDGET), wrong
        for score in scores.tolist():
            if spot.observe(score, limit):
                limit = spot.quantile()
        assert limit == pytest.approx(right, rel=0.1)


def test_episode_however_high_and_long_moves_the_limit_no_further_than_one_peak() -> None:
    scores = exponential(20_000, 8)
    calm = taught(scores)
    fault = taught(np.concatenate([scores[:15_000], np.full(5_000, 1e3), scores[15_000:]]), limit=8.0)

    assert fault.quantile() == pytest.approx(calm.quantile(), rel=0.05)


def test_fault_that_keeps_coming_back_cannot_raise_the_limit_to_itself() -> None:
    scores = exponential(100_000, 9)
    calm = taught(scores).quantile()
    spot, limit = taught(scores[:20_000]), calm
    for index, score in enumerate(scores[20_000:].tolist()):
        if spot.observe(100.0 if index % 100 < 5 else score, limit):
            limit = spot.quantile()

    assert limit < 1.6 * calm


def test_lasting_rise_below_the_limit_teaches_nothing() -> None:
    spot = taught(exponential(20_000, 10))
    before = spot.quantile()

    told = [spot.observe(5.0, NEVER) for _ in range(50_000)]

    assert not any(told)
    assert spot.quantile() <= before


def test_extrapolation_gets_shorter_with_the_stream() -> None:
    errors = []
    for n_taught in (3_000, 300_000):
        found = [
            taught(exponential(n_taught, seed), budget=Budget(1e-5, 1, 4.0, 1)).quantile()
            for seed in range(4)
        ]
        errors.append(max(abs(np.array(found) - math.log(1e5))))

    assert errors[1] < 1.0 < errors[0]


def test_nothing_is_said_before_the_warm_up_is_over_and_trust_grows_with_clusters() -> None:
    spot, weights = Spot(BUDGET), []
    for score in exponential(10_000).tolist():
        spot.observe(score, NEVER)
        weights.append(spot.weight)

    assert math.isnan(Spot(BUDGET).quantile())
    assert weights[639] == 0.0
    assert (np.diff(weights) >= 0.0).all()
    assert max(np.diff(weights)) == pytest.approx(1.0 / N_TRUSTED)
    assert weights[-1] == 1.0


def test_constant_scores_have_no_tail_and_do_no_harm() -> None:
    spot = taught(np.full(10_000, 0.7))

    assert spot.weight == 0.0
    assert spot.quantile() == 0.7


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_score_that_is_no_number_does_not_spoil_the_tail(poison: float) -> None:
    scores = exponential(30_000, 11)
    dirty = scores.copy()
    dirty[::5000] = poison

    assert taught(dirty, limit=20.0).quantile() == pytest.approx(taught(scores).quantile(), rel=0.05)


@pytest.mark.parametrize("split", [0, 1, 400, 5_003, 29_000])
def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(split: int) -> None:
    scores = exponential(30_000, 12)
    first = taught(scores[:split])
    heir = Spot(BUDGET)
    heir.restore(first.save())

    for score in scores[split:].tolist():
        assert heir.observe(score, 9.0) == first.observe(score, 9.0)
    assert heir.weight == first.weight
    np.testing.assert_equal(heir.save(), first.save())


def test_state_is_bounded_and_a_copy() -> None:
    spot = taught(exponential(5_000, 13))
    state = spot.save()
    before = {key: np.copy(value) for key, value in state.items()}

    for score in exponential(100_000, 14).tolist():
        spot.observe(score, NEVER)

    np.testing.assert_equal(state, before)
    assert len(spot.save()["peaks"]) <= N_PEAKS


def test_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        Spot(BUDGET).restore(Spot(BUDGET).save() | {"version": 99})
