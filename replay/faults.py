"""Labelled faults of a recording: ``faults.csv``."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import RecordingError

FAULTS = "faults.csv"

_COLUMNS = ("start_s", "end_s", "fault", "note")


@dataclass(frozen=True, slots=True)
class Fault:
    """Labelled trouble in a recording: what a replay's alerts are held against.

    Parameters
    ----------
    start_s : float
        Seconds from the recording's start, 0 or more.
    end_s : float or None
        Time of the last moment labelled; None = until the end.
    fault : str
        What it is: ``outer_race_fault``, ``anomaly``; sensor trouble begins with ``sensor``.
    note : str
        For people.
    """

    start_s: float
    end_s: float | None
    fault: str
    note: str = ""


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Read and validate ``faults.csv``.

    Parameters
    ----------
    path : Path
        The file; a header line alone = nothing is labelled.

    Returns
    -------
    tuple[Fault, ...]
        In the order of the file.

    Raises
    ------
    RecordingError
        Missing file, wrong header, or a row that is no fault; names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except OSError as error:
        raise RecordingError(
            f"{path}: cannot be read: {error.strerror}; without faults it holds a header"
        ) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: not valid CSV: {error}") from error
    if not rows or tuple(rows[0]) != _COLUMNS:
        got = ",".join(rows[0]) if rows else ""
        raise RecordingError(f"{path}: wanted the header {','.join(_COLUMNS)!r}, got {got!r}")
    return tuple(_fault(row, f"{path}: row {n}") for n, row in enumerate(rows[1:], start=2) if row)


def write_faults(path: Path, faults: Iterable[Fault]) -> None:
    """Write ``faults.csv``.

    Parameters
    ----------
    path : Path
        The file.
    faults : iterable of Fault
        What is labelled.

    Raises
    ------
    RecordingError
        A fault that could not be read back.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_COLUMNS)
        for fault in faults:
            end = "" if fault.end_s is None else repr(float(fault.end_s))
            row = [repr(float(fault.start_s)), end, fault.fault, fault.note]
            _fault(row, f"{path}: {fault}")
            table.writerow(row)


def _fault(row: list[str], where: str) -> Fault:
    if len(row) != len(_COLUMNS):
        raise RecordingError(f"{where}: wanted {len(_COLUMNS)} values, got {len(row)}")
    start, end, fault, note = row
    start_s = _seconds(start, where)
    end_s = _seconds(end, where) if end.strip() else None
    if end_s is not None and end_s < start_s:
        raise RecordingError(f"{where}: wanted an end at or after the start {start_s} s, got {end_s} s")
    if not fault.strip():
        raise RecordingError(f"{where}: wanted the name of a fault, got nothing")
    return Fault(start_s, end_s, fault.strip(), note)


def _seconds(text: str, where: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise RecordingError(f"{where}: wanted seconds from the recording's start, got {text!r}")
    return seconds
