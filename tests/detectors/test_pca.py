from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from detectors.pca import Pca, q_limit
from detectors.registry import build

N_FEATURES = 12


def machine(n_rows: int, seed: int = 0, n_causes: int = 3, noise: float = 0.2) -> np.ndarray:
    """Features that few causes move together, each of variance 1."""
    mixing = np.random.default_rng(99).normal(size=(n_causes, N_FEATURES))
    mixing *= np.sqrt(1.0 - noise**2) / np.linalg.norm(mixing, axis=0)
    rng = np.random.default_rng(seed)
    causes, rest = rng.normal(size=(n_rows, n_causes)), rng.normal(size=(n_rows, N_FEATURES))
    return np.ascontiguousarray(causes @ mixing + noise * rest)


def taught(rows: np.ndarray, **parameters: float) -> Pca:
    detector = build("pca", parameters, rows.shape[1])
    detector.fit(rows, np.full(rows.shape[1], 0.01))
    assert isinstance(detector, Pca)
    return detector


def by_projection(state: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """T² and Q from projectors."""
    components, deviation = state["components"], rows - state["centre"]
    along = deviation @ components.T
    outside = deviation - along @ components
    t2 = np.sum(along**2 / state["variances"], axis=1)
    q = np.sum(outside**2, axis=1) / state["outside"]
    return np.maximum(np.sqrt(t2) / state["limits"][0], np.sqrt(q) / state["limits"][1])


def test_scores_are_t2_and_q_by_projection() -> None:
    detector = taught(machine(400))

    scores = detector.score_rows(machine(300, seed=1) * 2.0)

    np.testing.assert_allclose(scores, by_projection(detector.save(), machine(300, seed=1) * 2.0), rtol=1e-9)


def test_components_hold_the_wanted_share_of_the_variance() -> None:
    rows = machine(5000)

    few, more = taught(rows, variance=0.5).save(), taught(rows, variance=0.9).save()

    assert few["components"].shape[0] < 3
    assert more["components"].shape[0] == 3
    shares = more["variances"].sum() / (more["variances"].sum() + more["outside"][0])
    assert shares == pytest.approx(0.96, abs=0.02)
    np.testing.assert_allclose(more["components"] @ more["components"].T, np.eye(3), atol=1e-12)


def test_a_broken_pattern_is_strange_although_every_value_is_usual() -> None:
    rows = machine(400)
    detector = taught(rows)
    row = rows[7].copy()
    row[4] += 2.0

    assert detector.score(rows[7]) < 1.0 < detector.score(row)
    assert int(np.argmax(detector.attribute(row))) == 4


def test_the_pattern_itself_may_go_too_far() -> None:
    detector = taught(machine(400))
    far = machine(3, seed=2, noise=1e-6) * 8.0

    scores = detector.score_rows(far)

    assert scores.max() > 1.0
    assert detector.attribute(far[2]).max() < 0.5  # all of them together


@pytest.mark.parametrize("n", [1, 3, 20, 100])
@pytest.mark.parametrize("chance", [0.01, 1e-4])
def test_q_limit_of_equal_variances_is_a_chi_squared_quantile(n: int, chance: float) -> None:
    limit = q_limit(np.full(n, 0.3), chance) ** 2 * n

    assert limit == pytest.approx(chi2.isf(chance, n), rel=0.08)


def test_q_limit_holds_for_unequal_variances() -> None:
    variances = np.array([2.0, 1.0, 0.5, 0.1, 0.05])
    rows = np.random.default_rng(5).normal(size=(400_000, 5)) * np.sqrt(variances)

    beyond = np.mean(np.sum(rows**2, axis=1) / variances.sum() > q_limit(variances, 1e-3) ** 2)

    assert 3e-4 < beyond < 1.5e-3


def test_one_direction_that_holds_nearly_everything_has_a_limit() -> None:
    assert 3.0 < q_limit(np.array([1.0, *[1e-4] * 30]), 1e-4) < 5.0


def test_limits_hold_for_gaussian_rows() -> None:
    detector = taught(machine(3000))

    beyond = np.mean(detector.score_rows(machine(200_000, seed=6)) > detector.chance_limit())

    assert beyond < 1e-3


def test_learned_components_are_those_of_the_new_covariance() -> None:
    detector = taught(machine(400), adaptation=0.005)
    turned = np.ascontiguousarray(machine(20_000, seed=3)[:, ::-1]) * 1.5

    detector.score_learn(turned, np.ones(20_000, dtype=np.bool_))

    components = detector.save()["components"]
    _, vectors = np.linalg.eigh(np.cov(turned.T))
    leading = vectors[:, -components.shape[0] :]
    cosines = np.linalg.svd(components @ leading, compute_uv=False)
    assert cosines.min() > 0.97
    assert np.mean(detector.score_rows(turned) > 1.0) < 0.01


def test_learned_constants_do_not_wind_down() -> None:
    detector = taught(machine(400), adaptation=0.01)

    scores = detector.score_learn(np.zeros((20_000, N_FEATURES)), np.ones(20_000, dtype=np.bool_))

    assert np.isfinite(scores).all()
    assert np.isfinite(detector.score(np.ones(N_FEATURES)))


def test_one_feature_and_fewer_rows_than_features_will_do() -> None:
    single = taught(np.random.default_rng(7).normal(size=(50, 1)))
    short = taught(machine(5))

    assert single.score(np.full(1, 6.0)) > 1.0
    assert np.isfinite(short.score_rows(machine(100, seed=8))).all()
