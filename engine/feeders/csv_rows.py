"""Lines of a table as values of a spindle: headings, delimiters, decimal commas, times. No input or output.

As `spindlewatch import` reads tables (`replay.importers.tables`), but line by line, as they come, and refusing a row
instead of a file.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from msgspec import Meta

from engine.clock import NS_PER_S
from engine.config import Config
from engine.errors import ConfigError
from engine.feeders.base import Feed
from engine.feeders.settings import Slot, Values, find_slots, find_spindle
from engine.feeders.spindle_feed import Reading
from engine.feeders.stamps import TimeUnit, moment_ns, stamp_ns
from engine.site import Table

_DELIMITERS = {"tab": "\t", "space": " "}
_CANDIDATES = (";", "\t", "|", ",")  # the comma last, for it may be a decimal mark
_COMMA_NUMBER = re.compile(r"([+-]?\d*),(\d+(?:e[+-]?\d+)?)", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_UNKNOWN = frozenset({"", "nan", "null", "none", "n/a", "-"})
_BLOCK_S = 0.25  # longest block of a waveform
_JITTER_NS = 2_000_000  # of stamps in milliseconds


class CsvFile(Table, frozen=True):
    """One entry of ``[[feeds.csv.files]]``.

    Parameters
    ----------
    path : str
        As for `engine.feeders.tail.Tail`.
    spindle : str
        As declared.
    values : dict
        Headings, as `engine.feeders.settings.Values`. Channels of waveform groups have a row for each sample.
    begin : {"end", "start"}
        Of the file that is there when the feeder starts: what comes, or all.
    time : str
        Heading of the rows' time; empty = when they came.
    time_unit, time_format, time_zone : str
        Of numbers, as for `engine.feeders.stamps.stamp_ns`; of texts other than ISO 8601, as for ``strptime``; of texts
        without a zone, such as ``Asia/Seoul``.
    delimiter : str
        One character, ``tab`` or ``space``; empty = found out by the headings.
    decimal : {"", ".", ","}
        Empty = a comma is one, unless it is the delimiter.
    encoding : str
        Of which line ends are those of ASCII.
    skip_rows : int
        Lines before the headings.
    header : bool
        False: columns are called ``column_1`` and so on.
    """

    path: Annotated[str, Meta(min_length=1)]
    spindle: str
    values: Annotated[Values, Meta(min_length=1)]
    begin: Literal["end", "start"] = "end"
    time: str = ""
    time_unit: TimeUnit = ""
    time_format: str = ""
    time_zone: str = "UTC"
    delimiter: str = ""
    decimal: Literal["", ".", ","] = ""
    encoding: str = "utf-8"
    skip_rows: Annotated[int, Meta(ge=0, le=1000)] = 0
    header: bool = True


class CsvFeed(Table, frozen=True):
    """``[feeds.csv]``.

    Parameters
    ----------
    files : tuple of CsvFile
        At least one.
    hold_s : float
        As for `engine.feeders.assemble.Rows`.
    position_file : str
        Where it is written down how far files were read, once that is in Redis: the next start goes on there, and
        ``begin`` counts only for what is not in it. Empty = nowhere.
    """

    files: Annotated[tuple[CsvFile, ...], Meta(min_length=1)]
    hold_s: Annotated[float, Meta(ge=0)] = 0.0
    position_file: str = ""


class _Row(NamedTuple):
    """One row: its time, and its cells by heading."""

    t_ns: int | None
    cells: dict[str, str]


class CsvRows:
    """Reads the lines of one entry's files.

    State: the headings.

    Parameters
    ----------
    file : CsvFile
        As configured.
    config : Config
        Declares the spindle.
    path : str
        Where the entry stands in the configuration, for errors.

    Raises
    ------
    ConfigError
        A spindle, channel, zone, encoding or delimiter that is none.
    """

    def __init__(self, file: CsvFile, config: Config, path: str) -> None:
        self._file = file
        spindle = find_spindle(config, file.spindle, f"{path}.spindle")
        slots = find_slots(file.values, spindle, f"{path}.values")
        self._waves = {
            name: slot for name, slot in slots.items() if slot.group and slot.group.kind == "waveform"
        }
        if len({slot.group for slot in self._waves.values()}) > 1:
            raise ConfigError(
                f"Expected channels of one waveform group, whose samples the rows are - at `$.{path}.values`"
            )
        self._singles = {name: slot for name, slot in slots.items() if name not in self._waves}
        self._zone = _zone(file.time_zone, path)
        _check_encoding(file.encoding, path)
        delimiter = _DELIMITERS.get(file.delimiter, file.delimiter)
        if len(delimiter) > 1 or delimiter in ('"', "\r", "\n"):
            raise ConfigError(
                f"Expected one character, tab or space, got {file.delimiter!r} - at `$.{path}.delimiter`"
            )
        self._wanted_delimiter = delimiter
        self.begin_file("")

    def begin_file(self, origin: str) -> None:
        """Expect headings next; ``origin`` is the file's path."""
        self.origin = origin
        self._n_lines = 0
        self._names: list[str] = []
        self._delimiter = self._wanted_delimiter

    def take(self, lines: Sequence[bytes], feed: Feed) -> None:
        """Hand lines that came at once to a feed; whatever they hold, nothing is raised.

        Parameters
        ----------
        lines : sequence of bytes
            Complete, without their ends.
        feed : Feed
            Takes the values.
        """
        rows = []
        for line in lines:
            self._n_lines += 1
            try:
                row = self._row(line, feed)
            except (ValueError, csv.Error) as error:
                feed.refuse(
                    "malformed", f"{self.origin}:{self._n_lines}", str(error), line, self._file.spindle
                )
                continue
            if row is None:
                continue
            rows.append(row)
            if self._singles:
                self._take_singles(row, feed)
        for stretch in self._stretches(rows) if self._waves else ():
            self._take_waves(stretch, feed)

    def _row(self, line: bytes, feed: Feed) -> _Row | None:
        """Read a line; None if it is no row."""
        if self._n_lines <= self._file.skip_rows or not line.strip():
            return None
        text = line.decode(self._file.encoding).removeprefix("\ufeff")
        if "\0" in text:
            raise ValueError("got NUL bytes, wanted a row")
        if not self._names:
            self._delimiter = self._delimiter or next((mark for mark in _CANDIDATES if mark in text), ",")
        cells = [cell.strip() for cell in next(csv.reader([text], delimiter=self._delimiter, strict=True))]
        if not self._names:
            self._names = cells if self._file.header else [f"column_{n}" for n in range(1, len(cells) + 1)]
            self._tell_missing(feed)
            if self._file.header:
                return None
        if cells == self._names:
            return None  # the logger was started again
        if len(cells) != len(self._names):
            raise ValueError(f"got {len(cells)} cells, wanted {len(self._names)}")
        named = dict(zip(self._names, cells, strict=True))
        return _Row(self._time(named) if self._file.time else None, named)

    def _tell_missing(self, feed: Feed) -> None:
        wanted = [*self._waves, *self._singles, *([self._file.time] if self._file.time else [])]
        for name in wanted:
            if name not in self._names:
                got = ", ".join(self._names[:20])
                told = f"wanted the heading {name!r}, got {got}"
                feed.refuse("unknown", f"{self.origin}:{self._n_lines}", told, spindle=self._file.spindle)

    def _time(self, cells: dict[str, str]) -> int:
        text = cells.get(self._file.time, "")
        if self._file.time_format:
            moment = datetime.strptime(text, self._file.time_format)  # noqa: DTZ007 - its zone is added
            return moment_ns(moment, self._zone)
        return stamp_ns(self._with_point(text), self._file.time_unit, self._zone)

    def _take_singles(self, row: _Row, feed: Feed) -> None:
        readings = []
        for name, slot in self._singles.items():
            if name in row.cells:
                readings.append(Reading(name, slot, self._value(slot, row.cells[name]), row.t_ns))
        feed.take(self._file.spindle, readings, f"{self.origin}:{self._n_lines}")

    def _value(self, slot: Slot, cell: str) -> str | None:
        if slot.context and slot.context not in ("rpm", "feed_mm_min", "n_teeth"):
            return cell or None
        return None if cell.lower() in _UNKNOWN else self._with_point(cell)

    def _with_point(self, text: str) -> str:
        if self._file.decimal == "." or self._delimiter == ",":
            return text
        comma = _COMMA_NUMBER.fullmatch(text)
        return f"{comma[1]}.{comma[2]}" if comma else text

    def _stretches(self, rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
        """Rows that follow each other at the declared rate, at most a block long."""
        group = next(iter(self._waves.values())).group
        assert group is not None
        period_ns = NS_PER_S / group.sample_rate_hz
        most, first = max(1, round(_BLOCK_S * group.sample_rate_hz)), 0
        for n in range(1, len(rows) + 1):
            if n < len(rows) and n - first < most:
                began_ns, t_ns = rows[first].t_ns, rows[n].t_ns
                due_ns = 0 if began_ns is None else began_ns + (n - first) * period_ns
                if began_ns is None or t_ns is None or abs(t_ns - due_ns) <= max(1.5 * period_ns, _JITTER_NS):
                    continue
            yield rows[first:n]
            first = n

    def _take_waves(self, rows: Sequence[_Row], feed: Feed) -> None:
        readings = []
        for name, slot in self._waves.items():
            if name in self._names:
                values = np.array([self._number(row.cells[name], feed) for row in rows])
                readings.append(Reading(name, slot, values, rows[0].t_ns))
        feed.take(self._file.spindle, readings, f"{self.origin}:{self._n_lines}")

    def _number(self, cell: str, feed: Feed) -> float:
        text = self._with_point(cell)
        if _NUMBER.fullmatch(text):
            return float(text)
        if cell.lower() not in _UNKNOWN:
            feed.refuse(
                "malformed", self.origin, f"got {cell[:40]!r}, wanted a number", spindle=self._file.spindle
            )
        return np.nan


def _zone(name: str, path: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"Expected a time zone such as Asia/Seoul, got {name!r} - at `$.{path}.time_zone`"
        ) from error


def _check_encoding(name: str, path: str) -> None:
    try:
        is_plain = codecs.lookup(name)._is_text_encoding and "\n;1".encode(name) == b"\n;1"
    except (LookupError, UnicodeError):
        is_plain = False
    if not is_plain:
        raise ConfigError(
            f"Expected an encoding that extends ASCII, such as utf-8 or cp949, got {name!r} - at `$.{path}.encoding`"
        )
