from __future__ import annotations

import numpy as np
import pytest

from detectors.kernels.sta_lta import sta_lta_rows
from detectors.registry import build
from detectors.sta_lta import MOST

FLOOR = np.full(8, 0.1)


def rows_of(n_rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_rows, 8))


def recursive_sta_lta(rows: np.ndarray, n_short: float, n_long: float, start: float) -> np.ndarray:
    """As in obspy.signal.trigger.recursive_sta_lta, without its silence during the first ``n_long`` values."""
    sta = lta = start
    ratios = np.empty(len(rows))
    for i, row in enumerate(rows):
        energy = np.mean(row[np.isfinite(row)] ** 2)
        sta = energy / n_short + (1.0 - 1.0 / n_short) * sta
        lta = energy / n_long + (1.0 - 1.0 / n_long) * lta
        ratios[i] = sta / lta
    return ratios


def test_unbounded_it_is_obspys_recursive_sta_lta() -> None:
    rows = rows_of(500)
    rows[200:230] *= 3.0
    rows[300, :3] = np.nan
    scores, averages = np.empty(500), np.ones(2)

    sta_lta_rows(rows, 1 / 5, 1 / 80, np.inf, 0.0, np.inf, 1e9, averages, np.zeros(8), scores)

    np.testing.assert_allclose(scores, recursive_sta_lta(rows, 5, 80, 1.0), rtol=1e-12)


def test_abrupt_change_is_found_and_its_end_too() -> None:
    detector = build("sta_lta", {}, 8)
    detector.fit(rows_of(200), FLOOR)
    rows = rows_of(900, seed=1)
    rows[300:600] *= 4.0

    scores = detector.score_rows(rows)

    assert scores[:300].max() < 3.0
    assert scores[303:600].min() > 3.0
    assert scores[620:].max() < 3.0


def test_an_event_does_not_become_its_own_background() -> None:
    detector = build("sta_lta", {}, 8)
    detector.fit(rows_of(200), FLOOR)

    scores = detector.score_rows(np.full((20_000, 8), 3.0))

    assert scores[100] == pytest.approx(scores[-1], rel=1e-9)


def test_slow_growth_becomes_background_up_to_a_bound() -> None:
    growing = rows_of(60_000, seed=2) * np.linspace(1.0, 3.0, 60_000)[:, None]
    detector = build("sta_lta", {"freeze": 10.0}, 8)
    detector.fit(rows_of(200), FLOOR)

    scores = detector.score_rows(growing)

    assert np.median(scores[20_000:25_000]) == pytest.approx(1.0, abs=0.1)
    assert np.median(scores[-1000:]) == pytest.approx(9.0 / MOST, rel=0.2)


def test_silence_does_not_make_it_nervous() -> None:
    detector = build("sta_lta", {}, 8)
    detector.fit(rows_of(200), FLOOR)
    detector.score_rows(np.zeros((10_000, 8)))

    assert detector.score_rows(rows_of(300, seed=3)).max() < 3.0


def test_forgetting_starts_from_the_teach_in() -> None:
    detector, fresh = (build("sta_lta", {}, 8) for _ in range(2))
    detector.fit(rows_of(200), FLOOR)
    fresh.fit(rows_of(200), FLOOR)
    detector.score_rows(3.0 * rows_of(300, seed=1))

    detector.forget()

    np.testing.assert_array_equal(
        detector.score_rows(rows_of(50, seed=4)), fresh.score_rows(rows_of(50, seed=4))
    )


def test_a_constant_teach_in_and_a_single_feature_are_survived() -> None:
    detector = build("sta_lta", {}, 1)
    detector.fit(np.zeros((20, 1)), np.zeros(1))

    assert detector.score(np.zeros(1)) < 1.0
    assert np.isfinite(detector.score(np.full(1, 1e300)))
