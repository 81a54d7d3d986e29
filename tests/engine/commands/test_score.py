from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from healthy import write_healthy
from told import alert

from engine.cli import cli
from engine.errors import RecordingError, UsageError
from replay.evaluate.files import read_alerts
from replay.faults import Fault, write_faults
from sinks.jsonl import AlertLines


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("scored")
    own, out = write_healthy(folder / "M1"), folder / "out"
    done = CliRunner().invoke(cli, ["replay", str(own), "--out", str(out), "--score", "--json"])
    assert done.exit_code == 0, done.output
    told = orjson.loads(done.stdout)["evaluation"]
    assert {
        "config_hash": orjson.loads((out / "summary.json").read_bytes())["config_hash"],
        **told,
    } == orjson.loads((out / "evaluation.json").read_bytes())
    return own, out


def test_labels_corrected_afterwards_are_scored_without_a_replay(replayed: tuple[Path, Path]) -> None:
    own, out = replayed
    before = orjson.loads((out / "evaluation.json").read_bytes())
    write_faults(own / "faults.csv", [Fault(9.0, None, "chatter")])

    done = CliRunner().invoke(cli, ["score", str(own), "--scores", str(out)])

    after = orjson.loads((out / "evaluation.json").read_bytes())
    assert done.exit_code == 0, done.output
    assert "chatter" in done.stdout
    assert (before["overall"]["n_faults"], after["overall"]["n_faults"]) == (0, 1)
    assert after["config_hash"] == before["config_hash"]


def test_a_recording_that_was_not_replayed_into_the_folder_is_named(
    replayed: tuple[Path, Path], tmp_path: Path
) -> None:
    other = write_healthy(tmp_path / "other")

    done = CliRunner().invoke(cli, ["score", str(other), "--scores", str(replayed[1])])

    assert isinstance(done.exception, UsageError)
    assert "other: was not replayed into" in str(done.exception)


def test_a_recording_given_twice_is_wrong_usage(replayed: tuple[Path, Path]) -> None:
    own, out = replayed

    done = CliRunner().invoke(cli, ["score", str(own), str(own), "--scores", str(out)])

    assert isinstance(done.exception, UsageError)


def test_a_folder_that_no_replay_wrote_is_one_clear_error(
    replayed: tuple[Path, Path], tmp_path: Path
) -> None:
    done = CliRunner().invoke(cli, ["score", str(replayed[0]), "--scores", str(tmp_path)])

    assert isinstance(done.exception, RecordingError)
    assert "summary.json: cannot be read" in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_alerts_come_back_as_they_were_written(tmp_path: Path) -> None:
    sent = [alert(5, fault="chatter"), alert(5, "closed", fault="chatter")]
    with AlertLines(tmp_path / "alerts.jsonl") as lines:
        lines.write(sent)

    back = read_alerts(tmp_path / "alerts.jsonl")
    with AlertLines(tmp_path / "again.jsonl") as lines:
        lines.write(back)

    assert [message.state for message in back] == [message.state for message in sent]
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "alerts.jsonl").read_bytes()


def test_a_line_that_is_no_alert_is_named(tmp_path: Path) -> None:
    (tmp_path / "alerts.jsonl").write_text('{"id": "M1"}\n')

    with pytest.raises(RecordingError, match=r"alerts\.jsonl: line 1: wanted an alert of a replay"):
        read_alerts(tmp_path / "alerts.jsonl")
