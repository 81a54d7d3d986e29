"""HDF5 files, and MATLAB's of version 7.3, which are HDF5: data sets of equal length, read slice by slice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import RecordingError
from replay.importers.arrays import StoredArray, columns_of, sliced
from replay.importers.column_files import ColumnFiles
from replay.importers.columns import Columns, refuse_bomb
from replay.importers.extras import library
from replay.importers.reading import named
from replay.importers.resolving import Options

# So many data sets are looked at; a file with more is no recording.
_MOST_SETS = 10_000
# MATLAB keeps texts as numbers, and says so here.
_MATLAB_CLASS = "MATLAB_class"


def tables(path: Path, options: Options) -> list[Columns]:  # noqa: ARG001 - every importer takes them
    """Look into a file.

    Parameters
    ----------
    path : Path
        Data sets in any groups, one or two dimensions each; their names are their paths. Links are not followed, so
        that a file cannot lead in a circle or to other files.
    options : Options
        None is needed to look.

    Returns
    -------
    list[Columns]
        One table of the data sets that share their length.

    Raises
    ------
    RecordingError
        No HDF5, or one whose data lie in other files.
    UsageError
        h5py is not installed.
    """
    h5py = library("h5py", "HDF5")
    arrays: list[StoredArray] = []
    with named(path, "an HDF5 file"), h5py.File(path, "r") as file:

        def see(name: str, item: Any) -> None:
            if not isinstance(item, h5py.Dataset) or name.startswith("#"):
                return
            if item.is_virtual or item.external:
                raise RecordingError(
                    f"{path}: {name}: got data that lie in another file, wanted them in this one"
                )
            if len(arrays) >= _MOST_SETS:
                raise RecordingError(f"{path}: got more than {_MOST_SETS} data sets, wanted a recording")
            if item.shape is not None and not _is_text(item):
                arrays.append(_stored(path, name, item))

        file.visititems(see)
    refuse_bomb(path, sum(int(np.prod(array.shape, dtype=np.float64)) for array in arrays) * 4)
    return [columns_of(path, arrays, "an HDF5 file")]


def _is_text(item: Any) -> bool:
    return item.attrs.get(_MATLAB_CLASS, b"") in (b"char", b"cell", b"function_handle")


def _stored(path: Path, name: str, item: Any) -> StoredArray:
    kept = tuple(int(n) for n in item.shape)
    shape: tuple[int, ...] = kept
    if len(kept) == 2 and 1 in kept:  # MATLAB knows no vectors
        shape = (max(kept),) if max(kept) > 1 else ()
    return StoredArray(name, shape, item.dtype.kind, lambda: _values(path, name, kept))


def _values(path: Path, name: str, shape: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    h5py = library("h5py", "HDF5")
    with named(path, "an HDF5 file"), h5py.File(path, "r") as file:
        if not shape or max(shape) == 1:
            yield np.asarray(file[name][()]).reshape(1, 1)
        else:
            yield from sliced(file[name], shape)


_FILES = ColumnFiles(("*.h5", "*.hdf5", "*.hdf", "*.he5"), "an HDF5 file", tables)
read, show = _FILES.read, _FILES.show
