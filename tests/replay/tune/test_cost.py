from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import CostConfig
from replay.evaluate import EventScores
from replay.tune.cost import cost

WEIGHTS = CostConfig(unit="min", missed_fault=120, delay_hour=60, false_alert=15, false_alert_hour=30)
NOTHING = EventScores(
    n_recordings=1, n_faults=0, n_found=0, n_early=0, delays_s=(), n_named=0, n_right=0, n_alerts=0, n_false=0,
    n_sensor=0, watched_s=3600.0, normal_s=3600.0, false_s=0.0, n_unlabelled=0, unlabelled_s=0.0,
)  # fmt: skip


def test_nothing_wrong_costs_nothing():
    assert cost(NOTHING, WEIGHTS) == 0.0


def test_every_part_has_its_weight():
    scores = replace(NOTHING, n_faults=3, n_found=2, delays_s=(60.0, 600.0), n_false=2, false_s=720.0)

    assert cost(scores, WEIGHTS) == pytest.approx(120 + 1 + 10 + 2 * 15 + 0.2 * 30)


@given(st.floats(0, 1e7))
def test_a_fault_found_late_never_costs_more_than_a_missed_one(delay_s):
    found = replace(NOTHING, n_faults=1, n_found=1, delays_s=(delay_s,))
    missed = replace(NOTHING, n_faults=1)

    assert cost(found, WEIGHTS) <= cost(missed, WEIGHTS)


def test_an_alert_that_never_ends_costs_more_than_silence():
    always = replace(NOTHING, n_faults=1, n_early=1, n_alerts=1, n_false=1, false_s=3600.0)
    silent = replace(NOTHING, n_faults=1)

    assert cost(always, WEIGHTS) > cost(silent, WEIGHTS)
