"""MATLAB files of any version: arrays of equal length.

Version 7.3 is HDF5 and is read slice by slice. Older ones are packed variable by variable, at most 2 GB each, and can
only be read whole: what is imported of such a file is held in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from replay.importers import hdf5
from replay.importers.arrays import StoredArray, columns_of, sliced
from replay.importers.column_files import ColumnFiles
from replay.importers.columns import Columns, refuse_bomb
from replay.importers.reading import named, read_mat
from replay.importers.resolving import Options

_HDF5_MARK = b"\x89HDF\r\n\x1a\n"
# Version 7.3 keeps its own words before the HDF5 file, in a block of this size.
_USER_BLOCK = 512
_HEADER = 128
_PACKED = 15


def tables(path: Path, options: Options) -> list[Columns]:
    """Look into a file.

    Parameters
    ----------
    path : Path
        Arrays, and structs of them at any depth: ``a.b`` is field ``b`` of ``a``.
    options : Options
        None is needed to look.

    Returns
    -------
    list[Columns]
        One table of the arrays that share their length.

    Raises
    ------
    RecordingError
        No MATLAB file.
    UsageError
        Version 7.3, and h5py is not installed.
    """
    with named(path, "a MATLAB file"), path.open("rb") as file:
        head = file.read(_USER_BLOCK + len(_HDF5_MARK))
    if head.endswith(_HDF5_MARK) or head.startswith(_HDF5_MARK):
        return hdf5.tables(path, options)
    if head.startswith(b"MATLAB 5.0"):
        refuse_bomb(path, _unpacked_bytes(path))
    variables = read_mat(path, [])
    arrays = [
        array
        for name, value in variables.items()
        if not name.startswith("__")
        for array in _arrays(name, value)
    ]
    return [columns_of(path, arrays, "a MATLAB file")]


def _arrays(name: str, value: Any) -> Iterator[StoredArray]:
    if isinstance(value, dict):
        for field, inner in value.items():
            yield from _arrays(f"{name}.{field}", inner)
        return
    array = np.asarray(value)
    array = array.reshape(-1) if array.ndim == 2 and 1 in array.shape else array
    yield StoredArray(
        name,
        array.shape,
        array.dtype.kind,
        lambda: sliced(array, array.shape) if array.ndim else iter([array.reshape(1, 1)]),
    )


def _unpacked_bytes(path: Path) -> int:
    """What the packed variables of a version 5 file unfold to, as they say themselves."""
    total = 0
    with named(path, "a MATLAB file"), path.open("rb") as file:
        order = "<" if file.read(_HEADER)[126:128] == b"IM" else ">"
        while len(tag := file.read(8)) == 8:
            kind, n_bytes = np.frombuffer(tag, f"{order}u4")
            if kind == _PACKED:
                start = zlib.decompressobj().decompress(file.read(min(int(n_bytes), 4096)), 8)
                total += int(np.frombuffer(start[4:8], f"{order}u4")[0]) if len(start) == 8 else 0
                file.seek(max(0, int(n_bytes) - 4096), 1)
            else:
                total += int(n_bytes)
                file.seek(int(n_bytes), 1)
    return total


_FILES = ColumnFiles(("*.mat",), "a MATLAB file", tables)
read, show = _FILES.read, _FILES.show
