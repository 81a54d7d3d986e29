from __future__ import annotations

import math
import sqlite3
from dataclasses import replace

import orjson
import pytest
from click.testing import CliRunner
from told import LIFE, alert

from engine.cli import cli
from sinks.journal import Journal
from sinks.jsonl import ToolLines
from sinks.tool_history import ToolHistory

S = 1_000_000_000


def after(n_cuts, **changes):
    return replace(LIFE, n_cuts=n_cuts, t_ns=n_cuts * 10 * S, **changes)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite3"


def kept(path, *lives):
    """What a journal tells after these came to it, one by one."""
    journal = Journal(path)
    history = ToolHistory(journal)
    for life in lives:
        history.write([alert(1), life])
    found = journal.lives()
    journal.close()
    return found


def test_the_latest_word_about_an_edge_is_kept_and_the_curve_of_its_wear(path):
    (life,) = kept(path, after(1, wear=math.nan), after(2, wear=0.1), after(3, wear=0.2))

    assert life["n_cuts"] == 3
    assert life["wear"] == 0.2
    assert life["curve"] == [[1, None], [2, 0.1], [3, 0.2]]
    assert life["remaining_high"] is None


def test_a_repetition_after_a_restart_changes_nothing(path):
    lives = [after(1), after(2)]

    assert kept(path, *lives) == kept(path, *lives)


def test_every_edge_has_a_history_of_its_own_even_if_its_name_comes_again(path):
    again = after(50, began_ns=400 * S)

    assert [life["n_cuts"] for life in kept(path, after(3), after(4, edge="T2#2"), again)] == [3, 4, 50]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"wear": math.nan}, "learning"),
        ({}, "in_use"),
        ({"recommended_ns": S, "recommended_cuts": 11}, "change"),
        ({"recommended_ns": S, "over": True}, "changed"),
    ],
)
def test_an_edge_is_learning_then_in_use_then_due_then_changed(path, changes, state):
    assert kept(path, replace(LIFE, **changes))[0]["state"] == state


def test_a_journal_of_version_1_gets_tables_of_tools_and_keeps_its_alerts(path):
    journal = Journal(path)
    journal.append(alert(1))
    epoch = journal.epoch
    journal.close()
    other = sqlite3.connect(path)
    other.executescript(
        "DROP TABLE tools; DROP TABLE tool_cuts; DROP TABLE followed; PRAGMA user_version = 1;"
    )
    other.close()

    assert len(kept(path, LIFE)) == 1

    journal = Journal(path)
    assert (journal.epoch, journal.head()) == (epoch, 1)
    journal.close()


def test_lines_of_tools_are_in_stream_time_whoever_came_first(tmp_path):
    path = tmp_path / "tools.jsonl"
    with ToolLines(path) as lines:
        lines.write([after(2, spindle="M2"), alert(1)])
        lines.write([after(1), after(2)])

    told = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [(life["spindle"], life["n_cuts"]) for life in told] == [("M1", 1), ("M1", 2), ("M2", 2)]


def test_the_command_lists_edges_in_use_and_with_all_those_that_were_changed(path):
    kept(path, after(3, over=True), after(5, edge="T2#2"), after(7, spindle="M2"))
    run = CliRunner()

    def listed(*arguments):
        result = run.invoke(cli, ["tools", "--journal", str(path), "--json", *arguments])
        assert result.exit_code == 0
        return [(life["spindle"], life["n_cuts"]) for life in orjson.loads(result.output)["tools"]]

    assert listed() == [("M1", 5), ("M2", 7)]
    assert listed("--spindle", "M2") == [("M2", 7)]
    assert listed("--all") == [("M1", 3), ("M1", 5), ("M2", 7)]


def test_the_table_says_what_to_change_and_how_much_is_left(path):
    kept(path, LIFE, replace(LIFE, tool="T3", recommended_ns=S, recommended_cuts=11, inferred=True))

    printed = CliRunner().invoke(cli, ["tools", "--journal", str(path)]).output

    assert "20 (12 to ?)" in printed
    assert "40 %" in printed
    assert "CHANGE" in printed
    assert "(inferred)" in printed


def test_a_journal_that_is_not_there_is_wrong_usage_and_is_not_made(tmp_path):
    path = tmp_path / "nothing.sqlite3"

    result = CliRunner().invoke(cli, ["tools", "--journal", str(path)])

    assert "no such file" in str(result.exception)
    assert not path.exists()
