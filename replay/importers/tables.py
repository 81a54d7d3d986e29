"""A table in a text file whose delimiter, decimal mark, encoding and columns are not known beforehand, as columns."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from engine.errors import RecordingError, UsageError
from replay.importers.columns import MOST_COLUMNS, Batch, Columns
from replay.importers.headings import distinct
from replay.importers.reading import named

_DELIMITERS = {"tab": "\t", "space": " "}
_CANDIDATES = (";", "\t", "|", ",")
_SAMPLE_LINES = 20
# The first lines are looked for in so many bytes; longer ones are no rows of a table of channels.
_SAMPLE_BYTES = 4 << 20
# Text that is parsed at once; the reader holds a few of these, and larger ones are not faster.
_BLOCK_BYTES = 1 << 20
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)
_COMMA_NUMBER = r"^(\s*[+-]?\d*),(\d+(?:[eE][+-]?\d+)?\s*)$"
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Korean text in KS X 1001, which cp949 extends; a western degree sign before a letter is none. Latin 1 takes anything.
_ENCODINGS = (("utf-8", "utf-8"), ("euc_kr", "cp949"), ("cp1252", "cp1252"), ("latin-1", "latin-1"))


@dataclass(frozen=True, slots=True)
class TableFormat:
    """What the user says about a table; empty = find out."""

    delimiter: str = ""
    decimal: str = ""
    encoding: str = ""
    skip_rows: int = 0


@dataclass(frozen=True, slots=True)
class _Layout:
    """What was found out."""

    encoding: str
    delimiter: str
    decimal: str
    names: tuple[str, ...]
    n_before: int


def text_table(path: Path, form: TableFormat) -> Columns:
    """Look at the first lines of a table.

    Parameters
    ----------
    path : Path
        A text file.
    form : TableFormat
        What is known about it.

    Returns
    -------
    Columns
        Texts, trimmed by nobody yet; null where blank or ``NaN``.

    Raises
    ------
    RecordingError
        No such table.
    UsageError
        An encoding or delimiter that does not exist.
    """
    layout = _layout(path, form)
    at = [0]
    size = max(1, path.stat().st_size)
    notes = (
        ()
        if form.encoding or layout.encoding == "utf-8"
        else (f"Text read as {layout.encoding}, found out.",)
    )
    return Columns(
        path,
        layout.names,
        lambda names: _batches(path, layout, names, at),
        share=lambda: min(1.0, at[0] / size),
        notes=notes,
    )


def _batches(path: Path, layout: _Layout, names: Sequence[str], at: list[int]) -> Iterator[Batch]:
    """Read the table once more, some megabytes at a time."""
    with named(path, f"a table separated by {layout.delimiter!r}"), path.open("rb") as file:
        rows = pacsv.open_csv(
            file,
            read_options=pacsv.ReadOptions(
                encoding=layout.encoding,
                skip_rows=layout.n_before,
                column_names=list(layout.names),
                block_size=_BLOCK_BYTES,
            ),
            parse_options=pacsv.ParseOptions(delimiter=layout.delimiter),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(layout.names, pa.string()),
                include_columns=list(names),
                strings_can_be_null=True,
            ),
        )
        for batch in rows:
            at[0] = file.tell()
            columns = dict(zip(names, batch.columns, strict=True))
            yield (
                {name: _with_point(column) for name, column in columns.items()}
                if layout.decimal == ","
                else columns
            )


def _with_point(column: Any) -> Any:
    """Write numbers with a decimal point; other texts stay."""
    return pc.replace_substring_regex(column, _COMMA_NUMBER, r"\1.\2")


def _layout(path: Path, form: TableFormat) -> _Layout:
    encoding, lines, n_blank = _first_lines(path, form)
    delimiter = _DELIMITERS.get(form.delimiter, form.delimiter) or _delimiter(lines)
    if len(delimiter) != 1:
        raise UsageError(f"delimiter: got {form.delimiter!r}, wanted one character, tab or space")
    n_columns = max(line.count(delimiter) for line in lines) + 1
    if n_columns > MOST_COLUMNS:
        raise RecordingError(f"{path}: got {n_columns} columns, wanted at most {MOST_COLUMNS}")
    cells = [[cell.strip() for cell in line.split(delimiter)] for line in lines]
    decimal = form.decimal or _decimal(cells, delimiter)
    has_header = not all(_NUMBER.fullmatch(cell.replace(decimal, ".")) for cell in cells[0])
    names = [f"column_{i}" for i in range(1, len(cells[0]) + 1)]
    if has_header:
        names = _header(path, lines[0], delimiter)
    if has_header and len(lines) == 1:
        raise RecordingError(f"{path}: wanted rows, got a header only")
    return _Layout(
        encoding, delimiter, decimal, tuple(distinct(names)), form.skip_rows + n_blank + has_header
    )


def _header(path: Path, line: str, delimiter: str) -> list[str]:
    """Headings, as the reader of the rows would split them."""
    with named(path, f"headings separated by {delimiter!r}"):
        options = pacsv.ReadOptions(autogenerate_column_names=True)
        table = pacsv.read_csv(
            io.BytesIO(f"{line}\n".encode()),
            read_options=options,
            parse_options=pacsv.ParseOptions(delimiter=delimiter),
            convert_options=pacsv.ConvertOptions(strings_can_be_null=False),
        )
        return ["" if cell is None else str(cell).strip() for cell in table.to_pylist()[0].values()]


def _first_lines(path: Path, form: TableFormat) -> tuple[str, list[str], int]:
    """Encoding, the lines that a table begins with, and how many blank ones come before."""
    with named(path, "a text file"), path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
        is_whole = not file.read(1)
    encoding = form.encoding or _encoding(path, head)
    text = _decoded(path, head, encoding, is_whole=is_whole)
    lines = text.splitlines()
    if not is_whole and len(lines) <= form.skip_rows + 2:
        raise RecordingError(f"{path}: wanted rows of a table, got a line longer than {len(head) >> 20} MiB")
    if not is_whole:
        lines = lines[:-1]
    lines = [line.removeprefix("\ufeff") for line in lines[form.skip_rows :]]
    n_blank = next((n for n, line in enumerate(lines) if line.strip()), 0)
    lines = [line for line in lines[n_blank:][:_SAMPLE_LINES] if line.strip()]
    if not lines:
        raise RecordingError(f"{path}: wanted a table, got an empty file")
    if any("\0" in line for line in lines):
        raise RecordingError(f"{path}: wanted a text in {encoding}, got NUL bytes; give encoding=")
    return encoding, lines, n_blank


def _encoding(path: Path, head: bytes) -> str:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    for tried, name in _ENCODINGS:
        try:
            codecs.getincrementaldecoder(tried)().decode(head)
        except UnicodeDecodeError:
            continue
        return name
    raise RecordingError(f"{path}: wanted a text file")


def _decoded(path: Path, head: bytes, encoding: str, *, is_whole: bool) -> str:
    try:
        decoder: Callable[[], codecs.IncrementalDecoder] = codecs.getincrementaldecoder(encoding)
    except LookupError as error:
        raise UsageError(f"encoding: got {encoding!r}, wanted one that Python knows") from error
    with named(path, f"a text in {encoding}"):
        return decoder().decode(head, final=is_whole)


def _delimiter(lines: list[str]) -> str:
    """Find what every line has most often; the comma last, for it may be a decimal mark."""
    counts = {mark: min(line.count(mark) for line in lines) for mark in _CANDIDATES}
    return next((mark for mark in _CANDIDATES if counts[mark] > 0), ",")


def _decimal(cells: list[list[str]], delimiter: str) -> str:
    found = any(_DECIMAL_COMMA.fullmatch(cell) for row in cells for cell in row)
    return "," if delimiter != "," and found else "."
