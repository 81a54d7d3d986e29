"""Scores of a real recording, against rows counted from the files directly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from engine.cli import cli
from engine.clock import NS_PER_S
from replay.recording import Recording
from replay.scoring import Span, confusion


def test_rows_of_a_skab_file_are_those_that_its_scores_hold(
    traces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "replay.evaluate.ranges.package", lambda: ""
    )  # seconds of importing, for nothing told here
    own, out = tmp_path / "valve1-0", tmp_path / "out"
    for arguments in (
        ["import", "skab", str(traces / "skab" / "valve1" / "0.csv"), str(own)],
        ["replay", str(own), "--out", str(out), "--score"],
    ):
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0, done.output
    recording = Recording.open(own)
    (fault,) = recording.faults
    rows = pq.read_table(out / "scores.parquet").slice(400)  # the first 400 teach
    label = Span(
        *(recording.start_ns + round((at_s or 0.0) * NS_PER_S) for at_s in (fault.start_s, fault.end_s))
    )
    direct = confusion(
        rows["t_ns"].to_numpy() - NS_PER_S, rows["alerting"].to_numpy().astype(np.bool_), [label]
    )

    told = orjson.loads((out / "evaluation.json").read_bytes())

    assert told["points"]["f1"] == pytest.approx(direct.f1, abs=0.01)
    assert told["points"]["missed_alert_rate"] == pytest.approx(direct.missed_alert_rate, abs=0.01)
    assert told["overall"]["n_found"] == 1
    assert told["left_out"]["taught_s"] == pytest.approx(400.0, abs=60.0)


def test_healthy_cuts_whose_entry_and_exit_nobody_tells_of_give_no_alert(
    traces: Path, tmp_path: Path
) -> None:
    cuts, out = [tmp_path / f"case01_run{run:02d}" for run in (1, 2)], tmp_path / "out"
    source = traces / "nasa_milling_truncated"
    for arguments in (
        *(["import", "nasa_milling", str(source / f"{cut.name}.npz"), str(cut)] for cut in cuts),
        ["replay", *map(str, cuts), "--out", str(out)],
    ):
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0, done.output

    scores = pq.read_table(out / "scores.parquet", columns=["spindle", "score"])

    assert len(set(scores["spindle"].to_pylist())) == 2
    assert np.isfinite(scores["score"].to_numpy()).any()
    assert (out / "alerts.jsonl").read_bytes() == b""
