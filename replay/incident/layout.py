"""An incident: a recording of what surrounds an alert, with all that was known before, so that it replays identically.

It is an ordinary recording with two files more. ``incident.state`` holds frames as `sinks.segments` writes them: whose
segment, the state of every step at its start, what the store of baselines gave back meanwhile, and the order in which
blocks, contexts and ticks came; the blocks' samples are in the recording. ``incident.json`` holds the messages that
the engine sent, for whoever reads it and for comparison.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from engine.barriers import Resume
from engine.declared_rules import impossible
from engine.errors import RecordingError
from engine.records import Block
from engine.verdicts import Alert
from replay.layout import HEADER, group_file
from replay.player import Played
from replay.recording import Recording
from replay.rows import GroupRows
from sinks.alert_json import alert_as_dict
from sinks.segments import RowsItem, Segment, read_segment, to_record

STATE = "incident.state"
TOLD = "incident.json"
_WALL_TIMES = ("received_ns", "judged_ns")


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``incident.json``.

    Parameters
    ----------
    alert_id, spindle : str
        What it is about.
    config_hash : str
        Of the configuration that decided.
    whole : bool
        True: the messages are all that the recording led to. False: it was exported while its last segment was being
        written, or that was cut off; a replay may tell more than the messages, after them.
    messages : tuple of dict
        What the engine sent about this spindle, in order, with the wall times of then.
    """

    version: int = 1
    alert_id: str
    spindle: str
    config_hash: str
    whole: bool
    messages: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident that has been opened.

    Parameters
    ----------
    recording : Recording
        With the spindle as the engine knew it: also with groups that sent nothing.
    segment : Segment
        States, order of coming, and what the store gave back.
    told : Told
        What was sent.
    """

    recording: Recording
    segment: Segment
    told: Told

    @classmethod
    def open(cls, path: Path) -> Incident:
        """Open an incident.

        Parameters
        ----------
        path : Path
            The folder.

        Returns
        -------
        Incident
            Damage inside the recording's files is found by `items`.

        Raises
        ------
        RecordingError
            A file that is missing, damaged, or not of this version.
        """
        recording = Recording.open(path)
        segment = read_segment(path / STATE)
        if segment is None or not (segment.whole and segment.states):
            raise RecordingError(f"{path / STATE}: cut off; wanted states and what came after them")
        spindle = segment.start.spindle
        wrong = impossible(spindle.groups, spindle.teach_in)
        if wrong or spindle.name != recording.spindle.name:
            wrong = wrong or f"got spindle {spindle.name!r}, {HEADER} says {recording.spindle.name!r}"
            raise RecordingError(f"{path / STATE}: {wrong}")
        try:
            told = msgspec.json.decode((path / TOLD).read_bytes(), type=Told)
        except OSError as error:
            raise RecordingError(f"{path / TOLD}: cannot be read: {error.strerror}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordingError(f"{path / TOLD}: {error}") from error
        if told.version != 1:
            raise RecordingError(f"{path / TOLD}: got version {told.version}, wanted 1")
        return cls(replace(recording, spindle=spindle), segment, told)

    def items(self) -> Iterator[Played]:
        """What a flow must be given to say the same again: its state, and everything as it came.

        Yields
        ------
        Resume, Block, Context or Tick
            No last tick: the engine was in the midst of things.

        Raises
        ------
        RecordingError
            Samples that are not those which came.
        """
        start, name = self.segment.start, self.segment.start.spindle.name
        yield Resume(name, start.t_ns, self.segment.states)
        groups: dict[str, _Samples] = {}
        for group in start.spindle.groups:
            path = self.recording.path / group_file(group.name)
            groups[group.name] = _Samples(path, GroupRows(path, name, group))
        for item in self.segment.items:
            if not isinstance(item, RowsItem):
                yield to_record(item, name)
                continue
            if item.group not in groups:
                raise RecordingError(
                    f"{self.segment.path}: got a block of group {item.group!r}, which is not declared"
                )
            samples = groups[item.group].take(item)
            yield Block(name, item.group, item.t_ns, item.sample_rate_hz, samples)

    def same(self, alerts: Sequence[Alert]) -> bool:
        """Whether a replay told the same, byte for byte.

        Parameters
        ----------
        alerts : sequence of Alert
            Messages of any spindles, in the order sent.

        Returns
        -------
        bool
            Compared is the JSON of every message about this spindle but for two wall times, when samples were
            received and when the alert was made, which a replay does not have. If the incident is not whole, what
            the replay tells after the last message is not held against it.
        """
        again = [
            orjson.dumps(alert_as_dict(alert, wall_times=False))
            for alert in alerts
            if alert.spindle == self.told.spindle
        ]
        wanted = [
            orjson.dumps({key: value for key, value in message.items() if key not in _WALL_TIMES})
            for message in self.told.messages
        ]
        return wanted == (again if self.told.whole else again[: len(wanted)])


def is_incident(path: Path) -> bool:
    """Whether a recording holds the state that it began with."""
    return (path / STATE).exists()


class _Samples:
    """One group's rows, handed out as the blocks that came."""

    def __init__(self, path: Path, rows: GroupRows) -> None:
        self._path, self._rows = path, rows.rows()

    def take(self, item: RowsItem) -> NDArray[np.float32]:
        if not 0.0 < item.sample_rate_hz < math.inf:
            raise RecordingError(
                f"{self._path}: {STATE} has a block of {item.sample_rate_hz} Hz at {item.t_ns}"
            )
        t_ns, samples = self._next(item)
        if t_ns != item.t_ns:
            raise RecordingError(f"{self._path}: got samples at {t_ns}, {STATE} wants a block at {item.t_ns}")
        pieces = [samples]
        n_samples = samples.shape[1]
        while n_samples < item.n_samples:  # a block longer than a row can be
            pieces.append(self._next(item)[1])
            n_samples += pieces[-1].shape[1]
        if n_samples != item.n_samples:
            raise RecordingError(
                f"{self._path}: got {n_samples} samples at {t_ns}, {STATE} wants a block of {item.n_samples}"
            )
        if len(pieces) == 1:
            return samples
        joined = np.concatenate(pieces, axis=1)
        joined.flags.writeable = False
        return joined

    def _next(self, item: RowsItem) -> tuple[int, NDArray[np.float32]]:
        row = next(self._rows, None)
        if row is None:
            raise RecordingError(f"{self._path}: got its end, {STATE} wants a block at {item.t_ns}")
        return row
