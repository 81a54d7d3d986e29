"""TDMS, as LabVIEW and DAQ software of National Instruments write it, read channel by channel in slices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from engine.errors import RecordingError
from replay.importers.column_files import ColumnFiles
from replay.importers.columns import BATCH_ROWS, MOST_COLUMNS, Batch, Columns, refuse_bomb
from replay.importers.drafts import safe_name
from replay.importers.extras import library
from replay.importers.reading import named
from replay.importers.resolving import Options
from replay.wording import listed

_STEP, _START, _UNIT = "wf_increment", "wf_start_time", "unit_string"


def tables(path: Path, options: Options) -> list[Columns]:  # noqa: ARG001 - every importer takes them
    """Look into a file's metadata.

    Parameters
    ----------
    path : Path
        Channels, with the properties of waveforms (``wf_increment``, ``wf_start_time``, ``unit_string``) if their
        writer set them. Scalings of DAQmx are applied.
    options : Options
        None is needed to look.

    Returns
    -------
    list[Columns]
        One for each group of channels with the same step, start and length; a channel's column is
        ``group/channel``. What is text or has no samples is left out and named.

    Raises
    ------
    RecordingError
        No TDMS file, one that ends within its samples, or no channels of numbers.
    UsageError
        npTDMS is not installed.
    """
    sets: dict[tuple[Any, ...], list[Any]] = {}
    left_out: list[str] = []
    with _opened(path) as file:
        if file.file_status.incomplete_final_segment:
            raise RecordingError(f"{path}: wanted a whole TDMS file, got one that ends within its samples")
        channels = [channel for group in file.groups() for channel in group.channels()]
        if len(channels) > MOST_COLUMNS:
            raise RecordingError(f"{path}: got {len(channels)} channels, wanted at most {MOST_COLUMNS}")
        for channel in channels:
            if len(channel) == 0 or np.dtype(channel.dtype).kind not in "iufbM":
                left_out.append(f"{channel.group_name}/{channel.name}")
                continue
            step, start = channel.properties.get(_STEP), channel.properties.get(_START)
            key = (channel.group_name, step, str(start), len(channel))
            sets.setdefault(key, []).append(channel)
        refuse_bomb(path, sum(len(channel) * 4 for group in sets.values() for channel in group))
        if not sets:
            raise RecordingError(f"{path}: wanted channels of numbers, got {listed(left_out)}")
        notes = [f"Not imported, for they have no numbers: {listed(left_out)}."] if left_out else []
        found = [_columns(path, group) for group in sets.values()]
    return _named_apart(_on_one_clock(found), notes)


def _columns(path: Path, channels: list[Any]) -> Columns:
    """Channels that share their clock."""
    first, n_rows = channels[0], len(channels[0])
    step_s, start = first.properties.get(_STEP), first.properties.get(_START)
    stored = {
        f"{channel.group_name}/{channel.name}": (channel.group_name, channel.name) for channel in channels
    }
    units = {f"{c.group_name}/{c.name}": str(c.properties.get(_UNIT, "")) for c in channels}
    rate_hz = None
    if step_s:  # 0 where the writer left it empty
        if not (np.isfinite(float(step_s)) and float(step_s) > 0):
            raise RecordingError(f"{path}: {first.path}: {_STEP}: got {step_s}, wanted seconds above 0")
        rate_hz = 1.0 / float(step_s)
    return Columns(
        path,
        tuple(stored),
        lambda wanted: _batches(path, [stored[name] for name in wanted], wanted, n_rows),
        group=safe_name(first.group_name).replace(".", "_"),
        rate_hz=rate_hz,
        start_ns=_start_ns(start),
        units={name: unit for name, unit in units.items() if unit},
        n_rows=n_rows,
    )


def _start_ns(start: Any) -> int | None:
    """UTC nanoseconds, as TDMS keeps them; None for what is no time or lies before 1970 (LabVIEW's zero is 1904)."""
    if not isinstance(start, np.datetime64) or np.isnat(start):
        return None
    t_ns = int(start.astype("datetime64[ns]").astype(np.int64))
    return t_ns if t_ns > 0 else None


def _on_one_clock(tables: list[Columns]) -> list[Columns]:
    """Let tables without a start begin with the first that has one."""
    starts = [table.start_ns for table in tables if table.start_ns is not None]
    if not starts:
        return tables
    first_ns = min(starts)
    out = []
    for table in tables:
        if table.start_ns is None:
            note = f"{table.names[0]} and its like have no start; they are taken to begin with the others."
            table = replace(table, start_ns=first_ns, notes=(*table.notes, note))
        out.append(replace(table, after_ns=(table.start_ns or first_ns) - first_ns))
    return out


def _batches(
    path: Path, channels: list[tuple[str, str]], wanted: Sequence[str], n_rows: int
) -> Iterator[Batch]:
    with _opened(path) as file:
        opened = [file[group][channel] for group, channel in channels]
        for first in range(0, n_rows, BATCH_ROWS):
            n = min(BATCH_ROWS, n_rows - first)
            parts = [channel.read_data(first, n) for channel in opened]
            if any(len(part) != n for part in parts):
                raise RecordingError(f"{path}: wanted channels as long as they say, one ended before")
            yield {
                name: pa.array(np.ascontiguousarray(part)) for name, part in zip(wanted, parts, strict=True)
            }


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file without the index beside it, which may be another's; npTDMS leaves files open that are no TDMS."""
    nptdms = library("nptdms", "TDMS")
    with named(path, "a TDMS file"), path.open("rb") as opened, nptdms.TdmsFile.open(opened) as file:
        yield file


def _named_apart(tables: list[Columns], notes: list[str]) -> list[Columns]:
    """Give every table a group name of its own; the first one carries the notes."""
    taken: set[str] = {"context"}
    out = []
    for index, table in enumerate(tables):
        name, n = table.group, 1
        while name in taken:
            n += 1
            name = f"{table.group}_{n}"
        taken.add(name)
        out.append(replace(table, group=name, notes=(*table.notes, *(notes if index == 0 else ()))))
    return out


_FILES = ColumnFiles(("*.tdms",), "a TDMS file", tables)
read, show = _FILES.read, _FILES.show
