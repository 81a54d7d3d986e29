"""What signatures must know of the spindle's speed: since when it has been told, and which speeds are alike."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

from engine.clock import NS_PER_S
from engine.records import Context, FeatureVector
from engine.verdicts import Why

_SAME = (
    0.002  # speeds that differ by less are one: control wanders, some controllers report what they measure
)
_CLASS_STEP = math.log(1.1)
_AT_SPEED_S = 1.5  # a spindle takes a second or two to its speed, and passes resonances on the way
_LEAST_TURNS = 2.0  # in a window

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class HeldSpeed:
    """Since when a spindle has been told to turn as fast as it does now. State: two numbers."""

    __slots__ = ("_rpm", "_since_ns")

    def __init__(self) -> None:
        self._rpm = math.nan
        self._since_ns = 0

    def held_s(self, context: Context, t_ns: int) -> float:
        """Seconds up to ``t_ns`` for which the speed of a context has been told; NaN if it is unknown.

        Parameters
        ----------
        context : Context
            The next one; `update` has seen all before it.
        t_ns : int
            Not before it.
        """
        rpm = context.rpm
        if rpm is None:
            return math.nan
        since_ns = self._since_ns if _same(rpm, self._rpm) else context.t_ns
        return (t_ns - since_ns) / NS_PER_S

    def update(self, context: Context) -> bool:
        """Take note of a context; True if its speed is another."""
        rpm = math.nan if context.rpm is None else context.rpm
        if _same(rpm, self._rpm):
            return False
        self._rpm, self._since_ns = rpm, context.t_ns
        return True

    def save(self) -> tuple[float, int]:
        """State for recovery."""
        return self._rpm, self._since_ns

    def restore(self, state: tuple[float, int]) -> None:
        """Continue from `save`."""
        self._rpm, self._since_ns = state


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= _SAME * other


def why_not_idling(vector: FeatureVector, speed: HeldSpeed, window_s: float) -> str:
    """Say why a window does not show a spindle that turns steadily at a known speed without cutting.

    Parameters
    ----------
    vector : FeatureVector
        The next one.
    speed : HeldSpeed
        Has seen the contexts before it.
    window_s : float
        Its length.

    Returns
    -------
    str
        A value of `engine.verdicts.Why`; empty if it does. A speed that was told less than two seconds ago counts
        as not reached.
    """
    if vector.regime.cutting is not False:
        return Why.CONTEXT if vector.regime.cutting is None else Why.CUTTING
    rpm = vector.context.rpm
    if rpm is None:
        return Why.RPM
    if rpm == 0.0:
        return Why.STANDS
    if rpm * window_s < 60.0 * _LEAST_TURNS:
        return Why.RESOLUTION
    held_s = speed.held_s(vector.context, vector.t_ns)
    return "" if vector.steady and held_s >= _AT_SPEED_S + window_s else Why.UNSTEADY


def new_s(last_ns: int, t_ns: int, window_s: float) -> float:
    """Seconds in a window that an earlier one did not show.

    Parameters
    ----------
    last_ns, t_ns : int
        Ends of the earlier window and of this one.
    window_s : float
        Their length, greater than 0.

    Returns
    -------
    float
        Greater than 0: the whole window where they do not overlap, or where a clock was set back.
    """
    since_s = (t_ns - last_ns) / NS_PER_S
    return since_s if 0.0 < since_s < window_s else window_s


def speed_class(rpm: float) -> int:
    """Number of the tenth-wide class that a speed is in: speeds of one class are comparable.

    Vibration grows with the square of the speed between resonances, so by a fifth within a class.

    Parameters
    ----------
    rpm : float
        Greater than 0.

    Returns
    -------
    int
        Neighbouring classes have neighbouring numbers.

    Examples
    --------
    >>> speed_class(3000.0) == speed_class(3050.0), speed_class(6000.0) - speed_class(3000.0)
    (True, 7)
    """
    return round(math.log(rpm) / _CLASS_STEP)


class Memory(OrderedDict[Key, Value], Generic[Key, Value]):
    """A dictionary that forgets what was longest not asked for, beyond a number of entries.

    Parameters
    ----------
    n_most : int
        Entries kept.
    """

    def __init__(self, n_most: int) -> None:
        super().__init__()
        self._n_most = n_most

    def recall(self, key: Key) -> Value | None:
        """What is remembered of a key, which thereby counts as asked for; None if nothing."""
        value = self.get(key)
        if value is not None:
            self.move_to_end(key)
        return value

    def keep(self, key: Key, value: Value) -> None:
        """Remember; forget the least recently asked for if that is one too many."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._n_most:
            self.popitem(last=False)

    def save(self) -> list[tuple[Any, Any]]:
        """State for recovery, least recently asked for first."""
        return [(key, value) for key, value in self.items()]
