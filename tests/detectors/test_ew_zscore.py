from __future__ import annotations

import numpy as np
import pytest

from detectors.kernels.ew_zscore import ew_moments
from detectors.registry import build

ROWS = np.random.default_rng(11).normal(size=(600, 5))
FLOOR = np.full(5, 0.1)


def weighted_moments(column: np.ndarray, adaptation: float) -> tuple[float, float]:
    """By writing out the weight of every row."""
    weights = np.empty(0)
    for i in range(column.size):
        newest = max(adaptation, 1.0 / (i + 1.0))
        weights = np.append(weights * (1.0 - newest), newest)
    mean = float(np.sum(weights * column))
    return mean, float(np.sum(weights * (column - mean) ** 2))


@pytest.mark.parametrize("adaptation", [0.0, 0.003, 0.05])
@pytest.mark.parametrize("n_rows", [1, 2, 300])
def test_moments_are_weighted_sums(adaptation: float, n_rows: int) -> None:
    mean, variance = np.empty(5), np.empty(5)

    ew_moments(ROWS[:n_rows], adaptation, 1e9, mean, variance)

    for index in range(5):
        expected = weighted_moments(ROWS[:n_rows, index], adaptation)
        assert (mean[index], variance[index]) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_frozen_it_is_the_plain_z_score() -> None:
    detector = build("ew_zscore", {}, 5)
    detector.fit(ROWS[:200], FLOOR)

    expected = np.max(np.abs(ROWS[200:] - ROWS[:200].mean(axis=0)) / ROWS[:200].std(axis=0), axis=1)

    np.testing.assert_allclose(detector.score_rows(ROWS[200:]), expected, rtol=1e-9)


def test_adapting_it_scores_by_the_weighted_past() -> None:
    detector = build("ew_zscore", {"adaptation": 0.02}, 1)
    column = ROWS[:, 0].copy()
    detector.fit(column[:200, None], FLOOR[:1])

    scores = detector.score_learn(column[200:, None].copy(), np.ones(400, dtype=np.bool_))

    for index in (0, 57, 399):
        mean, variance = weighted_moments(column[: 200 + index], 0.02)
        assert scores[index] == pytest.approx(abs(column[200 + index] - mean) / np.sqrt(variance), rel=1e-9)


def test_what_the_guard_holds_back_is_not_learned() -> None:
    told, silent = (build("ew_zscore", {"adaptation": 0.02}, 5) for _ in range(2))
    told.fit(ROWS[:200], FLOOR)
    silent.fit(ROWS[:200], FLOOR)

    told.score_learn(ROWS[200:400] + 5.0, np.zeros(200, dtype=np.bool_))

    assert told.score(ROWS[500]) == silent.score(ROWS[500])


def test_no_feature_is_calmer_than_its_floor() -> None:
    detector = build("ew_zscore", {"adaptation": 0.05}, 5)
    detector.fit(np.zeros((100, 5)), np.full(5, 0.5))

    assert detector.score(np.ones(5)) == pytest.approx(2.0)
