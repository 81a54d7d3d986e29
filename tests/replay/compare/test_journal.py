from __future__ import annotations

import pytest
from click.testing import CliRunner
from told import alert, state

from engine.cli import cli
from engine.errors import UsageError
from engine.fuse import Fuse
from replay.compare.journal import compare_journal
from sinks.journal import Journal
from sinks.shadow import ShadowJournal, shadow_beside

S = 1_000_000_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "j.sqlite3"


def live(path, *alerts):
    journal = Journal(path)
    for message in alerts:
        journal.append(message)
    journal.close()


def both(number):
    return alert(number), alert(number, "closed")


def shadow(path, *records, config_hash="0123456789ab", fuse=None):
    journal = ShadowJournal(shadow_beside(path), config_hash, "live", fuse or Fuse("shadow"))
    journal.write(records)
    journal.close()


def test_live_alerts_and_the_shadows_are_compared_by_id(path):
    live(path, *both(100), *both(200))
    shadow(path, state(t_ns=50 * S), *both(100), *both(300), state(t_ns=400 * S))

    found = compare_journal(path)

    assert [(change.kinds, change.alert.id) for change in found.changes] == [
        (("same",), "M1:process:100"),
        (("lost",), "M1:process:200"),
        (("gained",), "M1:process:300"),
    ]
    assert found.duration_s == 350
    assert {change.truth for change in found.changes} == {"not labelled"}


def test_what_was_told_while_no_shadow_watched_is_not_compared(path):
    live(path, alert(10), alert(100), alert(500))
    shadow(path, state(t_ns=50 * S), state(t_ns=400 * S))

    assert [change.alert.id for change in compare_journal(path).changes] == ["M1:process:100"]


def test_only_the_newest_shadow_configuration_is_compared(path):
    live(path, alert(100))
    shadow(path, state(t_ns=50 * S), alert(60), config_hash="old")
    shadow(path, state(t_ns=90 * S), state(t_ns=200 * S), config_hash="new")

    found = compare_journal(path)

    assert (found.hash_b, len(found.changes)) == ("new", 1)
    assert any("1 earlier shadow" in note for note in found.notes)


def test_a_shadow_that_was_cut_off_is_told(path):
    live(path)
    fuse = Fuse("shadow")
    journal = ShadowJournal(shadow_beside(path), "new", "live", fuse)
    journal.write([state(t_ns=50 * S)])
    fuse.blow(ValueError("no"))
    journal.close()

    assert any(
        "cut off at 1970-01-01T00:00:50+00:00: ValueError: no" in note for note in compare_journal(path).notes
    )


def test_a_journal_without_a_shadow_is_one_clear_error_and_leaves_no_file(path):
    live(path)

    result = CliRunner().invoke(cli, ["compare", "--journal", str(path)])

    assert isinstance(result.exception, UsageError)
    assert "j.shadow.sqlite3; got none" in str(result.exception)
    assert not shadow_beside(path).exists()


def test_the_comparison_is_printed(path):
    live(path, alert(100))
    shadow(path, state(t_ns=50 * S), state(t_ns=200 * S))

    result = CliRunner().invoke(cli, ["compare", "--journal", str(path)])

    assert result.exit_code == 0
    assert "0 gained, 1 lost" in result.output


def test_paths_beside_a_journal_are_wrong_usage(path):
    result = CliRunner().invoke(cli, ["compare", "default", "--journal", str(path)])

    assert isinstance(result.exception, UsageError)
