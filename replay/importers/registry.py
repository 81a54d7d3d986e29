"""Importers by name, and the one way to run them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from engine.errors import RecordingError, UsageError
from replay.importers.drafts import Draft, Skipped
from replay.importers.report import ImportedRecording, ImportReport
from replay.recording import Recording
from replay.staging import staged_folder
from replay.writer import RecordingWriter

# Modules are imported when they are asked for: each knows one set, and no run needs them all.
FORMATS = {
    "skab": "replay.importers.skab",
    "cwru": "replay.importers.cwru",
    "femto": "replay.importers.femto",
    "umich": "replay.importers.umich",
    "mfpt": "replay.importers.mfpt",
    "nasa_milling": "replay.importers.nasa_milling",
    "lathe": "replay.importers.lathe",
    "nab": "replay.importers.nab",
    "csv": "replay.importers.plain_csv",
}


class Importer(Protocol):
    """What a module of this package offers."""

    Options: type[Any]

    def read(self, source: Path, options: Any) -> Iterator[Draft | Skipped]:
        """Read a file or folder."""
        ...


def import_recording(format_: str, source: Path, dest: Path, /, **options: Any) -> ImportReport:
    """Turn others' recordings into ours.

    Parameters
    ----------
    format_ : str
        One of `FORMATS`.
    source : Path
        A file, or a data set's folder.
    dest : Path
        Missing or empty. One file that holds one recording becomes this folder; anything else becomes one
        folder below it for each recording.
    **options : Any
        As the importer's ``Options`` say; texts are converted.

    Returns
    -------
    ImportReport
        What was written and what was left out.

    Raises
    ------
    UsageError
        Unknown format or option.
    RecordingError
        A source that is not of this format, or a destination that is not empty. Nothing is left behind.
    """
    importer = _importer(format_)
    try:
        chosen = msgspec.convert(options, importer.Options, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"import {format_}: option: {error}") from error
    recordings: list[ImportedRecording] = []
    skipped: list[Skipped] = []
    with staged_folder(dest) as staging:
        drafts = _drafts(importer.read(source, chosen), skipped)
        first = list(islice(drafts, 2))
        alone = len(first) == 1 and source.is_file()
        for draft in chain(first, drafts):
            place = Path() if alone else Path(draft.name)
            recordings.append(_write(draft, staging / place, dest / place))
        if not recordings:
            raise RecordingError(f"{source}: found nothing to import as {format_}")
    return ImportReport(format_, source, tuple(recordings), tuple(skipped))


def _importer(format_: str) -> Importer:
    if format_ not in FORMATS:
        raise UsageError(f"import: got format {format_!r}, wanted one of {', '.join(FORMATS)}")
    return cast(Importer, importlib.import_module(FORMATS[format_]))


def _drafts(items: Iterator[Draft | Skipped], skipped: list[Skipped]) -> Iterator[Draft]:
    """Set aside what gives no recording."""
    for item in items:
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            yield item


def _write(draft: Draft, path: Path, dest: Path) -> ImportedRecording:
    """Write one recording at ``path``, which will be renamed to ``dest``."""
    notes = (*draft.notes, *(f"Dropped {item}" for item in draft.dropped))
    writer = RecordingWriter(
        path,
        draft.spindle,
        draft.start_ns,
        draft.source,
        draft.licence,
        notes,
        draft.faults,
        labelled=draft.labelled,
    )
    with writer:
        for context in draft.contexts:
            writer.write_context(context)
        for group, t_ns, samples in draft.pieces:
            writer.write_block(group, t_ns, samples)
    return ImportedRecording(
        dest,
        draft.spindle.name,
        Recording.open(path).duration_s,
        draft.n_read,
        writer.n_samples,
        len(draft.faults),
        tuple(draft.dropped),
        notes,
    )
