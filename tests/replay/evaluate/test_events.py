from __future__ import annotations

import math

import pytest
from evaluated import alert, evidence, recording
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS_PER_S
from engine.declared import TeachIn
from engine.verdicts import Alert
from replay.evaluate import event_scores
from replay.outcome import judge_recording
from replay.recording import Fault


def test_a_fault_found_counts_with_its_delay_and_its_name() -> None:
    own = recording(Fault(100.0, 200.0, "chatter"), Fault(300.0, 400.0, "bearing_inner"))

    found = event_scores([evidence(own, alert(102.0, "chatter"), alert(305.0, "process"))])

    assert (found.n_faults, found.n_found, found.recall) == (2, 2, 1.0)
    assert found.delays_s == (2.0, 5.0)
    assert (found.delay_s(0.0), found.delay_median_s) == (2.0, 5.0)  # of two, the longer
    assert (found.n_named, found.n_right, found.right_class_share) == (2, 1, 0.5)
    assert (found.n_alerts, found.n_false, found.precision) == (2, 0, 1.0)


def test_what_is_told_after_a_short_fault_is_explained_but_came_too_late() -> None:
    late = alert(102.0, "chatter")
    onset_ns = late[0].t_ns - 3 * NS_PER_S
    values = {name: getattr(late[0], name) for name in Alert.__slots__} | {"onset_ns": onset_ns}

    found = event_scores([evidence(recording(Fault(98.5, 100.0, "chatter")), [Alert(**values)])])

    assert (found.n_found, found.n_alerts, found.n_false) == (0, 1, 0)


def test_wear_of_an_edge_that_left_in_time_is_not_due_and_telling_it_is_not_false() -> None:
    own = recording(
        Fault(0.0, 400.0, "tool_wear", "tool=T1 edge=T1#1"),
        Fault(401.0, 900.0, "tool_wear", "tool=T1 edge=T1#2"),
        Fault(800.0, 900.0, "wear_limit", "tool=T1 edge=T1#2"),
    )

    found = event_scores([evidence(own, alert(390.0, "tool_wear"))])

    assert (found.n_faults, found.n_found, found.n_false) == (1, 0, 0)


def test_an_alert_that_was_open_before_is_false_and_finds_nothing() -> None:
    own = recording(Fault(100.0, 200.0, "anomaly"))

    before = event_scores([evidence(own, alert(50.0, closed_s=150.0))])
    again = event_scores([evidence(own, alert(50.0, closed_s=150.0), alert(160.0))])

    assert (before.n_found, before.n_early, before.n_false) == (0, 1, 1)
    assert (again.n_found, again.n_early, again.n_false) == (1, 1, 1)
    assert math.isnan(before.delay_median_s)


def test_an_alert_that_was_open_before_and_takes_the_faults_name_has_found_it() -> None:
    (opened,) = alert(50.0, "process")
    values = {name: getattr(opened, name) for name in Alert.__slots__}
    renamed = Alert(**values | {"fault": "chatter", "t_ns": opened.t_ns + 53 * NS_PER_S, "state": "updated"})

    found = event_scores([evidence(recording(Fault(100.0, 200.0, "chatter")), [opened, renamed])])
    other = event_scores([evidence(recording(Fault(100.0, 200.0, "collision")), [opened, renamed])])

    assert (found.n_found, found.n_early, found.delays_s, found.n_right) == (1, 1, (3.0,), 1)
    assert other.n_found == 0


def test_false_alerts_are_counted_per_hour_that_is_normal_and_per_day_that_is_watched() -> None:
    own = recording(Fault(100.0, 499.0, "anomaly"), end_s=1000.0)

    found = event_scores(
        [evidence(own, alert(600.0, closed_s=660.0), alert(630.0, "chatter", closed_s=690.0))]
    )

    assert (found.watched_s, found.normal_s) == (1000.0, 600.0)
    assert found.false_per_hour == pytest.approx(2 / 600 * 3600)
    assert found.false_per_machine_day == pytest.approx(2 / 1000 * 86_400)
    assert found.false_s == pytest.approx(90.0)  # what two tell at once is one time
    assert found.false_share == pytest.approx(90 / 600)


def test_time_in_a_false_alert_ends_where_a_fault_begins() -> None:
    own = recording(Fault(100.0, None, "anomaly"))

    assert event_scores([evidence(own, alert(40.0))]).false_s == pytest.approx(60.0)


