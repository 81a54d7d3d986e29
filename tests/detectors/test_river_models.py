"""The detectors made of river models agree with river."""

from __future__ import annotations

import numpy as np
import pytest
from river import anomaly

from detectors.half_space_trees import LIMIT
from detectors.registry import build

ROWS = np.random.default_rng(2).normal(size=(300, 4))
FLOOR = np.full(4, 1e-3)


def test_half_space_trees_are_rivers() -> None:
    detector = build("half_space_trees", {"n_trees": 5, "height": 6, "weight": 1.0}, 4, seed=3)
    detector.fit(ROWS[:200], FLOOR)
    model = anomaly.HalfSpaceTrees(5, 6, 200, dict.fromkeys(range(4), (-LIMIT, LIMIT)), seed=3)
    for row in ROWS[:200].tolist():
        model.learn_one(dict(enumerate(row)))

    for row in ROWS[200:]:
        share = 1.0 - model.score_one(dict(enumerate(row.tolist())))
        assert detector.score(row) == pytest.approx(1.0 / share)


def test_gaussian_scorer_ranks_as_river_does() -> None:
    detector = build("gaussian_scorer", {}, 1)
    detector.fit(ROWS[:200, :1], FLOOR[:1])
    model = anomaly.GaussianScorer()
    for value in ROWS[:200, 0].tolist():
        model.learn_one(None, value)

    ours = [detector.score(row) for row in ROWS[200:, :1]]
    rivers = [model.score_one(None, value) for value in ROWS[200:, 0].tolist()]

    assert np.argsort(ours).tolist() == np.argsort(rivers).tolist()


def test_quantile_range_covers_all_but_its_tails() -> None:
    detector = build("p2_quantile", {"tail": 0.1}, 1)
    detector.fit(ROWS[:, :1], FLOOR[:1])

    inside = np.mean([detector.score(row) <= 1.0 for row in ROWS[:, :1]])

    assert inside == pytest.approx(0.8, abs=0.03)
