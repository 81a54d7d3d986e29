"""Rows cut into blocks: evenly spaced between gaps for a waveform, one by one for scalars."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import SensorGroup
from engine.records import samples_to_ns
from replay.importers.drafts import Piece, scalar_pieces, waveform_pieces
from replay.importers.rows import Rows
from replay.importers.timeline import GAP_STEPS
from replay.wording import listed

# Values that repeat so long on average were sampled more slowly than the rows say.
_HELD_ROWS = 3.0


class EvenBlocks:
    """Cuts rows into blocks of one or more sensor groups that share them.

    Between gaps, a waveform's samples are evenly spaced at its rate from the first of the stretch; how far that is
    from the file's own times is kept for a note.

    Parameters
    ----------
    groups : sequence of (SensorGroup, list of int)
        Which rows of the samples are whose channels.
    step_ns : float
        Usual time from row to row; pauses of 2.5 of them are gaps. NaN: there are none.
    """

    def __init__(self, groups: Sequence[tuple[SensorGroup, list[int]]], step_ns: float) -> None:
        self._groups = groups
        self._step_ns = step_ns
        self._rate_hz = groups[0][0].sample_rate_hz
        self._start_ns = 0
        self._last_ns: int | None = None
        self._n_in_stretch = 0
        self._n_gaps = 0
        self._off_s = 0.0

    def pieces(self, rows: Rows) -> Iterator[Piece]:
        """Cut some more rows; increasing in time, not empty."""
        last_ns = rows.times_ns[0] if self._last_ns is None else self._last_ns
        after_gap = np.flatnonzero(np.diff(rows.times_ns, prepend=last_ns) > GAP_STEPS * self._step_ns)
        self._n_gaps += len(after_gap)
        starts = sorted({0, *after_gap.tolist()})
        news = {*after_gap.tolist(), *([0] if self._last_ns is None else [])}
        for first, end in zip(starts, [*starts[1:], len(rows)], strict=True):
            yield from self._stretch(rows.take(slice(first, end)), is_new=first in news)
        self._last_ns = int(rows.times_ns[-1])

    def notes(self) -> list[str]:
        """Say how far rows lie from the even grid of a waveform, and how many gaps there are."""
        if all(group.kind == "scalar" for group, _ in self._groups):
            return []
        notes = []
        if self._off_s > 1.5 / self._rate_hz:
            notes.append(
                f"Samples are {1000 / self._rate_hz:.4g} ms apart; "
                f"the file's times differ by up to {self._off_s:.3g} s."
            )
        if self._n_gaps:
            notes.append(f"{self._n_gaps} gaps in the file's times.")
        return notes

    def _stretch(self, rows: Rows, *, is_new: bool) -> Iterator[Piece]:
        """Cut rows without a gap between them; a new stretch, or more of the last one."""
        if is_new:
            self._start_ns, self._n_in_stretch = int(rows.times_ns[0]), 0
        grid_ns = (self._n_in_stretch + np.arange(len(rows))) * (NS_PER_S / self._rate_hz)
        off_ns = np.abs(rows.times_ns - self._start_ns - grid_ns).max()
        self._off_s = max(self._off_s, float(off_ns) / NS_PER_S)
        first_ns = self._start_ns + samples_to_ns(self._n_in_stretch, self._rate_hz)
        for group, channels in self._groups:
            samples = rows.samples[channels]
            if group.kind == "waveform":
                yield from waveform_pieces(group, first_ns, samples)
            else:
                yield from scalar_pieces(group, rows.times_ns, samples)
        self._n_in_stretch += len(rows)


class LiveValues:
    """Whether values are fresh: how long they are held, and which channels never change."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._last: NDArray[np.float32] | None = None
        self._n_rows = 0
        self._n_changes = 1
        self._changed = np.zeros(len(names), np.bool_)

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take more rows, float32[n_channels, n_rows]; not empty."""
        if self._last is not None:
            samples = np.concatenate((self._last, samples), axis=1)
        self._n_rows += samples.shape[1] - (self._last is not None)
        changes = (samples[:, 1:] != samples[:, :-1]) & ~(
            np.isnan(samples[:, 1:]) & np.isnan(samples[:, :-1])
        )
        self._n_changes += int(changes.any(axis=0).sum())
        self._changed |= changes.any(axis=1)
        self._last = samples[:, -1:].copy()

    def notes(self, waveform_hz: float | None) -> list[str]:
        """Say what is held or dead.

        Parameters
        ----------
        waveform_hz : float or None
            Rate, if these are a waveform.
        """
        notes = []
        held = self._n_rows / self._n_changes
        if waveform_hz is not None and held >= _HELD_ROWS and math.isfinite(held):
            notes.append(
                f"Each value is held for {held:.0f} rows: some {waveform_hz / held:.3g} fresh values per second. "
                "Spectra of these channels mean nothing."
            )
        dead = [name for name, changed in zip(self._names, self._changed, strict=True) if not changed]
        if dead and self._n_rows > 2:
            notes.append(f"{len(dead)} of {len(self._names)} channels never change: {listed(dead)}.")
        return notes
