from __future__ import annotations

import numpy as np
import pytest
from evaluated import alert, evidence, recording, series

from engine.declared import TeachIn
from replay.evaluate.rows import MOST_ROWS, row_length_s, rows_of
from replay.recording import Fault


def test_a_row_takes_the_largest_score_within_it() -> None:
    score = np.tile([0.1, 0.7, 0.3, 0.2, 0.4], 20)  # every 0.2 s
    own = evidence(recording(end_s=20.0))

    rows = rows_of(own, series(score, row_s=0.2), most=20)

    assert (rows.row_s, rows.n_rows) == (1.0, 20)
    assert rows.score.tolist() == [0.7] * 20


def test_labels_and_open_alerts_cover_rows() -> None:
    own = evidence(recording(Fault(10.0, 14.0, "anomaly"), end_s=30.0), alert(12.0, closed_s=20.0))

    rows = rows_of(own, series(np.linspace(0.1, 0.9, 30)))

    assert np.flatnonzero(rows.faulty).tolist() == [9, 10, 11, 12, 13, 14]  # until a second after the end
    assert np.flatnonzero(rows.alerting).tolist() == list(range(11, 20))


def test_an_alert_of_a_sensor_is_none_of_the_machine() -> None:
    own = evidence(recording(Fault(10.0, 14.0, "sensor_dropout"), end_s=30.0), alert(12.0, "sensor"))

    rows = rows_of(own, series(np.linspace(0.1, 0.9, 30)))

    assert not rows.faulty.any()
    assert not rows.alerting.any()


def test_what_is_left_out_is_counted_by_reason() -> None:
    score = np.linspace(0.1, 0.9, 30)
    score[[12, 13]] = np.nan
    ready = np.ones(30, dtype=bool)
    ready[20:23] = False
    own = evidence(recording(end_s=30.0, teach_in=TeachIn(duration_s=10.0)))

    rows = rows_of(own, series(score, ready=ready))

    assert (rows.n_taught, rows.n_unknown, rows.n_warming_up, rows.n_rows) == (10, 2, 3, 15)
    assert np.isfinite(rows.score).all()


def test_of_a_class_rows_of_other_faults_are_left_out() -> None:
    own = evidence(recording(Fault(5.0, 9.0, "chatter"), Fault(20.0, 24.0, "collision"), end_s=40.0))

    rows = rows_of(own, series(np.linspace(0.1, 0.9, 40)), "chatter")

    assert rows.n_rows == 40 - 6
    assert rows.faulty.sum() == 6


@pytest.mark.parametrize(
    ("end_s", "row_s"), [(100.0, 1.0), (3 * MOST_ROWS, 5.0), (3600.0 * 24 * 200, 4320.0)]
)
def test_rows_are_no_shorter_than_scores_come_and_not_too_many(end_s: float, row_s: float) -> None:
    own = evidence(recording(end_s=end_s))

    assert row_length_s(own, series(np.ones(50))) == pytest.approx(row_s)
