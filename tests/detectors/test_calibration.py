from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from detectors.calibration import N_SHORT, MarginLimit, chance_distance, held_out_scores


def test_rows_are_scored_by_a_model_that_has_not_seen_them() -> None:
    rows = np.arange(12.0)[:, None]

    def teach(seen: np.ndarray) -> Callable[[np.ndarray], float]:
        known = set(seen[:, 0])
        return lambda row: float(row[0] in known)

    scores = held_out_scores(rows, 4, teach)

    assert (scores == 0.0).all()


def test_block_is_approached_through_the_rows_before_it() -> None:
    heard: list[list[float]] = []

    def teach(seen: np.ndarray) -> Callable[[np.ndarray], float]:
        heard.append([])

        def score(row: np.ndarray) -> float:
            heard[-1].append(float(row[0]))
            return 0.0

        return score

    held_out_scores(np.arange(9.0)[:, None], 3, teach)

    assert heard == [[0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], list(np.arange(9.0))]


def test_limit_is_the_highest_held_out_score_times_a_margin_wider_for_short_teach_ins() -> None:
    long, short = MarginLimit(1.5, 0.0), MarginLimit(1.5, 0.0)

    long.fit(np.concatenate([np.full(N_SHORT * 100 - 1, 1.0), [4.0]]))
    short.fit(np.concatenate([np.full(N_SHORT - 1, 1.0), [4.0]]))

    assert long.limit == pytest.approx(6.0 * 1.01)
    assert short.limit == pytest.approx(12.0)
    assert short.score(12.0) == pytest.approx(1.0)


def test_limit_never_falls_below_what_chance_reaches() -> None:
    limit = MarginLimit(1.5, 5.0)

    limit.fit(np.array([0.1, np.nan, 0.2]))

    assert limit.limit == 5.0


def test_nothing_is_scored_before_a_limit_is_known() -> None:
    limit, heir = MarginLimit(1.5, 0.0), MarginLimit(1.5, 0.0)

    assert math.isnan(limit.score(3.0))
    limit.fit(np.full(100, 2.0))
    heir.restore(limit.save())
    assert heir.score(3.0) == limit.score(3.0)
    assert math.isnan(limit.score(math.nan))


def test_chance_distance_grows_with_features_and_rarity() -> None:
    assert chance_distance(8, 1e-4) < chance_distance(24, 1e-4) < chance_distance(24, 1e-6)
