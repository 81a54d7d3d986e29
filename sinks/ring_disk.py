"""The ring's side of the disk: one thread that appends, links and removes files, so that no alert waits for a disk."""

from __future__ import annotations

import logging
import os
import queue
import shutil
import threading
from bisect import insort
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.clock import NS_PER_S
from engine.config import RingConfig
from engine.verdicts import Alert
from sinks.ring_layout import (
    KEEP,
    SegmentFile,
    folder_of,
    incident_folder,
    incidents_in,
    segment_file,
    segments_in,
    spindles_in,
)
from sinks.segments import MAGIC, Frame, Start, to_frame

_log = logging.getLogger(__name__)

# What may wait for the disk; beyond it the flow's memory would grow with the disk's troubles.
_MAX_WAITING_BYTES = 64 << 20
# An alert about a condition may have begun hours before; its surroundings begin no earlier before it opened.
_LONGEST_NS = 120 * NS_PER_S
_GIB = 1 << 30
_NEVER_NS = 2**63 - 1


@dataclass(slots=True, eq=False)
class OpenSegment:
    """A segment that is being written. ``broken``: the rest of it is not, for what is there must have no holes."""

    start: Start
    name: SegmentFile
    file: Any = None
    n_bytes: int = 0
    broken: bool = False

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.name.path


@dataclass(slots=True)
class _Keeping:
    """An alert whose surroundings go on until ``until_ns``."""

    folder: Path
    until_ns: int


