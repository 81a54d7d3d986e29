from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.redis_keys import entry_key
from sinks.following import StreamEnd, advance
from sinks.journal import Followed


class Stream:
    """A stream as Redis keeps it; each entry holds a number of its own."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, int]] = []
        self.end = StreamEnd()

    def add(self, entry: str, number: int) -> None:
        self.entries.append((entry, number))
        self.end = StreamEnd(entry, self.end.n_added + 1, len(self.entries))

    def trim(self, length: int) -> int:
        """Keep the newest; how many went."""
        n_gone = max(len(self.entries) - length, 0)
        self.entries = self.entries[n_gone:]
        self.end = self.end._replace(length=len(self.entries))
        return n_gone

    def read(self, after: str, most: int) -> list[tuple[str, int]]:
        return [one for one in self.entries if entry_key(one[0]) > entry_key(after)][:most]


class Reader:
    """Reads a stream until there is no more."""

    def __init__(self) -> None:
        self.position, self.got, self.n_lost, self.n_others = Followed(), [], 0, 0

    def read(self, stream: Stream, most: int = 3) -> None:
        while True:
            entries = stream.read(self.position.entry, most)
            step = advance(self.position, stream.end, [entry for entry, _ in entries], most)
            self.position = step.position
            self.n_lost += step.n_lost
            self.n_others += step.is_other
            if step.is_other:
                continue
            self.got += [number for _, number in entries[: step.n_taken]]
            if step.n_taken < most:
                return


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["add", "add", "read", "trim"]), max_size=60), st.integers(0, 4))
def test_every_entry_is_read_once_or_counted_as_lost(steps, length):
    stream, reader, n_added, began = Stream(), Reader(), 0, False

    for step in steps:
        if step == "add":
            n_added += 1
            stream.add(f"{n_added}-0", n_added)
        elif step == "trim":
            if began:
                stream.trim(length)
        else:
            reader.read(stream)
            began = began or reader.position != Followed()
    reader.read(stream)

    assert reader.got == sorted(set(reader.got))
    assert len(reader.got) + reader.n_lost == n_added
    assert reader.n_others == 0


@settings(max_examples=200)
@given(st.integers(1, 8), st.integers(0, 8), st.booleans())
def test_a_stream_made_anew_is_noticed_and_read_whole(n_before, n_after, ids_go_on):
    before, after, reader = Stream(), Stream(), Reader()
    for n in range(n_before):
        before.add(f"{100 + n}-0", n)
    reader.read(before)

    for n in range(n_after):
        after.add(f"{(200 if ids_go_on else 1) + n}-0", 1000 + n)
    reader.read(after)

    assert reader.n_others == 1
    new = dict.fromkeys(
        number for number in reader.got if number >= 1000
    )  # the first ones may have come twice
    assert list(new) == list(range(1000, 1000 + n_after))
    assert reader.n_lost == 0


@given(st.integers(1, 5), st.integers(0, 9))
def test_what_was_trimmed_before_the_first_reading_is_not_lost(n_kept, n_trimmed):
    stream, reader = Stream(), Reader()
    for n in range(n_kept + n_trimmed):
        stream.add(f"{n + 1}-0", n)
    stream.trim(n_kept)

    reader.read(stream)

    assert (len(reader.got), reader.n_lost) == (n_kept, 0)
    assert reader.position.n == n_kept + n_trimmed


def test_a_redis_that_does_not_count_is_followed_by_ids_alone():
    end = StreamEnd("9-0", None, 2)

    assert advance(Followed("5-0", 3), end, ["7-0", "9-0"], 10).position == Followed("9-0", 5)
    assert advance(Followed("10-0", 3), end, [], 10).is_other
