"""The player: recordings as a Bytewax source, at a pace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from engine.barriers import Resume
from engine.clock import NS_PER_S, Clock, monotonic_s, wake_in
from engine.declared import Spindle
from engine.errors import UsageError
from engine.records import Block, Context, Tick, complete_ns
from engine.runtime import Stop
from replay.recording import Recording

# As often as a live source ticks; fine compared with `silent_s`.
_TICK_NS = NS_PER_S // 10
# Items handed over at once: enough to forget Bytewax's cost per batch, few enough to keep memory flat.
_BATCH = 64

Played = Block | Context | Tick | Resume
Item = tuple[str, Played]


def items_with_ticks(recording: Recording, max_block_s: float) -> Iterator[Block | Context | Tick]:
    """Everything a recording holds, in the order of end times, with the ticks that a live source would send.

    Parameters
    ----------
    recording : Recording
        Of one spindle.
    max_block_s : float
        Longer blocks are re-cut.

    Yields
    ------
    Block, Context or Tick
        A tick whenever a tenth of a second of stream time has passed, and a last one at the end.
    """
    name = recording.spindle.name
    tick_ns = None
    end_ns = recording.start_ns
    for item in recording.items(max_block_s):
        end_ns = max(end_ns, _due_ns(item, recording.spindle))
        grid_ns = end_ns - end_ns % _TICK_NS
        if tick_ns is None or grid_ns > tick_ns:
            tick_ns = grid_ns
            yield Tick(name, grid_ns)
        yield item
    yield Tick(name, end_ns, last=True)


def _due_ns(item: Played, spindle: Spindle) -> int:
    """When an item comes, in stream time."""
    group = spindle.group(item.group) if isinstance(item, Block) else None
    return complete_ns(item, group) if group and isinstance(item, Block) else item.t_ns


class _Part(StatefulSourcePartition[Item, int]):
    """One recording being played. Its state is the number of items handed over."""

    def __init__(self, player: Player, recording: Recording, n_done: int) -> None:
        self._player, self._n_done = player, n_done
        self._start_ns = recording.start_ns
        self._items = islice(player.items_of(recording, player.max_block_s), n_done, None)
        self._next: Played | None = None
        self._wait_s: float | None = None

    def next_batch(self) -> list[Item]:
        if self._player.stop.asked:
            raise StopIteration
        batch: list[Item] = []
        while len(batch) < _BATCH:
            if self._next is None:
                self._next = next(self._items, None)
            if self._next is None:
                if batch:
                    break
                raise StopIteration
            self._wait_s = self._player.wait_s(self._start_ns, self._next)
            if self._wait_s > 0:
                break
            batch.append((self._next.spindle, self._player.stamp(self._next)))
            self._next = None
        self._n_done += len(batch)
        self._player.on_progress(len(batch), batch[-1][1] if batch else None)
        return batch

    def next_awake(self) -> datetime | None:
        # Paced replay: no longer than 5 ms, or one idle recording would hold the epoch of the others.
        if self._wait_s is None or self._wait_s <= 0:
            return None
        return wake_in(min(self._wait_s, 0.005))

    def snapshot(self) -> int:
        return self._n_done


def _no_progress(_n: int, _item: Played | None) -> None:
    """Tell nobody."""


class Player(FixedPartitionedSource[Item, int]):
    """Plays recordings, each a partition, at the same pace from their own beginnings.

    Parameters
    ----------
    recordings : sequence of Recording
        Of different spindles.
    clock : Clock
        Stamps what a paced replay receives.
    max_block_s : float
        Longer blocks are re-cut.
    pace : float, optional
        Stream seconds per wall second; None = as fast as possible.
    stop : Stop, optional
        Ends the replay early.
    on_progress : callable, optional
        Told the number of items handed over and the last of them.
    items_of : callable, optional
        What a recording holds, and how long blocks may be, to what is played; ticks are part of it.

    Raises
    ------
    UsageError
        Two recordings of one spindle: their streams would mix.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        clock: Clock,
        max_block_s: float,
        pace: float | None = None,
        stop: Stop | None = None,
        on_progress: Callable[[int, Played | None], None] = _no_progress,
        items_of: Callable[[Recording, float], Iterator[Played]] = items_with_ticks,
    ) -> None:
        self._recordings: dict[str, Recording] = {}
        for recording in recordings:
            name = recording.spindle.name
            if name in self._recordings:
                other = self._recordings[name].path
                raise UsageError(
                    f"{recording.path} and {other} are both of spindle {name!r}: replay them one after the other"
                )
            self._recordings[name] = recording
        self.max_block_s = max_block_s
        self.stop = stop or Stop()
        self.on_progress = on_progress
        self.items_of = items_of
        self._clock, self._pace = clock, pace
        self._began_s: float | None = None

    @property
    def spindles(self) -> tuple[Spindle, ...]:
        """The spindles played."""
        return tuple(recording.spindle for recording in self._recordings.values())

    def list_parts(self) -> list[str]:
        """One partition per spindle."""
        return sorted(self._recordings)

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _Part:  # noqa: ARG002
        """Open a recording at the item after the last one handed over."""
        return _Part(self, self._recordings[for_part], resume_state or 0)

    def wait_s(self, start_ns: int, item: Played) -> float:
        """Seconds until an item is due; 0 or less = now.

        Parameters
        ----------
        start_ns : int
            Start of its recording.
        item : Block, Context, Tick or Resume
            The next item.

        Returns
        -------
        float
            Wall seconds.
        """
        if self._pace is None:
            return 0.0
        if self._began_s is None:
            self._began_s = monotonic_s()
        due_ns = _due_ns(item, self._recordings[item.spindle].spindle)
        return (due_ns - start_ns) / NS_PER_S / self._pace - (monotonic_s() - self._began_s)

    def stamp(self, item: Any) -> Any:
        """Note when a paced replay received a block or context; an unpaced one notes nothing."""
        if self._pace is None or isinstance(item, Tick | Resume):
            return item
        return replace(item, received_ns=self._clock.now_ns())
