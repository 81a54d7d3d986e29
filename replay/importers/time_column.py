"""When each row of a table was taken, from whatever its writer put into a column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.errors import RecordingError
from replay.importers.drafts import NO_DATE_NS
from replay.importers.reading import parse_time_ns
from replay.wording import one_line

TimeUnit = Literal["", "s", "ms", "us", "ns"]

_UNIT_NS = {"s": NS_PER_S, "ms": 1_000_000, "us": 1_000, "ns": 1}
_DAY_NS = 86_400 * NS_PER_S
_NAME = re.compile(r"(date ?)?time( ?stamp)?|timestamp|date|elapsed|seconds|milliseconds|t|ts|시간|시각|일시")
_NAME_UNIT = re.compile(r"[ _.(\[](s|sec|seconds|ms|msec|us|µs|ns)[)\]]?$")
_UNIT_OF_NAME = {"sec": "s", "seconds": "s", "msec": "ms", "milliseconds": "ms", "µs": "us"}
# Above these, a number counts from 1970 in that unit (1973 and later); below, it counts from the start.
_EPOCHS = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"), (1e8, "s"))
# Pauses of so many usual steps are gaps.
_GAP_STEPS = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Rows in time.

    Parameters
    ----------
    times_ns : int64[n_rows]
        As read: repeated stamps are still repeated.
    dated : bool
        False if the source gives times of day or seconds only.
    """

    times_ns: NDArray[np.int64]
    dated: bool


def find_time_column(names: list[str]) -> str | None:
    """The column whose name says that it holds times; None if none does.

    Examples
    --------
    >>> find_time_column(["Current-A", "Time Stamp"]), find_time_column(["x", "t_ms"]), find_time_column(["x"])
    ('Time Stamp', 't_ms', None)
    """
    for name in names:
        plain = name.strip().lower()
        bare = re.sub(r"[ _-]+", " ", _NAME_UNIT.sub("", plain)).strip()
        if _NAME.fullmatch(bare):
            return name
    return None


def read_times(path: Path, name: str, column: Any, unit: TimeUnit, pattern: str) -> Times:
    """Convert a column of dates, times of day or numbers.

    Parameters
    ----------
    path : Path
        For the error.
    name : str
        Of the column; may end in a unit (``t_ms``).
    column : pyarrow.ChunkedArray
        Without nulls.
    unit : {"", "s", "ms", "us", "ns"}
        Of numbers; empty = from the name, else from the size, else seconds.
    pattern : str
        For texts, as for ``datetime.strptime``.

    Returns
    -------
    Times
        UTC nanoseconds; without a date they count from 2000-01-01.

    Raises
    ------
    RecordingError
        A column that holds no times.
    """
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        if pa.types.is_date(kind):
            column = column.cast(pa.timestamp("s"))
        return Times(column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()).to_numpy(), True)
    if pa.types.is_time(kind):
        since_midnight = column.cast(pa.time64("ns")).cast(pa.int64()).to_numpy()
        days = np.cumsum(np.diff(since_midnight, prepend=since_midnight[0]) < -_DAY_NS // 2)
        return Times(NO_DATE_NS + since_midnight + days * _DAY_NS, False)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(name, column.to_numpy(), unit)
    if pattern:
        return Times(np.array([parse_time_ns(path, str(text), pattern) for text in column.to_pylist()]), True)
    raise RecordingError(
        f"{path}: time column {name!r}: wanted ISO dates, times of day or numbers, got {one_line(str(column[0]))!r}; "
        "give time_format as for strptime"
    )


def _numbers(name: str, values: NDArray[Any], unit: TimeUnit) -> Times:
    found = _NAME_UNIT.search(name.strip().lower())
    named = _UNIT_OF_NAME.get(found.group(1), found.group(1)) if found else ""
    size = float(np.abs(values).max())
    epoch = next((epoch for above, epoch in _EPOCHS if size > above), "")
    chosen = unit or named or _UNIT_OF_NAME.get(name.strip().lower(), "") or epoch or "s"
    scale = _UNIT_NS[chosen]
    dated = size * scale > 1e8 * NS_PER_S
    if values.dtype.kind in "iu":
        times_ns = values.astype(np.int64) * scale
    else:
        whole = np.floor(values)  # apart, or a float of seconds since 1970 would round its nanoseconds
        times_ns = whole.astype(np.int64) * scale + np.round((values - whole) * scale).astype(np.int64)
    return Times(times_ns if dated else times_ns + NO_DATE_NS, dated)


def spread_repeats(times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Spread rows that share a coarse stamp evenly over the time until the next stamp is due.

    Parameters
    ----------
    times_ns : int64[n_rows]
        Never decreasing.

    Returns
    -------
    int64[n_rows]
        Increasing. Rows of a first stamp that has fewer than usual lie at its end, where they belong.

    Examples
    --------
    >>> spread_repeats(np.array([0, 0, 10, 10, 10, 10, 20, 20])).tolist()
    [5, 7, 10, 12, 15, 17, 20, 22]
    """
    stamps, first, counts = np.unique(times_ns, return_index=True, return_counts=True)
    if len(stamps) < 2 or counts.max() == 1:
        return times_ns
    tick = float(np.median(np.diff(stamps)))
    share = np.arange(len(times_ns)) - np.repeat(first, counts)
    slots = counts.astype(np.float64)
    usual = float(np.median(counts[1:-1])) if len(counts) > 2 else 0.0
    for end in (0, -1):  # recordings begin and end within a tick
        slots[end] = max(slots[end], usual)
    moved = np.zeros(len(stamps))
    moved[0] = (slots[0] - counts[0]) / slots[0]
    part = np.repeat(moved, counts) + share / np.repeat(slots, counts)
    return times_ns + np.floor(part * tick).astype(np.int64)


def stretches(times_ns: NDArray[np.int64]) -> list[slice]:
    """Rows between gaps.

    Parameters
    ----------
    times_ns : int64[n_rows]
        Increasing.

    Returns
    -------
    list of slice
        A new one wherever the pause exceeds 2.5 usual steps.
    """
    steps = np.diff(times_ns)
    gaps = np.flatnonzero(steps > _GAP_STEPS * np.median(steps)) + 1 if len(steps) else np.array([], np.int64)
    bounds = [0, *gaps.tolist(), len(times_ns)]
    return [slice(a, b) for a, b in pairwise(bounds)]


def mean_rate_hz(times_ns: NDArray[np.int64], parts: list[slice]) -> float:
    """Rows per second outside gaps; NaN if no two rows lie in one stretch."""
    n_steps = sum(part.stop - part.start - 1 for part in parts)
    length_ns = sum(int(times_ns[part.stop - 1] - times_ns[part.start]) for part in parts)
    return n_steps * NS_PER_S / length_ns if length_ns > 0 else float("nan")
