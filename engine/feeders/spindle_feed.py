"""What is known of one spindle from a source: its rows, blocks, context and its own time. No input or output."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import Spindle
from engine.feeders.assemble import Rows, Samples
from engine.feeders.settings import Slot
from engine.feeders.stamps import Now
from engine.records import Block, Context, Tick

_TICK_NS = NS_PER_S // 4
_SAME_NUMBER = 1e-3  # a speed that is read from an encoder is never the same twice
_MAX_TEXT = 255

Item = Block | Context | Tick


class Reading(NamedTuple):
    """A value as a source tells it.

    Parameters
    ----------
    name : str
        The source's name for it, for errors.
    slot : Slot
        Where it belongs.
    value : Any
        Number, boolean, text, an array or list of numbers for a waveform; None = the source says that it does not know.
    t_ns : int, optional
        When it was measured: of an array, its first number; None = no one says.
    """

    name: str
    slot: Slot
    value: Any
    t_ns: int | None = None


class SpindleFeed:
    """Makes the records of one spindle.

    State: one row for each scalar group, the context, and where the stream's time stands.

    Parameters
    ----------
    spindle : Spindle
        As declared.
    hold_s : float
        As for `engine.feeders.assemble.Rows`.
    counts : Counter of str
        ``thinned``.
    """

    def __init__(self, spindle: Spindle, hold_s: float, counts: Counter[str]) -> None:
        self._name = spindle.name
        self._rows = {
            group.name: Rows(spindle.name, group, hold_s, counts)
            for group in spindle.groups
            if group.kind == "scalar"
        }
        self._samples = {
            group.name: Samples(spindle.name, group) for group in spindle.groups if group.kind == "waveform"
        }
        self._context: dict[str, Any] = {}
        self._context_ns = 0
        self._end_ns = 0
        self._heard_ns = 0
        self._ticked_ns = 0

    def take(
        self, readings: Sequence[Reading], now: Now, rate_hz: float | None = None
    ) -> tuple[list[Item], list[tuple[Reading, str]]]:
        """Take what came at once, as in one message.

        Parameters
        ----------
        readings : sequence of Reading
            In any order.
        now : Now
            When they came.
        rate_hz : float, optional
            Of arrays, as the source states it; None = as declared.

        Returns
        -------
        list of Item
            What is complete now.
        list of (Reading, str)
            What could not be used, and why.
        """
        items: list[Item] = []
        refused: list[tuple[Reading, str]] = []
        arrays: dict[str, list[tuple[Reading, NDArray[np.float32]]]] = {}
        context: dict[str, Any] = {}
        context_ns = 0
        for reading in sorted(readings, key=lambda reading: reading.t_ns or now.utc_ns):
            slot, t_ns = reading.slot, now.utc_ns if reading.t_ns is None else reading.t_ns
            try:
                if slot.group is None:
                    context[slot.context] = _told(slot, reading.value)
                    context_ns = max(context_ns, t_ns)
                elif slot.group.kind == "scalar":
                    value = _number(slot, reading.value)
                    items += self._rows[slot.group.name].put(slot.row, value, t_ns, now)
                else:
                    array = _array(slot, reading.value)
                    arrays.setdefault(slot.group.name, []).append((reading, array))
            except ValueError as error:
                refused.append((reading, str(error)))
        for group, parts in arrays.items():
            items += self._joined(group, parts, now, rate_hz, refused)
        items = [*self._changed(context, context_ns), *items]
        self._heard(items, now)
        return items, refused

    def pass_on(self, item: Item, now: Now) -> Item:
        """Take a record that a source made itself."""
        self._heard([item], now)
        return item

    def beat(self, now: Now) -> list[Item]:
        """Say what is due though nothing came: rows that waited, values that hold, a tick in the source's own time."""
        items: list[Item] = [block for rows in self._rows.values() for block in rows.beat(now)]
        if self._end_ns and now.steady_ns - self._ticked_ns >= _TICK_NS:
            self._ticked_ns = now.steady_ns
            items.append(Tick(self._name, self._end_ns + now.steady_ns - self._heard_ns))
        return items

    def finish(self) -> list[Item]:
        """Send what waits; nothing will come any more."""
        return [block for rows in self._rows.values() for block in rows.finish()]

    def forget(self, now: Now, slots: Collection[Slot] | None = None) -> list[Item]:
        """The source of some slots is gone, or of all: nothing of theirs holds any more, nor what the machine does."""
        items: list[Item] = []
        for name, rows in self._rows.items():
            mine = None if slots is None else {slot.row for slot in slots if _is_of(slot, name)}
            if mine is None or mine:
                items += rows.forget(mine)
        for name, samples in self._samples.items():
            if slots is None or any(_is_of(slot, name) for slot in slots):
                samples.forget()
        fields = set(self._context)
        if slots is not None:
            fields &= {slot.context for slot in slots}
        if fields and self._end_ns:
            t_ns = self._end_ns + now.steady_ns - self._heard_ns
            items += self._changed(dict.fromkeys(fields), t_ns)
        return items

    def _heard(self, items: Sequence[Item], now: Now) -> None:
        for item in items:
            self._end_ns = (
                item.end_ns if isinstance(item, Block) and item.group in self._samples else item.t_ns
            )
            self._heard_ns = now.steady_ns

    def _changed(self, told: dict[str, Any], t_ns: int) -> list[Context]:
        """A whole context, if any of it is another one now."""
        if all(_is_same(self._context.get(field), value) for field, value in told.items()):
            return []
        self._context.update(told)
        # Never before what was said last, that it is unknown for one: an older context would be passed over.
        self._context_ns = max(self._context_ns, t_ns)
        return [Context(self._name, self._context_ns, **self._context)]

    def _joined(
        self,
        group: str,
        parts: Sequence[tuple[Reading, NDArray[np.float32]]],
        now: Now,
        rate_hz: float | None,
        refused: list[tuple[Reading, str]],
    ) -> list[Block]:
        """Channels of one waveform group that came together; one that did not is NaN."""
        first, declared = parts[0], parts[0][0].slot.group
        assert declared is not None
        samples = np.full((len(declared.channels), first[1].size), np.nan, np.float32)
        for reading, array in parts:
            if array.size != first[1].size or reading.t_ns != first[0].t_ns:
                refused.append(
                    (
                        reading,
                        f"got {array.size} samples, wanted {first[1].size} of the same time as the other channels'",
                    )
                )
            else:
                samples[reading.slot.row] = array
        return [self._samples[group].block(samples, first[0].t_ns, rate_hz, now)]