def test_what_is_taught_is_not_judged() -> None:
    own = recording(
        Fault(10.0, 20.0, "anomaly"), Fault(100.0, 200.0, "anomaly"), teach_in=TeachIn(duration_s=50.0)
    )

    judged = evidence(own, alert(12.0), alert(30.0), alert(120.0))
    found = event_scores([judged])

    assert (judged.excluded_s, judged.n_before) == (50.0, 1)
    assert (found.n_faults, found.n_found, found.n_alerts, found.n_false) == (1, 1, 1, 0)
    assert found.watched_s == 950.0


def test_alerts_of_a_recording_without_complete_labels_are_no_false_ones() -> None:
    found = event_scores([evidence(recording(labelled=False), alert(12.0), alert(30.0, "sensor"))])

    assert (found.n_alerts, found.n_false, found.n_unlabelled) == (0, 0, 1)
    assert found.watched_s == 0.0
    assert found.alerts_per_hour_unlabelled == pytest.approx(3.6)
    assert math.isnan(found.false_per_hour)


def test_unlabelled_sensor_trouble_is_counted_apart() -> None:
    found = event_scores([evidence(recording(), alert(12.0, "sensor"))])

    assert (found.n_alerts, found.n_false, found.n_sensor) == (0, 0, 1)
    assert found.false_s == 0.0


def test_a_class_counts_its_own_labels_and_the_alerts_called_so() -> None:
    own = recording(Fault(100.0, 200.0, "chatter"), Fault(300.0, 400.0, "collision"))
    judged = [evidence(own, alert(101.0, "process"), alert(301.0, "collision"), alert(600.0, "chatter"))]

    chatter, collision = (event_scores(judged, fault_class=name) for name in ("chatter", "collision"))

    assert (chatter.n_faults, chatter.n_found, chatter.n_right) == (1, 1, 0)
    assert (chatter.n_alerts, chatter.n_false) == (1, 1)
    assert (collision.n_alerts, collision.n_false, collision.right_class_share) == (1, 0, 1.0)


def test_a_tier_is_credited_with_what_it_raised_itself() -> None:
    own = recording(Fault(100.0, 200.0, "anomaly"))
    judged = [evidence(own, alert(101.0, tier="absolute"), alert(104.0, tier="learned"))]

    assert event_scores(judged, tier="absolute").delays_s == (1.0,)
    assert event_scores(judged, tier="learned").delays_s == (4.0,)
    assert event_scores(judged, tier="dynamic").recall == 0.0


def test_wear_is_found_but_has_no_delay_and_no_normal_time_once_it_is_at_its_limit() -> None:
    own = recording(
        Fault(0.0, 900.0, "tool_wear", "tool=T1 edge=T1#1"),
        Fault(500.0, 900.0, "wear_limit", "tool=T1 edge=T1#1"),
        Fault(901.0, None, "tool_wear", "tool=T1 edge=T1#2"),
    )

    found = event_scores([evidence(own, alert(450.0, "tool_wear"))])

    assert (found.n_faults, found.n_found, found.n_right, found.delays_s) == (1, 1, 1, ())
    assert found.normal_s == pytest.approx(1000.0 - 401.0)


def test_nothing_to_judge_is_none_in_json_and_not_perfect() -> None:
    told = event_scores([]).as_dict()

    assert (told["recall"], told["precision"], told["false_per_normal_hour"]) == (None, None, None)
    assert (told["recall_95"], told["false_alert_share"], told["delay_s"]["median"]) == (None, None, None)


MOMENTS = st.lists(
    st.tuples(st.integers(1, 999), st.integers(1, 400)), max_size=6, unique_by=lambda moment: moment[0]
)


@given(faults=MOMENTS, alerts=MOMENTS)
def test_recordings_add_up_and_shares_stay_shares(
    faults: list[tuple[int, int]], alerts: list[tuple[int, int]]
) -> None:
    own = recording(*(Fault(float(at_s), float(at_s + length_s), "anomaly") for at_s, length_s in faults))
    sent = [alert(float(at_s), closed_s=float(at_s + length_s)) for at_s, length_s in alerts]
    judged = evidence(own, *sent)

    outcome = judge_recording(own, [message for messages in sent for message in messages])
    assert sum(judged.explained) == len(judged.raised) - len(outcome.unexplained)
    assert event_scores([judged]).n_found <= sum(fault.found.found for fault in outcome.faults)

    once, twice = event_scores([judged]), event_scores([judged, judged])

    assert (2 * once.n_found, 2 * once.n_false, 2 * once.n_alerts) == (
        twice.n_found,
        twice.n_false,
        twice.n_alerts,
    )
    assert once.recall == twice.recall or math.isnan(once.recall)
    assert 0.0 <= once.false_s <= once.normal_s + 1e-6
    assert once.normal_s <= once.watched_s
    assert sum(judged.explained) == once.n_alerts - once.n_false
