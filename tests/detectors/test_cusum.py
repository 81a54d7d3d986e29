from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.kernels.cusum import cusum_rows, long_run_deviation
from detectors.registry import build


def independent(n_rows: int, n_features: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_rows, n_features))


def alike(n_rows: int, n_features: int, rho: float, seed: int = 0) -> np.ndarray:
    """First-order autoregression of variance 1."""
    noise = independent(n_rows, n_features, seed)
    rows = np.empty_like(noise)
    rows[0] = noise[0]
    for t in range(1, n_rows):
        rows[t] = rho * rows[t - 1] + math.sqrt(1.0 - rho**2) * noise[t]
    return rows


def textbook(column: np.ndarray, k: float) -> np.ndarray:
    """Page's scheme, from its definition: the largest sum that ends here, of any length."""
    highest = np.zeros(column.size)
    for end in range(column.size):
        for sign in (1.0, -1.0):
            tails = np.cumsum((sign * column[: end + 1] - k)[::-1])
            highest[end] = max(highest[end], tails.max())
    return highest


def test_sums_are_pages() -> None:
    rows = independent(150, 3, seed=1)
    rows[70:, 1] += 1.0
    scores, sums = np.empty(150), np.zeros((2, 3))

    cusum_rows(rows, 100.0, 1e9, np.full(3, 0.5), np.ones(3), *sums, scores)

    expected = np.max([textbook(column, 0.5) for column in rows.T], axis=0)
    np.testing.assert_allclose(scores, expected, atol=1e-10)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_long_run_deviation_of_an_autoregression_is_the_one_of_theory(rho: float) -> None:
    rows, out = alike(20_000, 3, rho), np.empty(3)

    long_run_deviation(rows, np.full(3, rho), out)

    np.testing.assert_allclose(out, math.sqrt((1.0 + rho) / (1.0 - rho)), rtol=0.15)


@pytest.mark.parametrize("column", [[0.0], [0.0, 0.0], [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]])
def test_long_run_deviation_of_next_to_nothing_is_finite(column: list[float]) -> None:
    out = np.empty(1)

    long_run_deviation(np.array(column)[:, None], np.full(1, -1.0), out)

    assert out[0] >= 0.0


def test_a_shift_too_small_for_a_single_row_is_found() -> None:
    detector = build("cusum", {}, 8)
    detector.fit(independent(400, 8), np.full(8, 0.1))
    healthy, shifted = independent(300, 8, seed=2), independent(300, 8, seed=2)
    shifted[:, 3] += 1.0

    calm = detector.score_rows(healthy).max()
    detector.forget()

    assert detector.score_rows(shifted)[-1] > 50.0
    assert calm < 20.0


def test_a_slow_trend_is_found_while_every_row_is_usual() -> None:
    detector = build("cusum", {}, 4)
    detector.fit(independent(400, 4), np.full(4, 0.1))
    trend = independent(1000, 4, seed=3)
    trend[:, 2] += np.linspace(0.0, 1.5, 1000)

    scores = detector.score_rows(trend)

    assert scores[:200].max() < detector.chance_limit() < scores[600:].max()
    assert int(np.argmax(detector.attribute(trend[-1]))) == 2


@pytest.mark.parametrize("rho", [0.0, 0.8, 0.95])
def test_healthy_sums_keep_below_the_same_height_however_alike_rows_are(rho: float) -> None:
    highest = []
    for seed in range(20):
        rows = alike(4000, 4, rho, seed)
        detector = build("cusum", {}, 4, seed=0)
        detector.fit(rows[:600] - rows[:600].mean(axis=0), np.full(4, 0.1))
        highest.append(detector.score_rows(rows[600:] - rows[:600].mean(axis=0)).max())

    assert np.median(highest) < detector.chance_limit() * 1.3


def test_a_shift_below_the_floor_never_counts() -> None:
    detector = build("cusum", {}, 2)
    detector.fit(independent(400, 2), np.full(2, 0.9))

    assert detector.score_rows(np.full((5000, 2), 0.85)).max() == 0.0


def test_a_wild_row_is_no_trend_and_a_fault_is_forgotten_in_bounded_time() -> None:
    detector = build("cusum", {}, 2)
    detector.fit(independent(400, 2), np.full(2, 0.1))

    wild = detector.score(np.full(2, 1e12))
    detector.score_rows(np.full((100_000, 2), 4.0))
    after = detector.score_rows(np.zeros((400, 2)))

    assert wild < detector.chance_limit()
    assert after[0] > 50.0
    assert after[-1] == 0.0


@pytest.mark.parametrize(("rho", "reach"), [(0.0, 120.0), (0.9, 300.0), (0.95, 900.0)])
def test_however_alike_rows_are_sums_are_back_within_reach(rho: float, reach: float) -> None:
    detector = build("cusum", {"reach": reach}, 2)
    detector.fit(alike(1000, 2, rho), np.full(2, 0.1))
    detector.score_rows(np.full((5000, 2), 6.0))

    after = detector.score_rows(np.zeros((math.ceil(reach) + 1, 2)))

    assert after[0] > 0.0
    assert after[-1] == 0.0


def test_forgetting_starts_from_nothing() -> None:
    detector, fresh = (build("cusum", {}, 2) for _ in range(2))
    for each in (detector, fresh):
        each.fit(independent(400, 2), np.full(2, 0.1))
    detector.score_rows(np.full((50, 2), 3.0))

    detector.forget()

    rows = independent(50, 2, seed=5)
    np.testing.assert_array_equal(detector.score_rows(rows), fresh.score_rows(rows))


def test_the_cap_leaves_room_for_a_limit_above_a_restless_teach_in() -> None:
    restless = independent(400, 2)
    restless[200:] += 3.0
    detector = build("cusum", {}, 2)
    detector.fit(restless, np.full(2, 0.1))

    taught = detector.score_rows(restless).max()

    assert detector.score_rows(np.full((5000, 2), 6.0)).max() >= 4.0 * taught
