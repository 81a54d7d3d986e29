from __future__ import annotations

import json
import sys

import pytest
from receiver import Receiver, hang, status
from told import alert

from engine.errors import ConfigError, UsageError
from engine.targets import AppriseTarget
from sinks.alert_json import alert_as_dict
from sinks.journal import Entry
from sinks.outbound.base import AwayError, Delivery
from sinks.outbound.chat import Chat, words

# One of Apprise's many services imports it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def delivery(state="opened", is_test=False, **changed):
    fields = {name: getattr(alert(1, state), name) for name in alert(1).__slots__}
    one = type(alert(1))(
        **fields | {"advice_en": "Check the tool.", "advice_ko": "공구를 확인하십시오."} | changed
    )
    return Delivery(Entry(1, "M1", one.fault, json.dumps(alert_as_dict(one)).encode()), one, "epoch", is_test)


def chat(tmp_path, url, **settings):
    secret = tmp_path / "url"
    secret.write_text(f"{url}\n")
    return Chat(AppriseTarget(name="chat", secret_file=str(secret), **settings))


def json_url(receiver):
    return f"json://user:s3cret@127.0.0.1:{receiver.port}/hook"


def test_a_text_arrives_in_the_language_of_the_site(tmp_path):
    with Receiver(status(200)) as receiver:
        chat(tmp_path, json_url(receiver)).bring(delivery(), None)
        chat(tmp_path, json_url(receiver), language="ko").bring(delivery("closed"), None)

    english, korean = (request.event for request in receiver.requests)
    assert (english["title"], english["message"]) == ("Alert: M1", "alert 1\nCheck the tool.")
    assert (korean["title"], korean["message"]) == ("종료: M1", "경보 1")
    assert [english["type"], korean["type"]] == ["warning", "success"]


def test_what_an_alert_says_is_text_and_never_a_template_or_a_tag(tmp_path):
    text = "{{ 7 * 7 }} <b>&amp;\\n"
    with Receiver(status(200)) as receiver:
        chat(tmp_path, json_url(receiver)).bring(delivery(text_en=text, advice_en=""), None)

    assert receiver.requests[0].event["message"] == text


def test_what_is_not_taken_is_told_without_the_secret(tmp_path):
    with Receiver(status(500, b"no")) as receiver, pytest.raises(AwayError, match="500") as raised:
        chat(tmp_path, json_url(receiver)).bring(delivery(), None)

    assert "s3cret" not in str(raised.value)


def test_a_service_that_hangs_is_waited_for_no_longer_than_told(tmp_path):
    with Receiver(hang) as receiver, pytest.raises(AwayError, match="did not finish within"):
        chat(tmp_path, json_url(receiver), timeout_s=0.2).bring(delivery(), None)


@pytest.mark.parametrize("url", ["pigeon://coop", "no address", "json://"])
def test_an_address_that_is_none_is_found_at_once_and_not_told(tmp_path, url):
    with pytest.raises(ConfigError, match="secret_file") as raised:
        chat(tmp_path, url)

    assert url not in str(raised.value)


def test_a_test_is_called_one():
    assert words(delivery(is_test=True), "en")[0] == "Test: M1"
    assert words(delivery(is_test=True), "ko")[0] == "시험: M1"


def test_without_the_library_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)

    with pytest.raises(UsageError, match=r"notify chat needs apprise.*spindlewatch\[notify\]"):
        chat(tmp_path, "json://localhost")
