"""What a sender cannot send, on disk until it can: a bounded queue of messages that a killed process leaves behind.

One SQLite file for each stream, there only while something waits. SQLite is in the standard library, recognises what a
killed process had half written (each frame of its log carries a checksum), tells a full disk from a broken one, and
frees from the front without rewriting. Segment files of our own would have to prove all that; persist-queue and
diskcache wrap the same SQLite in pickles, and the latter is not kept up any more.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from engine.errors import SpindlewatchError

_SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA journal_size_limit = 0;
CREATE TABLE IF NOT EXISTS waiting
    (seq INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER NOT NULL, message BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS stands (only INTEGER PRIMARY KEY CHECK (only = 1), number INTEGER NOT NULL);
"""
_OLDEST = "FROM waiting WHERE seq > ? ORDER BY seq LIMIT ?"

_log = logging.getLogger(__name__)


class SpoolError(SpindlewatchError):
    """The disk refuses: full, not writable, broken, or another process has the file open."""


class Spool:
    """A queue on disk, oldest first; used by one process at a time, and by one thread at a time.

    What was appended survives a ``kill -9``; a power cut may take the last seconds, never the rest. A file that is
    damaged is put aside as ``*.damaged``, and what is known to have waited in it counts as dropped; one that cannot be
    read for now is left alone, and found again when something has to wait the next time.

    Parameters
    ----------
    folder : Path
        Made if missing.
    stream : str
        Whose messages; each has a file of its own.
    max_size : int
        Bytes of all messages; what does not fit is dropped, the oldest first. The file may be a tenth larger, and has a
        log of some megabytes beside it.
    n_held : int
        So many of the oldest are never dropped, as they may be under way.
    counts : Counter of str
        ``spooled`` and ``dropped``.
    """

    def __init__(self, folder: Path, stream: str, max_size: int, n_held: int, counts: Counter[str]) -> None:
        mark = hashlib.blake2b(stream.encode(), digest_size=6).hexdigest()
        self.path = folder / f"{quote(stream, safe='')[:100]}-{mark}.spool"
        self._max_size, self._n_held, self._counts = max_size, n_held, counts
        self._db: sqlite3.Connection | None = None
        self._n = self._size = 0
        self._done = (
            0  # up to which message all are stored elsewhere, though the disk may not have let them go
        )
        self._is_full = False
        self.number = 0
        """Running number of the entry before the oldest message, as far as was known when the file was written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                self._open()
        except (sqlite3.Error, OSError) as error:
            _log.error("%s: cannot be used now: %s", self.path, error)

    def __len__(self) -> int:
        """Messages that wait."""
        return self._n

    def append(self, messages: Sequence[bytes], number: int) -> None:
        """Put messages behind the others: all, or none if the disk refuses.

        Parameters
        ----------
        messages : sequence of bytes
            In order.
        number : int
            Becomes `number` if nothing waited before.

        Raises
        ------
        SpoolError
            The disk refuses.
        """
        rows = [(len(message), message) for message in messages]
        size = sum(map(len, messages))
        with self._told():
            db = self._open()
            with db:
                if not self._n:
                    self._stand(db, number)
                db.executemany("INSERT INTO waiting (size, message) VALUES (?, ?)", rows)
                n_dropped, freed = self._make_room(db, self._size + size - self._max_size)
        if not self._n:
            self.number = number
        self._n += len(rows) - n_dropped
        self._size += size - freed
        self._counts["spooled"] += len(rows)
        self._drop(n_dropped)

    def oldest(self, count: int) -> list[bytes]:
        """Read the messages that have waited longest.

        Raises
        ------
        SpoolError
            They cannot be read.
        """
        return [message for (message,) in self._read(f"SELECT message {_OLDEST}", count)]

    def nth(self, position: int) -> bytes | None:
        """Read one message: 1 = the oldest; None if there are not so many.

        Raises
        ------
        SpoolError
            It cannot be read.
        """
        found = self._read(f"SELECT message {_OLDEST} OFFSET ?", 1, position - 1)
        return cast(bytes, found[0][0]) if found else None

    def remove(self, count: int, number: int) -> None:
        """Take out the oldest, which are stored elsewhere now.

        Parameters
        ----------
        count : int
            How many; 0 to say the number alone.
        number : int
            The running number of the last of them.

        Raises
        ------
        SpoolError
            The disk refuses. They are out of this queue all the same; only the next process would find them again.
        """
        try:
            gone = self._read(f"SELECT seq, size {_OLDEST}", count)
        except SpoolError:
            self.leave()
            raise
        self._done = gone[-1][0] if gone else self._done
        self._n -= len(gone)
        self._size -= sum(size for _seq, size in gone)
        self.number = number
        with self._told():
            if not self._n:
                self._delete()
                return
            db = self._open()
            with db:
                db.execute("DELETE FROM waiting WHERE seq <= ?", (self._done,))
                self._stand(db, number)

    def close(self) -> None:
        """Leave the file to the next process."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def leave(self) -> None:
        """Go on without what waits, as it cannot be read now."""
        self.close()
        self._n = self._size = 0

    # --- the file ---

    @staticmethod
    def _stand(db: sqlite3.Connection, number: int) -> None:
        db.execute("INSERT OR REPLACE INTO stands VALUES (1, ?)", (number,))

    def _make_room(self, db: sqlite3.Connection, over: int) -> tuple[int, int]:
        """Drop the oldest that may go, a sixteenth of the room at once: how many, and their bytes."""
        gone: list[int] = []
        freed = 0
        if over > 0:
            sql = f"SELECT seq, size {_OLDEST} OFFSET ?"
            for seq, size in db.execute(sql, (self._done, -1, self._n_held)):
                if freed >= over + self._max_size // 16:
                    break
                gone.append(seq)
                freed += size
        if gone:
            db.execute("DELETE FROM waiting WHERE seq BETWEEN ? AND ?", (gone[0], gone[-1]))
        return len(gone), freed

    def _drop(self, n: int) -> None:
        if not n:
            return
        if not self._is_full:
            _log.error("%s: full; from now on messages are dropped, the oldest first", self.path)
        self._is_full = True
        self._counts["dropped"] += n

    def _read(self, sql: str, *numbers: int) -> list[Any]:
        with self._told():
            return self._open().execute(sql, (self._done, *numbers)).fetchall()

    def _open(self) -> sqlite3.Connection:
        """Open the file, and learn what waits in it."""
        if self._db is None:
            try:
                self._db = self._connect()
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                self._put_aside(error)
                self._db = self._connect()
        return self._db

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=0.1, check_same_thread=False)
        try:
            db.executescript(_SCHEMA)
            sql = "SELECT count(*), coalesce(sum(size), 0) FROM waiting WHERE seq > ?"
            self._n, self._size = db.execute(sql, (self._done,)).fetchone()
            stands = db.execute("SELECT number FROM stands").fetchone()
        except BaseException:
            db.close()
            raise
        if stands is not None and not self._done:
            self.number = stands[0]
        return db

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one error that the disk refuses, and put a damaged file aside."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                self._put_aside(error)
            raise SpoolError(f"{self.path}: {error}") from error

    def _put_aside(self, error: Exception) -> None:
        damaged = self.path.with_suffix(".damaged")
        _log.error("%s: damaged, put aside as %s: %s", self.path, damaged.name, error)
        self._drop(self._n)
        self.close()
        with suppress(OSError):
            self.path.replace(damaged)
            self._forget()

    def _delete(self) -> None:
        """An empty spool is no file: so it never stays as large as it once was."""
        self.close()
        self.path.unlink(missing_ok=True)
        self._forget()

    def _forget(self) -> None:
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        self._n = self._size = self._done = 0
        self._is_full = False
