"""What values of an OPC UA server mean to a spindle. No input or output; nothing here imports asyncua.

A data value (OPC 10000-4, 7.11) has a value, a status, and times of source and server. Bad means unknown. Uncertain is
a value that the server has doubts about: it is used and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from engine.clock import NS_PER_S
from engine.feeders.opcua_table import Stamp
from engine.feeders.settings import Slot
from engine.feeders.spindle_feed import Reading
from engine.records import samples_to_ns

_SEVERITY, _BAD, _UNCERTAIN = 0xC0000000, 0x80000000, 0x40000000
_OVERFLOW = 0x0480  # info bits: of a data value, and the server's queue has dropped some before it
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - asyncua's times are UTC without saying so
_PULL = 1 / 64


class Told(NamedTuple):
    """A node's value as a server tells it.

    Parameters
    ----------
    node : str
        Its id, as configured.
    value : Any
        As decoded.
    status : int
        32 bits.
    source, server : datetime or None
        UTC without a zone.
    picoseconds : int
        Beyond the source's time: tens of picoseconds.
    """

    node: str
    value: Any
    status: int
    source: datetime | None
    server: datetime | None = None
    picoseconds: int = 0


class Nodes:
    """Turns what a server tells into readings of one spindle.

    State: where the last array of each node ended.

    Parameters
    ----------
    slots : Mapping[str, Slot]
        By node id.
    array_stamp : {"end", "begin", "arrival"}
        As for `engine.feeders.opcua_table.ServerTable`.
    """

    def __init__(self, slots: Mapping[str, Slot], array_stamp: Stamp) -> None:
        self._slots, self._array_stamp = slots, array_stamp
        self._ends_ns: dict[str, int] = {}
        self._known: set[str] = set()
        self.counts: Counter[str] = Counter()
        """``bad``, ``uncertain``, ``overflowed`` (values before which the server dropped some)."""

    def begin(self) -> None:
        """A new subscription: the first value of each node is one that may have changed long ago."""
        self._known.clear()
        self._ends_ns.clear()

    def reading(self, told: Told, server_ns: int | None) -> Reading | None:
        """Make a reading of a value.

        Parameters
        ----------
        told : Told
            Of a node.
        server_ns : int or None
            The server's clock when the subscription began: what it tells first holds then, however long ago it
            changed.

        Returns
        -------
        Reading or None
            None: nothing to tell, as of an array that is bad or that was there before.
        """
        slot = self._slots[told.node]
        is_array = slot.group is not None and slot.group.kind == "waveform"
        is_first = told.node not in self._known
        self._known.add(told.node)
        value = told.value
        if told.status & _OVERFLOW == _OVERFLOW:
            self.counts["overflowed"] += 1
        if told.status & _SEVERITY == _UNCERTAIN:
            self.counts["uncertain"] += 1
        elif told.status & _SEVERITY:
            self.counts["bad"] += 1
            value = None
        if is_array:
            return None if is_first or value is None else self._array(told, slot, value)
        t_ns = utc_ns(told.source, told.picoseconds) or utc_ns(told.server)
        if is_first and server_ns is not None:
            t_ns = max(t_ns or 0, server_ns)
        return Reading(told.node, slot, _plain(value), t_ns)

    def _array(self, told: Told, slot: Slot, value: Any) -> Reading:
        array = _plain(value)
        t_ns = utc_ns(told.source, told.picoseconds)
        if t_ns is None or self._array_stamp == "arrival" or not isinstance(array, np.ndarray):
            return Reading(told.node, slot, array)
        assert slot.group is not None
        rate_hz = slot.group.sample_rate_hz
        long_ns = samples_to_ns(array.size, rate_hz)
        began_ns = t_ns - long_ns if self._array_stamp == "end" else t_ns
        began_ns = self._drawn(told.node, began_ns, long_ns, 0.5 * NS_PER_S / rate_hz)
        self._ends_ns[told.node] = began_ns + long_ns
        return Reading(told.node, slot, array, began_ns)

    def _drawn(self, node: str, began_ns: int, long_ns: int, half_sample_ns: float) -> int:
        """When an array began: where the last one ended, if its stamp says so within half its length.

        A controller stamps an array when its task gets round to it, so stamps jitter by far more than a sample; the
        samples do not. A lost array is a whole length, so no gap is smoothed away.
        """
        end_ns = self._ends_ns.get(node)
        if end_ns is None or abs(began_ns - end_ns) > long_ns // 2:
            return began_ns
        off_ns = (began_ns - end_ns) * _PULL
        return end_ns + round(min(max(off_ns, -half_sample_ns), half_sample_ns))


def utc_ns(moment: datetime | None, picoseconds: int = 0) -> int | None:
    """UTC nanoseconds, greater than 0; None where there is no time, or 1601, by which OPC UA says the same."""
    if moment is None:
        return None
    since = (moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment) - _EPOCH
    t_ns = (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000 + picoseconds // 100
    return t_ns if 0 < t_ns < 2**63 else None


def _plain(value: Any) -> Any:
    """A value without the protocol's types; what stays one of them is refused later."""
    if isinstance(value, list):
        try:
            return np.array(value, np.float64)
        except (ValueError, TypeError, OverflowError):
            return value
    text = getattr(value, "Text", value)  # LocalizedText
    return text if text is None or isinstance(text, str | int | float | bool) else value
