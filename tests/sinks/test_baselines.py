from __future__ import annotations

import logging
import sqlite3
import threading

import pytest

from operators.baseline_store import BaselineStore
from sinks.baselines import BaselineFile, beside


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop.baselines.sqlite3"


def test_what_was_put_comes_back_as_often_as_it_is_asked_for(path):
    store: BaselineStore = BaselineFile(path)
    store.put("M1/vib/rough", b"\x00one")
    store.put("M1/vib/rough", b"two")

    assert store.get("M1/vib/rough") == b"two"
    assert store.get("M1/vib/rough") == b"two"
    assert store.get("M2/vib/rough") is None


def test_it_outlasts_a_restart(path):
    first = BaselineFile(path)
    first.put("key", b"value")
    first.close()

    assert BaselineFile(path).get("key") == b"value"


def test_in_memory_it_leaves_no_file(tmp_path):
    store = BaselineFile(None)
    store.put("key", b"value")

    assert store.get("key") == b"value"
    assert not list(tmp_path.iterdir())


def test_only_so_many_are_kept_and_the_one_used_least_recently_goes_first(path):
    store = BaselineFile(path, max_entries=3)
    for name in "abc":
        store.put(name, b"value")
    assert store.get("a")
    store.put("d", b"value")

    assert store.count() == 3
    assert store.get("b") is None
    assert store.get("a")
    assert store.get("c")
    assert store.get("d")


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4000])
def test_a_damaged_file_is_set_aside_and_stops_nothing(path, content, caplog):
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        store = BaselineFile(path)
    store.put("key", b"value")

    assert store.get("key") == b"value"
    assert store.n_failed == 1
    assert path.with_name(path.name + ".unusable").read_bytes() == content
    assert "1 failures so far" in caplog.text


def test_another_program_s_database_or_another_version_is_set_aside_whole(path):
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    store = BaselineFile(path)

    assert store.get("key") is None
    kept = sqlite3.connect(path.with_name(path.name + ".unusable"))
    assert kept.execute("SELECT count(*) FROM theirs").fetchone() == (0,)
    kept.close()


def test_trouble_while_running_is_counted_and_stops_nothing(path):
    store = BaselineFile(path)
    store.put("key", b"value")
    store.close()
    store.put("other", b"value")

    assert store.get("key") is None
    assert store.count() == 0
    assert store.n_failed == 3


def test_any_thread_may_use_it(path):
    store = BaselineFile(path)
    threads = [
        threading.Thread(target=lambda name=name: [store.put(f"{name}{n}", b"v") for n in range(20)])
        for name in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.count() == 40
    assert store.n_failed == 0


def test_it_lies_beside_the_journal_and_is_not_the_journal(tmp_path):
    assert beside(tmp_path / "spindlewatch.sqlite3") == tmp_path / "spindlewatch.baselines.sqlite3"
