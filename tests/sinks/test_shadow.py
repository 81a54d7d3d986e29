from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
from told import alert, state, verdict

from engine.errors import SpindlewatchError
from engine.fuse import Fuse
from sinks.journal import Journal
from sinks.shadow import ShadowJournal, read_spans

S = 1_000_000_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "j.shadow.sqlite3"


def kept(path, records, fuse=None):
    journal = ShadowJournal(path, "shadow", "live", fuse or Fuse("shadow"))
    try:
        journal.write(records)
    finally:
        journal.close()


def stored(path):
    journal = Journal(path)
    try:
        return [entry.fault for entry in journal.page(0, 100)]
    finally:
        journal.close()


def test_alerts_are_kept_with_the_span_that_was_watched(path):
    kept(path, [state(t_ns=5 * S), verdict(2.0, t_ns=6 * S), alert(7), state(t_ns=9 * S)])

    assert stored(path) == ["process"]
    (span,) = read_spans(path)
    assert span == (5 * S, 9 * S, "shadow", "live", "")


def test_a_second_run_adds_a_span_of_its_own(path):
    kept(path, [state(t_ns=5 * S)])
    kept(path, [state(t_ns=50 * S)])

    assert [span.began_ns for span in read_spans(path)] == [5 * S, 50 * S]


def test_a_process_that_is_killed_loses_at_most_the_last_minute_of_its_span(path):
    journal = ShadowJournal(path, "shadow", "live", Fuse("shadow"))

    journal.write([state(t_ns=second * S) for second in range(100)])

    assert read_spans(path)[0].until_ns == 60 * S
    journal.close()


def test_a_shadow_that_was_cut_off_says_why_and_when(path):
    fuse = Fuse("shadow")
    journal = ShadowJournal(path, "shadow", "live", fuse)
    journal.write([state(t_ns=5 * S)])
    fuse.blow(ValueError("no"))
    journal.write([alert(7), state(t_ns=9 * S)])
    journal.close()

    assert stored(path) == []
    assert read_spans(path) == [(5 * S, 5 * S, "shadow", "live", "ValueError: no")]


def test_a_journal_that_cannot_be_written_blows_the_fuse_and_raises_nothing(path):
    fuse = Fuse("shadow")
    journal = ShadowJournal(path, "shadow", "live", fuse)
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE shadow_spans")

    journal.write([alert(1)])
    journal.write([replace(alert(2), id="another")])

    assert fuse.n_failures == 1
    journal.close()


def test_a_file_that_is_no_journal_is_one_clear_error(path):
    path.write_bytes(b"not a database, but long enough to be looked at as if it were one" * 20)

    with pytest.raises(SpindlewatchError, match=r"j\.shadow\.sqlite3: cannot be used as a journal"):
        ShadowJournal(path, "shadow", "live", Fuse("shadow"))


def test_a_plain_journal_is_no_shadows(path):
    Journal(path).close()

    with pytest.raises(SpindlewatchError, match="cannot be read as a shadow's journal"):
        read_spans(path)
