from __future__ import annotations

import orjson
import pytest
from told import alert, state, verdict

from sinks.jsonl import AlertLines


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alerts.jsonl"


def written(path, *batches) -> bytes:
    with AlertLines(path) as lines:
        for batch in batches:
            lines.write(batch)
    return path.read_bytes()


def test_lines_do_not_depend_on_how_spindles_took_turns(path):
    one, two = alert(1, spindle="M1"), alert(1, spindle="M2")

    assert written(path, [one], [two]) == written(path, [two, one])


def test_lines_are_in_stream_time(path):
    lines = written(path, [alert(3), alert(1)], [alert(2)]).splitlines()

    assert [orjson.loads(line)["id"] for line in lines] == [f"M1:process:{n}" for n in (1, 2, 3)]


def test_wall_times_are_left_out_and_nan_is_null(path):
    (line,) = written(path, [alert(1)]).splitlines()

    told = orjson.loads(line)
    assert told.keys().isdisjoint({"received_ns", "judged_ns"})
    assert told["reasons"][0]["low"] is None


def test_other_records_are_passed_over(path):
    assert written(path, [state(), verdict(2.0)]) == b""


def test_file_appears_only_when_it_is_whole(path):
    path.write_bytes(b"before")

    with AlertLines(path) as lines:
        lines.write([alert(1)])
        assert path.read_bytes() == b"before"

    assert path.read_bytes().startswith(b'{"version":1')
    assert list(path.parent.iterdir()) == [path]


def torn():
    """A batch that fails half-way."""
    yield alert(1)
    raise OSError("torn")


def test_a_replay_that_fails_leaves_the_old_file(path):
    path.write_bytes(b"before")

    with pytest.raises(OSError, match="torn"):
        written(path, torn())

    assert path.read_bytes() == b"before"
    assert list(path.parent.iterdir()) == [path]
