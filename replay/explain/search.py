"""The smallest change of one setting that has an effect, found with few trials."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

_DIGITS = 3
"""Significant digits of a setting: more, and nobody would type it."""
_CLOSE = 0.03
"""So close, relatively, are a value that has the effect and one that has not: then the first is called the smallest."""
_MOST = 10
"""Trials for one setting."""


class Setting(NamedTuple):
    """A setting that may be moved in one direction.

    Parameters
    ----------
    now : Any
        What it is: a finite number, or anything else that has but one alternative.
    far : Any
        The farthest that makes sense.
    guess : Any
        A value from which the search begins; None: there is none.
    """

    now: Any
    far: Any
    guess: Any = None


class Smallest(NamedTuple):
    """What a search found.

    Parameters
    ----------
    value : Any
        Has the effect; None: not even the farthest value has.
    tight : bool
        A value hardly nearer to what the setting is (3 %, or one count) has not: this is the smallest. Never of what
        has but one alternative.
    """

    value: Any
    tight: bool


def smallest_change(
    setting: Setting, has_effect: Callable[[Any], bool], *, most: int = _MOST, close: float = _CLOSE
) -> Smallest:
    """Look for the value nearest to what a setting is that has an effect, by bisection.

    If the effect does not grow with the change, what is found is the edge of one stretch in which it has it, not
    necessarily of the nearest.

    Parameters
    ----------
    setting : Setting
        Where to look. That it has no effect as it is, is taken for granted.
    has_effect : callable
        Asked at most ``most`` times, never twice for the same value in a row.
    most : int
        3 upwards.
    close : float
        Relative distance at which the search ends.

    Returns
    -------
    Smallest
        A value that has been tried.

    Examples
    --------
    >>> smallest_change(Setting(1.0, 100.0), lambda value: value > 2.5)
    Smallest(value=2.53, tight=True)
    >>> smallest_change(Setting(2, 50), lambda count: count >= 7)
    Smallest(value=7, tight=True)
    >>> smallest_change(Setting("max", "mean"), lambda rule: False)
    Smallest(value=None, tight=False)
    """
    inside, outside = setting.now, None
    if isinstance(inside, str | bool) or not isinstance(inside, int | float):
        return Smallest(setting.far if has_effect(setting.far) else None, False)
    if setting.guess is not None:
        guess = tidied(setting.guess, setting.now)
        if has_effect(guess):
            outside, trial = guess, _a_little_nearer(guess, setting.now, close)
        else:
            inside, trial = guess, setting.far
    else:
        trial = setting.far
    for _ in range(most - 1):
        if trial is None or trial in (inside, outside):
            break
        if has_effect(trial):
            outside = trial
        elif outside is None:
            return Smallest(None, False)
        else:
            inside = trial
        if _are_close(inside, outside, close):
            break
        trial = _between(inside, outside, setting.now)
    if outside is None:
        return Smallest(None, False)
    tight = trial is None or trial in (inside, outside) or _are_close(inside, outside, close)
    return Smallest(outside, tight)


def tidied(value: float, now: float) -> float:
    """Round a setting to few digits, away from what it is.

    Parameters
    ----------
    value : float
        Finite; an int is returned as it is.
    now : float
        What the setting is.

    Returns
    -------
    float
        At least as far from ``now``.

    Examples
    --------
    >>> tidied(1.23456, 1.0), tidied(0.0123456, 1.0), tidied(-1.23456, -1.0), tidied(7, 2)
    (1.24, 0.0123, -1.24, 7)
    """
    if isinstance(value, int) or value == 0.0:
        return value
    digits = _DIGITS - 1 - math.floor(math.log10(abs(value)))
    step = 10.0**-digits
    whole = math.ceil(value / step - 1e-9) if value > now else math.floor(value / step + 1e-9)
    return round(whole * step, max(digits, 0))


def _a_little_nearer(value: float, now: float, close: float) -> float | None:
    """A value that is nearly as far from what the setting is; None: that would be what it is."""
    if isinstance(value, int):
        nearer: float = value - 1 if value > now else value + 1
    else:
        way = close * 0.9 * abs(value)
        nearer = tidied(value - way if value > now else value + way, value)
    return nearer if (nearer > now) == (value > now) and nearer != now else None


def _between(inside: float, outside: float, now: float) -> float:
    if isinstance(inside, int) and isinstance(outside, int):
        return (inside + outside) // 2
    if inside * outside > 0:
        return tidied(math.copysign(math.sqrt(inside * outside), inside), now)
    return tidied((inside + outside) / 2, now)


def _are_close(inside: float, outside: float, close: float) -> bool:
    if isinstance(inside, int) and isinstance(outside, int):
        return abs(outside - inside) <= 1
    return abs(outside - inside) <= close * max(abs(outside), abs(inside))
