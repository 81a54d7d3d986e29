from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from detectors.kernels.one_class import unlikeness_rows
from detectors.one_class import OneClass, cluster
from detectors.registry import build


def two_centres(n_rows: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    side = rng.choice([-1.0, 1.0], size=(n_rows, 1))
    return np.ascontiguousarray(0.95 * side + 0.3 * rng.normal(size=(n_rows, 4)))


def taught(rows: np.ndarray, seed: int = 0, **parameters: float) -> OneClass:
    detector = build("one_class", parameters, rows.shape[1], seed)
    detector.fit(rows, np.full(rows.shape[1], 0.05))
    assert isinstance(detector, OneClass)
    return detector


def unlikeness(row: np.ndarray, width: float, centres: np.ndarray, weights: np.ndarray) -> float:
    known = np.isfinite(row)
    if not known.any():
        return float("nan")
    squares = np.array([np.mean((row[known] - centre[known]) ** 2) * row.size for centre in centres])
    return float(np.sqrt(-2.0 * np.log(np.sum(weights * np.exp(-squares / (2.0 * width**2))))))


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (32, 16)])
def test_kernel_is_its_slow_twin(shape: tuple[int, int], poison: float) -> None:
    rng = np.random.default_rng(1)
    centres, weights = rng.normal(size=shape), rng.uniform(0.1, 1.0, size=shape[0])
    weights /= weights.sum()
    rows = rng.normal(size=(40, shape[1]))
    rows[rng.random(rows.shape) < 0.2] = poison
    scores = np.empty(40)

    unlikeness_rows(rows, 1.7, 50.0, centres.T.copy(), weights, np.empty(shape[0]), scores)

    expected = [unlikeness(row, 1.7, centres, weights) for row in rows]
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


def test_what_lies_between_two_usual_states_is_strange() -> None:
    detector = taught(two_centres(300))
    plain = build("mahalanobis", {}, 4)
    plain.fit(two_centres(300), np.full(4, 0.05))
    healthy = two_centres(300, seed=1)
    between = np.zeros(4)

    assert detector.score(between) > np.quantile(detector.score_rows(healthy), 0.9)
    assert plain.score(between) < np.quantile(plain.score_rows(healthy), 0.1)


def test_score_goes_on_growing_where_random_features_would_not() -> None:
    detector = taught(two_centres(300))

    scores = [detector.score(np.full(4, distance)) for distance in (2.0, 4.0, 8.0, 16.0, 32.0)]

    assert all(2.5 > later / earlier > 1.5 for earlier, later in pairwise(scores[1:]))


def test_one_strange_row_of_the_teach_in_hides_no_other() -> None:
    rows = two_centres(300)
    clean = taught(rows)
    rows[100] = [9.0, -9.0, 9.0, -9.0]
    poisoned = taught(rows)
    strange = np.array([-5.0, 5.0, 5.0, 5.0])

    assert poisoned.score(strange) > 0.5 * clean.score(strange)
    assert poisoned.score(strange) > 2.0 * poisoned.score_rows(two_centres(300, seed=1)).max()


def test_clusters_are_repeated_by_their_seed_and_hold_every_row() -> None:
    rows = two_centres(200)

    centres, nearest = cluster(rows, 8, seed=3)
    again, _ = cluster(rows, 8, seed=3)

    np.testing.assert_array_equal(centres, again)
    assert set(nearest.tolist()) == set(range(len(centres)))
    distances = np.linalg.norm(rows[:, None] - centres, axis=2)
    np.testing.assert_array_equal(nearest, np.argmin(distances, axis=1))


@pytest.mark.parametrize(("n_rows", "n_different"), [(2, 2), (50, 1), (50, 3)])
def test_few_different_rows_make_as_many_centres(n_rows: int, n_different: int) -> None:
    rows = np.repeat(np.eye(4)[:n_different], -(-n_rows // n_different), axis=0)[:n_rows]

    centres, _ = cluster(rows, min(8, n_rows), seed=0)

    assert len(centres) == n_different
    assert np.isfinite(taught(rows).score(np.full(4, 2.0)))
