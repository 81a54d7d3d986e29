"""Alerts and tool lives as lines of JSON, for replays and for other programs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import orjson

from engine.verdicts import Alert, ToolLife
from sinks.alert_json import alert_as_dict
from sinks.collect import Collect
from sinks.files import written_whole
from sinks.tool_history import life_as_dict

T = TypeVar("T")


class _Lines(ABC, Generic[T]):
    """Records of one kind, a line each, in the order of stream time.

    Two replays of the same recordings give the same bytes, however their spindles took turns. Records are held until
    the end: a replay's are few. A context manager: the file is written when it is left without an exception.

    Parameters
    ----------
    path : Path
        Replaced when the replay ends well, not before.
    kind : type
        The records wanted.
    """

    def __init__(self, path: Path, kind: type[T]) -> None:
        self._path = path
        self._kept = Collect(kind)

    def write(self, records: Sequence[Any]) -> None:
        """Keep those of the kind."""
        self._kept.write(records)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is not None:
            return
        # Stable: one alert's messages of the same moment keep the order in which they were sent.
        self._kept.records.sort(key=self._order)
        with written_whole(self._path) as part, part.open("wb") as file:
            for record in self._kept.records:
                file.write(orjson.dumps(self._as_dict(record), option=orjson.OPT_APPEND_NEWLINE))

    @staticmethod
    @abstractmethod
    def _order(record: T) -> tuple[Any, ...]: ...

    @staticmethod
    @abstractmethod
    def _as_dict(record: T) -> dict[str, Any]: ...


class AlertLines(_Lines[Alert]):
    """``alerts.jsonl``: every alert message of a replay, a line each in the order of stream time, without wall times.

    A context manager: the file is written when it is left without an exception.

    Parameters
    ----------
    path : Path
        Replaced when the replay ends well, not before.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, Alert)

    @staticmethod
    def _order(record: Alert) -> tuple[Any, ...]:
        return record.t_ns, record.spindle, record.id

    @staticmethod
    def _as_dict(record: Alert) -> dict[str, Any]:
        return alert_as_dict(record, wall_times=False)


class ToolLines(_Lines[ToolLife]):
    """``tools.jsonl``: what every cut left of its tool's edge, a line each in the order of stream time.

    A context manager: the file is written when it is left without an exception.

    Parameters
    ----------
    path : Path
        Replaced when the replay ends well, not before.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, ToolLife)

    @staticmethod
    def _order(record: ToolLife) -> tuple[Any, ...]:
        return record.t_ns, record.spindle

    @staticmethod
    def _as_dict(record: ToolLife) -> dict[str, Any]:
        return life_as_dict(record)
