"""`spindlewatch incident`: what a running engine kept around an alert, as one folder that replays to the same alert."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import orjson

from engine.clock import NS_PER_S
from engine.errors import RecordingError, UsageError
from engine.verdicts import AlertState
from replay.incident.layout import STATE, TOLD, Told
from replay.received import is_row, write_received
from replay.staging import staged_folder
from sinks.ring_layout import alert_of, incident_folder, incidents_in, segments_in
from sinks.segments import End, Items, Segment, States, Stored, read_segment, write_frames

_NEWEST_TOLD = 5


@dataclass(frozen=True, slots=True)
class ExportedIncident:
    """An incident that was written.

    Parameters
    ----------
    alert_id : str
        The alert.
    path : Path
        The recording.
    duration_s : float
        From the state it begins with to what came last.
    n_messages : int
        About this spindle.
    states : tuple of str
        Of this alert's messages among them: ``opened``, ``updated``, ``closed``.
    whole : bool
        As `replay.incident.layout.Told`.
    config_hash : str
        A replay wants this configuration.
    """

    alert_id: str
    path: Path
    duration_s: float
    n_messages: int
    states: tuple[str, ...]
    whole: bool
    config_hash: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "alert_id": self.alert_id,
            "path": str(self.path),
            "duration_s": round(self.duration_s, 3),
            "messages": self.n_messages,
            "states": list(self.states),
            "whole": self.whole,
            "config_hash": self.config_hash,
        }


def export_incident(ring: Path, alert_id: str, dest: Path) -> ExportedIncident:
    """Write what was kept around an alert as a recording with its state.

    Only reads from the ring; the engine may go on, or may have died.

    Parameters
    ----------
    ring : Path
        Its folder.
    alert_id : str
        The alert.
    dest : Path
        Missing or empty folder.

    Returns
    -------
    ExportedIncident
        What was written.

    Raises
    ------
    UsageError
        An alert that nothing was kept of; says of which there is.
    RecordingError
        What was kept does not reach from a state to the alert, or the destination cannot be written.
    """
    folder = incident_folder(ring, alert_id)
    if not folder.is_dir():
        known = ", ".join(map(alert_of, reversed(incidents_in(ring)[-_NEWEST_TOLD:]))) or "none"
        raise UsageError(
            f"{ring}: got alert {alert_id!r}, of which nothing was kept; newest that was: {known}"
        )
    chain = _chain(folder, alert_id)
    first, spindle = chain[0].start, chain[0].start.spindle
    items = [item for segment in chain for item in segment.items]
    rows = [item for item in items if is_row(item, spindle)]
    messages = tuple(orjson.loads(message) for segment in chain for message in segment.messages)
    whole = chain[-1].whole
    told = Told(
        alert_id=alert_id, spindle=spindle.name, config_hash=first.config_hash, whole=whole, messages=messages
    )
    stored = {key: value for segment in reversed(chain) for key, value in segment.stored.items()}
    with staged_folder(dest) as stage:
        groups = frozenset(row.group for row in rows)
        notes = [f"surroundings of alert {alert_id}"]
        order = write_received(stage, spindle, items, rows[0].t_ns if rows else 0, groups, notes)
        frames = (Stored(key, value) for key, value in stored.items())
        write_frames(stage / STATE, [first, States(chain[0].states), *frames, Items(tuple(order)), End()])
        (stage / TOLD).write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=2))
    return ExportedIncident(
        alert_id,
        dest,
        (max(item.t_ns for item in items) - first.t_ns) / NS_PER_S,
        len(messages),
        tuple(message["state"] for message in messages if message["id"] == alert_id),
        whole,
        first.config_hash,
    )


def _chain(folder: Path, alert_id: str) -> list[Segment]:
    """The segments that follow each other from a state up to, and beyond, the opening of the alert."""
    chains: list[list[Segment]] = []
    for file in segments_in(folder):
        segment = read_segment(file.path)
        if segment is None:
            continue
        if chains and segment.follows(chains[-1][-1]):
            chains[-1].append(segment)
        elif segment.states:
            chains.append([segment])
    opened = [chain for chain in chains if any(_opens(segment, alert_id) for segment in chain)]
    if not opened:
        raise RecordingError(
            f"{folder}: what was kept does not reach from a state to the opening of {alert_id!r}"
        )
    return opened[-1]


def _opens(segment: Segment, alert_id: str) -> bool:
    told = (orjson.loads(message) for message in segment.messages)
    return any(m["id"] == alert_id and m["state"] == AlertState.OPENED for m in told)
