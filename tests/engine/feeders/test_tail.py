import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.feeders.tail import Piece, Tail


def lines(tail):
    """All that is there now."""
    found = []
    while pieces := tail.poll():
        found += pieces
    return [piece.text.decode() if piece.kind == "line" else f"<{piece.kind}>" for piece in found]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.csv"


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def test_a_line_is_told_once_it_is_complete(log):
    append(log, "a;b\n1;")
    tail = Tail(str(log), "start", 1)
    assert lines(tail) == ["<new>", "a;b"]
    append(log, "2\r\n3")
    assert lines(tail) == ["1;2"]
    append(log, ";4\n")
    assert lines(tail) == ["3;4"]


@given(st.lists(st.text(alphabet="ab1;,\r", max_size=5), max_size=8), st.data())
def test_how_a_file_grows_changes_no_line(tmp_path_factory, texts, data):
    path = tmp_path_factory.mktemp("grows") / "log.csv"
    whole = "".join(f"{text}\n" for text in texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    tail, told = Tail(str(path), "start", 1), []
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        with path.open("ab") as file:
            file.write(whole[begin:end])
        told += lines(tail)
    tail.close()
    assert told == ["<new>", *(text.removesuffix("\r") for text in texts)]


@pytest.mark.parametrize(
    ("before", "after"), [("h\n1\n2\n", ["3"]), ("h\n1\n2", ["23"]), ("h\n", ["3"]), ("h", ["h3"])]
)
def test_from_the_end_only_headings_and_what_comes_are_told(log, before, after):
    append(log, before)
    tail = Tail(str(log), "end", 1)
    assert lines(tail) == ["<new>", *(["h"] if "\n" in before else [])]
    append(log, "3\n")
    assert lines(tail) == after


def test_a_file_that_is_not_there_is_waited_for_and_read_from_its_start(log):
    tail = Tail(str(log), "start", 1)
    assert lines(tail) == []
    append(log, "1\n")
    assert lines(tail) == ["<new>", "1"]


def test_a_renamed_file_is_read_to_its_end_and_then_the_new_one(log):
    append(log, "1\n")
    tail = Tail(str(log), "start", 1)
    lines(tail)
    append(log, "2\n3")
    log.rename(log.with_suffix(".1"))
    append(log, "4\n")
    assert lines(tail) == ["2", "<lost>", "<new>", "4"]


def test_what_is_written_just_before_a_file_is_renamed_is_read(log, monkeypatch):
    append(log, "1\n")
    tail, real = Tail(str(log), "start", 1), os.stat
    lines(tail)

    def renamed(path, **more):
        monkeypatch.setattr(os, "stat", real)
        append(log, "2\n")
        log.rename(log.with_suffix(".1"))
        append(log, "3\n")
        return real(path, **more)

    monkeypatch.setattr(os, "stat", renamed)
    assert lines(tail) == ["2", "<new>", "3"]


def test_a_deleted_file_is_finished_and_its_successor_waited_for(log):
    append(log, "1\n")
    tail = Tail(str(log), "start", 1)
    lines(tail)
    append(log, "2\n")
    log.unlink()
    assert lines(tail) == ["2"]
    append(log, "3\n")
    assert lines(tail) == ["<new>", "3"]


@pytest.mark.parametrize("after", ["9\n", "other\n" + "9\n" * 50])
def test_a_file_cut_to_nothing_is_read_anew_also_if_it_has_grown_again(log, after):
    append(log, "head\n1\n2")
    tail = Tail(str(log), "start", 1)
    lines(tail)
    os.truncate(log, 0)
    append(log, after)
    assert lines(tail) == ["<lost>", "<new>", *after.split()]


def test_files_follow_each_other_in_the_order_of_their_names(tmp_path):
    for day in ("01", "02"):
        append(tmp_path / f"log-{day}.csv", f"{day}\n")
    tail = Tail(str(tmp_path / "log-*.csv"), "start", 1)
    assert lines(tail) == ["<new>", "02"]
    append(tmp_path / "log-02.csv", "more\n")
    for day in ("03", "04"):
        append(tmp_path / f"log-{day}.csv", f"{day}\n")
    assert lines(tail) == ["more", "<new>", "03", "<new>", "04"]


def test_a_line_without_end_is_left_out_and_memory_stays_bounded(log):
    tail = Tail(str(log), "start", 1)
    with log.open("ab") as file:
        file.write(b"1\n" + b"x" * 5_000_000 + b"\n2\n")
    assert lines(tail) == ["<new>", "1", "<lost>", "2"]


def test_what_cannot_be_read_is_tried_again(log, monkeypatch):
    append(log, "1\n")
    tail = Tail(str(log), "start", 1)
    tail.poll()
    real = os.pread

    def broken(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", broken)
    assert tail.poll() == []
    monkeypatch.setattr(os, "pread", real)
    assert tail.poll() == [Piece("new", str(log).encode())]
    assert tail.poll() == [Piece("line", b"1")]


def test_a_feeder_goes_on_where_another_ended_with_the_headings_told_again(log):
    append(log, "head\n1\n2\n3")
    tail = Tail(str(log), "start", 1)
    lines(tail)
    mark = tail.mark
    tail.close()
    append(log, "4\n5\n")
    assert lines(Tail(str(log), "end", 1, mark)) == ["<new>", "head", "34", "5"]


@pytest.mark.parametrize("change", ["renamed", "cut", "rewritten"])
def test_a_mark_in_a_file_that_is_another_one_now_counts_for_nothing(log, change):
    append(log, "head\n1\n2\n")
    tail = Tail(str(log), "start", 1)
    lines(tail)
    if change == "renamed":
        log.rename(log.with_suffix(".1"))
    else:
        os.truncate(log, 0)
    append(log, "other\n" if change == "cut" else "other\n7\n8\n9\n")
    assert lines(Tail(str(log), "end", 1, tail.mark))[:2] == ["<new>", "other"]
    tail.close()


def test_files_that_followed_while_no_feeder_ran_are_read_after_the_rest(tmp_path):
    pattern = str(tmp_path / "log-*.csv")
    append(tmp_path / "log-1.csv", "h\n1\n")
    tail = Tail(pattern, "start", 1)
    lines(tail)
    mark = tail.mark
    tail.close()
    append(tmp_path / "log-1.csv", "2\n")
    append(tmp_path / "log-2.csv", "h\n3\n")
    assert lines(Tail(pattern, "end", 1, mark)) == ["<new>", "h", "2", "<new>", "h", "3"]
    (tmp_path / "log-1.csv").unlink()
    assert lines(Tail(pattern, "end", 1, mark)) == ["<new>", "h", "3"]