def _is_of(slot: Slot, group: str) -> bool:
    return slot.group is not None and slot.group.name == group


def _number(slot: Slot, value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise ValueError(f"got {value[:40]!r}, wanted a number") from None
    if not isinstance(value, int | float):
        raise ValueError(f"got a {type(value).__name__}, wanted a number")
    try:
        number = float(value) * slot.factor
    except OverflowError:
        number = math.inf
    if abs(number) > _LARGEST:
        raise ValueError(f"got {number:g}, wanted a number up to {_LARGEST:g}")
    return number


_LARGEST = float(np.finfo(np.float32).max)


def _array(slot: Slot, value: Any) -> NDArray[np.float32]:
    if isinstance(value, np.ndarray):
        array = value
    elif isinstance(value, list):
        try:
            array = np.array(
                msgspec.convert([math.nan if x is None else x for x in value], list[float]), np.float64
            )
        except msgspec.ValidationError as error:
            raise ValueError(f"wanted an array of numbers: {error}") from None
    else:
        raise ValueError(f"got a {type(value).__name__}, wanted an array, as the channel is a waveform's")
    if array.ndim != 1 or not array.size:
        raise ValueError(f"got an array of the shape {array.shape}, wanted numbers in a row")
    with np.errstate(over="ignore", invalid="ignore"):
        return (array * slot.factor).astype(np.float32)


def _told(slot: Slot, value: Any) -> str | float | bool | int | None:
    """A field of the context, whatever type a controller has for it."""
    if value is None:
        return None
    if slot.context in ("tool", "program", "section", "tool_edge"):
        return _text(value)
    if slot.context == "cutting":
        if isinstance(value, str):
            value = _SWITCH.get(value.strip().lower())
        if value not in (0, 1):
            raise ValueError("wanted true or false, 1 or 0")
        return bool(value)
    number = _number(slot, value)
    if not math.isfinite(number):
        return None
    if slot.context != "n_teeth":
        return number
    if not (number.is_integer() and 1 <= number <= 1000):
        raise ValueError(f"got {number:g}, wanted a whole number from 1 to 1000")
    return int(number)


_SWITCH = {"true": 1, "1": 1, "on": 1, "false": 0, "0": 0, "off": 0}


def _text(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a tool's number that came as 12.0
    if not isinstance(value, str | int | float):
        raise ValueError(f"got a {type(value).__name__}, wanted a text")
    text = str(value).strip()
    if len(text) > _MAX_TEXT or not text.isprintable():
        raise ValueError(f"wanted at most {_MAX_TEXT} characters and no control characters")
    return text or None


def _is_same(before: Any, value: Any) -> bool:
    if isinstance(before, float) and isinstance(value, float):
        return abs(before - value) <= _SAME_NUMBER * abs(before)
    return bool(before == value)
