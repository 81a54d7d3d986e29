"""From single values to records: rows of a scalar group, blocks of a waveform group. No input or output."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import SensorGroup
from engine.feeders.stamps import Now
from engine.records import Block, samples_to_ns

_RESYNC_S = 0.5  # arrival is off by more than any network: samples were lost, or the device was started anew
_PULL = 1 / 64  # of the difference to arrival, each block: arrival jitters, a quartz drifts slowly


class Rows:
    """Values of one scalar group, that come singly, as rows of all its channels.

    Values within half a period of each other (by their own times) are one row, stamped with its first time. It is sent
    as soon as every channel has its value, or half a period later. Of several values of one channel in one row the
    latest counts; the others are counted as ``thinned``, as is everything that comes faster than the declared rate.

    State: one row, and each channel's latest value.

    Parameters
    ----------
    spindle : str
        Whose.
    group : SensorGroup
        Of kind ``scalar``.
    hold_s : float
        A value counts for so long unless another comes: for sources that tell changes only. 0 = a channel without a
        value in a row is NaN there. While a value is held a row is sent each period though nothing comes.
    counts : Counter of str
        ``thinned`` is counted there.
    """

    def __init__(self, spindle: str, group: SensorGroup, hold_s: float, counts: Counter[str]) -> None:
        self._spindle, self._group, self._counts = spindle, group, counts
        self._period_ns = samples_to_ns(1, group.sample_rate_hz)
        self._hold_ns = hold_s * NS_PER_S  # a float: may be endless
        n = len(group.channels)
        self._held = np.full(n, np.nan, np.float32)
        self._held_ns = np.zeros(n, np.int64)
        self._here: set[int] = set()
        self._t_ns = 0
        self._heard_ns = 0
        self._is_sent = True

    def put(self, row: int, value: float, t_ns: int, now: Now) -> list[Block]:
        """Take a value.

        Parameters
        ----------
        row : int
            Of its channel.
        value : float
            NaN = the source says that it does not know.
        t_ns : int
            When it was measured.
        now : Now
            When it came.

        Returns
        -------
        list of Block
            Rows that are complete now, in the order in which they began.
        """
        out = []
        if not self._t_ns or abs(t_ns - self._t_ns) > self._period_ns // 2:
            out += self._send()
            self._begin(t_ns, now.steady_ns)
        elif self._is_sent or row in self._here:
            self._counts["thinned"] += 1
        self._held[row], self._held_ns[row] = value, t_ns
        self._here.add(row)
        if len(self._here) == len(self._held):
            out += self._send()
        return out

    def beat(self, now: Now) -> list[Block]:
        """Send what has waited long enough, or repeat what is held."""
        if not self._t_ns:
            return []
        waited_ns = now.steady_ns - self._heard_ns
        if not self._is_sent:
            return self._send() if waited_ns >= self._period_ns // 2 else []
        # Half a period late, so that a value that is on its way comes first.
        if 2 * waited_ns < 3 * self._period_ns:
            return []
        step_ns = (waited_ns - self._period_ns // 2) // self._period_ns * self._period_ns
        if np.isnan(self._held[self._holds(self._t_ns + step_ns)]).all():
            return []  # nothing is held any more, so this is silence
        self._begin(self._t_ns + step_ns, self._heard_ns + step_ns)
        return self._send()

    def finish(self) -> list[Block]:
        """Send what waits; nothing will come any more."""
        return self._send()

    def forget(self, rows: Collection[int] | None = None) -> list[Block]:
        """The source is gone, of some channels or of all: send what waits, and hold nothing of theirs any more."""
        out = self._send()
        self._held[list(range(len(self._held)) if rows is None else rows)] = np.nan
        if np.isnan(self._held).all():
            self._t_ns = 0
        return out

    def _begin(self, t_ns: int, heard_ns: int) -> None:
        self._t_ns, self._heard_ns = t_ns, heard_ns
        self._here.clear()
        self._is_sent = False

    def _send(self) -> list[Block]:
        if self._is_sent:
            return []
        self._is_sent = True
        known = self._holds(self._t_ns)
        known[list(self._here)] = True
        values = np.where(known, self._held, np.float32(np.nan)).astype(np.float32)
        values.flags.writeable = False
        rate = self._group.sample_rate_hz
        return [Block(self._spindle, self._group.name, self._t_ns, rate, values[:, None])]

    def _holds(self, t_ns: int) -> NDArray[np.bool_]:
        """Which channels' latest values still count at a time."""
        holds: NDArray[np.bool_] = np.abs(self._held_ns - t_ns) < self._hold_ns
        return holds


class Samples:
    """Arrays of one waveform group as blocks that follow each other.

    A device that tells no time is given one: its first block's end is when that came; each further block begins where
    the one before ended, and is drawn towards its arrival by at most half a sample, so that a quartz may drift and a
    network may jitter. Only if arrival is off by more than half a second (or two blocks) does time begin anew:
    something was lost.

    State: where the last block ended.

    Parameters
    ----------
    spindle : str
        Whose.
    group : SensorGroup
        Of kind ``waveform``.
    """

    def __init__(self, spindle: str, group: SensorGroup) -> None:
        self._spindle, self._group = spindle, group
        self._end_ns = 0

    def block(self, samples: NDArray[np.float32], t_ns: int | None, rate_hz: float | None, now: Now) -> Block:
        """Make a block.

        Parameters
        ----------
        samples : float32[n_channels, n_samples]
            At least one.
        t_ns : int, optional
            Of the first sample, by the device; None = by arrival.
        rate_hz : float, optional
            As the device states it; None = as declared.
        now : Now
            When they came.

        Returns
        -------
        Block
            Read-only.
        """
        rate = self._group.sample_rate_hz if rate_hz is None else rate_hz
        long_ns = samples_to_ns(samples.shape[1], rate)
        if t_ns is None:
            t_ns = self._by_arrival(now.utc_ns - long_ns, long_ns, rate)
            self._end_ns = t_ns + long_ns
        samples.flags.writeable = False
        return Block(self._spindle, self._group.name, t_ns, rate, samples)

    def forget(self) -> None:
        """The source is gone; what comes next begins anew."""
        self._end_ns = 0

    def _by_arrival(self, began_ns: int, long_ns: int, rate: float) -> int:
        off_ns = began_ns - self._end_ns
        if not self._end_ns or abs(off_ns) > max(_RESYNC_S * NS_PER_S, 2 * long_ns):
            return began_ns
        half_ns = 0.5 * NS_PER_S / rate
        return self._end_ns + round(math.copysign(min(abs(off_ns) * _PULL, half_ns), off_ns))
