"""The journal: alerts on disk before anybody is told, numbered, so that a subscriber can resume; and tools' lives."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from engine.errors import SpindlewatchError
from engine.verdicts import Alert, AlertState, ToolLife
from sinks import tool_history
from sinks.alert_json import alert_as_dict
from sinks.journal_schema import APPLICATION_ID, MISSING, SCHEMA, VERSION

_ENTRY = "a.seq, a.spindle, a.fault, a.json"


class Entry(NamedTuple):
    """One alert message as journaled.

    Parameters
    ----------
    seq : int
        Strictly increasing within the journal's epoch, from 1.
    json : bytes
        `sinks.alert_json.alert_as_dict` as UTF-8 JSON.
    """

    seq: int
    spindle: str
    fault: str
    json: bytes


class Followed(NamedTuple):
    """How far a stream has been read into the journal.

    Parameters
    ----------
    entry : str
        Id of the last entry that was read; ``0-0`` = none.
    n : int
        Entries that had been added to the stream by then, whether or not they could still be read.
    """

    entry: str = "0-0"
    n: int = 0


class Journal:
    """Alert messages in an SQLite file, on disk (fsync) before `append` returns, unless it is asked not to wait.

    Reading never waits for a write (WAL, two connections). All methods may be called from any thread; one process
    at a time writes. Nothing is trimmed: about 1.5 kB an alert message, 50 bytes a cut.

    Parameters
    ----------
    path : Path
        Made if missing; its folder must exist.
    durable : bool
        False: the last alerts may be lost with the power (not with the process); `append` takes microseconds.

    Raises
    ------
    SpindlewatchError
        The file is no journal, was made by a newer version, or cannot be read and written.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._path, self._durable = path, durable
        self._writing, self._reading = threading.Lock(), threading.Lock()
        with self._clear_errors("cannot be used as a journal"):
            self._writer = self._connect()
            try:
                self._prepare()
                self._reader = self._connect()
            except BaseException:
                self._writer.close()
                raise

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return self._path

    @property
    def epoch(self) -> str:
        """Random id of this file; sequence numbers of another epoch mean nothing here."""
        return self._epoch

    def append(self, alert: Alert) -> int | None:
        """Store an alert message unless it is stored already.

        Parameters
        ----------
        alert : Alert
            From the judge. After a restart the same message may come again.

        Returns
        -------
        int or None
            Its sequence number; None for a repetition (same id, state and ``t_ns``).

        Raises
        ------
        SpindlewatchError
            Disk full, file gone, or another process is writing.
        """
        with self._clear_errors(f"cannot store alert {alert.id!r}"), self._writing, self._writer:
            entry = self._insert(alert)
        return None if entry is None else entry.seq

    def follow(
        self, positions: Mapping[str, Followed], alerts: Sequence[Alert] = (), lives: Sequence[ToolLife] = ()
    ) -> list[Entry | None]:
        """Store what came by streams and how far they have been read: all of it, or nothing if that fails.

        Parameters
        ----------
        positions : Mapping[str, Followed]
            By stream.
        alerts : sequence of Alert
            In the order in which they came; any may have come before.
        lives : sequence of ToolLife
            As for `store_lives`.

        Returns
        -------
        list of Entry or None
            One for each alert; None for one that was stored already.

        Raises
        ------
        SpindlewatchError
            As `append`.
        """
        what = f"cannot store {len(alerts)} alerts and {len(lives)} tool lives"
        with self._clear_errors(what), self._writing, self._writer:
            entries = [self._insert(alert) for alert in alerts]
            tool_history.store(self._writer, lives)
            self._writer.executemany(
                "INSERT OR REPLACE INTO followed VALUES (?, ?, ?)",
                [(stream, *position) for stream, position in positions.items()],
            )
        return entries

    def followed(self, stream: str) -> Followed:
        """How far a stream has been read: what `follow` was told last."""
        with self._clear_errors("cannot be read"), self._reading:
            row = self._reader.execute("SELECT entry, n FROM followed WHERE stream = ?", (stream,)).fetchone()
        return Followed() if row is None else Followed(*row)

    def store_lives(self, lives: Sequence[ToolLife]) -> None:
        """Store what cutting edges are worth, in place of what was stored of them before.

        Parameters
        ----------
        lives : sequence of ToolLife
            In stream time; a repetition changes nothing.

        Raises
        ------
        SpindlewatchError
            As `append`.
        """
        with self._clear_errors("cannot store tool lives"), self._writing, self._writer:
            tool_history.store(self._writer, lives)

    def lives(self, spindle: str | None = None) -> list[dict[str, Any]]:
        """Tool lives: `sinks.tool_history.read`."""
        with self._clear_errors("cannot be read"), self._reading:
            return tool_history.read(self._reader, spindle)

    def page(self, after_seq: int, limit: int) -> list[Entry]:
        """Entries after a sequence number, oldest first.

        Parameters
        ----------
        after_seq : int
            The last one already known; 0 = from the beginning.
        limit : int
            At most so many.

        Returns
        -------
        list of Entry
            Empty at the end.
        """
        return self._read(
            f"SELECT {_ENTRY} FROM alerts a WHERE seq > ? ORDER BY seq LIMIT ?", after_seq, limit
        )

    def active(self) -> list[Entry]:
        """Newest message of every alert that has not closed, in the order of their numbers."""
        return self.snapshot()[1]

    def snapshot(self) -> tuple[int, list[Entry]]:
        """`head` and `active` of one moment: nothing is between them, and nothing is in both."""
        with self._clear_errors("cannot be read"), self._reading, self._reader:
            self._reader.execute("BEGIN")
            (head,) = self._reader.execute("SELECT max(seq) FROM alerts").fetchone()
            rows = self._reader.execute(
                f"SELECT {_ENTRY} FROM active JOIN alerts a USING (seq) ORDER BY seq"
            ).fetchall()
        return head or 0, [Entry(*row) for row in rows]

    def head(self) -> int:
        """Newest sequence number; 0 if the journal is empty."""
        return self._number("SELECT max(seq) FROM alerts", 0)

    def oldest(self) -> int:
        """Oldest sequence number still stored; one more than `head` if there is none."""
        return self._number("SELECT min(seq) FROM alerts", self.head() + 1)

    def close(self) -> None:
        """Close the file; the journal cannot be used any more."""
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()  # the last connection folds the write-ahead log into the file

    def _insert(self, alert: Alert) -> Entry | None:
        """Store an alert message in the transaction that is open; None for a repetition."""
        json = orjson.dumps(alert_as_dict(alert))
        row = (alert.id, alert.state, alert.t_ns, alert.spindle, alert.fault, json)
        # Asked first, because a refused INSERT would use up a number.
        asked = "SELECT 1 FROM alerts WHERE (id, state, t_ns) = (?, ?, ?)"
        if self._writer.execute(asked, row[:3]).fetchone():
            return None
        wanted = "INSERT INTO alerts (id, state, t_ns, spindle, fault, json) VALUES (?, ?, ?, ?, ?, ?) RETURNING seq"
        [(seq,)] = self._writer.execute(wanted, row).fetchall()
        if alert.state is AlertState.CLOSED:
            self._writer.execute("DELETE FROM active WHERE id = ?", (alert.id,))
        else:
            self._writer.execute("INSERT OR REPLACE INTO active VALUES (?, ?)", (alert.id, seq))
        return Entry(seq, alert.spindle, alert.fault, json)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=5.0, check_same_thread=False)
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
        return connection

    def _prepare(self) -> None:
        """Make the tables in an empty file; recognise a journal in any other."""
        (application_id,) = self._writer.execute("PRAGMA application_id").fetchone()
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        (n_tables,) = self._writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if n_tables == 0 and application_id == 0:
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.executescript(SCHEMA)
            with self._writer:
                self._writer.execute("INSERT INTO journal VALUES (?)", (secrets.token_hex(8),))
        elif application_id != APPLICATION_ID:
            raise SpindlewatchError(f"{self._path}: an SQLite file, but not a journal of spindlewatch")
        elif version in MISSING:
            self._writer.executescript(
                f"BEGIN IMMEDIATE;{MISSING[version]}PRAGMA user_version = {VERSION};COMMIT;"
            )
        elif version != VERSION:
            raise SpindlewatchError(
                f"{self._path}: a journal of version {version}, this program reads {VERSION}"
            )
        self._epoch: str = self._writer.execute("SELECT epoch FROM journal").fetchone()[0]

    def _read(self, query: str, *values: int) -> list[Entry]:
        with self._clear_errors("cannot be read"), self._reading:
            return [Entry(*row) for row in self._reader.execute(query, values)]

    def _number(self, query: str, otherwise: int) -> int:
        with self._clear_errors("cannot be read"), self._reading:
            (number,) = self._reader.execute(query).fetchone()
        return otherwise if number is None else int(number)

    @contextmanager
    def _clear_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SpindlewatchError(f"{self._path}: {what}: {error}") from error
