"""The ring: the last hours of every spindle as received, with what its steps knew, so that an alert can be replayed.

It stands in the flow twice. Behind the source it notes what comes and now and then sends a barrier after it
(`engine.barriers.Snapshot`); at the end it takes the barriers, which bring every step's state, and the alerts. What is
between two barriers at one place is between them at the other, so each segment holds exactly what led to its alerts.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec
import orjson

from engine.barriers import Reconfigure, Resume, Snapshot
from engine.clock import NS_PER_S
from engine.config import RingConfig
from engine.declared import Spindle
from engine.records import Block, Context, Tick
from engine.verdicts import Alert, AlertState
from sinks.alert_json import alert_as_dict
from sinks.ring_disk import OpenSegment, RingDisk
from sinks.segments import VERSION, End, Items, Messages, Start, States, Stored, to_item

Received = Block | Context | Tick

_OWNER = "ring"

# How much of the stream waits in memory until it is on disk; a process that is killed loses so much.
_FLUSH_NS = NS_PER_S


class Store(Protocol):
    """Keeps bytes by key: `operators.baseline_store.BaselineStore`."""

    def put(self, key: str, value: bytes) -> None:
        """Keep a value."""
        ...

    def get(self, key: str) -> bytes | None:
        """Give back what was kept last; None if there is nothing."""
        ...


@dataclass(slots=True)
class _Track:
    """One spindle: what waits for the disk, and the segments from the last barrier that came through to the newest."""

    spindle: Spindle
    config_hash: str
    due_ns: int | None = None  # when the next segment begins; None: at once
    began_ns: int = 0
    number: int = 0
    pending: list[Received] = field(default_factory=list)
    flushed_ns: int = 0
    segments: deque[OpenSegment] = field(default_factory=deque)


class Ring:
    """Keeps the last hours of a running flow; hand it to `engine.flow.build_flow`.

    It decides nothing and changes nothing: a flow tells the same with and without. Trouble of the disk is logged and
    counted (`sinks.ring_disk.RingDisk`). Used from the flow's thread.

    Parameters
    ----------
    folder : Path
        Made if missing; one process at a time writes of a spindle, any may read.
    spindles : sequence of Spindle
        As given to the flow.
    config : RingConfig
        ``[ring]``.
    config_hash : str
        Of the configuration that decides: a state fits no other.
    others : container of str
        Names of spindles of which other processes write here: nothing of theirs is removed, nor counted.
    """

    def __init__(
        self,
        folder: Path,
        spindles: Sequence[Spindle],
        config: RingConfig,
        config_hash: str,
        others: Container[str] = (),
    ) -> None:
        self._disk = RingDisk(folder, config, others)
        self._segment_ns = round(config.segment_s * NS_PER_S)
        self._run = secrets.token_hex(4)
        self._tracks = {spindle.name: _Track(spindle, config_hash) for spindle in spindles}
        # Spindles take turns, so that no moment of the flow has all their states to write down.
        self._shares = {spindle.name: 1 - i / len(spindles) for i, spindle in enumerate(spindles)}

    @property
    def n_failed(self) -> int:
        """How often the disk refused or was too slow."""
        return self._disk.n_failed

    def tap(
        self, items: list[tuple[str, Received | Snapshot | Resume | Reconfigure]]
    ) -> list[tuple[str, Received | Snapshot | Resume | Reconfigure]]:
        """Note what was received; a step of the flow, right behind the source.

        Parameters
        ----------
        items : list of (str, Block, Context, Tick, or barriers of others)
            Of any spindles, by key.

        Returns
        -------
        list
            The same, with a barrier before the item that begins a segment.
        """
        out: list[tuple[str, Received | Snapshot | Resume | Reconfigure]] = []
        for key, item in items:
            track = self._tracks[item.spindle]
            if isinstance(item, Reconfigure):  # what follows fits no segment that was begun before
                track.config_hash, track.due_ns = item.config.hash, None
            if isinstance(item, Snapshot | Resume | Reconfigure):  # somebody else's
                out.append((key, item))
                continue
            is_tick = type(item) is Tick
            if track.due_ns is None or (is_tick and self._is_due(track, item.t_ns)):
                out.append((key, self._begin(track, item.t_ns)))
            track.pending.append(item)
            if is_tick and not 0 <= item.t_ns - track.flushed_ns < _FLUSH_NS:
                self._flush(track, item.t_ns)
            out.append((key, item))
        return out

    def write(self, records: Sequence[Any]) -> None:
        """Take barriers and alerts from the end of the flow; passes over the rest."""
        for record in records:
            if type(record) is Snapshot and record.owner == _OWNER:
                self._arrived(self._tracks[record.spindle], record)
            elif type(record) is Alert:
                self._alerted(self._tracks[record.spindle], record)

    def watch(self, store: Store | None) -> Store | None:
        """Note what a store gives back: a replay must be given the same.

        Parameters
        ----------
        store : Store or None
            Of baselines.

        Returns
        -------
        Store or None
            The same store, watched.
        """
        return None if store is None else _Watched(store, self)

    def given_back(self, key: str, value: bytes) -> None:
        """Note one answer of the store. A key is a JSON list that begins with its spindle."""
        track = self._tracks.get(msgspec.json.decode(key)[0])
        # Where between two barriers it was asked is not known here: every segment that may be the one gets it.
        for segment in track.segments if track is not None else ():
            self._disk.append(segment, lambda: Stored(key, value), len(value))

    def close(self) -> None:
        """Write what waits. The last segments stay open-ended: no barrier says that all they led to is known."""
        for track in self._tracks.values():
            self._flush(track, track.flushed_ns)
        self._disk.close()

    def _is_due(self, track: _Track, t_ns: int) -> bool:
        assert track.due_ns is not None
        return not track.began_ns - self._segment_ns <= t_ns < track.due_ns

    def _begin(self, track: _Track, t_ns: int) -> Snapshot:
        self._flush(track, t_ns)
        length_ns = self._segment_ns
        if track.due_ns is None:
            length_ns = round(length_ns * self._shares[track.spindle.name])
        track.began_ns, track.due_ns = t_ns, t_ns + length_ns
        track.number += 1
        start = Start(VERSION, self._run, track.number, t_ns, track.spindle, track.config_hash)
        track.segments.append(self._disk.begin(start))
        return Snapshot(track.spindle.name, t_ns, track.number, owner=_OWNER)

    def _flush(self, track: _Track, t_ns: int) -> None:
        track.flushed_ns = t_ns
        if not track.pending:
            return
        waiting, track.pending = track.pending, []
        n_bytes = sum(item.samples.nbytes for item in waiting if type(item) is Block)
        self._disk.append(track.segments[-1], lambda: Items(tuple(map(to_item, waiting))), n_bytes)

    def _arrived(self, track: _Track, barrier: Snapshot) -> None:
        while track.segments[0].start.number < barrier.number:
            done = track.segments.popleft()
            self._disk.append(done, End)
            self._disk.finish(done)
        states = dict(barrier.states)
        self._disk.append(track.segments[0], lambda: States(states), sum(map(len, states.values())))

    def _alerted(self, track: _Track, alert: Alert) -> None:
        # First what led to it: whoever reads up to the message finds its cause before it.
        self._flush(track, track.flushed_ns)
        message = orjson.dumps(alert_as_dict(alert))
        self._disk.append(track.segments[0], lambda: Messages((message,)), len(message))
        if alert.state is AlertState.OPENED:
            self._disk.keep(alert)


class _Watched:
    """A store whose answers are noted."""

    def __init__(self, store: Store, ring: Ring) -> None:
        self._store, self._ring = store, ring

    def put(self, key: str, value: bytes) -> None:
        self._store.put(key, value)

    def get(self, key: str) -> bytes | None:
        value = self._store.get(key)
        if value is not None:
            self._ring.given_back(key, value)
        return value
