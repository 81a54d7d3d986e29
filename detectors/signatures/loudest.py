"""The loudest that a spindle has shown, while cutting and while idling, and in each regime."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from detectors.base import State
from detectors.signatures.speed import Memory
from engine.records import Regime

_HALF_LIFE = 36_000  # vectors of its kind in which a reference falls by half: an hour at ten a second
_FADE = math.log(2.0) / _HALF_LIFE
_N_FREE = 10  # vectors that set a reference at once
_STEP = 0.05  # by which a later one raises it at most: a blow that went unnoticed must not deafen
_N_DELAY = 5  # vectors that wait before they raise a reference, until it is known whether something exceeded
_N_REGIMES = 64


class Peaks:
    """Highest logarithms of some levels, forgotten slowly; -inf where nothing was shown.

    Parameters
    ----------
    highest : list of float
        One for each level.
    n : int
        Vectors they were taken from.
    n_visits : int
        Stretches of time that these vectors were in.
    """

    __slots__ = ("highest", "n", "n_visits")

    def __init__(self, highest: Sequence[float], n: int = 0, n_visits: int = 0) -> None:
        self.highest, self.n, self.n_visits = list(highest), n, n_visits

    def take(self, levels: Sequence[float]) -> None:
        """Move on by one vector; NaN raises nothing, and the first that is none sets the reference at once."""
        free = self.n < _N_FREE
        self.n += 1
        for i, level in enumerate(levels):
            highest = self.highest[i] - _FADE
            if level > highest:
                first = highest == -math.inf  # a drive says nothing while a cut settles: its turn comes later
                highest = level if free or first else min(level, highest + _STEP)
            self.highest[i] = highest

    def save(self) -> tuple[list[float], int, int]:
        """State for recovery."""
        return list(self.highest), self.n, self.n_visits


class Loudest:
    """References of one sensor group. State: one number per level for three kinds and at most 64 regimes.

    Vectors wait until five more have come, so that what leads to a fault raises nothing. One that is far louder than
    the reference raises it by a twentieth only: a spindle whose work becomes louder is followed within seconds, a
    single blow is not.

    Parameters
    ----------
    n_levels : int
        In a vector.
    """

    __slots__ = ("_regimes", "_taken", "_waiting", "kinds")

    def __init__(self, n_levels: int) -> None:
        self.kinds: dict[bool | None, Peaks] = {
            kind: Peaks([-math.inf] * n_levels) for kind in (True, False, None)
        }
        self._regimes: Memory[Regime, Peaks] = Memory(_N_REGIMES)
        self._taken: Regime | None = None  # regime of the vector taken last
        self._waiting: list[tuple[Regime, list[float]]] = []

    def ever(self, i: int) -> float:
        """The highest of a level in any kind."""
        return max(peaks.highest[i] for peaks in self.kinds.values())

    def of(self, regime: Regime) -> Peaks | None:
        """What a regime has shown; None if nothing."""
        return self._regimes.get(regime)

    def offer(self, regime: Regime, levels: list[float]) -> None:
        """Let a vector wait, and the one that has waited long enough raise the references.

        Parameters
        ----------
        regime : Regime
            Of the vector.
        levels : list of float
            Logarithms; NaN where not to be taken.
        """
        self._waiting.append((regime, levels))
        if len(self._waiting) <= _N_DELAY:
            return
        regime, levels = self._waiting.pop(0)
        self.kinds[regime.cutting].take(levels)
        own = self._regimes.recall(regime)
        if own is None:
            own = Peaks([-math.inf] * len(levels))
            self._regimes.keep(regime, own)
        own.take(levels)
        own.n_visits += regime != self._taken
        self._taken = regime

    def forget_waiting(self) -> None:
        """Something exceeds: what led to it is not normal."""
        self._waiting.clear()

    def save(self) -> State:
        """State for recovery."""
        return {
            "kinds": [(kind, *peaks.save()) for kind, peaks in self.kinds.items()],
            "regimes": [(tuple(key), *peaks.save()) for key, peaks in self._regimes.items()],
            "taken": None if self._taken is None else tuple(self._taken),
            "waiting": [(tuple(regime), list(levels)) for regime, levels in self._waiting],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `save`."""
        self.kinds = {kind: Peaks(*peaks) for kind, *peaks in state["kinds"]}
        for key, *peaks in state["regimes"]:
            self._regimes.keep(Regime(*key), Peaks(*peaks))
        self._taken = None if state["taken"] is None else Regime(*state["taken"])
        self._waiting = [(Regime(*key), list(levels)) for key, levels in state["waiting"]]
