"""The passes through a table that find its times out before a row is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.errors import RecordingError
from replay.importers.columns import Columns
from replay.importers.mapping import TimeSpec
from replay.importers.rows import Rows, forward, spread
from replay.importers.time_column import TimeReader
from replay.importers.timeline import Clock, Stamps, Steps


def timed(path: Path, reader: TimeReader, column: Any) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which rows of a batch have a time, and when those were taken.

    Parameters
    ----------
    path : Path
        For the error.
    reader : TimeReader
        Of this pass.
    column : pyarrow.Array
        Times of the batch.

    Returns
    -------
    tuple of bool[n_rows] and int64[n_timed]
        In the order of the file.
    """
    if pa.types.is_dictionary(column.type):
        raise RecordingError(f"{path}: wanted times, got a dictionary of {column.type.value_type}")
    valid = np.asarray(pc.invert(pc.is_null(column, nan_is_null=True)))
    if not valid.any():
        return valid, np.array([], np.int64)
    return valid, reader.read(column if valid.all() else column.filter(pa.array(valid)))


def survey(columns: Columns, time: TimeSpec) -> Clock:
    """Read a column of times to its end, twice if its stamps are coarser than its rows.

    Parameters
    ----------
    columns : Columns
        The table.
    time : TimeSpec
        Which column, and how it is written.

    Returns
    -------
    Clock
        Memory does not grow with the table.

    Raises
    ------
    RecordingError
        No times, or a text that is none.
    """
    dated = True

    def rows() -> Iterator[Rows]:
        nonlocal dated
        reader = TimeReader(columns.path, time.column, time.unit, time.format)
        for batch in columns.read([time.column]):
            _, times_ns = timed(columns.path, reader, batch[time.column])
            if len(times_ns):
                dated = reader.dated
                yield Rows(times_ns, np.empty((0, len(times_ns)), np.float32), {})

    stamps, ticks, n_rows, first_ns = Stamps(), Steps(), 0, None
    for part in forward(rows(), repeated=True):
        n_rows += len(part)
        first_ns = int(part.times_ns[0]) if first_ns is None else first_ns
        ticks.add(stamps.add(part.times_ns))
    if first_ns is None:
        raise RecordingError(
            f"{columns.path}: time column {time.column!r}: wanted times, got empty cells only"
        )
    repeated = n_rows > 2 * stamps.n_stamps and stamps.n_stamps > 1
    clock = Clock(
        first_ns,
        dated,
        repeated,
        stamps.n_stamps,
        n_rows,
        ticks.usual_ns(),
        stamps.n_usual(),
        ticks.usual_ns(),
        ticks.rate_hz(),
    )
    return _spread_clock(clock, rows, columns.path) if repeated else clock


def _spread_clock(clock: Clock, rows: Callable[[], Iterator[Rows]], path: Path) -> Clock:
    """Look at the times once more, as they are spread."""
    steps, first_ns = Steps(), None
    for part in spread(forward(rows(), repeated=True), clock, path):
        first_ns = int(part.times_ns[0]) if first_ns is None and len(part) else first_ns
        steps.add(part.times_ns)
    assert first_ns is not None
    return Clock(
        first_ns,
        clock.dated,
        True,
        clock.n_stamps,
        clock.n_rows,
        clock.tick_ns,
        clock.n_usual,
        steps.usual_ns(),
        steps.rate_hz(),
    )
