"""When something was measured: by the device's own words, else by when it arrived."""

from __future__ import annotations

import math
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal, NamedTuple

import msgspec

from engine.clock import NS_PER_S, WallClock, monotonic_s

TimeUnit = Literal["", "s", "ms", "us", "ns"]

_UNIT_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_SIZES = ((1e17, 1), (1e14, 10**3), (1e11, 10**6))
_FIRST_NS, _LAST_NS = 10**17, 9_180_000_000 * 10**9


class Now(NamedTuple):
    """The time here: UTC to stamp with, which an operator may set back, and one to measure durations with.

    Parameters
    ----------
    utc_ns, steady_ns : int
        Nanoseconds since 1970, and since an arbitrary start.
    """

    utc_ns: int
    steady_ns: int


def read_now() -> Now:
    """What time it is."""
    return Now(WallClock.system_ns(), round(monotonic_s() * NS_PER_S))


def stamp_ns(value: Any, unit: str, zone: tzinfo = UTC) -> int:
    """Read a device's time.

    Parameters
    ----------
    value : Any
        A number since 1970, or a text: such a number, or ISO 8601.
    unit : {"", "s", "ms", "us", "ns"}
        Of numbers; empty = told by their size, which is unambiguous from 1973 on.
    zone : tzinfo
        Of texts that tell none.

    Returns
    -------
    int
        UTC nanoseconds.

    Raises
    ------
    ValueError
        Neither, or no time from 1973 to 2261.

    Examples
    --------
    >>> stamp_ns(1_700_000_000.25, ""), stamp_ns("1700000000250", "ms"), stamp_ns("2023-11-14T22:13:20.25Z", "")
    (1700000000250000000, 1700000000250000000, 1700000000250000000)
    """
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value, type=int | float)
        except msgspec.DecodeError:
            return moment_ns(datetime.fromisoformat(value.strip()), zone)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"got {value!r}, wanted a time")
    scale = _UNIT_NS[unit] if unit else next((ns for above, ns in _SIZES if abs(value) >= above), 10**9)
    whole = int(value // 1) if abs(value) < 1e19 else 0
    t_ns = whole * scale + round((value - whole) * scale)
    if not _FIRST_NS <= t_ns < _LAST_NS:
        raise ValueError(f"got {value!r}, wanted a time from 1973 to 2261")
    return t_ns


def moment_ns(moment: datetime, zone: tzinfo = UTC) -> int:
    """Read a date and time.

    Parameters
    ----------
    moment : datetime
        Any.
    zone : tzinfo
        Its zone, if it tells none. Of an hour that comes twice, as clocks are set back, the first is meant.

    Returns
    -------
    int
        UTC nanoseconds.

    Raises
    ------
    ValueError
        No time from 1973 to 2261.
    """
    known = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    try:
        t_ns = int(known.replace(microsecond=0).timestamp()) * NS_PER_S + known.microsecond * 1000
    except OverflowError:
        t_ns = 0
    if not _FIRST_NS <= t_ns < _LAST_NS:
        raise ValueError(f"got {moment}, wanted a time from 1973 to 2261")
    return t_ns
