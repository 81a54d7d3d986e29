"""Any table of numbers: a column of times (or a known rate), every other column of numbers a channel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Meta
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import SensorGroup, Spindle
from engine.errors import RecordingError, UsageError
from engine.records import samples_to_ns
from replay.importers.drafts import (
    NO_DATE_NOTE,
    NO_DATE_NS,
    Draft,
    Dropped,
    Piece,
    Skipped,
    forward_rows,
    scalar_pieces,
    source_files,
    waveform_pieces,
)
from replay.importers.reading import parse_time_ns
from replay.importers.tables import Table, TableFormat, declare_channels, read_table
from replay.importers.time_column import (
    TimeUnit,
    find_time_column,
    mean_rate_hz,
    read_times,
    spread_repeats,
    stretches,
)
from replay.wording import listed

# From here on samples are a waveform: below, there is no vibration of a machine tool to be seen in them.
_WAVEFORM_HZ = 200.0
# Values that repeat so long on average were sampled more slowly than the rows say.
_HELD_ROWS = 3.0


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to read the table; what is not given is found out.

    Parameters
    ----------
    rate_hz : float, optional
        Rows per second: needed without a column of times, otherwise instead of the measured rate.
    delimiter : str
        One character, or ``tab``.
    decimal : str
        ``.`` or ``,``.
    encoding : str
        Of the text, such as ``cp949``.
    skip_rows : int
        Lines before the header.
    time_column : str
        Its heading.
    time_unit : {"s", "ms", "us", "ns"}
        Of numeric times.
    time_format : str
        Of times written otherwise than in ISO 8601, as for ``datetime.strptime``.
    columns : str
        Headings to import, separated by commas.
    units : str
        ``heading=unit``, separated by commas; also taken from headings such as ``Current [A]``.
    start : str
        Date and time of the first row, ISO 8601, taken as UTC.
    kind : {"waveform", "scalar"}
        By default a waveform from 200 Hz on.
    max_gap_s : float, optional
        Longest normal pause of a scalar group.
    spindle : str
        Its name; the file's by default.
    licence : str
        On what terms.
    """

    rate_hz: Annotated[float, Meta(gt=0)] | None = None
    delimiter: str = ""
    decimal: Literal["", ".", ","] = ""
    encoding: str = "utf-8"
    skip_rows: Annotated[int, Meta(ge=0)] = 0
    time_column: str = ""
    time_unit: TimeUnit = ""
    time_format: str = ""
    columns: str = ""
    units: str = ""
    start: str = ""
    kind: Literal["", "waveform", "scalar"] = ""
    max_gap_s: Annotated[float, Meta(gt=0)] | None = None
    spindle: str = ""
    licence: str = "not stated"


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:
    """Read tables; each is held in memory while it is converted.

    Parameters
    ----------
    source : Path
        A csv, or a folder of them.
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
    form = TableFormat(options.delimiter, options.decimal, options.encoding, options.skip_rows)
    for name, path in source_files(source, ["*.csv", "*.txt", "*.tsv"], "a table in a text file"):
        yield _draft(name, path, read_table(path, form), options)


def _draft(name: str, path: Path, table: Table, options: Options) -> Draft:
    time_name = _time_name(path, table, options)
    headings = _headings(path, table, time_name, options)
    samples, dropped = table.numbers(headings)
    times_ns, keep, notes = _times(path, table, time_name, options)
    if not keep.all():
        reason = "their time is missing or not later than one before"
        dropped.append(Dropped(int((~keep).sum()), "rows", reason))
        samples = samples[:, keep]
    parts = stretches(times_ns) if time_name else [slice(0, len(times_ns))]
    group = _group(path, times_ns, parts, headings, options)
    pieces: Iterator[Piece]
    if group.kind == "waveform":
        pieces = chain.from_iterable(
            waveform_pieces(group, int(times_ns[p.start]), samples[:, p]) for p in parts
        )
        notes += _waveform_notes(times_ns, parts, group.sample_rate_hz, samples)
    else:
        pieces = scalar_pieces(group, times_ns, samples)
    left_out = [column for column in table.names if column not in (*headings, time_name)]
    if left_out:
        notes.append(f"Columns not imported: {listed(left_out)}.")
    return Draft(
        name,
        Spindle(options.spindle or name, (group,)),
        int(times_ns[0]),
        path.name,
        options.licence,
        table.n_rows,
        pieces,
        notes=notes,
        dropped=dropped,
    )


def _group(
    path: Path, times_ns: NDArray[np.int64], parts: list[slice], headings: list[str], options: Options
) -> SensorGroup:
    """Declare the one group: its rate as told or measured, its kind as told or by the rate."""
    rate_hz = options.rate_hz or mean_rate_hz(times_ns, parts)
    if not rate_hz > 0:
        raise RecordingError(
            f"{path}: wanted at least two rows of different times, got {len(times_ns)}; give rate_hz"
        )
    if rate_hz < _WAVEFORM_HZ and options.rate_hz is None:  # polled: the usual step, whatever the pauses
        rate_hz = NS_PER_S / float(np.median(np.diff(times_ns)))
    channels = declare_channels(headings, options.units)
    if options.kind == "waveform" or (not options.kind and rate_hz >= _WAVEFORM_HZ):
        return SensorGroup("signals", "waveform", rate_hz, channels)
    return SensorGroup("signals", "scalar", rate_hz, channels, max_gap_s=options.max_gap_s)


# --- columns --------------------------------------------------------------------------------------------------


def _time_name(path: Path, table: Table, options: Options) -> str | None:
    if options.time_column:
        return table.find(options.time_column)
    name = find_time_column(table.names)
    if name is None and options.rate_hz is None:
        raise UsageError(
            f"{path}: found no column of times among {listed(table.names)}; give time_column=... or rate_hz=..."
        )
    return name


def _headings(path: Path, table: Table, time_name: str | None, options: Options) -> list[str]:
    if options.columns:
        return [table.find(name.strip()) for name in options.columns.split(",")]
    found = [name for name in table.names if name != time_name and table.is_numeric(name)]
    if not found:
        raise RecordingError(f"{path}: wanted columns of numbers, got {listed(table.names)}")
    return found


# --- times ----------------------------------------------------------------------------------------------------


def _times(
    path: Path, table: Table, name: str | None, options: Options
) -> tuple[NDArray[np.int64], NDArray[np.bool_], list[str]]:
    """Times of the rows that are kept, which those are, and what to say about them."""
    if name is None:
        assert options.rate_hz is not None
        rows = range(table.n_rows)
        times_ns = np.array([NO_DATE_NS + samples_to_ns(i, options.rate_hz) for i in rows], np.int64)
        keep, dated, notes = (
            np.ones(table.n_rows, np.bool_),
            False,
            [f"No times; {options.rate_hz:g} Hz as told."],
        )
    else:
        column: Any = table.column(name)
        keep = np.asarray(column.is_valid()) if column.null_count else np.ones(table.n_rows, np.bool_)
        if not keep.any():
            raise RecordingError(f"{path}: time column {name!r}: wanted times, got empty cells only")
        found = read_times(path, name, column.filter(pa.array(keep)), options.time_unit, options.time_format)
        times_ns, dated, notes = found.times_ns, found.dated, []
        repeated = _is_repeated(times_ns)
        forward = times_ns >= np.maximum.accumulate(times_ns) if repeated else forward_rows(times_ns)
        keep[np.flatnonzero(keep)[~forward]] = False
        times_ns = times_ns[forward]
        if repeated:
            n_stamps = len(np.unique(times_ns))
            notes = [f"{len(times_ns)} rows share {n_stamps} time stamps; they are spread evenly."]
            times_ns = spread_repeats(times_ns)
    if options.start:
        times_ns = times_ns - times_ns[0] + _start_ns(path, options.start)
    elif not dated:
        notes.append(NO_DATE_NOTE)
    return times_ns, keep, notes


def _is_repeated(times_ns: NDArray[np.int64]) -> bool:
    """Whether stamps are coarser than rows, so that equal stamps are no copies."""
    return len(times_ns) > 2 * len(np.unique(times_ns))


def _start_ns(path: Path, text: str) -> int:
    pattern = "%Y-%m-%dT%H:%M:%S" + (".%f" if "." in text else "")
    return parse_time_ns(path, text.replace(" ", "T").removesuffix("Z"), pattern)


def _waveform_notes(
    times_ns: NDArray[np.int64], parts: list[slice], rate_hz: float, samples: NDArray[np.float32]
) -> list[str]:
    """Say how far rows lie from the even grid on which a waveform is kept, and whether its values are fresh."""
    notes = []
    off_s = max(
        float(
            np.abs(times_ns[p] - times_ns[p.start] - np.arange(p.stop - p.start) * NS_PER_S / rate_hz).max()
        )
        / NS_PER_S
        for p in parts
    )
    if off_s > 1.5 / rate_hz:
        notes.append(
            f"Samples are {1000 / rate_hz:.4g} ms apart; the file's times differ by up to {off_s:.3g} s."
        )
    if len(parts) > 1:
        notes.append(f"{len(parts) - 1} gaps in the file's times.")
    n_changes = int((np.diff(samples, axis=1) != 0).any(axis=0).sum()) + 1
    held = samples.shape[1] / n_changes
    if held >= _HELD_ROWS and math.isfinite(held):
        notes.append(
            f"Each value is held for {held:.0f} rows: some {rate_hz / held:.3g} fresh values per second. "
            "Spectra of these channels mean nothing."
        )
    return notes
