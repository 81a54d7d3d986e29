"""When each row of a table was taken, from whatever its writer put into a column."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.errors import RecordingError
from replay.importers.drafts import NO_DATE_NS
from replay.importers.reading import parse_time_ns
from replay.wording import one_line

TimeUnit = Literal["", "s", "ms", "us", "ns"]

_UNIT_NS = {"s": NS_PER_S, "ms": 1_000_000, "us": 1_000, "ns": 1}
_DAY_NS = 86_400 * NS_PER_S
_NAME = re.compile(
    r"(date ?|received ?date ?)?time( ?stamp)?|timestamp|date|elapsed|seconds|milliseconds|t|ts"
    r"|((측정|수집) ?)?시간|시각|일시"
)
_NAME_UNIT = re.compile(r"[ _./(\[](s|sec|seconds|ms|msec|us|µs|ns|초)[)\]]?$")
_UNIT_OF_NAME = {"sec": "s", "seconds": "s", "초": "s", "msec": "ms", "milliseconds": "ms", "µs": "us"}
# Above these, a number counts from 1970 in that unit (1973 and later); below, it counts from the start.
_EPOCHS = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"), (1e8, "s"))
# What int64 nanoseconds can hold, with room for steps.
_LARGEST_NS = 9e18

Parser = Callable[[Any], NDArray[np.int64]]


def find_time_column(names: list[str]) -> str | None:
    """The column whose name says that it holds times; None if none does.

    Examples
    --------
    >>> find_time_column(["Current-A", "Time Stamp"]), find_time_column(["x", "t_ms"]), find_time_column(["x"])
    ('Time Stamp', 't_ms', None)
    >>> find_time_column(["log/load", "log/Time"]), find_time_column(["time/s", "x"])
    ('log/Time', 'time/s')
    """
    for name in names:
        plain = name.strip().lower()
        for part in (plain, re.split(r"[/.]", plain)[-1]):  # fields and groups are paths
            bare = re.sub(r"[ _-]+", " ", _NAME_UNIT.sub("", part)).strip()
            if _NAME.fullmatch(bare):
                return name
    return None


class TimeReader:
    """Converts a column of dates, times of day or numbers, batch by batch.

    How times are written, and the unit of numbers, is decided on the first batch. Without a date they count from
    2000-01-01. One reader serves one pass through a file.

    Parameters
    ----------
    path : Path
        For the error.
    name : str
        Of the column; may end in a unit (``t_ms``).
    unit : {"", "s", "ms", "us", "ns"}
        Of numbers; empty = from the name, else from the size, else seconds.
    pattern : str
        For texts, as for ``datetime.strptime``.
    """

    def __init__(self, path: Path, name: str, unit: TimeUnit, pattern: str) -> None:
        self._path, self._name, self._unit, self._pattern = path, name, unit, pattern
        self._parse: Parser | None = None
        self._last_ns = 0
        self._n_days = 0
        self.dated = True
        """False if the source gives times of day or seconds only; known after the first batch."""

    def read(self, column: Any) -> NDArray[np.int64]:
        """Convert a batch.

        Parameters
        ----------
        column : pyarrow.Array
            Without nulls, at least one row.

        Returns
        -------
        int64[n_rows]
            UTC nanoseconds, as read: repeated stamps are still repeated.

        Raises
        ------
        RecordingError
            Something that is no time, or is none of the kind that the first batch had.
        """
        if pa.types.is_string(column.type):
            column = pc.utf8_trim_whitespace(column)
        if self._parse is None:
            self._parse = self._parser(column)
        try:
            return self._parse(column)
        except pa.ArrowInvalid as error:
            reason = one_line(str(error))
            raise RecordingError(
                f"{self._path}: time column {self._name!r}: wanted times of one kind: {reason}"
            ) from error

    def _parser(self, column: Any) -> Parser:
        kind = column.type
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return _stamps
        if pa.types.is_time(kind):
            self.dated = False
            return self._times_of_day
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            return self._counting(column)
        if pa.types.is_string(kind):
            if self._pattern:
                return self._strptime
            if _casts(column, pa.float64()):
                return self._counting(_as_numbers(column))
            for zone in (None, "UTC"):
                if _casts(column, pa.timestamp("ns", zone)):
                    return lambda texts: _stamps(texts.cast(pa.timestamp("ns", zone)))
            if _casts(_on_no_date(column), pa.timestamp("ns")):
                self.dated = False
                return lambda texts: self._times_of_day(_on_no_date(texts).cast(pa.timestamp("ns")))
        raise RecordingError(
            f"{self._path}: time column {self._name!r}: wanted ISO dates, times of day or numbers, got "
            f"{one_line(str(column[0]))!r}; give time_format as for strptime"
        )

    def _times_of_day(self, column: Any) -> NDArray[np.int64]:
        """Let times of day go on after midnight."""
        if pa.types.is_time(column.type):
            times_ns = NO_DATE_NS + column.cast(pa.time64("ns")).cast(pa.int64()).to_numpy()
        else:
            times_ns = column.cast(pa.int64()).to_numpy()
        steps = np.diff(times_ns, prepend=self._last_ns or times_ns[0])
        days = self._n_days + np.cumsum(steps < -_DAY_NS // 2)
        self._last_ns, self._n_days = int(times_ns[-1]), int(days[-1])
        return np.asarray(times_ns + days * _DAY_NS, np.int64)

    def _strptime(self, column: Any) -> NDArray[np.int64]:
        texts = column.to_pylist()
        return np.array([parse_time_ns(self._path, str(text), self._pattern) for text in texts], np.int64)

    def _counting(self, column: Any) -> Parser:
        """Decide on the unit of numbers, and whether they count from 1970."""
        found = _NAME_UNIT.search(self._name.strip().lower())
        plain = found.group(1) if found else self._name.strip().lower()
        named = _UNIT_OF_NAME.get(plain, plain if found else "")
        size = float(np.nanmax(np.abs(column.to_numpy(zero_copy_only=False))))
        epoch = next((epoch for above, epoch in _EPOCHS if size > above), "")
        scale = _UNIT_NS[self._unit or named or epoch or "s"]
        self.dated = size * scale > 1e8 * NS_PER_S
        zero_ns = 0 if self.dated else NO_DATE_NS

        def parse(numbers: Any) -> NDArray[np.int64]:
            values = _as_numbers(numbers).to_numpy(zero_copy_only=False)
            with np.errstate(over="ignore"):
                wrong = ~(np.abs(values.astype(np.float64)) * scale + zero_ns < _LARGEST_NS)  # NaN too
            if wrong.any():
                raise RecordingError(
                    f"{self._path}: time column {self._name!r}: got {values[wrong][0]}, which is no time"
                )
            if values.dtype.kind in "iu":
                return np.asarray(values.astype(np.int64) * scale + zero_ns, np.int64)
            whole = np.floor(values)  # apart, or a float of seconds since 1970 would round its nanoseconds
            parts = np.round((values - whole) * scale).astype(np.int64)
            return np.asarray(whole.astype(np.int64) * scale + parts + zero_ns, np.int64)

        return parse


def _stamps(column: Any) -> NDArray[np.int64]:
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s"))
    times_ns = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()).to_numpy()
    return np.asarray(times_ns, np.int64)


def _as_numbers(column: Any) -> Any:
    """Numbers of texts: integers as long as they are, for a float rounds nanoseconds since 1970."""
    if not pa.types.is_string(column.type):
        return column
    return column.cast(pa.int64()) if _casts(column, pa.int64()) else column.cast(pa.float64())


def _on_no_date(column: Any) -> Any:
    return pc.binary_join_element_wise("2000-01-01", column, " ")


def _casts(column: Any, wanted: Any) -> bool:
    try:
        column.cast(wanted)
    except pa.ArrowInvalid:
        return False
    return True
