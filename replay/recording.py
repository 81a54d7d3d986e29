"""Reading a recording: one spindle's samples, context and labelled faults, in a folder that any data tool reads."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.clock import NS_PER_S, to_datetime
from engine.declared import Spindle
from engine.errors import RecordingError
from engine.records import Block, Context, complete_ns
from replay.faults import FAULTS, Fault, read_faults
from replay.layout import CONTEXT, HEADER, declared_spindle, group_file, read_header
from replay.rows import ContextRows, GroupRows
from replay.writer import RecordingWriter

__all__ = ["Fault", "Recording", "RecordingWriter", "validate"]


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that has been opened: its header is read and its files have the right columns.

    Parameters
    ----------
    path : Path
        The folder.
    spindle : Spindle
        Whose it is, with groups and teach-in as declared.
    start_ns : int
        Second 0 of the faults.
    end_ns : int
        When the last sample of any group is over.
    source, licence : str
        Where the samples come from and on what terms.
    notes : tuple[str, ...]
        What a user should know.
    faults : tuple[Fault, ...]
        What is labelled.
    labelled : bool
        The labels are complete: whatever no fault covers is normal.
    """

    path: Path
    spindle: Spindle
    start_ns: int
    end_ns: int
    source: str
    licence: str
    notes: tuple[str, ...]
    faults: tuple[Fault, ...]
    labelled: bool

    @classmethod
    def open(cls, path: Path) -> Recording:
        """Open a recording; reads the header, the files' footers and the last rows, not the samples.

        Parameters
        ----------
        path : Path
            The folder.

        Returns
        -------
        Recording
            Damage inside a file that its footer does not show is found by `items`, or by `validate`.

        Raises
        ------
        RecordingError
            A missing or truncated file, wrong columns, no rows; names the file and what was wanted.
        """
        if not path.is_dir():
            raise RecordingError(f"{path}: wanted a recording, which is a folder with {HEADER}")
        header = read_header(path / HEADER)
        faults = read_faults(path / FAULTS)
        spindle = declared_spindle(header)
        ends = [GroupRows(path / group_file(g.name), spindle.name, g).end_ns() for g in spindle.groups]
        ContextRows(path / CONTEXT, spindle.name).check()
        return cls(
            path,
            spindle,
            header.start_ns,
            max(ends),
            header.source,
            header.licence,
            header.notes,
            faults,
            header.labelled,
        )

    @property
    def duration_s(self) -> float:
        """Seconds from the start to the end of the last sample."""
        return (self.end_ns - self.start_ns) / NS_PER_S

    def items(self, max_block_s: float) -> Iterator[Block | Context]:
        """Everything recorded, in the order in which it was complete.

        Parameters
        ----------
        max_block_s : float
            Longer waveform blocks are cut; scalar blocks always hold one sample.

        Yields
        ------
        Block or Context
            By when they are complete (`engine.records.complete_ns`), contexts by ``t_ns``; at the same moment
            contexts, then scalars, then waveforms in the order declared.
            A group's own rows keep the order of the file, so late blocks are replayed late. Samples and
            times do not depend on how the samples were cut into rows.

        Raises
        ------
        RecordingError
            A file that is damaged, or whose channels differ in length within a row.
        """
        if not max_block_s > 0:
            raise ValueError(f"max_block_s must be above 0: got {max_block_s}")
        name = self.spindle.name
        blocks = [
            GroupRows(self.path / group_file(group.name), name, group).blocks(max_block_s)
            for group in self.spindle.groups
        ]
        contexts = ContextRows(self.path / CONTEXT, name).contexts()
        return heapq.merge(contexts, *blocks, key=lambda item: _turn(item, self.spindle))


def validate(path: Path) -> list[str]:
    """Read a recording to its end.

    Parameters
    ----------
    path : Path
        The folder.

    Returns
    -------
    list[str]
        What it holds, a line for people each.

    Raises
    ------
    RecordingError
        The first thing that is wrong with it.
    """
    recording = Recording.open(path)
    n_samples = dict.fromkeys((group.name for group in recording.spindle.groups), 0)
    n_contexts = 0
    for item in recording.items(max_block_s=1.0):
        if isinstance(item, Block):
            n_samples[item.group] += item.samples.shape[1]
        else:
            n_contexts += 1
    began = to_datetime(recording.start_ns).isoformat()
    lines = [
        f"{path}: valid recording of spindle {recording.spindle.name}, {recording.duration_s:.3f} s from {began}"
    ]
    for group in recording.spindle.groups:
        names = ", ".join(group.channel_names)
        lines.append(
            f"{group.name}: {n_samples[group.name]} samples at {group.sample_rate_hz:g} Hz of {names}"
        )
    lines.append(f"{n_contexts} contexts, {len(recording.faults)} labelled faults")
    return lines + [f"note: {note}" for note in recording.notes]


def _turn(item: Block | Context, spindle: Spindle) -> tuple[int, bool]:
    """Sort by when an item is complete; at that moment contexts and scalars come before waveforms."""
    group = spindle.group(item.group) if isinstance(item, Block) else None
    if group is None or isinstance(item, Context):
        return item.t_ns, False
    return complete_ns(item, group), group.kind == "waveform"
