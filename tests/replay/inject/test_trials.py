from __future__ import annotations

import math

import pytest
from told import S, alert

from engine.verdicts import Alert
from replay.inject.trials import Trial, cells, judge_trials
from replay.intervals import poisson, wilson
from replay.recording import Fault


def judged(label: Fault, *alerts: Alert) -> Trial:
    (trial,) = judge_trials("simulated", "M1", 1.0, [label], alerts, 0, 100 * S)
    return trial


def test_the_delay_counts_from_the_onset_to_the_first_alert_that_opens_after_it() -> None:
    trial = judged(Fault(9.5, 12.0, "chatter"), alert(10, fault="process"), alert(11, fault="chatter"))

    assert (trial.detected, trial.delay_s) == (True, 0.5)


def test_an_alert_that_was_open_before_finds_nothing_and_is_told() -> None:
    trial = judged(Fault(10.5, 12.0, "chatter"), alert(10, fault="process"))

    assert (trial.detected, trial.blind) == (False, True)
    assert math.isnan(trial.delay_s)


@pytest.mark.parametrize(("name", "found"), [("tool_breakage", True), ("collision", False)])
def test_an_alert_that_was_open_before_finds_a_fault_when_it_takes_its_name(name: str, found: bool) -> None:
    told = alert(12, "updated", fault=name)
    renamed = Alert(**{slot: getattr(told, slot) for slot in Alert.__slots__} | {"id": "M1:process:10"})

    trial = judged(Fault(11.0, 14.0, "tool_breakage"), alert(10, fault="process"), renamed)

    assert (trial.detected, trial.blind) == (found, True)
    assert trial.right_class is found
    assert not found or 1.0 <= trial.delay_s <= 2.0


def test_what_opens_long_after_the_end_finds_nothing() -> None:
    assert not judged(Fault(1.0, 2.0, "chatter"), alert(4)).detected


def test_a_name_is_that_of_the_alert_when_it_closed() -> None:
    opened, closed = alert(10, fault="process"), alert(10, "closed", fault="process")
    renamed = Alert(**{name: getattr(closed, name) for name in Alert.__slots__} | {"fault": "chatter"})

    trial = judged(Fault(9.5, 12.0, "chatter"), opened, renamed)

    assert (trial.named, trial.right_class) == (("chatter",), True)


def test_another_specific_name_beside_the_right_one_makes_it_wrong_but_a_process_alert_does_not() -> None:
    label, right = Fault(9.5, 14.0, "bearing_inner"), alert(10, fault="bearing")

    assert judged(label, right, alert(11, fault="process")).right_class
    assert not judged(label, right, alert(11, fault="chatter")).right_class
    assert not judged(label, alert(11, fault="process")).right_class


def test_sensor_faults_are_found_by_sensor_alerts_only() -> None:
    label = Fault(9.5, 12.0, "sensor_dropout")

    assert not judged(label, alert(10, fault="process")).detected
    assert judged(label, alert(10, fault="sensor")).right_class


def test_labels_without_a_class_are_no_trials() -> None:
    assert judge_trials("x", "M1", 1.0, [Fault(1.0, 2.0, "wear_limit")], [], 0, 9 * S) == []


def test_a_cell_sums_up_trials_of_one_fault_and_severity() -> None:
    found = [judged(Fault(9.0, 12.0, "chatter"), alert(9 + n, fault="chatter")) for n in (1, 2, 3)]
    missed = judged(Fault(9.0, 12.0, "chatter"))

    (cell,) = cells([*found, missed])

    told = cell.as_dict()
    assert (told["n"], told["n_detected"], told["right_class_pct"]) == (4, 3, 100.0)
    assert told["delay_s"] == {"p50": 2.0, "p90": 3.0, "p99": 3.0}
    assert told["n_within_1s"] == 1


def test_wilson_is_the_known_interval() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)  # Brown, Cai and DasGupta, 2001


def test_the_poisson_interval_is_the_known_one() -> None:
    assert poisson(3, 1.0) == pytest.approx((0.6187, 8.7673), abs=1e-4)  # Garwood, 1936
    assert poisson(3, 0.0) == (0.0, math.inf)
