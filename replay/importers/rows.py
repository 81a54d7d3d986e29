"""Rows of a table on their way into a recording, and the steps that put them in time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import RecordingError
from replay.importers.timeline import Clock

# So many rows with one stamp in a row are not spread any more: they would all have to be held.
_MOST_SHARING = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Some rows.

    Parameters
    ----------
    times_ns : int64[n_rows]
        When each was taken.
    samples : float32[n_channels, n_rows]
        Values.
    texts : dict[str, object[n_rows]]
        Context and label, by what they mean; values are texts or None.
    """

    times_ns: NDArray[np.int64]
    samples: NDArray[np.float32]
    texts: dict[str, NDArray[np.object_]]

    def __len__(self) -> int:
        return len(self.times_ns)

    def take(self, which: slice | NDArray[np.bool_]) -> Rows:
        """Return some of the rows."""
        texts = {name: column[which] for name, column in self.texts.items()}
        return Rows(self.times_ns[which], self.samples[:, which], texts)

    def at(self, times_ns: NDArray[np.int64]) -> Rows:
        """Return the same rows at other times."""
        return Rows(times_ns, self.samples, self.texts)


def joined(parts: Sequence[Rows]) -> Rows:
    """Put rows behind each other; ``parts`` is not empty."""
    if len(parts) == 1:
        return parts[0]
    texts = {name: np.concatenate([part.texts[name] for part in parts]) for name in parts[0].texts}
    times_ns = np.concatenate([part.times_ns for part in parts])
    return Rows(times_ns, np.concatenate([part.samples for part in parts], axis=1), texts)


def forward(rows: Iterable[Rows], *, repeated: bool) -> Iterator[Rows]:
    """Leave out rows that are not later than one before: the copy that came first stays.

    Parameters
    ----------
    rows : iterable of Rows
        In the order of the file; none is empty.
    repeated : bool
        Stamps are coarser than rows, so that equal ones are no copies.

    Yields
    ------
    Rows
        Never decreasing in time; increasing unless ``repeated``.
    """
    latest = int(np.iinfo(np.int64).min)
    for part in rows:
        so_far = np.maximum.accumulate(part.times_ns)
        before = np.maximum(np.concatenate(([latest], so_far[:-1])), latest)
        keep = part.times_ns >= before if repeated else part.times_ns > before
        latest = max(latest, int(so_far[-1]))
        if keep.any():
            yield part if keep.all() else part.take(keep)


def spread(rows: Iterable[Rows], clock: Clock, path: Path) -> Iterator[Rows]:
    """Spread rows that share a coarse stamp evenly over the time until the next stamp is due.

    Rows of a first stamp that has fewer than usual lie at its end, where they belong; the last stamp's lie at its
    beginning.

    Parameters
    ----------
    rows : iterable of Rows
        Never decreasing in time.
    clock : Clock
        What these stamps are like.
    path : Path
        For the error.

    Yields
    ------
    Rows
        Increasing in time.

    Raises
    ------
    RecordingError
        More than four million rows with one stamp.
    """
    held: list[Rows] = []
    is_first = True
    for part in rows:
        held.append(part)
        if part.times_ns[-1] == held[0].times_ns[0]:
            if sum(map(len, held)) > _MOST_SHARING:
                raise RecordingError(
                    f"{path}: wanted time stamps that go on, got more than {_MOST_SHARING} equal ones"
                )
            continue
        whole = joined(held)
        n_done = int(np.searchsorted(whole.times_ns, whole.times_ns[-1]))
        yield _spread(whole.take(slice(0, n_done)), clock, is_first=is_first, is_last=False)
        is_first = False
        held = [whole.take(slice(n_done, None))]
    if held:
        yield _spread(joined(held), clock, is_first=is_first, is_last=True)


def _spread(rows: Rows, clock: Clock, *, is_first: bool, is_last: bool) -> Rows:
    """Spread rows whose stamps are all complete."""
    _, counts = np.unique(rows.times_ns, return_counts=True)
    slots = counts.astype(np.float64)
    moved = np.zeros(len(counts))
    if is_first:  # recordings begin and end within a tick
        slots[0] = max(slots[0], clock.n_usual)
        moved[0] = (slots[0] - counts[0]) / slots[0]
    if is_last:
        slots[-1] = max(slots[-1], clock.n_usual)
    first = np.cumsum(counts) - counts
    share = np.arange(len(rows)) - np.repeat(first, counts)
    part = np.repeat(moved, counts) + share / np.repeat(slots, counts)
    return rows.at(rows.times_ns + np.floor(part * clock.tick_ns).astype(np.int64))
