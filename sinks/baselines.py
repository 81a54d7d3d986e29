"""Baselines on disk: what a spindle has learned of sections that it is not machining at the moment."""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

_log = logging.getLogger(__name__)

_APPLICATION_ID = 0x53504942  # "SPIB"
_SCHEMA_VERSION = 1
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE baselines (key TEXT PRIMARY KEY, used INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
CREATE INDEX by_use ON baselines (used);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_SCHEMA_VERSION};
COMMIT;
"""
MAX_ENTRIES = 4096
"""Sections of a shop, over all spindles and sensor groups: some 30 kB each."""


def beside(journal: Path) -> Path:
    """Where the baselines of a journal's spindles are: a file of their own, so that no alert waits for them.

    Parameters
    ----------
    journal : Path
        Of the alerts.

    Returns
    -------
    Path
        In the same folder.

    Examples
    --------
    >>> beside(Path("shop/spindlewatch.sqlite3")).name
    'spindlewatch.baselines.sqlite3'
    """
    return journal.with_name(f"{journal.stem}.baselines{journal.suffix}")


class BaselineFile:
    """Values by key in an SQLite file: at most so many, the one used least recently goes first.

    What it holds can be learned again, so nothing that happens to the file stops the flow: trouble is counted and
    logged, a file that cannot be used is set aside under another name, and the last writes may be lost with the power.
    All methods may be called from any thread; one process at a time writes.

    Parameters
    ----------
    path : Path or None
        Made if missing; its folder must exist. None = in memory, for as long as this lasts.
    max_entries : int
        1 upwards.
    """

    def __init__(self, path: Path | None, max_entries: int = MAX_ENTRIES) -> None:
        self._path, self._max_entries = path, max_entries
        self._lock = threading.Lock()
        self.n_failed = 0
        """Reads, writes and files that failed."""
        try:
            self._connection = self._open()
        except sqlite3.Error as error:
            self._complain(f"set aside: {error}")
            self._set_aside()
            self._connection = self._open()
        (self._used,) = self._connection.execute("SELECT coalesce(max(used), 0) FROM baselines").fetchone()

    def put(self, key: str, value: bytes) -> None:
        """Keep a value, in place of any other of this key.

        Parameters
        ----------
        key : str
            Any.
        value : bytes
            Any.
        """
        try:
            with self._lock, self._connection as connection:
                self._used += 1
                connection.execute(
                    "INSERT OR REPLACE INTO baselines VALUES (?, ?, ?)", (key, self._used, value)
                )
                connection.execute(
                    "DELETE FROM baselines WHERE used <= "
                    "(SELECT used FROM baselines ORDER BY used DESC LIMIT 1 OFFSET ?)",
                    (self._max_entries,),
                )
        except sqlite3.Error as error:
            self._complain(str(error))

    def get(self, key: str) -> bytes | None:
        """Give back what was kept last; it stays.

        Parameters
        ----------
        key : str
            Any.

        Returns
        -------
        bytes or None
            None if there is nothing, or it cannot be read.
        """
        try:
            with self._lock, self._connection as connection:
                row = connection.execute("SELECT value FROM baselines WHERE key = ?", (key,)).fetchone()
                if row is None:
                    return None
                self._used += 1
                connection.execute("UPDATE baselines SET used = ? WHERE key = ?", (self._used, key))
                return bytes(row[0])
        except sqlite3.Error as error:
            self._complain(str(error))
            return None

    def count(self) -> int:
        """How many values there are; 0 if that cannot be read."""
        try:
            with self._lock:
                return int(self._connection.execute("SELECT count(*) FROM baselines").fetchone()[0])
        except sqlite3.Error as error:
            self._complain(str(error))
            return 0

    def close(self) -> None:
        """Close the file; nothing can be kept or given back any more."""
        with self._lock:
            self._connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path or ":memory:", timeout=1.0, check_same_thread=False)
        try:
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if n_tables == 0 and application_id == 0:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_SCHEMA)
            elif (application_id, version) != (_APPLICATION_ID, _SCHEMA_VERSION):
                raise sqlite3.DatabaseError("not a file of baselines that this program wrote")
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self) -> None:
        """Rename a file that cannot be used; if even that fails, remember in memory."""
        if self._path is None:
            return
        try:
            self._path.rename(self._path.with_name(f"{self._path.name}.unusable"))
        except OSError as error:
            self._complain(f"remembering in memory only: {error}")
            self._path = None

    def _complain(self, what: str) -> None:
        self.n_failed += 1
        _log.warning("%s: baselines (%d failures so far): %s", self._path or "memory", self.n_failed, what)
