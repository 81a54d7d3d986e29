from __future__ import annotations

import math

import pyarrow.parquet as pq
import pytest
from told import alert, verdict

from sinks.parquet import ScoreTable


def test_a_row_for_each_verdict_in_the_order_they_came(tmp_path):
    with ScoreTable(tmp_path / "scores.parquet") as table:
        table.write([verdict(0.5, t_ns=2), alert(1), verdict(1.5, spindle="M2", t_ns=1)])

    rows = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    assert [(row["t_ns"], row["spindle"], row["score"]) for row in rows] == [(2, "M1", 0.5), (1, "M2", 1.5)]
    assert rows[0]["regime"] == "T3/-/-/-"
    assert rows[0]["top_feature"] == "vib_x.rms"


def test_score_that_cannot_be_said_stays_nan(tmp_path):
    with ScoreTable(tmp_path / "scores.parquet") as table:
        table.write([verdict(math.nan)])

    (score,) = pq.read_table(tmp_path / "scores.parquet")["score"].to_pylist()
    assert math.isnan(score)


def test_many_rows_are_written_in_groups_and_nothing_is_lost(tmp_path):
    one = verdict(0.5)

    with ScoreTable(tmp_path / "scores.parquet") as table:
        for _ in range(12):
            table.write([one] * 10_000)

    file = pq.ParquetFile(tmp_path / "scores.parquet")
    assert file.metadata.num_rows == 120_000
    assert file.metadata.num_row_groups == 3
    file.close()


def test_replay_without_vectors_gives_an_empty_table(tmp_path):
    with ScoreTable(tmp_path / "scores.parquet"):
        pass

    assert pq.read_table(tmp_path / "scores.parquet").num_rows == 0


def test_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "scores.parquet"

    with ScoreTable(path) as table:
        table.write([verdict(0.5)])
        assert not path.exists()

    assert list(tmp_path.iterdir()) == [path]


def test_a_replay_that_fails_leaves_nothing(tmp_path):
    def fail() -> None:
        with ScoreTable(tmp_path / "scores.parquet") as table:
            table.write([verdict(0.5)])
            raise OSError("torn")

    with pytest.raises(OSError, match="torn"):
        fail()

    assert list(tmp_path.iterdir()) == []
