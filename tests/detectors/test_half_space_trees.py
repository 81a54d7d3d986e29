"""The flow's half-space trees against river's, taught in one window and frozen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from river import anomaly

from detectors.base import State
from detectors.half_space_trees import LIMIT, HalfSpaceTrees, HalfSpaceTreesParameters
from detectors.registry import build

FLOOR = np.zeros(1)


def rows_of(n_rows: int, n_features: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_rows, n_features))


def dirty_rows(n_rows: int, n_features: int) -> np.ndarray:
    """With NaN, infinities, whole rows of them, and values far outside."""
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(n_rows, n_features)) * rng.choice([1.0, 5.0], size=(n_rows, 1))
    dirt = rng.random(rows.shape)
    rows[dirt < 0.05] = np.nan
    rows[dirt > 0.97] = np.inf
    rows[dirt > 0.985] = -np.inf
    rows[10] = np.nan
    return rows


class Rivers:
    """What the detector was when river did the work: a dict of the finite features, one over the share, an average."""

    def __init__(self, parameters: HalfSpaceTreesParameters, rows: np.ndarray, seed: int) -> None:
        self.weight, self.memory = parameters.weight, math.nan
        n_trees, height, n_rows = parameters.n_trees, parameters.height, len(rows)
        limits = dict.fromkeys(range(rows.shape[1]), (-LIMIT, LIMIT))
        self.model = anomaly.HalfSpaceTrees(n_trees, height, n_rows, limits, seed)
        self.least = 1.0 / (n_trees * n_rows * 2.0 ** (height + 1))
        for row in rows.tolist():
            self.model.learn_one(dict(enumerate(row)))

    def score(self, row: np.ndarray) -> float:
        known = {index: value for index, value in enumerate(row.tolist()) if math.isfinite(value)}
        if not known:
            return math.nan
        raw_score = 1.0 / max(1.0 - self.model.score_one(known), self.least)
        before = self.memory if math.isfinite(self.memory) else raw_score
        self.memory = before + self.weight * (raw_score - before)
        return self.memory


def nbytes(state: State) -> int:
    return sum(leaf.nbytes for leaf in state.values() if isinstance(leaf, np.ndarray))


@pytest.mark.parametrize(
    ("n_trees", "height", "weight", "n_rows", "n_features"),
    [
        (25, 8, 0.15, 200, 16),
        (5, 6, 1.0, 120, 4),
        (3, 12, 0.5, 40, 2),
        (1, 1, 0.3, 2, 1),
        (6, 8, 0.15, 300, 70),
    ],
)
def test_scores_are_those_of_rivers_trees_to_the_last_bit(n_trees, height, weight, n_rows, n_features):
    parameters = HalfSpaceTreesParameters(n_trees=n_trees, height=height, weight=weight)
    taught, stream = rows_of(n_rows, n_features), dirty_rows(200, n_features)
    single, batch = HalfSpaceTrees(parameters, n_features, 3), HalfSpaceTrees(parameters, n_features, 3)
    rivers = Rivers(parameters, taught, 3)
    for detector in (single, batch):
        detector.fit(taught, FLOOR)

    wanted = [rivers.score(row) for row in stream]

    np.testing.assert_array_equal([single.score(row) for row in stream], wanted)
    np.testing.assert_array_equal(batch.score_rows(stream[:50]), wanted[:50])
    np.testing.assert_array_equal(batch.score_learn(stream[50:], np.ones(150, dtype=np.bool_)), wanted[50:])


def test_teaching_again_forgets_what_was_learned_before():
    again, once = (HalfSpaceTrees(HalfSpaceTreesParameters(), 4, 0) for _ in range(2))
    again.fit(rows_of(300, 4) + 3.0, FLOOR)
    again.score(np.ones(4))
    for detector in (again, once):
        detector.fit(rows_of(100, 4), FLOOR)

    assert again.score_rows(rows_of(50, 4, 5)).tolist() == once.score_rows(rows_of(50, 4, 5)).tolist()


def test_forgetting_drops_the_average_and_not_the_trees():
    detector = build("half_space_trees", {}, 4)
    detector.fit(rows_of(200, 4), FLOOR)
    first = detector.score(np.zeros(4))
    for _ in range(20):
        detector.score(np.full(4, 6.0))

    detector.forget()

    assert detector.score(np.zeros(4)) == first


def test_untaught_rows_cannot_be_scored():
    detector = build("half_space_trees", {}, 4)

    assert np.isnan(detector.score_rows(rows_of(3, 4))).all()


def test_rows_of_the_stream_may_be_read_only():
    detector = build("half_space_trees", {}, 4)
    detector.fit(rows_of(200, 4), FLOOR)
    rows = rows_of(5, 4)
    rows.flags.writeable = False

    assert np.isfinite(detector.score(rows[0]))
    assert np.isfinite(detector.score_rows(rows)).all()


def test_default_state_fits_twenty_kilobytes():
    detector = build("half_space_trees", {}, 16)
    detector.fit(rows_of(1000, 16), FLOOR)

    assert nbytes(detector.save()) <= 20_000


def test_a_teach_in_too_long_for_two_bytes_a_leaf_is_kept_in_four():
    detector, heir = (build("half_space_trees", {"n_trees": 1, "height": 1}, 1) for _ in range(2))
    detector.fit(rows_of(140_000, 1), FLOOR)

    heir.restore(detector.save())

    assert detector.save()["leaves"].dtype == np.uint32
    assert heir.score(np.ones(1)) == detector.score(np.ones(1))


def test_state_of_other_trees_is_refused():
    detector = build("half_space_trees", {}, 4)
    detector.fit(rows_of(200, 4), FLOOR)

    with pytest.raises(ValueError, match="wanted \\(25, 64\\)"):
        build("half_space_trees", {"height": 6}, 4).restore(detector.save())
    with pytest.raises(ValueError, match="seed=0, wanted 1"):
        build("half_space_trees", {}, 4, seed=1).restore(detector.save())


def test_an_infinite_value_does_not_hide_the_culprit():
    detector = build("half_space_trees", {}, 3)
    detector.fit(rows_of(200, 3), FLOOR)

    assert detector.attribute(np.array([np.inf, 1.0, 3.0])).tolist() == [0.0, 0.1, 0.9]
