from __future__ import annotations

import orjson
from click.testing import CliRunner
from reported import alert, labelled, write_replay

from engine.cli import cli
from engine.errors import RecordingError


def test_the_page_is_written_beside_the_replay_and_told_as_json(tmp_path):
    rec = labelled(tmp_path / "M1")
    out = write_replay(tmp_path / "out", [rec], [alert(4.1, "chatter")])

    result = CliRunner().invoke(cli, ["report", str(out), "--recordings", str(rec), "--json"])

    assert result.exit_code == 0, result.output
    path = out / "report.html"
    assert orjson.loads(result.stdout) == {"report": str(path), "alerts": 1, "with_signals": 1}
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_nothing_is_left_behind_where_the_page_cannot_be_made(tmp_path):
    result = CliRunner().invoke(
        cli, ["report", str(tmp_path / "nowhere"), "--output", str(tmp_path / "r.html")]
    )

    assert isinstance(result.exception, RecordingError)
    assert "nowhere/summary.json: cannot be read" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_is_one_error(tmp_path):
    rec = labelled(tmp_path / "M1")
    out = write_replay(tmp_path / "out", [rec], [])

    result = CliRunner().invoke(cli, ["report", str(out), "--output", str(tmp_path / "no" / "r.html")])

    assert isinstance(result.exception, RecordingError)
    assert "r.html: cannot be written" in str(result.exception)
