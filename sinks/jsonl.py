"""Alerts and tool lives as lines of JSON, for replays and for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import orjson

from engine.verdicts import Alert, ToolLife
from sinks.alert_json import alert_as_dict
from sinks.base import Record
from sinks.files import written_whole
from sinks.tool_history import life_as_dict


class AlertLines:
    """``alerts.jsonl``: every alert message of a replay, a line each, without wall times.

    Lines are in the order of stream time, so that two replays of the same recordings give the same bytes however
    their spindles took turns. They are held until the end: a replay's alerts are few. A context manager: the file is
    written when it is left without an exception.

    Parameters
    ----------
    path : Path
        Replaced when the replay ends well, not before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._alerts: list[Alert] = []

    def write(self, records: Sequence[Record]) -> None:
        """Keep the alerts."""
        self._alerts.extend(record for record in records if isinstance(record, Alert))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None:
            self._write_file()

    def _write_file(self) -> None:
        # Stable: one alert's messages of the same moment keep the order in which they were sent.
        self._alerts.sort(key=lambda alert: (alert.t_ns, alert.spindle, alert.id))
        with written_whole(self._path) as part, part.open("wb") as file:
            for alert in self._alerts:
                file.write(
                    orjson.dumps(alert_as_dict(alert, wall_times=False), option=orjson.OPT_APPEND_NEWLINE)
                )


class ToolLines:
    """``tools.jsonl``: what every cut left of its tool's edge, a line each, in the order of stream time.

    A context manager: the file is written when it is left without an exception.

    Parameters
    ----------
    path : Path
        Replaced when the replay ends well, not before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lives: list[ToolLife] = []

    def write(self, records: Sequence[Record]) -> None:
        """Keep the tool lives."""
        self._lives.extend(record for record in records if isinstance(record, ToolLife))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None:
            self._lives.sort(key=lambda life: (life.t_ns, life.spindle))
            with written_whole(self._path) as part, part.open("wb") as file:
                for life in self._lives:
                    file.write(orjson.dumps(life_as_dict(life), option=orjson.OPT_APPEND_NEWLINE))
