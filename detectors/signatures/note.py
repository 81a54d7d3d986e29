"""Whether a channel heard one and the same note in window after window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

SPEAK = 0.5
"""Scores below are not worth a word."""
_N_CONFIRM = 3  # windows in a row that hear the same note: two hops after the first
_SAME_NOTE = 0.01  # chatter wanders with the engagement, by less than this from hop to hop


class Note:
    """What one channel heard in the last windows. State: a frequency and three scores."""

    __slots__ = ("_hz", "_scores", "since_ns")

    def __init__(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Forget: nothing can be heard at the moment."""
        self._hz = math.nan
        self._scores: tuple[float, ...] = ()
        self.since_ns = 0

    def hear(self, score: float, hz: float, onset_ns: int) -> float:
        """Take the next window's note.

        Parameters
        ----------
        score : float
            How much it looks like chatter.
        hz : float
            Its frequency.
        onset_ns : int
            Start of what is new in the window.

        Returns
        -------
        float
            What all of the last three windows reached with this note; 0 if they heard different ones, or none.
        """
        if score < SPEAK:
            self.stop()
            return 0.0
        if not abs(hz - self._hz) <= _SAME_NOTE * self._hz:
            self._scores, self.since_ns = (), onset_ns
        self._hz = hz
        self._scores = (*self._scores, score)[-_N_CONFIRM:]
        return min(self._scores) if len(self._scores) == _N_CONFIRM else 0.0

    def save(self) -> tuple[float, tuple[float, ...], int]:
        """State for recovery."""
        return self._hz, self._scores, self.since_ns

    def restore(self, state: Sequence[Any]) -> None:
        """Continue from `save`."""
        self._hz, self._scores, self.since_ns = state[0], tuple(state[1]), state[2]
