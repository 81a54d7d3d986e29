"""The audit trail: who came in, who was refused, and who changed what. In the journal's file, only ever added to."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from engine.clock import monotonic_s
from engine.errors import SpindlewatchError

_BURST, _REFILL_S = 60.0, 10.0  # refusals: so many at once, then one in so many seconds
_MAX_TEXT = 200  # characters of whatever a stranger can say
_WAIT_S = 5.0  # for the journal's own writes
_TABLE = """
CREATE TABLE IF NOT EXISTS audit (
    n       INTEGER PRIMARY KEY AUTOINCREMENT,
    t_ns    INTEGER NOT NULL,
    who     TEXT NOT NULL,
    role    TEXT NOT NULL,
    address TEXT NOT NULL,
    what    TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit trail is only ever added to'); END;
CREATE TRIGGER IF NOT EXISTS audit_is_kept BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'the audit trail is only ever added to'); END;
"""
_TEXTS = ("who", "role", "address", "what", "subject", "outcome")
_COLUMNS = ", ".join(("t_ns", *_TEXTS))

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did, or was kept from doing.

    Parameters
    ----------
    t_ns : int
        UTC nanoseconds.
    who, role : str
        Name and role of the token; empty if nobody could be told.
    address : str
        Where the connection came from; a proxy's, if there is one.
    what, subject : str
        ``connect``, ``token``, or the name of a command; and on what.
    outcome : str
        ``ok``, or why not.
    """

    t_ns: int
    who: str
    role: str
    address: str
    what: str
    subject: str
    outcome: str


class AuditTrail:
    """Writes deeds from a thread of its own, so that neither a subscriber nor an alert waits for it.

    What succeeded is always written. Refusals, which anybody can cause, are written sixty at once and then one in ten
    seconds: the next one that is written says how many were left out.

    Parameters
    ----------
    path : Path
        The journal's file. It is opened at the first deed.
    counts : Counter of str
        ``audited``, ``audit_skipped`` and ``audit_errors`` are counted there.
    now_s : callable
        Monotonic seconds.
    """

    def __init__(self, path: Path, counts: Counter[str], now_s: Callable[[], float] = monotonic_s) -> None:
        self._path, self._counts, self._now_s = path, counts, now_s
        self._queue: SimpleQueue[Deed | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._allowed, self._refilled_s, self._n_skipped = _BURST, now_s(), 0

    def note(self, deed: Deed) -> None:
        """Write a deed soon; returns at once. Called by one thread at a time."""
        if deed.outcome != "ok":
            if not self._may_write():
                self._n_skipped += 1
                self._counts["audit_skipped"] += 1
                return
            deed = self._with_skipped(deed)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="audit", daemon=True)
            self._thread.start()
        self._queue.put(deed)

    def close(self) -> None:
        """Write what is waiting, and end."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _may_write(self) -> bool:
        now_s = self._now_s()
        self._allowed = min(_BURST, self._allowed + (now_s - self._refilled_s) / _REFILL_S)
        self._refilled_s = now_s
        if self._allowed < 1.0:
            return False
        self._allowed -= 1.0
        return True

    def _with_skipped(self, deed: Deed) -> Deed:
        more = f" ({self._n_skipped} more refusals before it)" if self._n_skipped else ""
        self._n_skipped = 0
        texts = {name: getattr(deed, name)[:_MAX_TEXT] for name in _TEXTS}
        return replace(deed, **texts | {"outcome": texts["outcome"] + more})

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        while (deed := self._queue.get()) is not None:
            try:
                if connection is None:
                    connection = _open(self._path)
                with connection:
                    connection.execute(
                        f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(deed)
                    )
                self._counts["audited"] += 1
            except sqlite3.Error as error:  # it must not keep anybody from being served or refused
                self._counts["audit_errors"] += 1
                _log.error("%s: audit trail: not written: %s", self._path, error)
        if connection is not None:
            connection.close()


def read_audit(path: Path, limit: int) -> list[dict[str, Any]]:
    """Read the newest deeds.

    Parameters
    ----------
    path : Path
        A journal's file; it is not written.
    limit : int
        At most so many.

    Returns
    -------
    list of dict
        Oldest first: ``n`` (their number, without a gap) and the fields of `Deed`. Empty if nothing was ever noted.

    Raises
    ------
    SpindlewatchError
        There is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise SpindlewatchError(f"{path}: wanted a journal, got no such file")
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT_S)
        ) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'audit'").fetchone():
                return []
            rows = connection.execute(
                f"SELECT n, {_COLUMNS} FROM audit ORDER BY n DESC LIMIT ?", (limit,)
            ).fetchall()
    except sqlite3.Error as error:
        raise SpindlewatchError(f"{path}: the audit trail cannot be read: {error}") from error
    names = ["n", *(field.name for field in fields(Deed))]
    return [dict(zip(names, row, strict=True)) for row in reversed(rows)]


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_S)
    try:
        connection.executescript(_TABLE)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
