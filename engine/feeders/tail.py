"""Following text files that grow: lines that are complete, whatever a logger does to its files."""

from __future__ import annotations

import glob
import logging
import os
from pathlib import Path
from typing import Literal, NamedTuple

_CHUNK_BYTES = 1 << 20
_LONGEST_BYTES = 1 << 20
_MOST_CHUNKS = 64  # without a line's end, before somebody else has a turn
_HEAD_BYTES = 256

_log = logging.getLogger(__name__)


class Piece(NamedTuple):
    """What was found next.

    Parameters
    ----------
    kind : {"new", "line", "lost"}
        ``new``: lines of another file (or of the same one, begun anew) come from here on. ``lost``: a line that cannot
        be told: its end was never written, or it is longer than 1 MiB.
    text : bytes
        The line without its end; of ``lost``, how it began; of ``new``, the path.
    """

    kind: Literal["new", "line", "lost"]
    text: bytes


class Mark(NamedTuple):
    """How far files were read.

    Parameters
    ----------
    path : str
        Of the file.
    inode : int
        Of the file: one of the same name may be another.
    at : int
        Bytes before the first line that was not told.
    head : bytes
        How the file began.
    """

    path: str
    inode: int
    at: int
    head: bytes


class Tail:
    """Follows one file, or a row of files, each of which is finished when the next one begins.

    It recognises a file that was renamed or deleted and made anew, cut to nothing (also if it has grown again
    since, by its first 256 bytes), and, where the path holds ``*``, the next one by name. What stands in the old file
    is read to its end first. A file that is not there is waited for.

    State: one line that is not complete yet.

    Parameters
    ----------
    path : str
        ``*``, ``?`` and ``[]`` as in a shell: files follow each other in the order of their names.
    begin : {"start", "end"}
        Where to begin in the first file, which is the last by name; later ones are read from their start.
    n_head : int
        Lines that are told in any case, as headings stand there.
    mark : Mark, optional
        Where to go on, instead of ``begin``; if that file is another one by now, at its start.
    """

    def __init__(
        self, path: str, begin: Literal["start", "end"], n_head: int, mark: Mark | None = None
    ) -> None:
        self._pattern, self._begin, self._n_head, self._from = path, begin, n_head, mark
        self._path = ""
        self._fd = -1
        self._at = 0
        self._head = b""
        self._rest = b""
        self._skips = False  # the rest of a line that is too long
        self._is_first = True
        self._is_missing = False

    def poll(self) -> list[Piece]:
        """What came since the last time, at most about a megabyte; never waits, and raises no error of the system."""
        try:
            if self._fd < 0:
                return self._open()
            if self._was_cut():
                _log.warning("%s: begins anew", self._path)
                return [*self._lost(), *self._begin_at_start()]
            pieces = self._read()
            return pieces or self._next_file()
        except OSError as error:
            _log.warning("%s: cannot be read, trying again: %s", self._path or self._pattern, error.strerror)
            self.close()
            return []

    @property
    def mark(self) -> Mark | None:
        """How far was read; None = nothing is open."""
        if self._fd < 0:
            return None
        return Mark(self._path, os.fstat(self._fd).st_ino, self._at - len(self._rest), self._head)

    def close(self) -> None:
        """Close the file; `poll` opens it again, from its start."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _open(self) -> list[Piece]:
        found = sorted(glob.glob(self._pattern)) if glob.has_magic(self._pattern) else [self._pattern]
        found = [path for path in found if Path(path).is_file()]
        if not found:
            if not self._is_missing:
                _log.warning("%s: not there yet", self._pattern)
            self._is_missing = True
            return []
        later = [path for path in found if path > self._path]
        self._path = found[-1] if self._is_first else (later or found[-1:])[0]
        if self._is_first and self._from is not None:  # what followed since then comes after it
            self._path = next((path for path in found if path >= self._from.path), found[-1])
        self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        self._is_missing = False
        pieces = self._begin_at_start()
        if self._is_first and self._from is not None:
            pieces += self._go_on(self._from)
        elif self._is_first and self._begin == "end":
            pieces += self._skip_to_end()
        self._is_first = False
        return pieces

    def _begin_at_start(self) -> list[Piece]:
        self._at, self._head, self._rest, self._skips = 0, b"", b"", False
        return [Piece("new", self._path.encode())]

    def _skip_to_end(self) -> list[Piece]:
        """Tell the first lines, and go on behind the last line that is complete."""
        first = self._read()[: self._n_head]
        size = os.fstat(self._fd).st_size
        last = self._at - len(self._rest)
        if len(first) == self._n_head and size > self._at:
            begin = max(0, size - _LONGEST_BYTES)
            last = max(last, begin + os.pread(self._fd, _LONGEST_BYTES, begin).rfind(b"\n") + 1)
        self._at, self._rest, self._skips = last, b"", False
        return first

    def _go_on(self, mark: Mark) -> list[Piece]:
        """Tell the first lines, and go on where somebody was; from the start, if this is another file."""
        here = os.fstat(self._fd)
        is_same = (self._path, here.st_ino) == (mark.path, mark.inode) and here.st_size >= mark.at
        if not is_same or os.pread(self._fd, len(mark.head), 0) != mark.head:
            return []
        first = self._read()[: self._n_head]
        self._at, self._rest, self._skips = max(mark.at, 0), b"", False
        return first if mark.at else []

    def _was_cut(self) -> bool:
        return bool(
            os.fstat(self._fd).st_size < self._at or os.pread(self._fd, len(self._head), 0) != self._head
        )

    def _read(self) -> list[Piece]:
        """Read on until a line is complete, or to the end."""
        for _ in range(_MOST_CHUNKS):
            before = self._at
            if pieces := self._read_chunk():
                return pieces
            if self._at == before:
                break
        return []

    def _read_chunk(self) -> list[Piece]:
        chunk = os.pread(self._fd, _CHUNK_BYTES, self._at)
        if len(self._head) < _HEAD_BYTES:
            self._head = os.pread(self._fd, min(_HEAD_BYTES, self._at + len(chunk)), 0)
        self._at += len(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        pieces = [Piece("line", line.removesuffix(b"\r")) for line in lines]
        if self._skips and pieces:
            del pieces[0]
            self._skips = False
        if len(self._rest) > _LONGEST_BYTES or self._skips:
            pieces += [] if self._skips else self._lost()
            self._rest, self._skips = b"", True
        return pieces

    def _next_file(self) -> list[Piece]:
        """At the end of a file: whether another one is to be read now."""
        try:
            here = os.stat(self._path)
            mine = os.fstat(self._fd)
            is_same = (here.st_dev, here.st_ino) == (mine.st_dev, mine.st_ino)
        except FileNotFoundError:
            is_same = False
        is_last = not glob.has_magic(self._pattern) or not any(
            path > self._path for path in glob.glob(self._pattern)
        )
        if is_same and is_last:
            return []
        pieces = self._read()  # what was written since it was read to its end
        if pieces:
            return pieces
        lost = self._lost()
        self.close()
        return [*lost, *self._open()]

    def _lost(self) -> list[Piece]:
        rest, self._rest = self._rest, b""
        return [Piece("lost", rest[:_HEAD_BYTES])] if rest else []
