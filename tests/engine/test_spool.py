import os
import signal
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.spool import Spool, SpoolError

CHILD = """
import os, sys
from collections import Counter
from pathlib import Path
from engine.spool import Spool

spool = Spool(Path(sys.argv[1]), "in:M1", 2**30, 4, Counter())
for number in range(10**9):
    spool.append([b"%d" % number + bytes(3000)], 0)
    os.write(1, b"%d\\n" % number)
"""


@pytest.fixture
def spool(tmp_path):
    """Makes spools of the same stream, as processes one after the other do; closes them all."""
    made = []

    def make(max_size=2**20, n_held=4):
        made.append(Spool(tmp_path / "spool", "shop:in:M 1/2", max_size, n_held, Counter()))
        return made[-1]

    yield make
    for one in made:
        one.close()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7), st.booleans()), max_size=12))
def test_whatever_is_put_in_and_taken_out_and_whenever_it_is_opened_anew_it_is_a_queue(
    tmp_path_factory, steps
):
    folder = tmp_path_factory.mktemp("spool")
    spool, wanted, n_put, n_gone = Spool(folder, "s", 2**20, 4, Counter()), [], 0, 0
    for n_in, n_out, is_reopened in steps:
        if n_in:
            spool.append([b"%d" % (n_put + k) for k in range(n_in)], n_gone)
        wanted += [b"%d" % (n_put + k) for k in range(n_in)]
        n_put += n_in
        if n_out and wanted:
            n_out = min(n_out, len(wanted))
            n_gone += n_out
            spool.remove(n_out, n_gone)
            del wanted[:n_out]
        if is_reopened:
            spool.close()
            spool = Spool(folder, "s", 2**20, 4, Counter())
        assert len(spool) == len(wanted)
        assert spool.oldest(100) == wanted if wanted else not list(folder.iterdir())
        assert not wanted or spool.number == n_gone
        assert [spool.nth(k) for k in range(1, len(wanted) + 1)] == wanted
    spool.close()


def test_what_was_put_in_survives_a_kill_at_any_moment(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE)
    for line in child.stdout:
        if int(line) == 200:
            child.send_signal(signal.SIGKILL)
            break
    told = [int(number) for number in child.communicate()[0].split(b"\n") if number] or [200]
    spool = Spool(tmp_path, "in:M1", 2**30, 4, Counter())
    found = [int(message.rstrip(b"\0")) for message in spool.oldest(10**6)]
    spool.close()
    assert found == list(range(len(found)))
    assert len(found) >= told[-1] + 1


def test_when_it_is_full_the_oldest_go_but_for_those_that_may_be_under_way(spool, caplog):
    full = spool(max_size=1000, n_held=4)
    for number in range(100):
        full.append([b"%2d" % number + bytes(98)], 0)
    kept = [int(message[:2]) for message in full.oldest(1000)]
    n_late = len(kept) - 4
    assert kept == [0, 1, 2, 3, *range(100 - n_late, 100)]
    assert 4 <= n_late <= 6
    assert full._counts == {"spooled": 100, "dropped": 100 - len(kept)}
    assert caplog.text.count("messages are dropped") == 1


def test_it_takes_no_more_of_the_disk_than_it_was_given(spool):
    full = spool(max_size=2**20)
    for _ in range(100):
        full.append([bytes(50_000)] * 2, 0)
    sizes = {path.suffix: path.stat().st_size for path in full.path.parent.iterdir()}
    assert sizes[".spool"] < 1.1 * 2**20
    assert sizes[".spool-wal"] < 6 * 2**20


def test_a_file_that_is_damaged_is_put_aside_and_told_of(spool, caplog):
    first = spool()
    first.append([b"a"], 0)
    first.close()
    first.path.write_bytes(os.urandom(5000))
    second = spool()
    assert len(second) == 0
    second.append([b"b"], 7)
    assert (second.oldest(9), second.number) == ([b"b"], 7)
    assert second.path.with_suffix(".damaged").exists()
    assert "damaged" in caplog.text


def test_damage_in_the_middle_of_a_file_is_noticed_and_counted(spool):
    first = spool()
    first.append([bytes(20_000)] * 20, 0)
    first.close()
    data = bytearray(first.path.read_bytes())
    data[9 * 4096 : 10 * 4096] = bytes(4096)  # within a message
    first.path.write_bytes(data)
    second = spool()
    with pytest.raises(SpoolError, match="malformed"):
        second.oldest(20)
    assert len(second) == 0
    assert second._counts["dropped"] == 20


def test_a_second_process_is_refused_while_the_first_has_it_open(spool):
    first = spool()
    first.append([b"a"], 0)
    second = spool()
    with pytest.raises(SpoolError, match="locked"):
        second.append([b"b"], 0)
    first.close()
    second.append([b"b"], 0)
    assert second.oldest(9) == [b"a", b"b"]


def test_streams_whose_names_differ_in_characters_that_no_file_has_are_kept_apart(tmp_path):
    names = "in:a/b", "in:a_b", "in:" + "x" * 200 + "1", "in:" + "x" * 200 + "2", "in:선반"
    spools = [Spool(tmp_path, name, 2**20, 4, Counter()) for name in names]
    for spool in spools:
        spool.append([spool.path.name.encode()], 0)
    assert [spool.oldest(9) for spool in spools] == [[spool.path.name.encode()] for spool in spools]
    assert len({spool.path for spool in spools}) == len(names)
    for spool in spools:
        spool.close()
