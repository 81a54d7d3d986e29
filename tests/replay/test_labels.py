from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS_PER_S
from engine.verdicts import FaultClass
from replay.faults import Fault
from replay.labels import NEAR_S, Trouble, place_labels
from replay.scoring import Episode

CLASSES = [str(fault) for fault in FaultClass]
LABELS = [*CLASSES, "bearing_inner", "ball_fault", "anomaly", "end_of_life", "sensor_dropout"]


def episode(onset_s: float, opened_s: float, closed_s: float = 1000.0) -> Episode:
    return Episode(*(round(t_s * NS_PER_S) for t_s in (onset_s, opened_s, closed_s)))


def placed(*labels: Fault) -> tuple[Trouble, ...]:
    return place_labels(labels, 0, 1000 * NS_PER_S)


def explained(label: Fault, fault: str, opened_s: float) -> bool:
    (trouble,) = placed(label)
    return trouble.explains(fault, episode(opened_s - 0.1, opened_s))


@pytest.mark.parametrize(
    "seen",
    [
        episode(10, 12, 30),
        episode(9, 11, 15),  # onset known to the hop only, decided by faulty samples
        episode(20, 22, 23),
        episode(20.5, 22, 23),  # windows and confirmation lag behind the samples
    ],
)
def test_faulty_samples_between_onset_and_opening_explain_an_alert(seen: Episode) -> None:
    (trouble,) = placed(Fault(10, 20, "anomaly"))

    assert trouble.explains("process", seen)


@pytest.mark.parametrize(
    "seen",
    [
        episode(8, 9, 15),  # lasts into the fault, but was decided before
        episode(8, 10, 15),  # the deciding window ends where the fault begins
        episode(22, 23, 24),
    ],
)
def test_an_alert_decided_without_faulty_samples_is_not_explained(seen: Episode) -> None:
    (trouble,) = placed(Fault(10, 20, "anomaly"))

    assert not trouble.explains("process", seen)


@pytest.mark.parametrize("fault", sorted(set(CLASSES) - {"sensor"}))
@pytest.mark.parametrize("label", ["anomaly", "end_of_life", "process"])
def test_a_label_that_names_no_class_explains_whatever_the_machine_raised(label: str, fault: str) -> None:
    assert explained(Fault(10, None, label), fault, opened_s=900.0)


def test_what_says_only_that_something_is_odd_is_explained_by_any_fault_of_the_machine_that_breaks_out() -> (
    None
):
    assert explained(Fault(10, None, "bearing_inner"), "process", opened_s=900.0)


def test_another_class_is_the_fault_misnamed_near_its_start_and_false_later() -> None:
    label = Fault(10, None, "bearing_inner")

    assert explained(label, "imbalance", opened_s=10 + NEAR_S)
    assert not explained(label, "imbalance", opened_s=10 + NEAR_S + 0.001)


@pytest.mark.parametrize("fault", sorted(set(CLASSES) - {"tool_wear"}))
@pytest.mark.parametrize("opened_s", [0.5, 400.0])
def test_an_edge_that_is_not_yet_worn_explains_wear_alone(fault: str, opened_s: float) -> None:
    assert not explained(Fault(0, None, "tool_wear"), fault, opened_s)
    assert explained(Fault(0, None, "tool_wear"), "tool_wear", opened_s)


def test_a_worn_edge_explains_that_something_is_odd_but_no_other_class() -> None:
    (wear,) = placed(Fault(0, 600, "tool_wear"), Fault(500, 500, "wear_limit"))

    assert not wear.explains("process", episode(499, 499.9))
    assert wear.explains("process", episode(501, 502))
    assert not wear.explains("chatter", episode(501, 502))


def test_the_limit_of_another_edge_says_nothing_of_this_one() -> None:
    rows = [
        Fault(0, 600, "tool_wear", "tool=T1 edge=T1#1"),
        Fault(100, 700, "tool_wear", "tool=T2 edge=T2#1"),
        Fault(500, 600, "wear_limit", "tool=T2 edge=T2#1 n_cuts=9"),
    ]

    first, second = placed(*rows)

    assert (first.worn_ns, first.due) == (None, False)
    assert (second.worn_ns, second.due) == (500 * NS_PER_S, True)


def test_wear_is_due_where_no_limits_are_marked() -> None:
    (wear,) = placed(Fault(0, None, "tool_wear"))

    assert wear.due
    assert wear.faulty == wear.span


@given(label=st.sampled_from(LABELS), fault=st.sampled_from(CLASSES), opened_s=st.floats(0.0, 999.0))
def test_sensor_alerts_are_explained_by_sensor_labels_and_nothing_else_is(
    label: str, fault: str, opened_s: float
) -> None:
    if explained(Fault(0, None, label), fault, opened_s):
        assert (fault == "sensor") == label.startswith("sensor")
