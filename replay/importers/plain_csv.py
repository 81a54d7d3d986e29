"""Any table of numbers in a text: a column of times (or a known rate), every other column of numbers a channel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.errors import UsageError
from replay.importers import resolving
from replay.importers.column_files import ColumnFiles
from replay.importers.columns import Columns
from replay.importers.drafts import Draft, Skipped
from replay.importers.tables import TableFormat, text_table


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


_FILES = ColumnFiles(("*.csv", "*.txt", "*.tsv"), "a table in a text file", tables)


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:
    """Read tables, see `replay.importers.column_files.ColumnFiles.read`."""
    return _FILES.read(source, _with_channels(options))


def show(source: Path, options: Options) -> str:
    """Show what is guessed, see `replay.importers.column_files.ColumnFiles.show`."""
    return _FILES.show(source, _with_channels(options))


def _with_channels(options: Options) -> Options:
    if options.columns and options.channels:
        raise UsageError("columns: got channels beside it; they are the same")
    return msgspec.structs.replace(options, channels=options.columns or options.channels, columns="")
