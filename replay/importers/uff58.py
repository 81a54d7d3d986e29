"""Universal File Format, data sets of type 58 (SDRC 1996; binary 58b too): time histories of modal and DAQ software.

The format has no index and its reader takes a data set at once: what is imported of a file is held in memory. Steps are
written with six digits, so a rate such as 44.1 kHz comes out a millionth off; ``rate_hz`` mends that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from engine.errors import RecordingError
from replay.importers.column_files import ColumnFiles
from replay.importers.columns import BATCH_ROWS, Batch, Columns
from replay.importers.extras import library
from replay.importers.headings import distinct
from replay.importers.reading import named
from replay.importers.resolving import Options

# Codes of the format: a time response (or one that says nothing), real values, time along the abscissa.
_TIME_RESPONSES = (0, 1)
_REAL = (2, 4)
_TIME = (0, 17)
_DIRECTIONS = {1: "x", -1: "x", 2: "y", -2: "y", 3: "z", -3: "z"}


def tables(path: Path, options: Options) -> list[Columns]:  # noqa: ARG001 - every importer takes them
    """Look into the headers of a file's data sets.

    Parameters
    ----------
    path : Path
        Sets of type 58 with real values at even steps of time. Spectra, modes and geometry are left out and counted.
        A channel is called as its set is (``id1``), or by node and direction.
    options : Options
        None is needed to look.

    Returns
    -------
    list[Columns]
        One for sets that share step, start and length.

    Raises
    ------
    RecordingError
        No such sets, or one that is shorter than its header says.
    UsageError
        pyuff is not installed.
    """
    pyuff = library("pyuff", "UFF58")
    with named(path, "a UFF58 file"):
        _refuse_open_end(path)
        file = pyuff.UFF(str(path))
        kinds = np.atleast_1d(file.get_set_types())
        headers = {i: file.read_sets(i, header_only=True) for i in np.flatnonzero(kinds == 58).tolist()}
    histories = {i: header for i, header in headers.items() if _is_history(header)}
    if not histories:
        raise RecordingError(
            f"{path}: wanted data sets of type 58 with time histories at even steps, got {len(kinds)} others"
        )
    n_left = len(kinds) - len(histories)
    notes = (f"{n_left} data sets that are no time histories were not imported.",) if n_left else ()
    names = dict(zip(histories, distinct([_name(header) for header in histories.values()]), strict=True))
    shared: dict[tuple[float, float, int], list[int]] = {}
    for i, header in histories.items():
        key = float(header["abscissa_inc"]), float(header["abscissa_min"]), int(header["num_pts"])
        shared.setdefault(key, []).append(i)
    found = [
        _columns(path, key, {names[i]: i for i in sets}, {names[i]: _unit(histories[i]) for i in sets})
        for key, sets in shared.items()
    ]
    if len(found) == 1:
        return [replace(found[0], notes=notes)]
    return [
        replace(t, group=f"signals_{n}", notes=notes if n == 1 else ()) for n, t in enumerate(found, start=1)
    ]


def _columns(
    path: Path, key: tuple[float, float, int], sets: dict[str, int], units: dict[str, str]
) -> Columns:
    step_s, _, n_rows = key
    if not (np.isfinite(step_s) and step_s > 0 and n_rows > 0):
        raise RecordingError(f"{path}: got {n_rows} values {step_s} s apart, wanted both above 0")
    return Columns(
        path,
        tuple(sets),
        lambda wanted: _batches(path, sets, wanted, n_rows),
        rate_hz=1.0 / step_s,
        units={name: unit for name, unit in units.items() if unit},
        n_rows=n_rows,
    )


def _batches(path: Path, sets: dict[str, int], wanted: Sequence[str], n_rows: int) -> Iterator[Batch]:
    pyuff = library("pyuff", "UFF58")
    values = {}
    with named(path, "a UFF58 file"):
        file = pyuff.UFF(str(path))
        for name in wanted:
            values[name] = np.asarray(file.read_sets(sets[name])["data"], np.float32)[:n_rows]
            if len(values[name]) < n_rows:
                raise RecordingError(
                    f"{path}: {name}: got {len(values[name])} values, wanted {n_rows} as its header says"
                )
    for first in range(0, n_rows, BATCH_ROWS):
        yield {name: pa.array(row[first : first + BATCH_ROWS]) for name, row in values.items()}


def _refuse_open_end(path: Path) -> None:
    """Every set ends with its mark; pyuff would leave out a last one that does not."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        if not file.read().rstrip().endswith(b"-1"):
            raise ValueError("it does not end as a data set does")


def _is_history(header: dict[str, Any]) -> bool:
    return (
        header["func_type"] in _TIME_RESPONSES
        and header["ord_data_type"] in _REAL
        and header["abscissa_spec_data_type"] in _TIME
        and header["abscissa_spacing"] == 1
    )


def _name(header: dict[str, Any]) -> str:
    title = str(header["id1"]).strip()
    if title and title != "NONE":
        return title
    direction = _DIRECTIONS.get(int(header["rsp_dir"]), str(header["rsp_dir"]))
    return f"node_{header['rsp_node']}_{direction}"


def _unit(header: dict[str, Any]) -> str:
    unit = str(header["ordinate_axis_units_lab"]).strip()
    return "" if unit == "NONE" else unit


_FILES = ColumnFiles(("*.uff", "*.unv", "*.uf"), "a UFF58 file", tables)
read, show = _FILES.read, _FILES.show
