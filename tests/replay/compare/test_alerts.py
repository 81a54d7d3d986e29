from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from told import alert as told_alert

from engine.clock import NS_PER_S
from engine.verdicts import Alert, AlertState
from replay.compare.alerts import ToldAlert, match_alerts, told_alerts
from sinks.alert_json import alert_as_dict


def messages(
    begin_s: float, end_s: float | None = None, fault: str = "process", spindle: str = "M1", **changed: object
) -> list[Alert]:
    """An alert that opens half a second after its onset."""
    onset_ns = round(begin_s * NS_PER_S)
    opened = replace(
        told_alert(0, fault=fault, spindle=spindle),
        id=f"{spindle}:{fault}:{onset_ns}",
        onset_ns=onset_ns,
        t_ns=onset_ns + NS_PER_S // 2,
        **changed,
    )
    if end_s is None:
        return [opened]
    return [opened, replace(opened, state=AlertState.CLOSED, t_ns=round(end_s * NS_PER_S))]


def told(*args: object, **changed: object) -> ToldAlert:
    (alert,) = told_alerts(messages(*args, **changed))
    return alert


def are_same(a: ToldAlert, b: ToldAlert) -> bool:
    return len(match_alerts([a], [b])) == 1


def matched(a: list[ToldAlert], b: list[ToldAlert], within_s: float = 2.0) -> list[tuple[str, str]]:
    pairs = match_alerts(a, b, within_s)
    return [("-" if one is None else one.id, "-" if other is None else other.id) for one, other in pairs]


drawn = st.builds(
    told,
    st.integers(0, 30),
    st.one_of(st.none(), st.integers(31, 60)),
    st.sampled_from(["process", "chatter", "bearing", "sensor"]),
    st.sampled_from(["M1", "M2"]),
)
sides = st.lists(drawn, max_size=8, unique_by=lambda alert: alert.id)


@given(a=sides, b=sides)
def test_every_alert_of_both_sides_is_in_exactly_one_pair(a, b):
    pairs = match_alerts(a, b)

    assert sorted(pair.a.id for pair in pairs if pair.a) == sorted(alert.id for alert in a)
    assert sorted(pair.b.id for pair in pairs if pair.b) == sorted(alert.id for alert in b)
    assert all(pair.a or pair.b for pair in pairs)


@given(a=sides, b=sides)
def test_exchanging_the_sides_exchanges_the_sides_of_every_pair(a, b):
    assert [pair[::-1] for pair in match_alerts(b, a)] == [tuple(pair) for pair in match_alerts(a, b)]


@given(a=sides)
def test_alerts_compared_with_themselves_are_all_the_same(a):
    assert all(one is other for one, other in match_alerts(a, a))


def test_alerts_are_the_same_if_they_overlap_or_begin_close_together():
    a = told(10, 12)

    assert are_same(a, told(11.5, 20))  # overlaps
    assert are_same(told(10, 10.6), told(12, 13))  # two seconds apart
    assert not are_same(told(10, 10.6), told(12.1, 13))


def test_alerts_of_two_spindles_are_never_the_same():
    assert not are_same(told(10, 12), told(10, 12, spindle="M2"))


def test_an_alert_of_another_class_is_the_same_if_none_of_its_own_class_is_there():
    a, chatter, process = told(10, 14), told(10.1, 14, "chatter"), told(11, 14)

    assert match_alerts([a], [chatter])[0].b is chatter
    assert [pair.b for pair in match_alerts([a], [chatter, process]) if pair.a] == [process]


def test_a_condition_that_stays_open_is_not_what_happens_meanwhile():
    bearing = told(10, None, "bearing")

    assert matched([bearing], [told(50, 52)]) == [(bearing.id, "-"), ("-", told(50, 52).id)]
    assert are_same(bearing, told(11, 13))  # but it may be what began


def test_sensor_alerts_are_only_the_same_as_those_of_their_group():
    sensor = told(10, 12, "sensor", group="vib")

    assert not are_same(sensor, told(10, 12, "sensor", group="load"))
    assert not are_same(sensor, told(10, 12))


def test_messages_and_their_json_tell_the_same_alert():
    sent = messages(10, 14, fault="tool_wear", key="T7")
    sent.insert(1, replace(sent[0], state=AlertState.UPDATED, score=6.0, t_ns=sent[0].t_ns + 1))

    (alert,) = told_alerts(sent)

    assert [alert] == told_alerts([alert_as_dict(message) for message in sent])
    assert (alert.score, alert.tool, alert.opened_ns, alert.closed_ns) == (
        6.0,
        "T7",
        sent[0].t_ns,
        sent[-1].t_ns,
    )


def test_an_alert_whose_opening_is_missing_is_left_out():
    assert told_alerts(messages(10, 14)[1:]) == []


@pytest.mark.parametrize(("regime", "tool"), [("T3/O1/rough/cutting", "T3"), ("-", "-"), ("-/-/-/air~", "-")])
def test_the_tool_is_the_one_in_the_spindle(regime, tool):
    assert told(10, 12, regime=regime).tool == tool
