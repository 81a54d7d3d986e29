"""From entries of one spindle's stream to items of the flow: what counts, what does not. No input or output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.checkpoint import Position
from engine.clock import NS_PER_S
from engine.declared import Spindle
from engine.errors import WireError
from engine.records import Block, Context, Tick, complete_ns
from engine.redis_keys import entry_key, running_number
from engine.wire import decode

Received = Block | Context | Tick
Entry = tuple[bytes, Mapping[bytes, bytes]]
"""Id and fields."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An entry that could not be used.

    Parameters
    ----------
    spindle : str
        Whose stream it came by.
    reason : str
        ``malformed``, ``foreign`` (of another spindle) or ``ahead`` (its clock).
    error : str
        What was got and wanted, in one line.
    entry : str
        Its id.
    head : bytes
        How it began.
    """

    spindle: str
    reason: str
    error: str
    entry: str
    head: bytes


_HEAD_BYTES = 256
_SET_BACK_NS = 2 * NS_PER_S  # as the check of waveforms: less is tardiness
_SET_BACK_ITEMS = 20  # in a row


class Inlet:
    """One spindle's stream: where it is, and what of it may enter the flow.

    Parameters
    ----------
    spindle : Spindle
        Declared.
    position : Position
        Entries after this one are to come.
    ticks : sequence of (str, int)
        Ticks that were made before a crash: after which entry, and their time. They are made again at the same place,
        so that what is concluded from silence is concluded again.
    max_ahead_ns : int
        Data that ends later than so far in the future is refused.
    end_ns : int
        Stream time reached; 0 = none yet.
    """

    def __init__(
        self,
        spindle: Spindle,
        position: Position,
        ticks: Sequence[tuple[str, int]],
        max_ahead_ns: int,
        end_ns: int = 0,
    ) -> None:
        self.spindle = spindle
        self.position = position
        self._ticks = sorted((entry_key(entry), t_ns) for entry, t_ns in ticks)
        self._max_ahead_ns = max_ahead_ns
        self.n_missing = 0
        """Entries that the stream's running number says were there and are gone."""
        self.n_repeated = 0
        """Entries that came twice in a row."""
        self.end_ns = end_ns
        """Stream time reached: the latest that came, or was ticked; a clock that was set back sets it back."""
        self._n_behind = 0

    def take(
        self, entries: Sequence[Entry], now_ns: int, utc_ns: int
    ) -> tuple[list[Received], list[DeadLetter]]:
        """Take entries in the order of the stream.

        Parameters
        ----------
        entries : sequence of Entry
            As read; whatever they hold, nothing is raised.
        now_ns : int
            Stamped on blocks and contexts.
        utc_ns : int
            What the time is by the system's clock, which may have been corrected since this process began.

        Returns
        -------
        list of Block, Context and Tick
            Of this spindle, in the order of the stream.
        list of DeadLetter
            What did not count.
        """
        items: list[Received] = []
        refused: list[DeadLetter] = []
        for raw_id, fields in entries:
            entry = raw_id.decode()
            items += self.ticks_before(entry_key(entry))
            number = running_number(fields)
            if self._is_repeated(number):
                self.n_repeated += 1
                self._advance(entry, self.position.n)
                continue
            self._advance(entry, number)
            found = self._open(entry, fields, now_ns, utc_ns)
            if isinstance(found, DeadLetter):
                refused.append(found)
            else:
                items.append(found)
        return items, refused

    def is_behind(self, newest: str) -> bool:
        """Whether the newest entry of the stream is older than the last one read: it was emptied and begun again."""
        return entry_key(newest) < entry_key(self.position.entry)

    def start_over(self) -> None:
        """Read the stream from its beginning: it is another one, as its newest entry is older than what was read."""
        self.position = Position("0-0", 0, self.position.n_ticks)

    def tick(self, t_ns: int) -> Tick:
        """Make a tick, as the stream has been silent up to a time."""
        position, self.end_ns = self.position, max(self.end_ns, t_ns)
        self.position = Position(position.entry, position.n, position.n_ticks + 1)
        return Tick(self.spindle.name, t_ns)

    def ticks_before(self, entry: tuple[int, int] | None) -> list[Tick]:
        """Make the ticks again that were made before an entry came; all that are left, if None."""
        made = []
        while self._ticks and (entry is None or self._ticks[0][0] < entry):
            made.append(self.tick(self._ticks.pop(0)[1]))
        return made

    def _is_repeated(self, number: int) -> bool:
        # A smaller number is a sender that counts anew. What it repeats, if so, the check recognises by its time.
        return 0 < number == self.position.n

    def _advance(self, entry: str, number: int) -> None:
        before = self.position
        if number and before.n:
            self.n_missing += max(number - before.n - 1, 0)
        self.position = Position(entry, number or before.n, before.n_ticks)

    def _open(
        self, entry: str, fields: Mapping[bytes, bytes], now_ns: int, utc_ns: int
    ) -> Received | DeadLetter:
        data = fields.get(b"d", b"")
        name = self.spindle.name
        try:
            item = decode(data, now_ns)
        except WireError as error:
            return DeadLetter(name, "malformed", str(error), entry, data[:_HEAD_BYTES])
        if item.spindle != name:
            told = f"got data of {item.spindle!r}, wanted {name!r}"
            return DeadLetter(name, "foreign", told, entry, data[:_HEAD_BYTES])
        end_ns = self._complete_ns(item)
        if end_ns > utc_ns + self._max_ahead_ns:
            ahead_s = (end_ns - utc_ns) / NS_PER_S
            told = f"got data {ahead_s:.3f} s ahead, wanted at most {self._max_ahead_ns / NS_PER_S:g} s"
            return DeadLetter(name, "ahead", told, entry, data[:_HEAD_BYTES])
        self._reach(end_ns)
        return item

    def _reach(self, end_ns: int) -> None:
        """Take over a sender's time; one that is behind again and again has a clock that was set back."""
        is_behind = end_ns < self.end_ns - _SET_BACK_NS
        self._n_behind = self._n_behind + 1 if is_behind else 0
        if not is_behind:
            self.end_ns = max(self.end_ns, end_ns)
        elif self._n_behind >= _SET_BACK_ITEMS:
            self.end_ns, self._n_behind = end_ns, 0

    def _complete_ns(self, item: Received) -> int:
        if not isinstance(item, Block):
            return item.t_ns
        group = self.spindle.group(item.group)
        return item.end_ns if group is None else complete_ns(item, group)
