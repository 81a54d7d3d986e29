"""How far a stream in Redis has been read: what was lost meanwhile, and whether it is still the same stream. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.redis_keys import entry_key
from sinks.journal import Followed


class StreamEnd(NamedTuple):
    """A stream as it was right before it was read.

    Parameters
    ----------
    last : str
        Highest id it ever gave; ``0-0`` = there is no stream.
    n_added : int or None
        Entries ever added; None: this Redis does not tell (before version 7), and losses go unnoticed.
    length : int
        Entries that it holds.
    """

    last: str = "0-0"
    n_added: int | None = 0
    length: int = 0


class Step(NamedTuple):
    """What reading has come to.

    Parameters
    ----------
    position : Followed
        Where to go on.
    n_taken : int
        How many of the entries that were read count; the rest is read again.
    n_lost : int
        Entries that were trimmed or deleted before they were read.
    is_other : bool
        It is another stream than before, to be read from its beginning.
    """

    position: Followed
    n_taken: int = 0
    n_lost: int = 0
    is_other: bool = False


_OTHER = Step(Followed(), is_other=True)


def advance(position: Followed, end: StreamEnd, ids: Sequence[str], most: int) -> Step:
    """Go on from a position by what was read.

    Entries that came after the look at the stream's end are left for the next time, so that both need not be of one
    moment: a transaction would, but a Redis whose memory is full refuses any.

    A Redis that lost its data gives a stream whose ids are older, or whose account of entries does not fit what was
    read; it passes for the same stream only if it lacks at least as many entries as had been read before. What was
    trimmed before the very first entry was read is not called lost.

    Parameters
    ----------
    position : Followed
        Before.
    end : StreamEnd
        Before the reading.
    ids : sequence of str
        Of the entries read after ``position``, oldest first.
    most : int
        Entries asked for: fewer means that there are no more.

    Returns
    -------
    Step
        What it has come to.
    """
    last = entry_key(end.last)
    if last < entry_key(position.entry):
        return _OTHER
    n_taken = sum(entry_key(entry) <= last for entry in ids)
    n_read = position.n + n_taken
    entry = ids[n_taken - 1] if n_taken else position.entry
    if end.n_added is None:
        return Step(Followed(entry, n_read), n_taken)
    if position == Followed():
        n_read += end.n_added - end.length
    n_missing = end.n_added - n_read
    if n_missing < 0:
        return _OTHER
    if n_taken == most:  # how many of those that are missing are lost is told when all has been read
        return Step(Followed(entry, n_read), n_taken)
    return Step(Followed(entry, end.n_added), n_taken, n_missing)
