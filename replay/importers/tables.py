"""Reading a table whose delimiter, decimal mark and columns are not known beforehand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from engine.declared import Channel
from engine.errors import RecordingError, UsageError
from replay.importers.drafts import Dropped, snake_case
from replay.importers.reading import named
from replay.wording import listed

_DELIMITERS = {"tab": "\t", "space": " "}
_CANDIDATES = (";", "\t", "|", ",")
_SAMPLE_LINES = 20
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_VIBRATION = re.compile(r"vib|acc|velo")
_VIBRATION_UNITS = {"g", "m/s²", "m/s2", "m/s^2", "mm/s"}
_UNIT_IN_NAME = re.compile(r"(.*?)\s*[\[(]([^\])]+)[\])]\s*")
# A column of which fewer cells are numbers is text.
_NUMERIC_PART = 0.5


@dataclass(frozen=True, slots=True)
class TableFormat:
    """What the user says about a table; empty = find out."""

    delimiter: str = ""
    decimal: str = ""
    encoding: str = "utf-8"
    skip_rows: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table as read.

    Parameters
    ----------
    path : Path
        The file.
    names : list[str]
        Headings, without blanks around them; ``column_1`` ... if the file has none.
    data : pyarrow.Table
        Its columns, in that order.
    """

    path: Path
    names: list[str]
    data: pa.Table

    @property
    def n_rows(self) -> int:
        """Rows below the header."""
        return self.data.num_rows

    def find(self, name: str) -> str:
        """Return the heading asked for, or say which there are."""
        if name not in self.names:
            raise UsageError(f"{self.path}: wanted column {name!r}, got {listed(self.names)}")
        return name

    def column(self, name: str) -> Any:
        """Return a column by its heading."""
        return self.data.column(self.names.index(name))

    def is_numeric(self, name: str) -> bool:
        """Whether a column holds numbers, but for stray texts."""
        column = self.column(name)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            return True
        if not pa.types.is_string(column.type):
            return False
        n_numbers = pc.sum(pc.match_substring_regex(column, _NUMBER)).as_py() or 0
        return bool(n_numbers >= _NUMERIC_PART * len(column) and n_numbers)

    def numbers(self, names: list[str]) -> tuple[NDArray[np.float32], list[Dropped]]:
        """Columns as channels.

        Parameters
        ----------
        names : list[str]
            Headings.

        Returns
        -------
        tuple of float32[n_channels, n_rows] and list[Dropped]
            NaN for cells that hold no number; how many those are.
        """
        rows, n_bad = [], 0
        for name in names:
            column = self.column(name)
            if pa.types.is_string(column.type):
                good = pc.match_substring_regex(column, _NUMBER)
                column = pc.if_else(good, pc.utf8_trim_whitespace(column), None).cast(pa.float64())
            elif not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
                raise RecordingError(f"{self.path}: column {name!r}: wanted numbers, got {column.type}")
            row = column.to_numpy().astype(np.float32)
            n_bad += int(np.isnan(row).sum())
            rows.append(row)
        dropped = [Dropped(n_bad, "cells", "no number in them; they are NaN")] if n_bad else []
        return np.stack(rows), dropped


