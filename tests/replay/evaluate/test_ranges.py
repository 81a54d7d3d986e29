from __future__ import annotations

import math

import numpy as np
import pytest

from replay.evaluate import ranges
from replay.evaluate.ranges import BUFFER_ROWS, range_scores
from replay.evaluate.rows import Rows
from replay.scoring import Confusion


def rows(
    score: list[float] | np.ndarray, faulty: list[int] | np.ndarray, alerting: list[int] | None = None
) -> Rows:
    marks, told = (
        np.asarray(side, dtype=np.bool_) for side in (faulty, faulty if alerting is None else alerting)
    )
    return Rows(1.0, np.asarray(score, dtype=np.float64), marks, told, 0, 0, 0)


def test_ranges_are_what_the_packages_own_tests_state() -> None:
    # aeon, benchmarking/metrics/anomaly_detection/tests/test_ad_metrics.py: F1 0.66666, precision 0.5.
    scored = range_scores("M1", rows([0.0, 1.0, 1.0, 0.0], [0, 1, 0, 0], [0, 1, 1, 0]))

    assert scored.range_f1 == pytest.approx(0.66666, abs=1e-4)
    assert scored.range_precision == 0.5
    assert scored.range_recall == 1.0


def test_volumes_under_the_surface_are_those_of_the_package_at_the_stated_buffer() -> None:
    from aeon.benchmarking.metrics.anomaly_detection import range_pr_vus_score, range_roc_vus_score

    rng = np.random.default_rng(0)
    faulty = np.zeros(300, dtype=np.int64)
    faulty[100:140] = 1
    score = rng.random(300) + 0.5 * faulty

    scored = range_scores("M1", rows(score, faulty))

    assert scored.vus_pr == pytest.approx(range_pr_vus_score(faulty, score, max_buffer_size=BUFFER_ROWS))
    assert scored.vus_roc == pytest.approx(range_roc_vus_score(faulty, score, max_buffer_size=BUFFER_ROWS))
    assert ranges.package().startswith("aeon 1.")


def test_a_score_that_knows_beats_one_that_guesses() -> None:
    faulty = np.zeros(400, dtype=np.int64)
    faulty[200:260] = 1
    noise = np.random.default_rng(1).random(400)

    knows, guesses = (
        range_scores("M1", rows(noise + 2 * faulty, faulty)),
        range_scores("M1", rows(noise, faulty)),
    )

    assert knows.vus_pr > 0.8 > guesses.vus_pr
    assert knows.vus_roc > 0.9 > guesses.vus_roc


def test_rows_are_counted_as_they_are_without_adjustment() -> None:
    scored = range_scores("M1", rows([0.1, 0.2, 0.3, 0.4], [0, 1, 1, 0], [1, 1, 0, 0]))

    assert scored.points == Confusion(n_hit=1, n_false=1, n_missed=1, n_calm=1)


@pytest.mark.parametrize("faulty", [[0, 0, 0], [1, 1, 1]])
def test_without_faulty_and_normal_rows_nothing_can_be_said(faulty: list[int]) -> None:
    scored = range_scores("M1", rows([0.1, 0.2, 0.3], faulty))

    assert math.isnan(scored.vus_pr)
    assert scored.as_dict()["vus_pr"] is None


def test_a_score_that_never_changes_has_no_surface() -> None:
    scored = range_scores("M1", rows([1.0, 1.0, 1.0], [0, 1, 0], [0, 0, 0]))

    assert math.isnan(scored.vus_roc)
    assert (scored.range_recall, math.isnan(scored.range_precision)) == (0.0, True)


def test_without_the_package_the_counts_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "package", lambda: "")

    scored = range_scores("M1", rows([0.1, 0.9, 0.2], [0, 1, 0]))

    assert math.isnan(scored.vus_pr)
    assert scored.points.f1 == 1.0
