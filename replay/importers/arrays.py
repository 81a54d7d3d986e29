"""Named arrays of a file, wherever they are stored, as columns: which share their rows, and which only say the rate."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.errors import RecordingError
from replay.importers.columns import BATCH_ROWS, MOST_COLUMNS, Batch, Columns
from replay.importers.headings import distinct
from replay.wording import listed

# Names by which files call their own rate; a lone number of that name is meant.
_RATE = re.compile(
    r"(.*[._/])?(fs|sr|rate_hz|sample_rate(_hz)?|sampling_(rate|frequency)(_hz)?|samplerate|samplingrate)"
)


@dataclass(frozen=True, slots=True, eq=False)
class StoredArray:
    """One array of a file.

    Parameters
    ----------
    name : str
        As the file calls it.
    shape : tuple[int, ...]
        One or two dimensions are read; along the longer one is time.
    kind : str
        NumPy's letter: ``i``, ``u``, ``f`` and ``b`` are read.
    read : callable
        Yields its values from the first to the last, float or int arrays of shape (n_rows, n_columns).
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    read: Callable[[], Iterator[NDArray[Any]]]

    @property
    def n_rows(self) -> int:
        """Length along time."""
        return max(self.shape, default=1)

    @property
    def n_columns(self) -> int:
        """Values at one time."""
        return min(self.shape) if len(self.shape) == 2 else 1

    @property
    def is_signal(self) -> bool:
        """Whether it can hold samples: numbers, two rows at least, no cube."""
        return self.kind in "iufb" and 1 <= len(self.shape) <= 2 and self.n_rows > 1 and self.n_columns > 0

    def headings(self) -> list[str]:
        """Names of its columns: its own, or numbered from 1."""
        if self.n_columns == 1:
            return [self.name]
        return [f"{self.name}_{i}" for i in range(1, self.n_columns + 1)]


def columns_of(path: Path, arrays: Sequence[StoredArray], wanted: str) -> Columns:
    """Make columns of those arrays that share their length; the most values decide which.

    Parameters
    ----------
    path : Path
        The file.
    arrays : sequence of StoredArray
        In it.
    wanted : str
        What the file should have been, for the error.

    Returns
    -------
    Columns
        Arrays of other lengths are named in its notes. A lone number called ``fs``, ``sample_rate_hz`` or the like
        is its rate.

    Raises
    ------
    RecordingError
        No array of numbers, or too many columns.
    """
    signals = [array for array in arrays if array.is_signal]
    if not signals:
        raise RecordingError(
            f"{path}: wanted {wanted} with arrays of numbers, got {listed(a.name for a in arrays)}"
        )
    sizes: dict[int, int] = {}
    for array in signals:
        sizes[array.n_rows] = sizes.get(array.n_rows, 0) + array.n_rows * array.n_columns
    n_rows = max(sizes, key=lambda length: sizes[length])
    taken = [array for array in signals if array.n_rows == n_rows]
    n_columns = sum(array.n_columns for array in taken)
    if n_columns > MOST_COLUMNS:
        raise RecordingError(f"{path}: got {n_columns} columns, wanted at most {MOST_COLUMNS}")
    names = distinct([heading for array in taken for heading in array.headings()])
    rates = [array for array in arrays if _is_rate(array)]
    rest = [array.name for array in arrays if array not in taken and array not in rates]
    notes = [f"Not imported, for they have other lengths or are no numbers: {listed(rest)}."] if rest else []
    rate_hz = _rate_hz(path, rates[0]) if rates else None
    return Columns(
        path,
        tuple(names),
        lambda which: _batches(path, taken, names, which),
        rate_hz=rate_hz,
        n_rows=n_rows,
        notes=tuple(notes),
    )


def _batches(
    path: Path, arrays: list[StoredArray], names: list[str], wanted: Sequence[str]
) -> Iterator[Batch]:
    """Read arrays side by side; what one gives beyond the others waits for them."""
    owners = [(array, column) for array in arrays for column in range(array.n_columns)]
    chosen = {name: owners[names.index(name)] for name in wanted}
    used = [array for array in arrays if any(array is owner for owner, _ in chosen.values())]
    runs = [array.read() for array in used]
    held = [np.empty((0, array.n_columns)) for array in used]
    while True:
        for index, run in enumerate(runs):
            if not len(held[index]):
                held[index] = next(run, held[index])
        n_rows = min(len(part) for part in held)
        if n_rows == 0:
            if any(len(part) for part in held):
                raise RecordingError(
                    f"{path}: wanted arrays as long as they say, one ended before the others"
                )
            return
        parts = {id(array): part[:n_rows] for array, part in zip(used, held, strict=True)}
        yield {name: pa.array(_native(parts[id(a)][:, i])) for name, (a, i) in chosen.items()}
        held = [part[n_rows:] for part in held]


def sliced(array: Any, shape: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    """Read an array, or something that is sliced like one, some rows at a time.

    Parameters
    ----------
    array : array_like
        Of one or two dimensions.
    shape : tuple of int
        Its shape; time runs along the longer dimension.

    Yields
    ------
    NDArray
        (n_rows, n_columns) each.
    """
    n_rows, across = max(shape), len(shape) == 2 and shape[1] > shape[0]
    step = max(1, BATCH_ROWS * 16 // max(16, min(shape) if len(shape) == 2 else 1))
    for first in range(0, n_rows, step):
        part = array[:, first : first + step].T if across else array[first : first + step]
        yield np.asarray(part).reshape(part.shape[0], -1)


def _native(values: NDArray[Any]) -> NDArray[Any]:
    """Contiguous, in this machine's byte order, of a type that Arrow has."""
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        return values.astype(np.float64)
    return np.ascontiguousarray(values, values.dtype.newbyteorder("="))


def _is_rate(array: StoredArray) -> bool:
    n_values = int(np.prod(array.shape)) if array.shape else 1
    return n_values == 1 and array.kind in "iuf" and bool(_RATE.fullmatch(array.name.lower()))


def _rate_hz(path: Path, array: StoredArray) -> float:
    rate_hz = float(next(array.read()).reshape(-1)[0])
    if not (np.isfinite(rate_hz) and rate_hz > 0):
        raise RecordingError(f"{path}: {array.name}: wanted a rate above 0, got {rate_hz}")
    return rate_hz
