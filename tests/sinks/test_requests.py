from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import WireError
from sinks.requests import TYPES, Command, parse_command, parse_wish


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
