"""Reading CSV, npz and mat files, with one error for whatever can be wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.errors import RecordingError, SpindlewatchError
from replay.wording import listed, one_line


@contextmanager
def named(path: Path, wanted: str) -> Iterator[None]:
    """Say which file could not be read as what.

    Parameters
    ----------
    path : Path
        The file.
    wanted : str
        What it should have been.

    Raises
    ------
    RecordingError
        Instead of whatever the library raises for missing, truncated or other files.
    """
    try:
        yield
    except SpindlewatchError:
        raise
    except Exception as error:  # what a library raises on bytes of another kind is not part of its contract
        reason = one_line(str(error)) or type(error).__name__
        raise RecordingError(f"{path}: wanted {wanted}: {reason}") from error


def read_csv(path: Path, wanted: Sequence[str], delimiter: str = ",") -> pa.Table:
    """Read a table whose columns are known.

    Parameters
    ----------
    path : Path
        CSV with a header line.
    wanted : sequence of str
        Columns that must be there.
    delimiter : str
        One character.

    Returns
    -------
    pyarrow.Table
        At least one row.

    Raises
    ------
    RecordingError
        Not such a table.
    """
    with named(path, f"a table separated by {delimiter!r}"):
        table = pacsv.read_csv(path, parse_options=pacsv.ParseOptions(delimiter=delimiter))
        got = table.column_names  # decoded only here
    missing = [name for name in wanted if name not in got]
    if missing:
        raise RecordingError(f"{path}: wanted the columns {listed(missing)}; got {listed(got)}")
    if table.num_rows == 0:
        raise RecordingError(f"{path}: wanted rows, got a header only")
    return table


def numbers(path: Path, table: pa.Table, names: Sequence[str]) -> NDArray[np.float32]:
    """Columns as channels.

    Parameters
    ----------
    path : Path
        For the error.
    table : pyarrow.Table
        Has these columns.
    names : sequence of str
        In the order of channels.

    Returns
    -------
    float32[n_channels, n_rows]
        NaN for empty cells.

    Raises
    ------
    RecordingError
        A column that holds no numbers.
    """
    rows = []
    for name in names:
        column: Any = table.column(name)
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            raise RecordingError(f"{path}: column {name!r}: wanted numbers, got {column.type}")
        rows.append(column.to_numpy().astype(np.float32))
    return np.stack(rows)


def timestamps_ns(path: Path, table: pa.Table, name: str) -> NDArray[np.int64]:
    """A column of dates and times, taken as UTC.

    Parameters
    ----------
    path : Path
        For the error.
    table : pyarrow.Table
        Has this column.
    name : str
        Of ISO times, such as ``2020-03-01 15:44:06``.

    Returns
    -------
    int64[n_rows]
        UTC nanoseconds.

    Raises
    ------
    RecordingError
        Other contents, or an empty cell.
    """
    column: Any = table.column(name)
    if not pa.types.is_timestamp(column.type) or column.null_count:
        raise RecordingError(
            f"{path}: column {name!r}: wanted times like 2020-03-01 15:44:06, got {column.type}"
        )
    times: NDArray[np.int64] = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()).to_numpy()
    return times


def read_npz(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read the arrays of an npz file; nothing in it is executed.

    Parameters
    ----------
    path : Path
        The file.
    wanted : sequence of str
        Arrays that must be there.

    Returns
    -------
    dict[str, NDArray]
        All arrays, by name.

    Raises
    ------
    RecordingError
        Not such a file.
    """
    # Opened here: given a path, NumPy leaves files open that are no npz.
    with named(path, "an npz file"), path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise RecordingError(f"{path}: wanted the arrays {listed(missing)}; got {listed(arrays)}")
    return arrays


def read_mat(path: Path, wanted: Sequence[str]) -> dict[str, Any]:
    """Read the variables of a MATLAB file (version 7 or older).

    Parameters
    ----------
    path : Path
        The file.
    wanted : sequence of str
        Variables that must be there.

    Returns
    -------
    dict[str, Any]
        Arrays; structs as dicts.

    Raises
    ------
    RecordingError
        Not such a file.
    """
    from scipy.io import loadmat

    with named(path, "a MATLAB file of version 7 or older"), path.open("rb") as opened:
        variables: dict[str, Any] = loadmat(opened, simplify_cells=True)
    missing = [name for name in wanted if name not in variables]
    if missing:
        got = listed(name for name in variables if not name.startswith("__"))
        raise RecordingError(f"{path}: wanted the variables {listed(missing)}; got {got}")
    return variables


def parse_time_ns(path: Path, text: str, pattern: str) -> int:
    """Convert a date and time written as ``pattern`` says, taken as UTC.

    Parameters
    ----------
    path : Path
        For the error.
    text : str
        Such as ``23-Oct-2018 08:45:55``.
    pattern : str
        As for ``datetime.strptime``.

    Returns
    -------
    int
        UTC nanoseconds.

    Raises
    ------
    RecordingError
        Another pattern.
    """
    with named(path, f"a time written as {pattern}"):
        moment = datetime.strptime(text, pattern).replace(tzinfo=UTC)
    return int(moment.timestamp()) * NS_PER_S + moment.microsecond * 1000