class RingDisk:
    """Writes segments, keeps those around alerts, and removes the oldest.

    Trouble of the disk is counted and logged and stops nothing: a segment that could not be written to its end counts
    as cut off. All methods but the thread's own return at once. Bounded: ``max_gib`` and ``hours`` of segments,
    ``incidents`` and ``incidents_gib`` around alerts, 64 MiB waiting in memory. Nothing is synced: what was written
    survives the end of this process, however sudden, not always that of the power.

    Parameters
    ----------
    folder : Path
        Of the ring; made if missing. What is in it from before counts.
    config : RingConfig
        ``[ring]``.
    others : container of str
        Spindles whose segments other processes write and remove.
    """

    def __init__(self, folder: Path, config: RingConfig, others: Container[str] = ()) -> None:
        self._folder, self._config = folder, config
        self.n_failed = 0
        """Jobs that the disk refused, and segments that were cut off because it was too slow."""
        self._queue: queue.SimpleQueue[tuple[Callable[[], None], int] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._n_waiting_bytes = 0
        self._keeping: dict[str, list[_Keeping]] = {}
        self._newest_ns = 0
        self._files = sorted(
            file
            for name in spindles_in(folder)
            if name not in others
            for file in segments_in(folder_of(folder, name))
        )
        self._sizes = {file.path: _size(file.path) for file in self._files}
        self._n_bytes = sum(self._sizes.values())
        self._open: dict[Path, OpenSegment] = {}
        self._thread = threading.Thread(target=self._work, name="ring", daemon=True)
        self._thread.start()

    def begin(self, start: Start) -> OpenSegment:
        """Begin a segment.

        Parameters
        ----------
        start : Start
            Its first frame.

        Returns
        -------
        OpenSegment
            For `append`.
        """
        folder = folder_of(self._folder, start.spindle.name)
        segment = OpenSegment(start, segment_file(folder, start.t_ns, start.run, start.number))
        self._ask(segment, lambda: self._begin(segment))
        return segment

    def append(self, segment: OpenSegment, make: Callable[[], Frame], n_bytes: int = 0) -> None:
        """Append a frame; it is made in the disk's thread.

        Parameters
        ----------
        segment : OpenSegment
            From `begin`.
        make : callable
            Makes the frame.
        n_bytes : int
            About how much memory waits for it.
        """
        self._ask(segment, lambda: self._append(segment, make), n_bytes)

    def finish(self, segment: OpenSegment) -> None:
        """Close a segment after what was appended; nothing is added to it."""

        def job() -> None:
            self._finish(segment)
            self._make_room()

        self._ask(None, job)

    def keep(self, alert: Alert) -> None:
        """Keep what surrounds an alert that opened; what is yet to come is added as it comes.

        Parameters
        ----------
        alert : Alert
            Its opening message.
        """
        self._ask(None, lambda: self._keep(alert))

    def close(self) -> None:
        """Write what waits and end; the ring cannot be used any more."""
        self._queue.put(None)
        self._thread.join()

    def _ask(self, segment: OpenSegment | None, job: Callable[[], None], n_bytes: int = 0) -> None:
        if segment is not None and segment.broken:
            return
        with self._lock:
            full = self._n_waiting_bytes + n_bytes > _MAX_WAITING_BYTES
            self._n_waiting_bytes += 0 if full else n_bytes
        if full and segment is not None:
            segment.broken = True
            self._complain(f"{segment.path.name} cut off: the disk is too slow")
            return
        self._queue.put((job, n_bytes))

    def _work(self) -> None:
        while (asked := self._queue.get()) is not None:
            job, n_bytes = asked
            try:
                job()
            except Exception as error:  # whatever it was: without this thread, what waits would wait for ever
                self._complain(f"{type(error).__name__}: {error}")
            finally:
                with self._lock:
                    self._n_waiting_bytes -= n_bytes
        for segment in list(self._open.values()):
            self._finish(segment)

    # --- in the disk's thread ---

    def _begin(self, segment: OpenSegment) -> None:
        try:
            segment.path.parent.mkdir(parents=True, exist_ok=True)
            segment.file = segment.path.open("xb", buffering=0)
        except OSError:
            segment.broken = True
            raise
        self._open[segment.path] = segment
        insort(self._files, segment.name)
        self._newest_ns = max(self._newest_ns, segment.start.t_ns)
        self._write(segment, MAGIC)
        self._append(segment, lambda: segment.start)
        self._link_on(segment)
        self._make_room()

    def _append(self, segment: OpenSegment, make: Callable[[], Frame]) -> None:
        if segment.file is None:
            return
        try:
            self._write(segment, to_frame(make()))
        except BaseException:
            segment.broken = True
            self._finish(segment)
            raise

    def _write(self, segment: OpenSegment, data: bytes) -> None:
        n_written = segment.file.write(data)
        segment.n_bytes += n_written
        self._n_bytes += n_written
        if n_written < len(data):
            raise OSError(f"{segment.path}: disk full")

    def _finish(self, segment: OpenSegment) -> None:
        if segment.file is not None:
            self._sizes[segment.path] = segment.n_bytes
            self._open.pop(segment.path, None)
            segment.file.close()
            segment.file = None

    def _keep(self, alert: Alert) -> None:
        folder = incident_folder(self._folder, alert.id)
        folder.mkdir(parents=True, exist_ok=True)
        onset_ns = min(max(alert.onset_ns, alert.t_ns - _LONGEST_NS), alert.t_ns)
        from_ns = onset_ns - round(self._config.before_s * NS_PER_S)
        files = segments_in(folder_of(self._folder, alert.spindle))
        # A segment ends where the next one begins.
        ends = [*(file.t_ns for file in files[1:]), _NEVER_NS]
        self._link([f.path for f, end_ns in zip(files, ends, strict=True) if end_ns > from_ns], folder)
        until_ns = alert.t_ns + round(self._config.after_s * NS_PER_S)
        self._keeping.setdefault(alert.spindle, []).append(_Keeping(folder, until_ns))
        self._drop_incidents(folder)

    def _link_on(self, segment: OpenSegment) -> None:
        spindle = segment.start.spindle.name
        going_on = [one for one in self._keeping.get(spindle, ()) if segment.start.t_ns <= one.until_ns]
        self._keeping[spindle] = going_on
        for one in going_on:
            self._link([segment.path], one.folder)

    def _link(self, paths: Sequence[Path], folder: Path) -> None:
        for path in paths:
            target = folder / path.name
            if not target.exists() and folder.is_dir():
                os.link(path, target)  # the same file: what is appended to it later is there too

    def _make_room(self) -> None:
        oldest_ns = self._newest_ns - round(self._config.hours * 3600 * NS_PER_S)
        position = 0
        while position < len(self._files):
            file = self._files[position]
            if file.t_ns >= oldest_ns and self._n_bytes <= self._config.max_gib * _GIB:
                return
            if file.path in self._open:  # of a spindle that has fallen silent, or all there is
                position += 1
                continue
            del self._files[position]
            self._n_bytes -= self._sizes.pop(file.path, 0)
            file.path.unlink(missing_ok=True)

    def _drop_incidents(self, newest: Path) -> None:
        folders = incidents_in(self._folder)
        sizes = {folder: sum(_size(file.path) for file in segments_in(folder)) for folder in folders}
        for folder in folders:
            if (
                len(sizes) <= self._config.incidents
                and sum(sizes.values()) <= self._config.incidents_gib * _GIB
            ):
                return
            if folder != newest and not (folder / KEEP).exists():
                del sizes[folder]
                with suppress(FileNotFoundError):  # another process came first
                    shutil.rmtree(folder)

    def _complain(self, what: str) -> None:
        self.n_failed += 1
        _log.warning("%s: ring (%d failures so far): %s", self._folder, self.n_failed, what)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
