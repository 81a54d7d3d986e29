from __future__ import annotations

import json
from datetime import datetime

import pytest
from receiver import Receiver, status
from told import S, alert

from engine.targets import AlertmanagerTarget
from sinks.alert_json import alert_as_dict
from sinks.journal import Entry
from sinks.outbound.alertmanager import Alertmanager
from sinks.outbound.base import AwayError, Delivery, RefusedError


class Clock:
    now_s = 1000.0

    def now_ns(self):
        return round(self.now_s * S)


def delivery(number, state="opened", **changed):
    fields = {name: getattr(alert(number, state), name) for name in alert(1).__slots__}
    one = type(alert(1))(**fields | changed)
    return Delivery(
        Entry(number, one.spindle, one.fault, json.dumps(alert_as_dict(one)).encode()), one, "epoch"
    )


def courier(receiver, **settings):
    return Alertmanager(AlertmanagerTarget(name="am", url=f"{receiver.url}/am/", **settings), Clock())


def seconds(text):
    return datetime.fromisoformat(text).timestamp()


def test_an_open_alert_has_no_end_and_a_closed_one_ends_later_than_alertmanager_waits():
    with Receiver(status(200)) as receiver:
        bringing = courier(receiver, hold_s=45.0)
        note = bringing.bring(delivery(5), None)
        bringing.bring(delivery(5, "closed"), note)

    (opened, closed) = receiver.requests
    assert opened.path == "/am/api/v2/alerts"
    [first], [last] = opened.event, closed.event
    assert "endsAt" not in first
    assert seconds(first["startsAt"]) == 5.0
    assert seconds(last["endsAt"]) == 1045.0
    assert first["labels"] == last["labels"]
    assert first["annotations"]["summary"] == "alert 5"
    assert first["annotations"]["summary_ko"] == "경보 5"


def test_labels_are_what_a_shop_has_and_not_what_happened_in_it():
    with Receiver(status(200)) as receiver:
        bringing = courier(receiver, labels={"site": "Changwon"})
        for number in (5, 6):
            bringing.bring(delivery(number, text_en=f"{number} mm/s", score=float(number)), None)

    [[first], [second]] = [request.event for request in receiver.requests]
    assert first["labels"] == second["labels"]
    assert first["labels"] == {
        "alertname": "spindlewatch",
        "spindle": "M1",
        "group": "vib",
        "fault": "process",
        "tier": "learned",
        "site": "Changwon",
    }


def test_an_alert_that_is_named_better_ends_under_its_old_name():
    with Receiver(status(200)) as receiver:
        bringing = courier(receiver)
        note = bringing.bring(delivery(5), None)
        note = bringing.bring(delivery(5, "updated", fault="collision"), note)
        bringing.repeat([(delivery(5, "updated", fault="collision"), note)])

    [_, renamed, again] = [request.event for request in receiver.requests]
    assert [(one["labels"]["fault"], "endsAt" in one) for one in renamed] == [
        ("process", True),
        ("collision", False),
    ]
    assert seconds(renamed[0]["endsAt"]) == 1000.0
    assert again == renamed[1:]


def test_a_sender_whose_clock_is_ahead_starts_no_alert_in_the_future():
    with Receiver(status(200)) as receiver:
        courier(receiver).bring(delivery(5, "closed", onset_ns=5000 * S), None)

    [[told]] = [request.event for request in receiver.requests]
    assert seconds(told["startsAt"]) == 1000.0


@pytest.mark.parametrize(("code", "error"), [(400, RefusedError), (503, AwayError), (404, AwayError)])
def test_what_alertmanager_says_is_heard(code, error):
    with Receiver(status(code, b"bad labels")) as receiver, pytest.raises(error, match="bad labels"):
        courier(receiver).bring(delivery(5), None)
