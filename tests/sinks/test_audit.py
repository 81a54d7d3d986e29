from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from told import alert

from engine.errors import SpindlewatchError
from sinks.audit import AuditTrail, Deed, read_audit
from sinks.journal import Journal


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "journal.sqlite3"
    Journal(path).close()
    return path


def deed(n, outcome="ok", who="hall"):
    return Deed(n, who, "operator", "10.0.0.7", "ack", f"alert {n}", outcome)


def write(path, deeds, counts=None, now_s=lambda: 0.0):
    trail = AuditTrail(path, Counter() if counts is None else counts, now_s)
    for one in deeds:
        trail.note(one)
    trail.close()


def test_deeds_are_read_as_they_were_written_newest_last(path):
    write(path, [deed(n) for n in range(1, 6)])

    assert [(one["n"], one["t_ns"], one["subject"]) for one in read_audit(path, 3)] == [
        (3, 3, "alert 3"),
        (4, 4, "alert 4"),
        (5, 5, "alert 5"),
    ]
    assert read_audit(path, 1)[0]["who"] == "hall"


def test_trail_goes_on_after_a_restart(path):
    write(path, [deed(1)])
    write(path, [deed(2)])

    assert [one["n"] for one in read_audit(path, 9)] == [1, 2]


@pytest.mark.parametrize("statement", ["DELETE FROM audit", "UPDATE audit SET who = 'nobody'"])
def test_what_was_written_can_neither_be_changed_nor_taken_away(path, statement):
    write(path, [deed(1)])

    with (
        closing(sqlite3.connect(path)) as other,
        pytest.raises(sqlite3.IntegrityError, match="only ever added"),
    ):
        other.execute(statement)


def test_flood_of_refusals_fills_no_disk_and_hides_no_success(path):
    counts, now_s = Counter(), iter([0.0] * 1001 + [25.0] * 10)

    write(
        path,
        [deed(n, "token refused") for n in range(1000)] + [deed(1000), deed(1001, "token refused")],
        counts,
        lambda: next(now_s),
    )

    told = read_audit(path, 9999)
    assert len(told) == 62
    assert told[-2]["outcome"] == "ok"
    assert told[-1]["outcome"] == "token refused (940 more refusals before it)"
    assert (counts["audited"], counts["audit_skipped"]) == (62, 940)


def test_what_a_stranger_says_is_cut(path):
    write(path, [deed(1, "no", who="x" * 100_000)])

    assert len(read_audit(path, 1)[0]["who"]) == 200


def test_journal_works_beside_the_trail_and_keeps_it(path):
    write(path, [deed(1)])
    with closing(Journal(path)) as journal:
        write(path, [deed(2)])
        assert journal.append(alert(1)) == 1

    assert len(read_audit(path, 9)) == 2


def test_trail_that_cannot_be_written_is_counted_and_logged_and_stops_nobody(tmp_path, caplog):
    counts = Counter()

    write(tmp_path / "none" / "journal.sqlite3", [deed(1), deed(2)], counts)

    assert counts["audit_errors"] == 2
    assert "not written" in caplog.text


def test_reading_a_journal_without_a_trail_changes_nothing(path, tmp_path):
    before = path.read_bytes()

    assert read_audit(path, 9) == []
    assert path.read_bytes() == before
    with pytest.raises(SpindlewatchError, match="no such file"):
        read_audit(tmp_path / "none.sqlite3", 9)
