"""Any table of numbers in a text: a column of times (or a known rate), every other column of numbers a channel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.errors import UsageError
from replay.importers import resolving
from replay.importers.columns import Columns
from replay.importers.conversion import draft_of
from replay.importers.drafts import Draft, Skipped, source_files
from replay.importers.tables import TableFormat, text_table

_PATTERNS = ("*.csv", "*.txt", "*.tsv")


class Options(resolving.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to read the table, and what its columns are; what is not given is found out.

    Parameters
    ----------
    delimiter : str
        One character, or ``tab``.
    decimal : str
        ``.`` or ``,``.
    encoding : str
        Of the text, such as ``cp949``.
    skip_rows : int
        Lines before the header.
    columns : str
        The same as ``channels``.

    The others are those of `replay.importers.resolving.Options`.
    """

    delimiter: str = ""
    decimal: Literal["", ".", ","] = ""
    encoding: str = ""
    skip_rows: Annotated[int, Meta(ge=0)] = 0
    columns: str = ""


def tables(path: Path, options: Options) -> list[Columns]:
    """Look into one file.

    Parameters
    ----------
    path : Path
        A table in a text.
    options : Options
        What cannot be found out.

    Returns
    -------
    list[Columns]
        One.
    """
    form = TableFormat(options.delimiter, options.decimal, options.encoding, options.skip_rows)
    return [text_table(path, form)]


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:
    """Read tables, a few megabytes at a time: once for their times, again for their samples.

    Parameters
    ----------
    source : Path
        A csv or tsv, or a folder of them.
    options : Options
        What cannot be found out.

    Yields
    ------
    Draft
        One for each file.

    Raises
    ------
    RecordingError
        No numbers, or times that cannot be read.
    UsageError
        Neither times nor ``rate_hz``, or a column that is not there.
    """
    if options.columns and options.channels:
        raise UsageError("columns: got channels beside it; they are the same")
    chosen = msgspec.structs.replace(options, channels=options.columns or options.channels, columns="")
    for name, path in files(source):
        yield draft_of(name, path, tables(path, chosen), chosen)


def files(source: Path) -> list[tuple[str, Path]]:
    """Tables below a folder, or the one file that was given, with names for their recordings."""
    return source_files(source, _PATTERNS, "a table in a text file")
