"""NumPy archives (npz): arrays of equal length, read member by member as a stream; nothing in them is executed."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from engine.errors import RecordingError
from replay.importers.arrays import StoredArray, columns_of
from replay.importers.column_files import ColumnFiles
from replay.importers.columns import BATCH_ROWS, Columns, refuse_bomb
from replay.importers.reading import named
from replay.importers.resolving import Options

# Columns that stand behind each other are read through as many streams.
_MOST_STREAMS = 256


def tables(path: Path, options: Options) -> list[Columns]:  # noqa: ARG001 - every importer takes them
    """Look into an archive.

    Parameters
    ----------
    path : Path
        Arrays of numbers, one or two dimensions each. Those of pickled objects are refused, not read.
    options : Options
        None is needed to look.

    Returns
    -------
    list[Columns]
        One table of the arrays that share their length.

    Raises
    ------
    RecordingError
        No such archive.
    """
    with named(path, "an npz file"), zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        refuse_bomb(path, sum(info.file_size for info in members))
        arrays = [_stored(path, archive, info) for info in members]
    return [columns_of(path, arrays, "an npz file")]


def _stored(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> StoredArray:
    name = info.filename.removesuffix(".npy")
    with archive.open(info) as member:
        shape, _, dtype = _header(member)
        n_bytes = member.tell() + int(np.prod(shape, dtype=np.float64)) * dtype.itemsize
    if dtype.hasobject:
        raise RecordingError(f"{path}: {name}: got pickled objects, wanted numbers; pickles are never read")
    if n_bytes != info.file_size:
        raise RecordingError(
            f"{path}: {name}: got {info.file_size} bytes, wanted {n_bytes} for shape {shape}"
        )
    return StoredArray(name, shape, dtype.kind, lambda: _values(path, info.filename))


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(member)
    if version == (1, 0):
        return npy.read_array_header_1_0(member)
    if version == (2, 0):
        return npy.read_array_header_2_0(member)
    raise ValueError(f"got npy version {version}, wanted 1.0 or 2.0")


def _values(path: Path, member: str) -> Iterator[NDArray[Any]]:
    """Stream one array, (n_rows, n_columns) at a time."""
    with named(path, "an npz file"), zipfile.ZipFile(path) as archive:
        with archive.open(member) as file:
            shape, in_fortran, dtype = _header(file)
            begins = file.tell()
        n_rows = max(shape, default=1)
        n_columns = min(shape) if len(shape) == 2 else 1
        time_first = len(shape) < 2 or shape[0] >= shape[1]
        # Rows stand together unless time is what varies fastest; then every column is a stream of its own.
        together = n_columns == 1 or time_first != in_fortran
        step = max(1, BATCH_ROWS * 16 // max(16, n_columns))
        n_streams, width = (1, n_columns) if together else (n_columns, 1)
        if n_streams > _MOST_STREAMS:
            raise RecordingError(
                f"{path}: {member}: got {n_columns} columns behind each other, wanted time first"
            )
        with _opened(
            path, member, [begins + n_rows * i * dtype.itemsize for i in range(n_streams)]
        ) as streams:
            for first in range(0, n_rows, step):
                n = min(step, n_rows - first)
                parts = [_take(stream, n * width, dtype).reshape(n, width) for stream in streams]
                yield parts[0] if together else np.concatenate(parts, axis=1)


@contextmanager
def _opened(path: Path, member: str, starts: list[int]) -> Iterator[list[IO[bytes]]]:
    """Open one member several times, each at another place.

    Each through an archive of its own: in Python 3.12.1, seeking in one stream starts from where another one stopped.
    """
    with ExitStack() as stack:
        streams = []
        for start in starts:
            archive = stack.enter_context(zipfile.ZipFile(path))
            streams.append(stack.enter_context(archive.open(member)))
            streams[-1].seek(start)
        yield streams


def _take(stream: IO[bytes], n_values: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    data = stream.read(n_values * dtype.itemsize)
    if len(data) != n_values * dtype.itemsize:
        raise ValueError("it ends before its arrays do")
    return np.frombuffer(data, dtype)


_FILES = ColumnFiles(("*.npz",), "an npz file", tables)
read, show = _FILES.read, _FILES.show
