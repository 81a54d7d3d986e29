from __future__ import annotations

from dataclasses import replace

import pytest
from healthy import write_healthy
from told import alert as told_alert

from engine.config import parse_config
from engine.errors import RecordingError, UsageError
from engine.verdicts import Alert, AlertState
from replay.compare.session import compare_configs
from replay.explain.knobs import knobs_of
from replay.explain.recorded import Told, explain_recorded, find_alert, read_journal, read_replay
from replay.explain.result import Explanation, Remedy
from replay.recording import Recording
from replay.session import replay_recordings
from sinks.journal import Journal

S = 1_000_000_000
LIMITED = parse_config(
    "[judge]\noff_delay_s = 0.5\n[diagnosis]\nenabled = false\n[dynamic]\nenabled = false\n"
    '[[limits]]\nfeature = "vib_x.rms"\nabove = 0.3\n'
)


def both(number: int, fault: str, score: float, **changed: object) -> list[Alert]:
    opened = replace(told_alert(number, fault=fault), score=score, **changed)
    return [opened, replace(opened, state=AlertState.CLOSED, t_ns=opened.t_ns + S)]


@pytest.fixture
def journal(tmp_path):
    """Two chatters, one of them faint; something unexplained; a sensor."""
    path = tmp_path / "j.sqlite3"
    kept = Journal(path)
    messages = [
        both(10, "chatter", 2.0),
        both(20, "chatter", 1.3),
        both(30, "chatter", 5.0),
        both(40, "process", 1.5),
        both(50, "sensor", float("nan")),
    ]
    for message in (one for pair in messages for one in pair):
        kept.append(message)
    kept.close()
    return read_journal(path)


def remedies(explanation: Explanation) -> dict[str, Remedy]:
    return {remedy.key: remedy for remedy in explanation.remedies}


def lost(remedy: Remedy) -> list[str]:
    return [other.alert.id for other in remedy.lost]


def test_what_a_journal_tells_says_how_far_a_setting_must_go_and_what_else_may_be_lost(journal):
    found = remedies(explain_recorded("M1:chatter:10", journal, parse_config("")))

    assert 2.0 < found["judge.on"].to < 2.05
    assert lost(found["judge.on"]) == ["M1:chatter:20", "M1:process:40"]
    assert 0.49 < found["diagnosis.sensitivity.chatter"].to < 0.5
    assert lost(found["diagnosis.sensitivity.chatter"]) == ["M1:chatter:20"]
    assert lost(found["diagnosis.off"]) == ["M1:chatter:20", "M1:chatter:30"]


def test_what_is_concluded_is_never_called_verified(journal):
    explanation = explain_recorded("M1:chatter:10", journal, parse_config(""))

    assert not any(remedy.verified or remedy.smallest for remedy in explanation.remedies)
    assert all("not verified" in remedy.said[0].en for remedy in explanation.remedies)
    assert any("not verified" in note.en for note in explanation.notes)
    assert {other.truth for remedy in explanation.remedies for other in remedy.lost} == {"not labelled"}


def test_a_sensor_alert_has_no_remedy_and_says_so(journal):
    explanation = explain_recorded("M1:sensor:50", journal, parse_config(""))

    assert explanation.remedies == ()
    assert "[check]" in explanation.opening.en


def test_an_unknown_id_names_those_that_are_alike(journal):
    with pytest.raises(UsageError, match=r"wanted the id of one of 5 alerts; there is: .*M1:chatter:10"):
        find_alert("M1:chatter:11", journal.alerts)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replayed")
    path = write_healthy(folder / "M1")
    replay_recordings([path], folder / "out", LIMITED)
    return folder / "out", Recording.open(path)


def test_the_scores_of_a_replay_say_what_would_have_sufficed_and_a_replay_confirms_it(replayed):
    out, recording = replayed
    told = read_replay(out)
    alert = told.alerts[0]
    knobs = {knob.key: knob for knob in knobs_of(alert, LIMITED)}

    found = explain_recorded(alert.id, told, LIMITED).remedies

    assert {remedy.key for remedy in found} == {
        "judge.on",
        "judge.on_delay_vectors",
        "limits[0].above (vib_x.rms)",
    }
    for remedy in found:
        if remedy.key.startswith("limits["):
            continue  # messages do not tell the highest value, only the highest that was told
        changed = knobs[remedy.key].change(LIMITED, remedy.to)
        gone = {change.alert.id for change in compare_configs([recording], LIMITED, changed).of("lost")}
        assert gone == {alert.id, *lost(remedy)}


def test_a_replays_labels_say_what_is_true(replayed):
    told = read_replay(replayed[0])

    assert len(told.alerts) == 2
    assert set(told.truths.values()) == {"false"}


def test_a_folder_that_no_replay_wrote_is_one_clear_error(tmp_path):
    with pytest.raises(RecordingError, match="wanted the results of a replay"):
        read_replay(tmp_path)


def test_what_raised_an_alert_survives_the_way_through_json(journal):
    explanation = explain_recorded("M1:process:40", Told(*journal), parse_config(""))

    (reason, said) = explanation.reasons[0]
    assert reason == told_alert(1).reasons[0]._replace(low=reason.low, contribution=reason.contribution)
    assert said.en == "vib_x.rms 4.1 g; expected 1 g; limit 1.3 g, from above; 80 % of the score"
    assert explanation.as_dict()["reasons"][0]["low"] is None
