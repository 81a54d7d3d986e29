"""The shadow's journal: what another configuration would have told, and from when to when it was asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from engine.errors import SpindlewatchError
from engine.fuse import Fuse
from engine.verdicts import Alert, SpindleState
from sinks.base import Record
from sinks.journal import Journal

_MARK_NS = 60 * 1_000_000_000
"""How often (stream time) it is noted that the shadow is still there; a crash loses so much of its span."""
_SPANS = """
CREATE TABLE IF NOT EXISTS shadow_spans (
    began_ns    INTEGER NOT NULL,
    until_ns    INTEGER NOT NULL,
    config_hash TEXT NOT NULL,
    live_hash   TEXT NOT NULL,
    trouble     TEXT NOT NULL
) STRICT
"""


class ShadowSpan(NamedTuple):
    """A stretch of stream time that a shadow watched.

    Parameters
    ----------
    began_ns, until_ns : int
        Stream time; both ends included.
    config_hash, live_hash : str
        Of the shadow, and of what decided meanwhile.
    trouble : str
        Why it was cut off; empty if it was not.
    """

    began_ns: int
    until_ns: int
    config_hash: str
    live_hash: str
    trouble: str


def shadow_beside(journal: Path) -> Path:
    """Where the alerts of a journal's shadow are: a file of their own, so that nobody takes them for alerts.

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
    >>> shadow_beside(Path("shop/spindlewatch.sqlite3")).name
    'spindlewatch.shadow.sqlite3'
    """
    return journal.with_name(f"{journal.stem}.shadow{journal.suffix}")


class ShadowJournal:
    """A writer that keeps a shadow's alerts in a journal of their own (`sinks.journal`), with the spans it watched.

    Nothing that happens to the file stops the flow: a failure blows the fuse. The last alerts may be lost with the
    power; nobody acts on them.

    Parameters
    ----------
    path : Path
        Made if missing; its folder must exist.
    config_hash, live_hash : str
        Of the shadow, and of what decides.
    fuse : Fuse
        Of the shadow branch.

    Raises
    ------
    SpindlewatchError
        The file cannot be used; raised before anything flows.
    """

    def __init__(self, path: Path, config_hash: str, live_hash: str, fuse: Fuse) -> None:
        self._journal = Journal(path, durable=False)
        self._hashes, self._fuse = (config_hash, live_hash), fuse
        self._span: int | None = None
        self._seen_ns = self._marked_ns = 0
        try:
            # Writing is the flow's thread's alone, closing its maker's.
            self._spans = sqlite3.connect(path, timeout=5.0, check_same_thread=False, isolation_level=None)
            self._spans.execute("PRAGMA synchronous = NORMAL")
            self._spans.execute(_SPANS)
        except sqlite3.Error as error:
            self._journal.close()
            raise SpindlewatchError(f"{path}: cannot be used as a shadow's journal: {error}") from error

    def write(self, records: Sequence[Record]) -> None:
        """Keep alerts, and note how far the shadow has come."""
        if self._fuse.blown:
            return
        try:
            for record in records:
                if isinstance(record, Alert | SpindleState):
                    self._take(record)
        except Exception as error:
            self._fuse.blow(error)

    def close(self) -> None:
        """Note where the shadow ended, and why if it was cut off; then close the file."""
        try:
            if self._span is not None:
                self._mark()
        except sqlite3.Error as error:
            self._fuse.blow(error)
        finally:
            self._spans.close()
            self._journal.close()

    def _take(self, record: Alert | SpindleState) -> None:
        self._seen_ns = max(self._seen_ns, record.t_ns)
        if self._span is None:
            row = record.t_ns, record.t_ns, *self._hashes, ""
            self._span = self._spans.execute("INSERT INTO shadow_spans VALUES (?, ?, ?, ?, ?)", row).lastrowid
            self._marked_ns = record.t_ns
        if isinstance(record, Alert):
            self._journal.append(record)
        if isinstance(record, Alert) or self._seen_ns - self._marked_ns >= _MARK_NS:
            self._mark()

    def _mark(self) -> None:
        self._spans.execute(
            "UPDATE shadow_spans SET until_ns = ?, trouble = ? WHERE rowid = ?",
            (self._seen_ns, self._fuse.reason, self._span),
        )
        self._marked_ns = self._seen_ns


def read_spans(path: Path) -> list[ShadowSpan]:
    """Read when a shadow watched.

    Parameters
    ----------
    path : Path
        Of a shadow's journal.

    Returns
    -------
    list of ShadowSpan
        In the order in which they began to be watched.

    Raises
    ------
    SpindlewatchError
        The file is none.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as connection:
            rows = connection.execute("SELECT * FROM shadow_spans ORDER BY rowid").fetchall()
    except sqlite3.Error as error:
        raise SpindlewatchError(f"{path}: cannot be read as a shadow's journal: {error}") from error
    return [ShadowSpan(*row) for row in rows]
