"""The lives of tools in the journal: the latest word about every edge, and how its wear grew."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec
import orjson

from engine.verdicts import ToolLife
from sinks.base import Record
from sinks.decoding import Count, Message, ReasonMessage, Time, or_nan, read_json

TABLES = """
CREATE TABLE tools (
    spindle  TEXT NOT NULL,
    tool     TEXT NOT NULL,
    edge     TEXT NOT NULL,
    began_ns INTEGER NOT NULL,
    t_ns     INTEGER NOT NULL,
    json     BLOB NOT NULL,
    PRIMARY KEY (spindle, tool, edge, began_ns)
) STRICT;
-- wear is null while the fresh edge is being learnt
CREATE TABLE tool_cuts (
    spindle  TEXT NOT NULL,
    tool     TEXT NOT NULL,
    edge     TEXT NOT NULL,
    began_ns INTEGER NOT NULL,
    n_cuts   INTEGER NOT NULL,
    wear     REAL,
    PRIMARY KEY (spindle, tool, edge, began_ns, n_cuts)
) STRICT, WITHOUT ROWID;
"""
"""Tables that version 2 of the journal adds."""


def life_as_dict(life: ToolLife) -> dict[str, Any]:
    """Return the life of an edge as plain values: the same in the journal, in files and on the command line.

    Parameters
    ----------
    life : ToolLife
        As `operators.tool_lives.ToolLives` told it.

    Returns
    -------
    dict
        Keys in a fixed order; orjson writes NaN and infinity as null, which means "cannot say".
    """
    return {
        "spindle": life.spindle,
        "tool": life.tool,
        "edge": life.edge,
        "state": _state(life),
        "t_ns": life.t_ns,
        "began_ns": life.began_ns,
        "n_cuts": life.n_cuts,
        "cutting_s": round(life.cutting_s, 3),
        "wear": life.wear,
        "remaining_cuts": life.remaining_cuts,
        "remaining_low": life.remaining_low,
        "remaining_high": life.remaining_high,
        "recommended_ns": life.recommended_ns,
        "recommended_cuts": life.recommended_cuts,
        "inferred": life.inferred,
        "evidence": [reason._asdict() for reason in life.evidence],
        "config_hash": life.config_hash,
    }


class _LifeMessage(Message, frozen=True):
    spindle: str
    tool: str
    edge: str
    state: Literal["learning", "in_use", "change", "changed"]
    t_ns: Time
    began_ns: Time
    n_cuts: Count
    cutting_s: float | None
    wear: float | None
    remaining_cuts: float | None
    remaining_low: float | None
    remaining_high: float | None
    recommended_ns: Time | None
    recommended_cuts: Count | None
    inferred: bool
    evidence: tuple[ReasonMessage, ...]
    config_hash: str


_decoder = msgspec.json.Decoder(_LifeMessage)


def life_from_json(data: bytes) -> ToolLife:
    """Read back what `life_as_dict` gave and somebody wrote as JSON.

    Parameters
    ----------
    data : bytes
        UTF-8 JSON.

    Returns
    -------
    ToolLife
        `life_as_dict` of it is the same again. Where null was written, perhaps for an infinity, it holds NaN.

    Raises
    ------
    WireError
        Anything else.
    """
    told = read_json(_decoder, data, "tool life")
    return ToolLife(
        spindle=told.spindle,
        tool=told.tool,
        edge=told.edge,
        t_ns=told.t_ns,
        began_ns=told.began_ns,
        n_cuts=told.n_cuts,
        cutting_s=or_nan(told.cutting_s),
        wear=or_nan(told.wear),
        remaining_cuts=or_nan(told.remaining_cuts),
        remaining_low=or_nan(told.remaining_low),
        remaining_high=or_nan(told.remaining_high),
        recommended_ns=told.recommended_ns,
        recommended_cuts=told.recommended_cuts,
        over=told.state == "changed",
        inferred=told.inferred,
        evidence=tuple(reason.reason() for reason in told.evidence),
        config_hash=told.config_hash,
    )


def _state(life: ToolLife) -> str:
    """Where the edge stands, in a word."""
    if life.over:
        return "changed"
    if life.recommended_ns is not None:
        return "change"
    return "in_use" if life.wear == life.wear else "learning"


def store(connection: sqlite3.Connection, lives: Sequence[ToolLife]) -> None:
    """Write lives down; one that is known already is brought up to date.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    lives : sequence of ToolLife
        In stream time. A repetition after a restart changes nothing.
    """
    for life in lives:
        whose = life.spindle, life.tool, life.edge, life.began_ns
        connection.execute(
            "INSERT INTO tools VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET t_ns = excluded.t_ns, "
            "json = excluded.json WHERE excluded.t_ns >= t_ns",
            (*whose, life.t_ns, orjson.dumps(life_as_dict(life))),
        )
        wear = life.wear if life.wear == life.wear else None
        connection.execute(
            "INSERT OR REPLACE INTO tool_cuts VALUES (?, ?, ?, ?, ?, ?)", (*whose, life.n_cuts, wear)
        )


def read(connection: sqlite3.Connection, spindle: str | None) -> list[dict[str, Any]]:
    """Lives that were written down, by spindle and tool, the oldest edge first.

    Parameters
    ----------
    connection : sqlite3.Connection
        To a journal.
    spindle : str or None
        Only this one's.

    Returns
    -------
    list of dict
        `life_as_dict`, and under ``curve`` pairs of cuts made and wear, null while it was not known.
    """
    rows = connection.execute(
        "SELECT spindle, tool, edge, began_ns, json FROM tools WHERE :spindle IS NULL OR "
        "spindle = :spindle ORDER BY spindle, tool, began_ns",
        {"spindle": spindle},
    ).fetchall()
    lives = []
    for *whose, json in rows:
        curve = connection.execute(
            "SELECT n_cuts, wear FROM tool_cuts WHERE (spindle, tool, edge, began_ns) = (?, ?, ?, ?) "
            "ORDER BY n_cuts",
            whose,
        ).fetchall()
        lives.append(orjson.loads(json) | {"curve": [list(point) for point in curve]})
    return lives


class Keeper(Protocol):
    """What `ToolHistory` asks of a journal."""

    def store_lives(self, lives: Sequence[ToolLife]) -> None: ...  # noqa: D102 - as at `sinks.journal.Journal`


class ToolHistory:
    """A writer that keeps tool lives in a journal.

    Parameters
    ----------
    journal : sinks.journal.Journal
        Open as long as this is used.
    """

    def __init__(self, journal: Keeper) -> None:
        self._journal = journal

    def write(self, records: Sequence[Record]) -> None:
        """Keep tool lives, pass over the rest."""
        lives = [record for record in records if isinstance(record, ToolLife)]
        if lives:
            self._journal.store_lives(lives)
