"""How far each target has been told, in an SQLite file of its own: no alert's journaling waits for it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from engine.errors import SpindlewatchError

_APPLICATION_ID = 0x5350494E  # "SPIN"
_VERSION = 1
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE positions (
    target     TEXT PRIMARY KEY,
    epoch      TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    n_sent     INTEGER NOT NULL DEFAULT 0,
    n_given_up INTEGER NOT NULL DEFAULT 0,
    n_left_out INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Alerts that a target was told of and that are open; note: what its courier must know again.
CREATE TABLE told (
    target TEXT NOT NULL,
    id     TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    note   TEXT NOT NULL,
    PRIMARY KEY (target, id)
) STRICT;
CREATE TABLE dead (
    n      INTEGER PRIMARY KEY AUTOINCREMENT,
    target TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    at_ns  INTEGER NOT NULL,
    error  TEXT NOT NULL,
    json   BLOB NOT NULL
) STRICT;
CREATE INDEX dead_of ON dead (target, n);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
COMMIT;
"""
MAX_DEAD = 1000
"""Alert messages kept of each target that were given up, the newest."""


def beside(journal: Path) -> Path:
    """Where the positions in a journal are.

    Examples
    --------
    >>> beside(Path("shop/spindlewatch.sqlite3")).name
    'spindlewatch.outbound.sqlite3'
    """
    return journal.with_name(f"{journal.stem}.outbound{journal.suffix}")


class Position(NamedTuple):
    """How far a target has been told, and what became of it.

    Parameters
    ----------
    epoch : str
        Of the journal that ``seq`` counts in.
    seq : int
        Everything up to it has been dealt with.
    n_sent, n_given_up, n_left_out : int
        Alert messages that arrived, were refused for good, or had waited for too long.
    """

    epoch: str
    seq: int
    n_sent: int = 0
    n_given_up: int = 0
    n_left_out: int = 0


class Told(NamedTuple):
    """An open alert that a target was told of.

    Parameters
    ----------
    seq : int
        Of its newest message that arrived.
    note : str
        What the courier must know again.
    """

    seq: int
    note: str


class DeadLetter(NamedTuple):
    """An alert message that a target did not take.

    Parameters
    ----------
    seq : int
        Its number in the journal.
    at_ns : int
        When it was given up, wall time.
    error : str
        Why.
    json : bytes
        The message.
    """

    seq: int
    at_ns: int
    error: str
    json: bytes


class PositionFile:
    """Positions by target. All methods may be called from any thread; one process at a time writes.

    The last writes may be lost with the power, not with the process; then some alerts are told again.

    Parameters
    ----------
    path : Path
        Made if missing; its folder must exist.

    Raises
    ------
    SpindlewatchError
        It is another kind of file, was made by a newer version, or cannot be read and written.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        with self._clear_errors("cannot be used"):
            self._connection = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def position(self, target: str) -> Position | None:
        """How far a target has been told; None: it is not known yet."""
        query = "SELECT epoch, seq, n_sent, n_given_up, n_left_out FROM positions WHERE target = ?"
        with self._clear_errors("cannot be read"), self._lock:
            row = self._connection.execute(query, (target,)).fetchone()
        return None if row is None else Position(*row)

    def told(self, target: str) -> dict[str, Told]:
        """Open alerts that a target was told of, by id."""
        query = "SELECT id, seq, note FROM told WHERE target = ? ORDER BY seq"
        with self._clear_errors("cannot be read"), self._lock:
            rows = self._connection.execute(query, (target,)).fetchall()
        return {id_: Told(seq, note) for id_, seq, note in rows}

    def begin(self, target: str, epoch: str, seq: int) -> None:
        """Let a target go on from another place; what it was told by another journal is forgotten, counts are not."""
        wanted = """INSERT INTO positions (target, epoch, seq) VALUES (?, ?, ?)
            ON CONFLICT (target) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq"""
        with self._writing() as connection:
            connection.execute("DELETE FROM told WHERE target = ?", (target,))
            connection.execute(wanted, (target, epoch, seq))

    def arrived(self, target: str, id_: str, told: Told | None, seq: int) -> None:
        """Move on behind a message that arrived; None: its alert is not open any more."""
        with self._writing() as connection:
            if told is None:
                connection.execute("DELETE FROM told WHERE (target, id) = (?, ?)", (target, id_))
            else:
                connection.execute("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?)", (target, id_, *told))
            self._move(connection, target, seq, "n_sent", 1)

    def give_up(self, target: str, letter: DeadLetter) -> None:
        """Move on behind a message that was refused for good, and keep it; the oldest of many goes."""
        oldest = "SELECT n FROM dead WHERE target = ? ORDER BY n DESC LIMIT 1 OFFSET ?"
        with self._writing() as connection:
            values = target, letter.seq, letter.at_ns, letter.error, letter.json
            connection.execute(
                "INSERT INTO dead (target, seq, at_ns, error, json) VALUES (?, ?, ?, ?, ?)", values
            )
            connection.execute(
                f"DELETE FROM dead WHERE target = ? AND n <= ({oldest})", (target, target, MAX_DEAD)
            )
            self._move(connection, target, letter.seq, "n_given_up", 1)

    def pass_over(self, target: str, seq: int, n_left_out: int = 0, ended: str = "") -> None:
        """Move on behind messages that are not for the target, or so many that have waited for too long.

        Parameters
        ----------
        target : str
            Whose position.
        seq : int
            Of the last one.
        n_left_out : int
            That have waited for too long.
        ended : str
            Id of an alert that the target was told of and that is not open any more; empty = none.
        """
        with self._writing() as connection:
            connection.execute("DELETE FROM told WHERE (target, id) = (?, ?)", (target, ended))
            self._move(connection, target, seq, "n_left_out", n_left_out)

    def dead_letters(self, target: str, most: int = MAX_DEAD) -> list[DeadLetter]:
        """What a target refused for good, newest first."""
        query = "SELECT seq, at_ns, error, json FROM dead WHERE target = ? ORDER BY n DESC LIMIT ?"
        with self._clear_errors("cannot be read"), self._lock:
            return [DeadLetter(*row) for row in self._connection.execute(query, (target, most))]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _move(self, connection: sqlite3.Connection, target: str, seq: int, count: str, n: int) -> None:
        wanted = f"UPDATE positions SET seq = ?, {count} = {count} + ? WHERE target = ?"
        connection.execute(wanted, (seq, n, target))

    def _prepare(self) -> None:
        """Make the tables in an empty file; recognise any other."""
        connection = self._connection
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if n_tables == 0 and application_id == 0:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        elif (application_id, version) != (_APPLICATION_ID, _VERSION):
            raise SpindlewatchError(f"{self._path}: holds no positions of targets that this program can read")
        connection.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._clear_errors("cannot be written"), self._lock, self._connection:
            yield self._connection

    @contextmanager
    def _clear_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SpindlewatchError(f"{self._path}: {what}: {error}") from error
