"""The detectors that judge every feature by itself agree with river, and with a slow, obvious twin."""

from __future__ import annotations

import numpy as np
import pytest
from river import anomaly, stats

from detectors.kernels.furthest import furthest
from detectors.kernels.p2_quantile import p2_quantile
from detectors.registry import build

ROWS = np.random.default_rng(2).normal(size=(300, 4))
FLOOR = np.full(4, 1e-3)


def furthest_by_numpy(rows: np.ndarray, middle: np.ndarray, spread: np.ndarray) -> list[float]:
    found = []
    for row in rows:
        known = np.isfinite(row)
        found.append(np.max(np.abs(row - middle)[known] / spread[known]) if known.any() else np.nan)
    return found


@pytest.mark.parametrize("n_features", [1, 2, 7])
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_furthest_is_its_slow_twin(n_features: int, poison: float) -> None:
    rng = np.random.default_rng(n_features)
    rows = rng.normal(size=(50, n_features))
    rows[rng.random(rows.shape) < 0.3] = poison
    rows[7] = poison
    middle, spread = rng.normal(size=n_features), rng.uniform(0.5, 2.0, size=n_features)
    scores = np.empty(50)

    furthest(rows, middle, spread, scores)

    np.testing.assert_array_equal(scores, furthest_by_numpy(rows, middle, spread))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5, 0.9])
@pytest.mark.parametrize("n_rows", [1, 2, 4, 5, 6, 7, 60, 2000])
@pytest.mark.parametrize("kind", ["smooth", "ties", "constant", "heavy", "rising"])
def test_p2_quantile_is_rivers(share: float, n_rows: int, kind: str) -> None:
    smooth = np.random.default_rng(n_rows).normal(size=n_rows)
    column = {
        "smooth": smooth,
        "ties": np.round(smooth),
        "constant": np.full(n_rows, 2.5),
        "heavy": smooth**5,
        "rising": np.sort(smooth),
    }[kind]
    rivers = stats.Quantile(share)
    for value in column.tolist():
        rivers.update(value)

    ours = p2_quantile(np.column_stack([smooth, column]), 1, share, *np.empty((3, 5)))

    assert ours == pytest.approx(rivers.get(), rel=1e-12, abs=1e-12)


def test_gaussian_scorer_has_rivers_mean_and_spread() -> None:
    detector = build("gaussian_scorer", {}, 4)
    detector.fit(ROWS[:200], FLOOR)
    models = [anomaly.GaussianScorer() for _ in range(4)]
    for row in ROWS[:200].tolist():
        for model, value in zip(models, row, strict=True):
            model.learn_one(None, value)

    expected = [
        max(abs(v - m.gaussian.mu) / m.gaussian.sigma for m, v in zip(models, row, strict=True))
        for row in ROWS[200:].tolist()
    ]

    np.testing.assert_allclose(detector.score_rows(ROWS[200:]), expected, rtol=1e-12)


def test_a_skewed_feature_is_judged_by_its_own_range() -> None:
    skewed = np.random.default_rng(3).exponential(size=(3000, 1))
    detector = build("p2_quantile", {"tail": 0.05}, 1)
    detector.fit(skewed, FLOOR[:1])

    low, high = np.quantile(skewed, [0.05, 0.95])

    assert detector.score(np.array([low])) == pytest.approx(1.0, abs=0.05)
    assert detector.score(np.array([high])) == pytest.approx(1.0, abs=0.05)
