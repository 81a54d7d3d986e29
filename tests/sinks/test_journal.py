from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import orjson
import pytest
from told import LIFE, alert

from engine.errors import SpindlewatchError
from sinks.journal import Followed, Journal


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite3")
    yield journal
    journal.close()


def test_numbers_increase_from_one(journal):
    assert [journal.append(alert(n)) for n in (5, 3, 9)] == [1, 2, 3]
    assert (journal.oldest(), journal.head()) == (1, 3)


def test_empty_journal_has_head_zero_and_oldest_one(journal):
    assert (journal.head(), journal.oldest()) == (0, 1)


def test_repeated_alert_is_stored_once(journal):
    first = journal.append(alert(1))

    assert journal.append(alert(1)) is None
    assert first == journal.head() == 1
    assert len(journal.page(0, 10)) == 1


def test_another_state_of_the_same_alert_is_another_message(journal):
    assert journal.append(alert(1)) is not None
    assert journal.append(alert(1, "closed")) is not None


def test_active_holds_the_newest_message_of_what_has_not_closed(journal):
    for message in (alert(1), alert(2), alert(1, "updated"), alert(3), alert(2, "closed")):
        journal.append(message)

    assert [(entry.seq, orjson.loads(entry.json)["state"]) for entry in journal.active()] == [
        (3, "updated"),
        (4, "opened"),
    ]


def test_repeated_opening_does_not_reopen_a_closed_alert(journal):
    journal.append(alert(1))
    journal.append(alert(1, "closed"))

    journal.append(alert(1))

    assert journal.active() == []


def test_pages_follow_each_other_without_gap_or_overlap(journal):
    for n in range(7):
        journal.append(alert(n))

    first = journal.page(0, 3)
    second = journal.page(first[-1].seq, 3)
    third = journal.page(second[-1].seq, 3)

    assert [entry.seq for entry in first + second + third] == list(range(1, 8))
    assert journal.page(third[-1].seq, 3) == []


def test_reopened_journal_continues_its_epoch_and_numbers(tmp_path):
    path = tmp_path / "journal.sqlite3"
    before = Journal(path)
    before.append(alert(1))
    epoch = before.epoch
    before.close()

    after = Journal(path)

    assert after.epoch == epoch
    assert after.append(alert(1)) is None
    assert after.append(alert(2)) == 2
    after.close()


def test_two_journals_have_different_epochs(tmp_path, journal):
    other = Journal(tmp_path / "other.sqlite3")

    assert other.epoch != journal.epoch
    other.close()


def test_stored_json_says_null_where_the_alert_cannot_say(journal):
    journal.append(alert(1))

    (entry,) = journal.page(0, 1)

    assert orjson.loads(entry.json)["reasons"][0]["low"] is None


def test_threads_append_without_losing_or_doubling_a_number(journal):
    numbers: list[int | None] = []

    def append(start: int) -> None:
        numbers.extend(journal.append(alert(n)) for n in range(start, start + 25))

    threads = [threading.Thread(target=append, args=(start,)) for start in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(number for number in numbers if number) == list(range(1, 76))


def test_append_is_on_disk_before_it_returns(journal, tmp_path):
    journal.append(alert(1))

    other = sqlite3.connect(tmp_path / "journal.sqlite3")
    try:
        assert other.execute("SELECT count(*) FROM alerts").fetchone() == (1,)
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        other.close()


def test_a_file_that_is_no_database_is_refused_by_name(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam, " * 100)

    with pytest.raises(SpindlewatchError, match=r"letter\.txt: cannot be used as a journal"):
        Journal(path)
    assert path.read_text().startswith("Dear Sir")


def test_another_programs_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "music.sqlite3"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE songs (name TEXT)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(SpindlewatchError, match="not a journal"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_newer_versions_journal_is_refused(tmp_path):
    path = tmp_path / "journal.sqlite3"
    Journal(path).close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()

    with pytest.raises(SpindlewatchError, match="version 99"):
        Journal(path)


def test_a_folder_that_does_not_exist_is_one_clear_error(tmp_path):
    with pytest.raises(SpindlewatchError, match=r"nowhere.*unable to open"):
        Journal(tmp_path / "nowhere" / "journal.sqlite3")


def test_full_disk_is_one_clear_error_and_loses_nothing_stored(tmp_path: Path):
    path = tmp_path / "journal.sqlite3"
    journal = Journal(path)
    journal.append(alert(1))
    # SQLite reports a full disk and a reached page limit with the same error.
    (n_pages,) = journal._writer.execute("PRAGMA page_count").fetchone()
    journal._writer.execute(f"PRAGMA max_page_count = {n_pages}")

    with pytest.raises(SpindlewatchError, match=r"cannot store alert .*full"):
        journal.append(alert(2, text="x" * 100_000))

    assert [entry.seq for entry in journal.page(0, 10)] == [1]
    journal.close()


def test_a_journal_as_version_2_made_it_keeps_all_it_holds_and_can_follow_streams(tmp_path):
    path = tmp_path / "journal.sqlite3"
    other = sqlite3.connect(path)
    other.executescript(Path(__file__).with_name("journal_version_2.sql").read_text())
    other.close()

    for _ in range(2):  # the second time it is of this version
        journal = Journal(path)
        assert journal.epoch == "effe09307fb1a325"
        assert [entry.seq for entry in journal.page(0, 10)] == [1, 2, 3]
        assert [entry.seq for entry in journal.active()] == [2]
        assert [life["curve"] for life in journal.lives()] == [[[11, 0.3], [12, 0.4]]]
        assert journal.followed("alerts") == Followed()
        journal.close()
    journal = Journal(path)
    assert journal.append(alert(2)) is None
    assert [entry.seq for entry in journal.follow({"alerts": Followed("5-0", 1)}, [alert(3)])] == [4]
    journal.close()


def test_alerts_and_how_far_their_stream_was_read_are_stored_together(tmp_path, journal):
    told = journal.follow({"alerts": Followed("7-1", 3), "lives": Followed("2-0", 1)}, [alert(1)], [LIFE])

    other = Journal(tmp_path / "journal.sqlite3")
    assert other.page(0, 10) == told
    assert len(other.lives()) == 1
    assert (other.followed("alerts"), other.followed("lives")) == (Followed("7-1", 3), Followed("2-0", 1))
    other.close()


def test_what_came_by_a_stream_before_is_not_stored_again(journal):
    journal.append(alert(1))

    told = journal.follow({"alerts": Followed("8-0", 3)}, [alert(1), alert(2), alert(2)])

    first, second, third = told
    assert (first, third) == (None, None)
    assert journal.page(1, 10) == [second]


def test_a_stream_that_could_not_be_stored_counts_as_not_read(journal):
    journal.follow({"alerts": Followed("1-0", 1)}, [alert(1)])
    (n_pages,) = journal._writer.execute("PRAGMA page_count").fetchone()
    journal._writer.execute(f"PRAGMA max_page_count = {n_pages}")

    with pytest.raises(SpindlewatchError, match=r"cannot store 2 alerts .*full"):
        journal.follow({"alerts": Followed("3-0", 3)}, [alert(2), alert(3, text="x" * 100_000)])

    assert [entry.seq for entry in journal.page(0, 10)] == [1]
    assert journal.followed("alerts") == Followed("1-0", 1)
