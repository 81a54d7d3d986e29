"""`spindlewatch record`: the last seconds of a ring as ordinary recordings, while the engine runs or after it died."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from engine.clock import NS_PER_S
from engine.declared import Spindle
from engine.errors import RecordingError, UsageError
from engine.records import samples_to_ns
from replay.received import is_row, write_received
from replay.staging import staged_folder
from sinks.ring_layout import SegmentFile, folder_of, segments_in, spindles_in
from sinks.segments import BlockItem, ContextItem, Item, Segment, read_segment


@dataclass(frozen=True, slots=True)
class CutRecording:
    """A recording that was cut out of a ring.

    Parameters
    ----------
    spindle : str
        Whose.
    path : Path
        The recording.
    duration_s : float
        From its first sample to its end.
    n_breaks : int
        Places where segments do not follow each other: the engine was restarted, or the disk was too slow.
    """

    spindle: str
    path: Path
    duration_s: float
    n_breaks: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        duration_s = round(self.duration_s, 3)
        return {
            "spindle": self.spindle,
            "path": str(self.path),
            "duration_s": duration_s,
            "breaks": self.n_breaks,
        }


def record_ring(
    ring: Path, dest: Path, spindle: str | None = None, last_s: float | None = None
) -> list[CutRecording]:
    """Write recordings of what a ring holds.

    Only reads from the ring. What is being written at that moment is taken as far as it is on disk: about a second is
    missing at the end. The context that held at the cut is the recording's first, as of its first sample.

    Parameters
    ----------
    ring : Path
        Its folder.
    dest : Path
        With a spindle: the recording. Without: a folder with one for each spindle that sent samples.
    spindle : str, optional
        None = all.
    last_s : float, optional
        So long before what that spindle sent last; None = everything.

    Returns
    -------
    list of CutRecording
        By name.

    Raises
    ------
    UsageError
        A spindle that the ring does not know.
    RecordingError
        No ring, nothing in it, or a destination that cannot be written.
    """
    known = spindles_in(ring)
    if not known:
        raise RecordingError(f"{ring}: wanted the ring of an engine that runs, or ran, with [ring] enabled")
    if spindle is not None and spindle not in known:
        raise UsageError(f"--spindle: got {spindle!r}; {ring} has {', '.join(known)}")
    cuts = [_cut(folder_of(ring, name), last_s) for name in (known if spindle is None else [spindle])]
    found = [cut for cut in cuts if cut is not None and cut.groups]
    if not found:
        raise RecordingError(f"{ring}: got no samples of {spindle or 'any spindle'} in the time wanted")
    if spindle is not None:
        return [_write(found[0], dest, dest)]
    with staged_folder(dest) as stage:
        return [_write(cut, stage / cut.folder.name, dest / cut.folder.name) for cut in found]


@dataclass(slots=True)
class _Cut:
    """What is cut out of one spindle's segments. They are read one at a time, for they may be hours."""

    folder: Path
    spindle: Spindle
    before: list[SegmentFile]
    files: list[SegmentFile]
    cut_ns: int
    end_ns: int
    start_ns: int | None = None
    groups: frozenset[str] = frozenset()
    n_breaks: int = 0

    def segments(self) -> Iterator[Segment]:
        """Those of the same spindle as it is declared now."""
        read = (_read(file) for file in self.files)
        return (found for found in read if found is not None and found.start.spindle == self.spindle)

    def items(self) -> Iterator[Item]:
        """Rows and contexts; first what held when the first row began."""
        held: ContextItem | None = None
        began = False
        for segment in self.segments():
            for item in segment.items:
                if isinstance(item, ContextItem) and not began:
                    held = item
                    continue
                wanted = isinstance(item, ContextItem) or is_row(item, self.spindle)
                if not wanted or not self.cut_ns <= item.t_ns <= self.end_ns:
                    continue
                if not began:
                    began, held = True, held or self._held_before()
                    if held is not None:
                        yield msgspec.structs.replace(held, t_ns=item.t_ns)
                yield item

    def _held_before(self) -> ContextItem | None:
        for segment in map(_read, reversed(self.before)):
            if segment is not None and segment.start.spindle == self.spindle:
                contexts = [item for item in segment.items if isinstance(item, ContextItem)]
                if contexts:
                    return contexts[-1]
        return None


def _cut(folder: Path, last_s: float | None) -> _Cut | None:
    files = segments_in(folder)
    newest = next((found for found in map(_read, reversed(files)) if found is not None and found.items), None)
    if newest is None:
        return None
    end_ns = max(_end_ns(item, newest.start.spindle) for item in newest.items)
    cut_ns = 0 if last_s is None else end_ns - round(last_s * NS_PER_S)
    # A segment goes on until the next one begins.
    n_before = max(sum(file.t_ns <= cut_ns for file in files) - 1, 0)
    cut = _Cut(folder, newest.start.spindle, files[:n_before], files[n_before:], cut_ns, end_ns)
    last: Segment | None = None
    for segment in cut.segments():
        cut.n_breaks += last is not None and not segment.follows(last)
        last = segment
    groups: set[str] = set()
    for item in cut.items():
        if isinstance(item, BlockItem):
            groups.add(item.group)
            cut.start_ns = item.t_ns if cut.start_ns is None else cut.start_ns
    cut.groups = frozenset(groups)
    return cut


def _end_ns(item: Item, spindle: Spindle) -> int:
    """When an item came, about: `engine.records.complete_ns`."""
    if not is_row(item, spindle):
        return item.t_ns
    group = spindle.group(item.group)
    n_last = item.shape[1] - (group is not None and group.kind == "scalar")
    return item.t_ns + samples_to_ns(n_last, item.sample_rate_hz)


def _read(file: SegmentFile) -> Segment | None:
    """Read a segment; None if there is nothing in it, or it has just been removed to make room."""
    try:
        return read_segment(file.path)
    except RecordingError:
        if file.path.exists():
            raise
        return None


def _write(cut: _Cut, path: Path, named: Path) -> CutRecording:
    assert cut.start_ns is not None
    notes = [f"cut out of a ring; {cut.n_breaks} breaks" if cut.n_breaks else "cut out of a ring"]
    write_received(path, cut.spindle, cut.items(), cut.start_ns, cut.groups, notes)
    return CutRecording(cut.spindle.name, named, (cut.end_ns - cut.start_ns) / NS_PER_S, cut.n_breaks)
