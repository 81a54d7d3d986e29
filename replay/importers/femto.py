"""FEMTO-ST PRONOSTIA: bearings run to failure, a tenth of a second of vibration every ten seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import Channel, DutyCycle, SensorGroup, Spindle, TeachIn
from engine.errors import RecordingError
from engine.records import Context
from replay.faults import Fault
from replay.importers.drafts import (
    NO_DATE_NOTE,
    NO_DATE_NS,
    Draft,
    Piece,
    Skipped,
    safe_name,
    source_files,
)
from replay.importers.reading import named, read_npz

_RATE_HZ = 25_600.0
_GROUP = SensorGroup(
    "vibration",
    "waveform",
    _RATE_HZ,
    (Channel("vib_horizontal", "g"), Channel("vib_vertical", "g")),
    DutyCycle(burst_s=0.1, period_s=10.0),
)
# The first ten records or so of most bearings are run-in, above what follows; twice as many are left out. Then
# 100 records: enough for the features, early enough for bearings that begin to wear after half an hour.
_TEACH_IN = TeachIn(skip_s=200.0, duration_s=1000.0)
# Operating condition, the first digit of a bearing's name.
_RPM = {"1": 1800.0, "2": 1650.0, "3": 1500.0}
_SOURCE = "FEMTO-ST, IEEE PHM 2012 challenge (Nectoux et al., PRONOSTIA, IEEE PHM, Denver 2012)"
_LICENCE = "none stated; citation asked for"
_DAY_NS = 86_400 * NS_PER_S
_NOTES = (
    NO_DATE_NOTE,
    "Nothing is labelled but the end of life, which is the last record: judge lead time, not delay.",
    "The first records are run-in; the baseline is learnt from 200 s to 1200 s.",
    "Records are not contiguous; no window spans two of them.",
)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:  # noqa: ARG001 - every importer takes them
    """Read bearings.

    Parameters
    ----------
    source : Path
        An npz of ``t_s`` and ``samples[n, 2, n_burst]``, a bearing's folder of ``acc_*.csv`` as published, or a
        folder of either.
    options : Options
        None.

    Yields
    ------
    Draft
        One for each bearing.

    Raises
    ------
    RecordingError
        A file of another layout.
    """
    folders = sorted({path.parent for path in source.rglob("acc_*.csv")}) if source.is_dir() else []
    for folder in folders:
        yield _from_folder(folder)
    if not folders or any(source.rglob("*.npz")):
        for name, path in source_files(source, ["*.npz"], "an npz, or a bearing's folder of acc_*.csv"):
            yield _from_npz(name, path)


def _from_npz(name: str, path: Path) -> Draft:
    arrays = read_npz(path, ["t_s", "samples", "sample_rate_hz"])
    t_s, samples, rate_hz = arrays["t_s"], arrays["samples"], float(arrays["sample_rate_hz"])
    if samples.ndim != 3 or samples.shape[:2] != (len(t_s), 2) or rate_hz != _RATE_HZ or not len(t_s):
        raise RecordingError(
            f"{path}: wanted samples[{len(t_s)}, 2, n] at {_RATE_HZ:g} Hz, got {samples.shape} at {rate_hz:g} Hz"
        )
    times_ns = [NO_DATE_NS + round(float(t) * NS_PER_S) for t in t_s]
    pieces = ((_GROUP.name, t_ns, record) for t_ns, record in zip(times_ns, samples, strict=True))
    return _draft(name, path, times_ns[0], times_ns[-1], samples.shape[0] * samples.shape[2], pieces)


def _from_folder(folder: Path) -> Draft:
    paths = sorted(folder.glob("acc_*.csv"))
    n_rows = 0
    times_ns: list[int] = []
    for path in paths:
        n_rows += len(table := _record(path))
        times_ns.append(_later(_time_of_day_ns(table), times_ns))
    pieces: Iterator[Piece] = (
        (_GROUP.name, t_ns, _record(path)[:, 4:6].T.astype(np.float32))
        for t_ns, path in zip(times_ns, paths, strict=True)
    )
    return _draft(safe_name(folder.name), folder, times_ns[0], times_ns[-1], n_rows, pieces)


def _record(path: Path) -> NDArray[np.float64]:
    """Hour, minute, second, microsecond, horizontal and vertical acceleration of one record, a row each sample."""
    with named(path, "rows of hour, minute, second, microsecond, horizontal and vertical acceleration"):
        with path.open(encoding="ascii") as file:
            delimiter = ";" if ";" in file.readline() else ","
        table = pacsv.read_csv(
            path,
            read_options=pacsv.ReadOptions(autogenerate_column_names=True),
            parse_options=pacsv.ParseOptions(delimiter=delimiter),
        )
        columns: list[Any] = [column.to_numpy().astype(np.float64) for column in table.columns]
        if len(columns) != 6:
            raise ValueError(f"got {len(columns)} columns separated by {delimiter!r}")
        return np.stack(columns, axis=1)


def _time_of_day_ns(record: NDArray[np.float64]) -> int:
    hour, minute, second, microsecond = (round(float(value)) for value in record[0, :4])
    return NO_DATE_NS + ((hour * 60 + minute) * 60 + second) * NS_PER_S + microsecond * 1000


def _later(t_ns: int, before: list[int]) -> int:
    """Put a time of day on the day on which it follows the record before it."""
    while before and t_ns < before[-1]:
        t_ns += _DAY_NS
    return t_ns


def _draft(
    name: str,
    path: Path,
    start_ns: int,
    last_ns: int,
    n_read: int,
    pieces: Iterator[Piece],
) -> Draft:
    spindle = Spindle(f"femto-{name}", (_GROUP,), _TEACH_IN)
    condition = re.search(r"[Bb]earing(\d)_", f"{path.name}")
    rpm = _RPM.get(condition.group(1)) if condition else None
    return Draft(
        name,
        spindle,
        start_ns,
        f"{_SOURCE}, {path.name}",
        _LICENCE,
        n_read,
        pieces,
        contexts=[Context(spindle.name, start_ns, rpm=rpm)],
        faults=[Fault((last_ns - start_ns) / NS_PER_S, None, "end_of_life", "last record; test stopped")],
        notes=_NOTES,
    )
