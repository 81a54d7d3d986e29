"""Importers by name, and the one way to run them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from engine.errors import RecordingError, UsageError
from engine.records import Context
from replay.faults import FAULTS, read_faults, write_faults
from replay.importers.drafts import Draft, Findings, Skipped
from replay.importers.report import ImportedRecording, ImportReport
from replay.layout import HEADER, read_header, write_header
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
    "kamp_cnc": "replay.importers.kamp_cnc",
    "kamp_precision": "replay.importers.kamp_precision",
    "csv": "replay.importers.plain_csv",
    "parquet": "replay.importers.parquet_table",
    "npz": "replay.importers.numpy_archive",
    "mat": "replay.importers.matlab",
    "hdf5": "replay.importers.hdf5",
    "wav": "replay.importers.sound",
    "flac": "replay.importers.sound",
    "tdms": "replay.importers.tdms",
    "uff": "replay.importers.uff58",
}


class Importer(Protocol):
    """What a module of this package offers."""

    Options: type[Any]

    def read(self, source: Path, options: Any) -> Iterator[Draft | Skipped]:
        """Read a file or folder."""
        ...


# Told which recording is being written, and what part of its source has been read; None = nobody knows.
Progress = Callable[[str, float | None], None]


def import_recording(
    format_: str, source: Path, dest: Path, progress: Progress | None = None, /, **options: Any
) -> ImportReport:
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
    progress : callable, optional
        Called after every block that is written.
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
    chosen = _options(format_, importer, options)
    recordings: list[ImportedRecording] = []
    skipped: list[Skipped] = []
    with staged_folder(dest) as staging:
        drafts = _drafts(importer.read(source, chosen), skipped)
        first = list(islice(drafts, 2))
        alone = len(first) == 1 and source.is_file()
        for draft in chain(first, drafts):
            place = Path() if alone else Path(draft.name)
            recordings.append(_write(draft, staging / place, dest / place, progress))
        if not recordings:
            raise RecordingError(f"{source}: found nothing to import as {format_}")
    return ImportReport(format_, source, tuple(recordings), tuple(skipped))


def show_mapping(format_: str, source: Path, /, **options: Any) -> str:
    """Say which column would become what; nothing is written.

    Parameters
    ----------
    format_ : str
        One of `FORMATS` whose files hold columns of any names: ``csv``, ``parquet`` and the like.
    source : Path
        A file, or a folder of which the first one is shown.
    **options : Any
        As the importer's ``Options`` say; texts are converted.

    Returns
    -------
    str
        A mapping in TOML, to be edited and given back with ``mapping``.

    Raises
    ------
    UsageError
        Unknown format or option, or a format whose columns are fixed.
    RecordingError
        A source that is not of this format.
    """
    importer = _importer(format_)
    chosen = _options(format_, importer, options)
    show = getattr(importer, "show", None)
    if show is None:
        raise UsageError(f"import {format_}: nothing is guessed: its columns are fixed")
    return str(show(source, chosen))


def _options(format_: str, importer: Importer, options: dict[str, Any]) -> Any:
    try:
        return msgspec.convert(options, importer.Options, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"import {format_}: option: {error}") from error


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


def _write(draft: Draft, path: Path, dest: Path, progress: Progress | None) -> ImportedRecording:
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
        for item in draft.pieces:
            if isinstance(item, Context):
                writer.write_context(item)
            else:
                writer.write_block(*item)
            if progress is not None:
                progress(draft.name, draft.share() if draft.share is not None else None)
    found = draft.findings() if draft.findings is not None else Findings(draft.n_read)
    _add(path, found)
    recording = Recording.open(path)
    return ImportedRecording(
        dest,
        draft.spindle.name,
        recording.duration_s,
        found.n_read,
        writer.n_samples,
        len(recording.faults),
        (*draft.dropped, *found.dropped),
        recording.notes,
    )


def _add(path: Path, found: Findings) -> None:
    """Write what was found in reading into a recording that is still to be renamed."""
    more = (*found.notes, *(f"Dropped {item}" for item in found.dropped))
    if more or found.labelled:
        header = read_header(path / HEADER)
        labelled = header.labelled or found.labelled
        header = msgspec.structs.replace(header, notes=(*header.notes, *more), labelled=labelled)
        write_header(path / HEADER, header)
    if found.faults:
        write_faults(path / FAULTS, (*read_faults(path / FAULTS), *found.faults))