def read_table(path: Path, form: TableFormat) -> Table:
    """Read a table.

    Parameters
    ----------
    path : Path
        A text file.
    form : TableFormat
        What is known about it.

    Returns
    -------
    Table
        At least one row.

    Raises
    ------
    RecordingError
        No such table.
    """
    lines = _first_lines(path, form)
    delimiter = _DELIMITERS.get(form.delimiter, form.delimiter) or _delimiter(lines)
    if len(delimiter) != 1:
        raise UsageError(f"delimiter: got {form.delimiter!r}, wanted one character, tab or space")
    cells = [[cell.strip() for cell in line.split(delimiter)] for line in lines]
    decimal = form.decimal or _decimal(cells, delimiter)
    has_header = not all(re.match(_NUMBER, cell.replace(decimal, ".")) for cell in cells[0])
    with named(path, f"a table separated by {delimiter!r}"):
        data = pacsv.read_csv(
            path,
            read_options=pacsv.ReadOptions(
                encoding=form.encoding, skip_rows=form.skip_rows, autogenerate_column_names=not has_header
            ),
            parse_options=pacsv.ParseOptions(delimiter=delimiter),
            convert_options=pacsv.ConvertOptions(decimal_point=decimal, strings_can_be_null=True),
        )
    if data.num_rows == 0:
        raise RecordingError(f"{path}: wanted rows, got a header only")
    names = [name.strip() for name in data.column_names]
    if not has_header:
        names = [f"column_{i}" for i in range(1, data.num_columns + 1)]
    return Table(path, _distinct(names), data)


def declare_channels(headings: list[str], units: str) -> tuple[Channel, ...]:
    """Turn headings into channels.

    Parameters
    ----------
    headings : list[str]
        May end in a unit: ``Current [A]``.
    units : str
        ``heading=unit``, separated by commas; goes before what a heading says.

    Returns
    -------
    tuple[Channel, ...]
        Names of their own; what vibrates, by name or unit, is not dc_coupled.

    Raises
    ------
    UsageError
        A unit for a column that is not there.

    Examples
    --------
    >>> [(c.name, c.unit, c.dc_coupled) for c in declare_channels(["Current [A]", "vib x"], "vib x=g")]
    [('current', 'A', True), ('vib_x', 'g', False)]
    """
    pairs = (pair.partition("=") for pair in units.split(",") if pair)
    given = {snake_case(name): unit.strip() for name, _, unit in pairs}
    channels: list[Channel] = []
    taken: set[str] = {"t_ns"}
    for heading in headings:
        bare, unit = heading, ""
        if match := _UNIT_IN_NAME.fullmatch(heading):
            bare, unit = match.groups()
        plain = snake_case(bare) or "channel"
        unit = given.pop(plain, unit)
        name, n = plain, 1
        while name in taken:
            n += 1
            name = f"{plain}_{n}"
        taken.add(name)
        vibrates = unit in _VIBRATION_UNITS or bool(_VIBRATION.match(plain))
        channels.append(Channel(name, unit, dc_coupled=not vibrates))
    if given:
        raise UsageError(
            f"units: got {', '.join(given)}, wanted some of {', '.join(c.name for c in channels)}"
        )
    return tuple(channels)


def _first_lines(path: Path, form: TableFormat) -> list[str]:
    with named(path, f"a text in {form.encoding}"):
        try:
            with path.open(encoding=form.encoding) as file:
                lines = [
                    line.rstrip("\r\n")
                    for line, _ in zip(file, range(form.skip_rows + _SAMPLE_LINES), strict=False)
                ]
        except LookupError as error:
            raise UsageError(f"encoding: got {form.encoding!r}, wanted one that Python knows") from error
    lines = [line.removeprefix("\ufeff") for line in lines[form.skip_rows :] if line.strip()]
    if not lines:
        raise RecordingError(f"{path}: wanted a table, got an empty file")
    return lines


def _delimiter(lines: list[str]) -> str:
    """Find what every line has most often; the comma last, for it may be a decimal mark."""
    counts = {mark: min(line.count(mark) for line in lines) for mark in _CANDIDATES}
    return next((mark for mark in _CANDIDATES if counts[mark] > 0), ",")


def _decimal(cells: list[list[str]], delimiter: str) -> str:
    found = any(_DECIMAL_COMMA.fullmatch(cell) for row in cells for cell in row)
    return "," if delimiter != "," and found else "."


def _distinct(names: list[str]) -> list[str]:
    """Number headings that occur twice, and those that are empty."""
    out: list[str] = []
    for index, name in enumerate(names, start=1):
        plain = name or f"column_{index}"
        out.append(f"{plain}_{index}" if plain in out else plain)
    return out
