from __future__ import annotations

import json
import threading
from contextlib import closing, contextmanager

import pytest
from receiver import Receiver, hang, status
from told import alert

from engine.errors import ConfigError, UsageError
from engine.targets import AppriseTarget
from sinks.alert_json import alert_as_dict
from sinks.journal import Entry
from sinks.outbound.base import AwayError, Delivery
from sinks.outbound.chat import Chat, words


def delivery(state="opened", is_test=False, **changed):
    fields = {name: getattr(alert(1, state), name) for name in alert(1).__slots__}
    one = type(alert(1))(
        **fields | {"advice_en": "Check the tool.", "advice_ko": "공구를 확인하십시오."} | changed
    )
    return Delivery(Entry(1, "M1", one.fault, json.dumps(alert_as_dict(one)).encode()), one, "epoch", is_test)


@contextmanager
def chat(tmp_path, url, **settings):
    secret = tmp_path / "url"
    secret.write_text(f"{url}\n")
    with closing(Chat(AppriseTarget(name="chat", secret_file=str(secret), **settings))) as bringing:
        yield bringing


def json_url(receiver):
    return f"json://user:s3cret@127.0.0.1:{receiver.port}/hook"


def test_a_text_arrives_in_the_language_of_the_site(tmp_path):
    with Receiver(status(200)) as receiver, chat(tmp_path, json_url(receiver), language="ko") as bringing:
        bringing.bring(delivery(), None)
        bringing.bring(delivery("closed"), None)

    opened, closed = (request.event for request in receiver.requests)
    assert (opened["title"], opened["message"]) == ("경보: M1", "경보 1\n공구를 확인하십시오.")
    assert (closed["title"], closed["message"]) == ("종료: M1", "경보 1")
    assert [opened["type"], closed["type"]] == ["warning", "success"]
    assert words(delivery(), "en") == ("Alert: M1", "alert 1\nCheck the tool.")


def test_what_an_alert_says_is_text_and_never_a_template_or_a_tag(tmp_path):
    text = "{{ 7 * 7 }} <b>&amp;\\n"
    with Receiver(status(200)) as receiver, chat(tmp_path, json_url(receiver)) as bringing:
        bringing.bring(delivery(text_en=text, advice_en=""), None)

    assert receiver.requests[0].event["message"] == text


def test_what_is_not_taken_is_told_without_the_secret_and_can_be_tried_again(tmp_path):
    with (
        Receiver(status(500, b"no"), status(200)) as receiver,
        chat(tmp_path, json_url(receiver)) as bringing,
    ):
        with pytest.raises(AwayError, match="500") as raised:
            bringing.bring(delivery(), None)
        bringing.bring(delivery(), None)

    assert "s3cret" not in str(raised.value)


def test_a_service_that_hangs_is_waited_for_no_longer_than_told_and_is_left_behind(tmp_path):
    url = "json://127.0.0.1:{}/?rto=60"
    with (
        Receiver(hang, status(200)) as receiver,
        chat(tmp_path, url.format(receiver.port), timeout_s=0.5) as bringing,
    ):
        with pytest.raises(AwayError, match=r"no answer within 0\.5 s"):
            bringing.bring(delivery(), None)
        bringing._target = AppriseTarget(name="chat", secret_file=bringing._target.secret_file)
        bringing.bring(delivery(), None)  # by another process: the first one is gone

    assert len(receiver.requests) == 2


def test_one_that_waits_can_be_ended_from_outside(tmp_path):
    with (
        Receiver(hang) as receiver,
        chat(tmp_path, json_url(receiver) + "?rto=60", timeout_s=60.0) as bringing,
    ):
        ending = threading.Thread(target=lambda: (receiver.wait(1), bringing.abort()))
        ending.start()
        with pytest.raises(AwayError, match="ended"):
            bringing.bring(delivery(), None)
        ending.join()


@pytest.mark.parametrize("url", ["pigeon://coop", "no address", "json://"])
def test_an_address_that_is_none_is_found_at_once_and_not_told(tmp_path, url):
    with pytest.raises(ConfigError, match="secret_file") as raised, chat(tmp_path, url):
        pass

    assert url not in str(raised.value)


def test_a_test_is_called_one():
    assert words(delivery(is_test=True), "en")[0] == "Test: M1"
    assert words(delivery(is_test=True), "ko")[0] == "시험: M1"


def test_without_the_library_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("sinks.outbound.extras.find_spec", lambda _name: None)

    with pytest.raises(UsageError, match=r"notify chat needs apprise.*spindlewatch\[notify\]"):
        Chat(AppriseTarget(name="chat", secret_file="unread"))
