"""What importers of files full of columns have in common: a file is looked into, the rest is the same for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from replay.importers.columns import Columns
from replay.importers.conversion import draft_of
from replay.importers.drafts import Draft, Skipped, source_files
from replay.importers.mapping import ContextSpec, LabelSpec, Mapping, mapping_toml
from replay.importers.resolving import Options, resolve


@dataclass(frozen=True, slots=True)
class ColumnFiles:
    """A format whose files hold columns.

    Parameters
    ----------
    patterns : tuple[str, ...]
        Of file names.
    wanted : str
        What a file should be, for errors.
    look : callable
        Says which columns a file has; takes its path and the importer's options.
    """

    patterns: tuple[str, ...]
    wanted: str
    look: Callable[[Path, Any], list[Columns]]

    def read(self, source: Path, options: Options) -> Iterator[Draft | Skipped]:
        """Read files, some rows at a time: once for their times, if they have any, and once for their samples.

        Parameters
        ----------
        source : Path
            A file, or a folder of them.
        options : Options
            What cannot be found out.

        Yields
        ------
        Draft
            One for each file.

        Raises
        ------
        RecordingError
            Not such a file, no numbers in it, or times that cannot be read.
        UsageError
            Neither times nor a rate, or a column that is not there.
        """
        for name, path in source_files(source, self.patterns, self.wanted):
            yield draft_of(name, path, self.look(path, options), options)

    def show(self, source: Path, options: Options) -> str:
        """What would become of the first file's columns; nothing is written.

        Parameters
        ----------
        source, options
            As for `read`.

        Returns
        -------
        str
            A mapping in TOML, to be edited and given back.
        """
        _, path = source_files(source, self.patterns, self.wanted)[0]
        tables = self.look(path, options)
        mappings = [mapping for _, mapping in resolve(tables, options)]
        return mapping_toml(_merged(mappings), path, [name for table in tables for name in table.names])


def _merged(mappings: list[Mapping]) -> Mapping:
    """One mapping for all tables of a file; rates that differ are left to the file."""
    rates = {mapping.rate_hz for mapping in mappings}
    return msgspec.structs.replace(
        mappings[0],
        channels=tuple(channel for mapping in mappings for channel in mapping.channels),
        rate_hz=rates.pop() if len(rates) == 1 else None,
        time=next((m.time for m in mappings if m.time.column), mappings[0].time),
        groups=tuple(group for mapping in mappings for group in mapping.groups),
        context=next((m.context for m in mappings if m.context.columns()), ContextSpec()),
        label=next((m.label for m in mappings if m.label.column), LabelSpec()),
    )
