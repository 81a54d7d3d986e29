from __future__ import annotations

import numpy as np
import pytest

from detectors.mahalanobis import LEAST_RIDGE, Mahalanobis
from detectors.registry import build

ADAPTATION = 0.01


def correlated(n_rows: int, n_features: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.eye(n_features) + 0.5 * rng.normal(size=(n_features, n_features))
    rows = rng.normal(size=(n_rows, n_features)) @ mixing
    return np.ascontiguousarray(rows / rows.std(axis=0))


def taught(rows: np.ndarray, floor: float = 0.1, **parameters: float) -> Mahalanobis:
    detector = build("mahalanobis", parameters, rows.shape[1])
    detector.fit(rows, np.full(rows.shape[1], floor))
    assert isinstance(detector, Mahalanobis)
    return detector


class ByExplicitSolve:
    """The same model with its covariance written out."""

    def __init__(self, rows: np.ndarray, ridge: float, adaptation: float) -> None:
        n = rows.shape[1]
        self.centre = rows.mean(axis=0)
        centred = rows - self.centre
        measured = centred.T @ centred / len(rows)
        spread = np.sqrt(np.maximum(np.diag(measured), 1.0))
        usual = np.sqrt(np.diag(measured))
        correlation = measured / np.outer(usual, usual) * (1.0 - n / (n + len(rows)))
        np.fill_diagonal(correlation, 1.0 + 1e-6)
        self.covariance = correlation * np.outer(spread, spread)
        self.ridge, self.adaptation, self.turn = ridge, adaptation, 0

    def score(self, row: np.ndarray) -> float:
        deviation = row - self.centre
        return float(np.sqrt(deviation @ np.linalg.solve(self.covariance, deviation)))

    def learn(self, row: np.ndarray) -> None:
        n, deviation = row.size, row - self.centre
        self.covariance += self.adaptation * np.outer(deviation, deviation)
        self.covariance[self.turn, self.turn] += self.adaptation * n * self.ridge**2
        self.covariance *= 1.0 - self.adaptation
        self.centre = self.centre + self.adaptation * deviation
        self.turn = (self.turn + 1) % n


@pytest.mark.parametrize("n_features", [1, 2, 16, 48])
def test_after_4000_updates_it_is_what_an_explicit_solve_says(n_features: int) -> None:
    rows = correlated(4300, n_features)
    detector, slow = taught(rows[:200], adaptation=ADAPTATION), ByExplicitSolve(rows[:200], 0.1, ADAPTATION)

    scores = detector.score_learn(rows[200:], np.ones(4100, dtype=np.bool_))

    expected = []
    for row in rows[200:]:
        expected.append(slow.score(row))
        slow.learn(row)
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


def test_a_constant_feature_does_not_wind_up() -> None:
    rows = correlated(20_000, 6)
    rows[:, 2] = 0.0
    detector = taught(rows[:200], floor=0.0, adaptation=ADAPTATION)

    scores = detector.score_learn(rows[200:], np.ones(19_800, dtype=np.bool_))
    moved = rows[-1].copy()
    moved[2] = 0.5

    assert np.isfinite(scores).all()
    assert scores[-5000:].max() < 3.0 * np.median(scores[-5000:])
    assert 100.0 < detector.score(moved) <= 0.5 / LEAST_RIDGE * 1.01


def test_a_constant_feature_is_never_calmer_than_its_floor() -> None:
    rows = correlated(20_000, 3)
    rows[:, 2] = 0.0
    detector = taught(rows[:200], floor=0.5, adaptation=ADAPTATION)
    detector.score_learn(rows[200:], np.ones(19_800, dtype=np.bool_))

    assert detector.score(np.array([0.0, 0.0, 0.5])) < 1.2


def test_unusual_combination_of_usual_values_is_strange_in_its_first_row() -> None:
    rng = np.random.default_rng(4)
    common = rng.normal(size=(500, 1))
    detector = taught(np.hstack([common, common]) + 0.1 * rng.normal(size=(500, 2)), floor=0.01)

    assert detector.score(np.array([1.0, -1.0])) > 4.0 * detector.score(np.array([1.0, 1.0]))


def test_an_unknown_value_counts_as_those_before_it_lead_one_to_expect() -> None:
    rng = np.random.default_rng(5)
    common = rng.normal(size=(2000, 1))
    detector = taught(np.hstack([common, common, common]) + 0.1 * rng.normal(size=(2000, 3)), floor=0.01)
    known, unknown = np.array([2.0, 2.0, 2.0]), np.array([2.0, np.nan, 2.0])

    assert detector.score(unknown) == pytest.approx(detector.score(known), abs=0.2)
    assert detector.attribute(unknown)[1] == 0.0


def test_a_row_with_an_unknown_value_is_not_learned() -> None:
    rows = correlated(300, 4)
    detector = taught(rows[:200], adaptation=ADAPTATION)
    before = detector.save()

    detector.learn(np.array([1.0, np.nan, 1.0, 1.0]))

    for name, value in before.items():
        np.testing.assert_array_equal(detector.save()[name], value)


def test_shares_are_the_parts_of_the_squared_distance() -> None:
    rows = correlated(300, 5)
    detector, slow = taught(rows[:200]), ByExplicitSolve(rows[:200], 0.1, 0.0)
    row = 3.0 * rows[250]

    deviation = row - slow.centre
    parts = np.maximum(deviation * np.linalg.solve(slow.covariance, deviation), 0.0)

    np.testing.assert_allclose(detector.attribute(row), parts / parts.sum(), rtol=1e-9)


def test_adaptation_follows_centre_and_spread_of_what_it_may_learn() -> None:
    rows = correlated(4000, 4)
    detector = taught(rows[:200], adaptation=ADAPTATION)
    new_normal = 3.0 * rows[200:] + 5.0
    before = np.median(detector.score_rows(new_normal[-500:]))

    detector.score_learn(new_normal, np.ones(3800, dtype=np.bool_))

    assert before > 6.0
    assert np.median(detector.score_rows(new_normal[-500:])) == pytest.approx(np.sqrt(3.36), rel=0.1)


@pytest.mark.parametrize("n_rows", [2, 10, 60])
def test_fewer_rows_than_features_will_do(n_rows: int) -> None:
    rows = correlated(200, 48)
    rows[:, 7] = rows[:, 8]
    detector = taught(rows[:n_rows])

    assert np.isfinite(detector.score_rows(rows)).all()
