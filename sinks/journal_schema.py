"""The tables of the journal, and what those of older versions lack."""

from __future__ import annotations

from sinks import tool_history

APPLICATION_ID = 0x53504957
"""``SPIW``; tells a journal from other SQLite files."""
VERSION = 3
_FOLLOWED = """
-- How far other streams have been read into this journal; written together with what came of them.
CREATE TABLE followed (stream TEXT PRIMARY KEY, entry TEXT NOT NULL, n INTEGER NOT NULL) STRICT;
"""
SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE journal (epoch TEXT NOT NULL) STRICT;
CREATE TABLE alerts (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL,
    state   TEXT NOT NULL,
    t_ns    INTEGER NOT NULL,
    spindle TEXT NOT NULL,
    fault   TEXT NOT NULL,
    json    BLOB NOT NULL,
    UNIQUE (id, state, t_ns)
) STRICT;
-- The newest message of every alert that has not closed: a snapshot costs what is open, not what ever was.
CREATE TABLE active (id TEXT PRIMARY KEY, seq INTEGER NOT NULL REFERENCES alerts) STRICT;
{tool_history.TABLES}{_FOLLOWED}
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
COMMIT;
"""
"""Of a new file."""
MISSING = {1: tool_history.TABLES + _FOLLOWED, 2: _FOLLOWED}
"""By version: what it lacks."""
