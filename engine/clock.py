"""The only place where spindlewatch asks what time it is.

Stream time (``t_ns``) comes with the data; a clock only says when something *happened here*. Replays without a
pace have no meaningful wall time, so their clock says ``None`` and every latency derived from it is left out:
that is what makes two replays of a recording byte-identical.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

NS_PER_S = 1_000_000_000


class Clock(Protocol):
    """What the flow and its sources may ask about time."""

    def now_ns(self) -> int | None:
        """UTC nanoseconds, or None where wall time means nothing."""
        ...


class WallClock:
    """UTC that never steps back: the wall time at start, advanced by the monotonic clock.

    A stepped system clock (NTP, an operator's hand) therefore changes no latency in a running service. The
    price: after weeks it differs from UTC by the drift of the machine's oscillator, tens of milliseconds a day.
    """

    def __init__(self) -> None:
        self._start_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        return self._start_ns + time.monotonic_ns()

    @staticmethod
    def system_ns() -> int:
        """UTC nanoseconds by the system's clock as it stands: to hold the stamps of others against, and no more."""
        return time.time_ns()


class NoClock:
    """The clock of an unpaced replay: there is no *now*."""

    def now_ns(self) -> None:
        """Say that wall time means nothing here."""
        return


def monotonic_s() -> float:
    """Seconds from an arbitrary start, for pacing and for measuring durations.

    Returns
    -------
    float
        Never decreases.
    """
    return time.monotonic()


def to_datetime(t_ns: int) -> datetime:
    """UTC datetime of ``t_ns``, cut to microseconds.

    Parameters
    ----------
    t_ns : int
        UTC nanoseconds.

    Returns
    -------
    datetime
        Timezone-aware, UTC.

    Examples
    --------
    >>> to_datetime(1_700_000_000_123_456_789).isoformat()
    '2023-11-14T22:13:20.123456+00:00'
    """
    seconds, ns = divmod(t_ns, NS_PER_S)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=ns // 1000)


def wake_in(seconds: float) -> datetime:
    """When a Bytewax source wants to be asked again; Bytewax wants a timezone-aware wall time.

    Parameters
    ----------
    seconds : float
        From now; keep it at 0.005 or less while idle, for a sleeping source holds up every other one's epoch.

    Returns
    -------
    datetime
        UTC.
    """
    return datetime.now(UTC) + timedelta(seconds=seconds)
