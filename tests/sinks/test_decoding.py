"""What one process writes as JSON, another reads back."""

from __future__ import annotations

import math
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from told import LIFE, alert, state, verdict

from engine.errors import WireError
from engine.verdicts import (
    Alert,
    AlertState,
    Condition,
    Cover,
    FaultClass,
    Reason,
    SpindleState,
    Tier,
    ToolLife,
)
from sinks import messages
from sinks.alert_json import alert_as_dict, alert_from_json
from sinks.journal import Followed, Journal
from sinks.mailbox import ShownScore, shown
from sinks.messages import live_from_json
from sinks.tool_history import life_as_dict, life_from_json

TIMES = st.integers(-(2**63), 2**63 - 1)
COUNTS = st.integers(0, 2**53)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.floats()
REASONS = st.lists(
    st.builds(
        Reason,
        feature=NAMES,
        value=NUMBERS,
        expected=NUMBERS,
        low=NUMBERS,
        high=NUMBERS,
        unit=NAMES,
        share=NUMBERS,
        contribution=NUMBERS,
    ),
    max_size=3,
).map(tuple)
ALERTS = st.builds(
    Alert,
    id=NAMES.filter(bool),
    spindle=NAMES,
    group=NAMES,
    fault=st.sampled_from(FaultClass),
    state=st.sampled_from(AlertState),
    tier=st.sampled_from(Tier),
    regime=NAMES,
    onset_ns=TIMES,
    t_ns=TIMES,
    score=NUMBERS,
    detail=NAMES,
    reasons=REASONS,
    text_en=NAMES,
    text_ko=NAMES,
    config_hash=NAMES,
    received_ns=st.none() | TIMES,
    judged_ns=st.none() | TIMES,
    certainty=NUMBERS,
    key=NAMES,
    advice_en=NAMES,
    advice_ko=NAMES,
)
LIVES = st.builds(
    ToolLife,
    spindle=NAMES,
    tool=NAMES,
    edge=NAMES,
    t_ns=TIMES,
    began_ns=TIMES,
    n_cuts=COUNTS,
    cutting_s=st.floats(0, 1e6),
    wear=NUMBERS,
    remaining_cuts=NUMBERS,
    remaining_low=NUMBERS,
    remaining_high=NUMBERS,
    recommended_ns=st.none() | TIMES,
    recommended_cuts=st.none() | COUNTS,
    over=st.booleans(),
    inferred=st.booleans(),
    evidence=REASONS,
    config_hash=NAMES,
)
STATES = st.builds(
    SpindleState,
    spindle=NAMES,
    t_ns=TIMES,
    condition=st.sampled_from(Condition),
    regime=NAMES,
    learned=COUNTS,
    wanted=COUNTS,
    score=NUMBERS,
    open_alerts=st.lists(NAMES, max_size=2).map(tuple),
    troubles=st.dictionaries(NAMES, COUNTS, max_size=2).map(lambda found: tuple(found.items())),
    cover=st.lists(st.builds(Cover, st.sampled_from(FaultClass), NAMES, NAMES), max_size=2).map(tuple),
    cuts=st.tuples(COUNTS, COUNTS),
)
SCORES = st.builds(
    ShownScore,
    spindle=NAMES,
    group=NAMES,
    t_ns=TIMES,
    regime=NAMES,
    tier=st.sampled_from(Tier),
    detector=NAMES,
    score=NUMBERS,
    ready=st.booleans(),
    learned=COUNTS,
    wanted=COUNTS,
    top_feature=NAMES,
    alerting=st.booleans(),
)


@given(ALERTS)
def test_an_alert_read_back_is_written_the_same_again(one):
    json = orjson.dumps(alert_as_dict(one))

    assert orjson.dumps(alert_as_dict(alert_from_json(json))) == json


@given(LIVES)
def test_a_tool_life_read_back_is_written_the_same_again(life):
    json = orjson.dumps(life_as_dict(life))

    assert orjson.dumps(life_as_dict(life_from_json(json))) == json


@given(STATES)
def test_a_state_read_back_is_written_the_same_again(one):
    json = messages.state(one)

    assert [messages.state(again) for again in live_from_json(json)] == [json]


@given(st.lists(SCORES, max_size=3))
def test_scores_read_back_are_written_the_same_again(scores):
    json = messages.scores(scores)

    assert messages.scores(live_from_json(json)) == json


def test_what_is_read_back_is_what_was_told():
    one = alert(3, "updated")

    again = alert_from_json(orjson.dumps(alert_as_dict(one)))

    assert math.isnan(again.certainty)
    assert math.isnan(again.reasons[0].low)
    assert replace(again, certainty=0.0, reasons=()) == replace(one, certainty=0.0, reasons=())
    assert live_from_json(messages.state(state())) == [state()]
    assert live_from_json(messages.scores([shown(verdict(0.5))])) == [shown(verdict(0.5))]


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    journal = Journal(tmp_path_factory.mktemp("decoded") / "journal.sqlite3", durable=False)
    yield journal
    journal.close()


@given(ALERTS, LIVES)
def test_whatever_can_be_read_can_be_journaled(journal, one, life):
    alert_ = alert_from_json(orjson.dumps(alert_as_dict(one)))

    told = journal.follow(
        {"shop:alerts": Followed("1-0", 1)}, [alert_], [life_from_json(orjson.dumps(life_as_dict(life)))]
    )

    if told[0] is not None:  # the same one was not there already
        (entry,) = journal.page(told[0].seq - 1, 1)
        assert (entry, entry.spindle) == (told[0], one.spindle)
        assert entry.json == orjson.dumps(alert_as_dict(one))
    assert journal.lives(life.spindle)


def changed(change):
    told = alert_as_dict(alert(1))
    change(told)
    return orjson.dumps(told)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (changed(lambda told: told.update(version=2)), "version"),
        (changed(lambda told: told.update(state="open")), "state"),
        (changed(lambda told: told.update(id="")), "id"),
        (changed(lambda told: told.update(t_ns=2**63)), "t_ns"),
        (changed(lambda told: told.update(colour="red")), "colour"),
        (changed(lambda told: told.pop("certainty")), "certainty"),
        (changed(lambda told: told["reasons"][0].update(value="high")), "value"),
        (b"", "truncated"),
        (b"\xff{}", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_what_is_no_alert_is_refused_and_said_where(data, wrong):
    with pytest.raises(WireError, match=f"^alert: .*{wrong}"):
        alert_from_json(data)


@given(st.binary(max_size=40) | st.text().map(str.encode))
def test_whatever_comes_is_read_or_refused(data):
    for read in (alert_from_json, life_from_json, live_from_json):
        with pytest.raises(WireError):
            read(data)


def test_a_life_under_an_unknown_state_is_refused():
    with pytest.raises(WireError, match=r"tool life: .*state"):
        life_from_json(orjson.dumps(life_as_dict(LIFE) | {"state": "worn"}))
