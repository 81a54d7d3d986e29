"""Columns of equal length, whatever the file: read in batches, as often as needed, so that memory does not grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.errors import RecordingError, UsageError
from replay.wording import listed

# Rows that are read at once where the reader can be told: 64 Ki rows of 16 channels are 8 MB of float64.
BATCH_ROWS = 65_536
# A table with more columns is no table of channels.
MOST_COLUMNS = 4096
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
# Packed measurements are a few times smaller than their values. Where so few bytes give so much, nothing was measured.
_BOMB_RATIO = 250
_BOMB_BYTES = 256 << 20

Batch = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Columns that share their rows, and what their file says about them.

    Parameters
    ----------
    path : Path
        The file, for errors.
    names : tuple[str, ...]
        Headings, each once.
    read : callable
        Given names, yields batches: a pyarrow array of each, all of one length. May be called again.
    group : str
        Name of the sensor group that they become unless a mapping says otherwise.
    rate_hz : float, optional
        Rows per second, if the file states it.
    start_ns : int, optional
        UTC nanoseconds of the first row, if the file states it.
    after_ns : int
        How much later than the first table of its file it begins: for files of several clocks.
    units, full_scale : mapping of str
        By heading, as far as the file states them.
    n_rows : int, optional
        How many there will be, if that is known.
    share : callable, optional
        Part of the file that has been read by now, 0 to 1; needed for progress where ``n_rows`` is unknown.
    notes : tuple[str, ...]
        What was decided in reading.
    """

    path: Path
    names: tuple[str, ...]
    read: Callable[[Sequence[str]], Iterator[Batch]]
    group: str = "signals"
    rate_hz: float | None = None
    start_ns: int | None = None
    after_ns: int = 0
    units: Mapping[str, str] = field(default_factory=dict)
    full_scale: Mapping[str, float] = field(default_factory=dict)
    n_rows: int | None = None
    share: Callable[[], float] | None = None
    notes: tuple[str, ...] = ()

    def find(self, name: str) -> str:
        """Return the heading asked for, or say which there are."""
        if name not in self.names:
            raise UsageError(f"{self.path}: wanted column {name!r}, got {listed(self.names)}")
        return name

    def head(self) -> Batch:
        """Return the first batch that has rows.

        Raises
        ------
        RecordingError
            There is none.
        """
        for batch in self.read(self.names):
            if len(batch[self.names[0]]):
                return batch
        raise RecordingError(f"{self.path}: wanted rows, got a header only")


def is_numeric(column: Any) -> bool:
    """Whether at least half of a column's cells that are not blank are numbers, and one is.

    Parameters
    ----------
    column : pyarrow.Array
        Of any type.
    """
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return bool(column.null_count < len(column))
    if not pa.types.is_string(column.type):
        return False
    n_numbers = pc.sum(pc.match_substring_regex(column, _NUMBER)).as_py() or 0
    return bool(2 * n_numbers >= len(column) - column.null_count and n_numbers)


def as_floats(path: Path, name: str, column: Any) -> NDArray[np.float64]:
    """Values of a column.

    Parameters
    ----------
    path : Path
        For the error.
    name : str
        Of the column.
    column : pyarrow.Array
        Numbers, truth values or texts.

    Returns
    -------
    float64[n_rows]
        NaN for nulls and for texts that are no numbers.

    Raises
    ------
    RecordingError
        A column of another type: dates, lists.
    """
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    if pa.types.is_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        try:
            column = trimmed.cast(pa.float64())
        except pa.ArrowInvalid:  # rare, and the pattern is slow
            column = pc.if_else(pc.match_substring_regex(trimmed, _NUMBER), trimmed, None).cast(pa.float64())
    elif pa.types.is_boolean(column.type) or pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    elif not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise RecordingError(f"{path}: column {name!r}: wanted numbers, got {column.type}")
    values: NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def as_texts(column: Any) -> NDArray[np.object_]:
    """Cells as texts without blanks around them; whole numbers without decimals; None where blank.

    Parameters
    ----------
    column : pyarrow.Array
        Of any type.

    Returns
    -------
    object[n_rows]
        str or None.

    Examples
    --------
    >>> as_texts(pa.array([" T1 ", "3.0", "", None])).tolist(), as_texts(pa.array([3.0, None])).tolist()
    (['T1', '3', None, None], ['3', None])
    """
    packed = column.dictionary_encode()
    texts = np.array([_text(value) for value in packed.dictionary.to_pylist()] + [None], np.object_)
    indices = packed.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
    return np.asarray(texts[indices], np.object_)


def samples_of(path: Path, names: Sequence[str], batch: Batch) -> NDArray[np.float32]:
    """Columns of a batch as channels.

    Parameters
    ----------
    path : Path
        For the error.
    names : sequence of str
        In the order of channels.
    batch : dict of str to pyarrow.Array
        Has these columns.

    Returns
    -------
    float32[n_channels, n_rows]
        NaN where there is no number, or none that a float32 can hold.
    """
    with np.errstate(over="ignore"):
        rows = [as_floats(path, name, batch[name]).astype(np.float32) for name in names]
    samples = np.stack(rows)
    samples[~np.isfinite(samples)] = np.nan
    return samples


def refuse_bomb(path: Path, n_bytes: int) -> None:
    """Refuse a file that would unfold to far more than anything measured does.

    Parameters
    ----------
    path : Path
        The file.
    n_bytes : int
        What its values take, as it says.

    Raises
    ------
    RecordingError
        More than 256 MiB and 250 times its size.
    """
    size = path.stat().st_size
    if n_bytes > _BOMB_BYTES and n_bytes > _BOMB_RATIO * size:
        raise RecordingError(
            f"{path}: wanted measurements, got {size} bytes that claim to unfold to {n_bytes}; none unfold so far"
        )


def _text(value: object) -> str | None:
    if value is None or value != value:
        return None
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text or None
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else text
