from __future__ import annotations

import orjson
import pytest
from reported import alert, labelled, write_replay

from engine.errors import RecordingError, UsageError
from replay.report import gather


@pytest.fixture
def replayed(tmp_path):
    rec = labelled(tmp_path / "M1")
    found = [alert(4.1, "chatter"), alert(7.0, "bearing"), alert(8.0, "sensor")]
    return write_replay(tmp_path / "out", [rec], found), rec


def test_an_alert_is_explained_false_or_not_judged_and_a_fault_leads_to_what_found_it(replayed):
    out, rec = replayed

    data = gather(out, [rec])

    assert [(one["fault"], one["truth"]) for one in data["alerts"]] == [
        ("chatter", "true"),
        ("bearing", "false"),
        ("sensor", "unlabelled"),
    ]
    first, second = data["recordings"][0]["faults"]
    assert (first["found"], first["alert"], first["right"]) == (True, 0, True)
    assert first["delay_s"] == pytest.approx(0.2)
    assert (second["found"], second["alert"], second["right"]) == (False, None, None)


def test_without_recordings_the_replay_s_own_judgement_stands_and_nothing_is_pictured(replayed):
    out, rec = replayed

    with_it, without = gather(out, [rec]), gather(out)

    assert [one["truth"] for one in without["alerts"]] == [one["truth"] for one in with_it["alerts"]]
    assert not without["recordings"][0]["at_hand"]
    assert [one["picture"] for one in without["alerts"]] == [None] * 3
    assert [one["found"] for one in without["recordings"][0]["faults"]] == [True, False]


def test_signals_are_bounded_and_false_alerts_get_them_first(replayed):
    out, rec = replayed

    data = gather(out, [rec], n_pictures=1)

    assert [one["picture"] is not None for one in data["alerts"]] == [False, True, False]
    assert data["n_pictures"] == 1


def test_labels_of_the_recording_as_they_are_now_decide(replayed):
    out, rec = replayed
    (rec / "faults.csv").write_text("start_s,end_s,fault,note\n6.9,9.0,bearing,\n")

    data = gather(out, [rec])

    assert [one["truth"] for one in data["alerts"]] == ["false", "true", "unlabelled"]


def test_changed_keys_stand_beside_their_defaults_only_if_that_configuration_decided(replayed, tmp_path):
    out, rec = replayed
    site = tmp_path / "site.toml"
    site.write_text("[judge]\non = 1.5\n")
    with pytest.raises(UsageError, match="was decided by configuration"):
        gather(out, [rec], config=site)

    from engine.config import load_config

    summary = orjson.loads((out / "summary.json").read_bytes())
    summary["config_hash"] = load_config(site).hash
    (out / "summary.json").write_bytes(orjson.dumps(summary))

    assert gather(out, config=site)["config"]["changed"] == [
        {"key": "judge.on", "value": "1.5", "default": "1.0"}
    ]
    assert gather(out)["config"]["changed"] is None


def test_a_recording_of_another_replay_is_refused(replayed, tmp_path):
    out, _ = replayed
    other = labelled(tmp_path / "M2", spindle="M2")

    with pytest.raises(UsageError, match=r"M2: was not replayed into .*out"):
        gather(out, [other])


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("summary.json", b"{}", "wanted the summary of a replay"),
        ("summary.json", None, "summary.json: cannot be read"),
        ("alerts.jsonl", b"{}\n", "line 1: wanted an alert"),
        ("scores.parquet", b"no table", "cannot be read as scores"),
        ("kpi.json", b"[]", "wanted a JSON object"),
        ("evaluation.json", b"{", "wanted a JSON object"),
    ],
)
def test_a_file_that_is_missing_or_none_is_one_error_that_names_it(replayed, name, content, wanted):
    out, rec = replayed
    if content is None:
        (out / name).unlink()
    else:
        (out / name).write_bytes(content)

    with pytest.raises(RecordingError, match=wanted) as error:
        gather(out, [rec])

    assert name in str(error.value)


def test_scores_may_be_missing(replayed):
    out, rec = replayed
    (out / "scores.parquet").unlink()

    assert gather(out, [rec])["recordings"][0]["scores"] == []
