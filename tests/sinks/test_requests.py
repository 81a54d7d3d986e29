from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import WireError
from sinks.requests import TYPES, Command, carries_token, parse_auth, parse_command, parse_wish


def test_no_query_wishes_everything_from_now_on():
    wish = parse_wish("/v1/stream")

    assert (wish.since, wish.epoch, wish.types) == (None, None, TYPES)
    assert wish.wants_alert("any", "fault")


def test_names_are_percent_decoded_and_repeatable():
    wish = parse_wish("/v1/stream?spindle=M1%2FA&spindle=%EC%8A%A4&fault=process")

    assert wish.spindles == {"M1/A", "스"}
    assert wish.wants_alert("스", "process")
    assert not wish.wants_alert("스", "collision")


@pytest.mark.parametrize(
    "query",
    ["since=-1", "since=x", "since=", "since=9223372036854775808", "since=1&since=2", "sinse=1", "types=all"],
)
def test_query_that_cannot_be_meant_is_refused(query):
    with pytest.raises(WireError, match="query"):
        parse_wish(f"/v1/stream?{query}")


@given(st.text(max_size=200))
def test_any_query_is_read_or_refused(query):
    with contextlib.suppress(WireError):
        assert parse_wish(f"/v1/stream?{query}").types <= TYPES


def test_waveform_names_may_hold_slashes_in_the_spindle():
    command = parse_command('{"op": "subscribe", "waveform": "hall/M1/vib", "id": 7}')

    assert (command.source, command.id) == (("hall/M1", "vib"), 7)


def test_unsubscribe_wants_no_waveform():
    assert parse_command('{"op": "unsubscribe"}') == Command("unsubscribe")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "7",
        '{"op": "ack"}',
        '{"op": "subscribe"}',
        '{"op": "subscribe", "waveform": "vib"}',
        '{"op": "subscribe", "waveform": 3}',
        '{"op": "unsubscribe", "waveform": "M1/vib"}',
        '{"op": "unsubscribe", "more": 1}',
    ],
)
def test_json_that_is_no_command_is_refused_with_a_reason(text):
    with pytest.raises(WireError, match=r".+"):
        parse_command(text)


@given(st.text())
def test_any_text_is_a_command_or_one_of_two_errors(text):
    with contextlib.suppress(WireError, ValueError):
        assert parse_command(text).op in ("subscribe", "unsubscribe")


def test_token_is_read_from_its_message_and_from_no_other():
    assert parse_auth('{"type": "auth", "token": "sw_1"}') == "sw_1"
    assert parse_auth(b'{"token": "", "type": "auth"}') == ""


@given(st.text() | st.binary())
def test_anything_else_is_refused_without_being_repeated(shown):
    with pytest.raises(WireError, match=r"^wanted a token first: a message of type auth$"):
        parse_auth(shown)


@given(
    st.sampled_from(["token", "Access_Token", "%74oken", "authorization"]),
    st.text(alphabet="ab=&%+", max_size=20),
)
def test_token_in_a_query_is_seen_however_it_is_written_and_wherever_it_stands(key, rest):
    assert carries_token(f"/v1/stream?{rest}&{key}=sw_1")
    assert not carries_token(f"/{key}=sw_1")
