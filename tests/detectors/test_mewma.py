from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from detectors.mewma import Mewma, MewmaParameters, block_edges, ewma_covariance
from detectors.registry import build


def test_weight_one_is_hotellings_t2() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(500, 3)) @ np.array([[1.0, 0.8, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 1.0]])
    detector = Mewma(MewmaParameters(weight=1.0, shrinkage=0.0), 3, 0)
    detector.fit(rows, np.zeros(3))
    row = np.array([1.0, -2.0, 0.5])

    raw_score = detector.score(row)

    t2 = row @ np.linalg.solve(rows.T @ rows / len(rows), row)
    assert raw_score == pytest.approx(np.sqrt(t2), rel=0.02)  # no variance below 1, that of standardised rows


def test_unusual_combination_of_usual_values_is_strange() -> None:
    rng = np.random.default_rng(4)
    common = rng.normal(size=(500, 1))
    rows = np.hstack([common, common]) + 0.1 * rng.normal(size=(500, 2))
    detector = Mewma(MewmaParameters(weight=1.0), 2, 0)
    detector.fit(rows, np.full(2, 0.01))

    together, apart = detector.score(np.array([1.0, 1.0])), detector.score(np.array([1.0, -1.0]))

    assert apart > 4.0 * together


def test_covariance_knows_that_an_ewma_of_alike_rows_wanders_further() -> None:
    rng = np.random.default_rng(5)
    independent = rng.normal(size=(5000, 1))
    alike = np.empty_like(independent)
    alike[0] = independent[0]
    for t in range(1, len(alike)):
        alike[t] = 0.9 * alike[t - 1] + np.sqrt(1 - 0.81) * independent[t]

    calm = ewma_covariance(independent, 0.1, np.zeros(1), None)[0, 0]
    wandering = ewma_covariance(alike, 0.1, np.zeros(1), None)[0, 0]

    assert calm == pytest.approx(0.1 / 1.9, rel=0.15)
    assert wandering > 5.0 * calm


@pytest.mark.parametrize(("n_rows", "n_features"), [(10, 40), (45, 24), (400, 8)])
def test_covariance_is_positive_definite_with_fewer_rows_than_features(n_rows: int, n_features: int) -> None:
    rows = np.random.default_rng(6).normal(size=(n_rows, n_features))
    rows[:, -1] = rows[:, 0]

    covariance = ewma_covariance(rows, 0.15, np.zeros(n_features), None)

    assert np.linalg.eigvalsh(covariance).min() > 0.0


def test_lasting_shift_below_the_floor_is_no_news() -> None:
    rows = 0.01 * np.random.default_rng(7).normal(size=(200, 4))
    strict, tolerant = build("mewma", {"shrinkage": 1.0}, 4), build("mewma", {"shrinkage": 1.0}, 4)
    strict.fit(rows, np.zeros(4))
    tolerant.fit(rows, np.ones(4))
    shift = np.full(4, 0.5)

    scores = [[d.score(shift) for _ in range(100)][-1] for d in (strict, tolerant)]

    assert scores[1] == pytest.approx(1.0, rel=0.01)
    assert scores[0] > 1.5 * scores[1]


def test_wild_row_is_forgotten_in_bounded_time() -> None:
    rows = np.random.default_rng(8).normal(size=(200, 4))
    detector = build("mewma", {}, 4)
    detector.fit(rows, np.full(4, 0.1))
    detector.score(np.full(4, 1e12))

    scores = [detector.score(np.zeros(4)) for _ in range(40)]

    assert scores[0] > 20.0
    assert scores[-1] < 1.0


def test_adaptation_follows_what_it_may_learn() -> None:
    rows = np.random.default_rng(9).normal(size=(200, 4))
    detector = build("mewma", {"adaptation": 0.01}, 4)
    detector.fit(rows, np.full(4, 0.1))
    new_normal = np.full(4, 1.5)
    before = [detector.score(new_normal) for _ in range(100)][-1]

    for _ in range(500):
        detector.learn(new_normal)

    assert [detector.score(new_normal) for _ in range(100)][-1] < 0.1 * before


@pytest.mark.parametrize("n_features", [1, 7, 48, 49, 156])
def test_distance_is_that_of_an_explicit_solve_block_by_block(n_features: int) -> None:
    rng = np.random.default_rng(10)
    rows = rng.normal(size=(300, n_features)) @ (
        np.eye(n_features) + 0.3 * rng.normal(size=(n_features,) * 2)
    )
    floor, weight = np.full(n_features, 0.1), 0.15
    detector = build("mewma", {"weight": weight}, n_features)
    detector.fit(rows, floor)
    detector.forget()
    row = rng.normal(size=n_features)

    squared = detector.score(row) ** 2

    wanted = 0.0
    for first, last in pairwise(block_edges(n_features)):
        covariance = ewma_covariance(rows[:, first:last], weight, floor[first:last], None)
        wanted += weight**2 * row[first:last] @ np.linalg.solve(covariance, row[first:last])
    assert squared == pytest.approx(wanted, rel=1e-5)
    assert detector.attribute(row).sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(detector.score_rows(rows[:0]), [])


@pytest.mark.parametrize("n_features", [48, 156, 500])
def test_state_stays_small_however_many_features_there_are(n_features: int) -> None:
    detector = build("mewma", {}, n_features)
    detector.fit(np.random.default_rng(11).normal(size=(60, n_features)), np.full(n_features, 0.1))

    n_bytes = sum(np.asarray(value).nbytes for value in detector.save().values())

    assert n_bytes <= (20_000 if n_features <= 156 else 130 * n_features)
