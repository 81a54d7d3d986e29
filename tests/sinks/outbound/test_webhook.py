from __future__ import annotations

import hashlib
import hmac
import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from receiver import OK, Receiver, status
from told import alert

from engine.errors import ConfigError
from engine.targets import WebhookTarget
from sinks.alert_json import alert_from_json
from sinks.journal import Journal
from sinks.outbound.base import AwayError, Delivery, RefusedError
from sinks.outbound.webhook import Webhook

README = Path(__file__).resolve().parents[3] / "sinks" / "README.md"


class Noon:
    def now_ns(self):
        return 1_700_000_000_999_999_999


def journaled(tmp_path, *alerts):
    journal = Journal(tmp_path / "journal.sqlite3", durable=False)
    for one in alerts:
        journal.append(one)
    found = [Delivery(entry, alert_from_json(entry.json), journal.epoch) for entry in journal.page(0, 100)]
    journal.close()
    return found


def webhook(url, **settings):
    return Webhook(WebhookTarget(name="shop", url=url, **settings), "shop 1", Noon())


def test_a_receiver_can_prove_who_sent_what_and_when(tmp_path):
    (tmp_path / "secret").write_text("correct horse\nnot this")
    [delivery] = journaled(tmp_path, alert(1))
    with Receiver() as receiver:
        webhook(receiver.url, secret_file=str(tmp_path / "secret")).bring(delivery, None)

    [request] = receiver.requests
    stamp = request.headers["x-spindlewatch-timestamp"]
    wanted = hmac.new(b"correct horse", stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-spindlewatch-signature"] == f"sha256={wanted}"
    assert stamp == "1700000000"


def test_what_the_documentation_shows_tells_the_genuine_from_the_forged(tmp_path, monkeypatch):
    _, _, section = README.read_text(encoding="utf-8").partition("### Webhook")
    shown = {}
    exec(re.search(r"```python\n(.*?)```", section, re.S).group(1), shown)
    (tmp_path / "secret").write_text("correct horse")
    [delivery] = journaled(tmp_path, alert(1))
    with Receiver() as receiver:
        webhook(receiver.url, secret_file=str(tmp_path / "secret")).bring(delivery, None)
    [request] = receiver.requests
    headers = {name.title(): value for name, value in request.headers.items()}

    monkeypatch.setattr("time.time", lambda: 1_700_000_100.0)
    assert shown["is_genuine"]("correct horse", headers, request.body)
    assert not shown["is_genuine"]("wrong horse", headers, request.body)
    assert not shown["is_genuine"]("correct horse", headers, request.body + b" ")
    monkeypatch.setattr("time.time", lambda: 1_700_000_400.0)
    assert not shown["is_genuine"]("correct horse", headers, request.body)


def test_an_alert_is_a_cloud_event_whose_data_are_what_was_journaled(tmp_path):
    [delivery] = journaled(tmp_path, alert(3, spindle="선반/1"))
    with Receiver() as receiver:
        webhook(receiver.url).bring(delivery, None)

    [request] = receiver.requests
    event = request.event
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    assert (event["specversion"], event["type"]) == ("1.0", "spindlewatch.alert.opened")
    assert (event["subject"], event["time"]) == ("선반/1", "1970-01-01T00:00:03.000000Z")
    assert event["source"] == "/shop%201/%EC%84%A0%EB%B0%98%2F1"
    assert event["data"] == json.loads(delivery.entry.json)
    assert (event["seq"], event["epoch"]) == (1, delivery.epoch)
    assert (
        event["id"]
        == unquote(request.headers["x-spindlewatch-delivery"])
        == "선반/1:process:3|opened|3000000000"
    )
    assert "x-spindlewatch-signature" not in request.headers
    assert "authorization" not in request.headers


def test_the_same_message_has_the_same_id_however_often_it_comes_and_another_has_another(tmp_path):
    deliveries = journaled(tmp_path, alert(1), alert(1, "updated"), alert(1, "closed"), alert(2))
    with Receiver() as receiver:
        for delivery in (*deliveries, *deliveries):
            webhook(receiver.url).bring(delivery, None)

    ids = [request.event["id"] for request in receiver.requests]
    assert ids[:4] == ids[4:]
    assert len(set(ids)) == 4


def test_another_secret_and_token_need_no_restart(tmp_path):
    token = tmp_path / "token"
    token.write_text("first")
    [delivery] = journaled(tmp_path, alert(1))
    with Receiver() as receiver:
        bringing = webhook(receiver.url, token_file=str(token))
        bringing.bring(delivery, None)
        token.write_text("second")
        bringing.bring(delivery, None)

    assert [one.headers["authorization"] for one in receiver.requests] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("code", [301, 307, 401, 403, 404, 429, 502, 503])
def test_who_serves_nobody_is_away(tmp_path, code):
    [delivery] = journaled(tmp_path, alert(1))
    with Receiver(status(code, b"sorry")) as receiver, pytest.raises(AwayError, match=rf"{code}: sorry"):
        webhook(receiver.url).bring(delivery, None)


@pytest.mark.parametrize("code", [400, 409, 413, 422, 500, 501])
def test_who_does_not_take_this_refuses_it(tmp_path, code):
    [delivery] = journaled(tmp_path, alert(1))
    with Receiver(status(code)) as receiver, pytest.raises(RefusedError, match=f"{code}"):
        webhook(receiver.url).bring(delivery, None)


@pytest.mark.parametrize("answer", [OK, status(200, b"{}"), status(202)])
def test_whoever_answers_with_success_has_it(tmp_path, answer):
    [delivery] = journaled(tmp_path, alert(1))
    with Receiver(answer) as receiver:
        webhook(receiver.url).bring(delivery, None)


@pytest.mark.parametrize("content", [None, b"", b"\nlate", b"\xff\xfe", "비밀".encode(), b"a\x00b"])
def test_a_secret_that_cannot_be_used_is_found_at_once_and_not_told(tmp_path, content):
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match="secret_file") as raised:
        webhook("http://127.0.0.1:9", secret_file=str(path))

    assert content is None or not content or content.decode(errors="replace") not in str(raised.value)
