"""Growth of the high-frequency level at comparable speed: a bearing that gets rough without showing a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import ge
from typing import Any

LOW_HZ = 500.0
"""Bands that begin below hold lines of shaft and teeth."""

_N_READY = 30  # windows of three seconds and more before the level is known
_N_LEARNED = 600  # after a minute at one speed the level is kept: what grows slowly must not be learned
# Eight decibels: from one zone boundary of severity to the next in ISO 20816, and more than a warm-up or another holder
# moves the level of a spindle in the air.
_GROWN = math.log(2.5)
_SPREAD = 4.0  # standard deviations, where healthy levels scatter more than that
# Windows that must be loud in net: a single knock is in five that overlap.
_CONFIRMED = 10
_REMEMBERED = 15


class Level:
    """Level of the bands of one channel, in the air at comparable speed, and whether it has risen.

    State: three numbers a band, two counts and a time.

    Parameters
    ----------
    n_bands : int
        At least 1.
    """

    __slots__ = ("_count", "_high", "_mean", "_n", "_square", "onset_ns")

    def __init__(self, n_bands: int) -> None:
        self._n = 0
        self._mean = [0.0] * n_bands
        self._square = [0.0] * n_bands
        self._high = [math.inf] * n_bands
        self._count = 0
        self.onset_ns = 0

    @property
    def ready(self) -> bool:
        """Whether the healthy level is known."""
        return self._n >= _N_READY

    @property
    def score(self) -> float:
        """1.0 = risen for so long that no knock explains it; at most 1.5."""
        return self._count / _CONFIRMED

    def expected(self, band: int) -> float:
        """Healthy level of a band, in the channel's unit."""
        return math.exp(self._mean[band])

    def high(self, band: int) -> float:
        """Level of a band from which on it has risen, in the channel's unit; infinite until it is known."""
        return self._high[band]

    def loudest(self, values: Sequence[float]) -> int:
        """Number of the band that is farthest beyond its limit."""
        return max(range(len(values)), key=lambda band: values[band] / self._high[band])

    def update(self, values: Sequence[float], allowed: bool, onset_ns: int) -> bool:
        """Compare a window with what was learned, then learn from it.

        Parameters
        ----------
        values : sequence of float
            Levels of the bands, above 0 and finite.
        allowed : bool
            Whether they may be learned.
        onset_ns : int
            Start of what is new in the window.

        Returns
        -------
        bool
            Whether the score is, or was, above 0.
        """
        before = self._count
        if any(map(ge, values, self._high)):
            if not self._count:
                self.onset_ns = onset_ns
            self._count = min(self._count + 1, _REMEMBERED)
        elif self._count:
            self._count -= 1
        if allowed and not self._count and self._n < _N_LEARNED:
            self._learn(values)
        return bool(before or self._count)

    def _learn(self, values: Sequence[float]) -> None:
        self._n += 1
        for band, value in enumerate(values):
            log = math.log(value)
            away = log - self._mean[band]
            self._mean[band] += away / self._n
            self._square[band] += away * (log - self._mean[band])
            if self.ready:
                spread = math.sqrt(self._square[band] / self._n)
                self._high[band] = math.exp(self._mean[band] + max(_GROWN, _SPREAD * spread))

    def save(self) -> tuple[Any, ...]:
        """State for recovery."""
        return self._n, list(self._mean), list(self._square), list(self._high), self._count, self.onset_ns

    @classmethod
    def restored(cls, state: tuple[Any, ...]) -> Level:
        """Go on from `save`."""
        level = cls(len(state[1]))
        level._n, mean, square, high, level._count, level.onset_ns = state
        level._mean, level._square, level._high = list(mean), list(square), list(high)
        return level
