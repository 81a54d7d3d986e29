"""One channel's opinion whether the spindle turns, and whether it cuts."""

from __future__ import annotations

import math
from collections import deque
from enum import IntEnum
from typing import Any

from operators.level_heaps import LevelHeaps

# Exceeding the air cut: by four deviations of the smoothed level, at least by so much. What friction and imbalance
# change by themselves while the spindle runs is a percent or so of a motor's current, several of a vibration.
_N_DEVIATIONS = 4.0
_LEAST_DC, _LEAST_AC = 0.02, 0.10
_OFF = 0.5  # of what it takes to begin
_N_CONFIRM = 2  # hops in a row before an answer changes
_N_SMOOTH = 3
_N_PLATEAU = 5  # hops that must agree: half a second, less than an air cut lasts
_CREEP = 0.02  # a hop: the air cut's level follows friction as it warms
# What single hops scatter by, to begin with; the median of their steps is tracked in steps of so much.
_DEVIATION_DC, _DEVIATION_AC = 0.01, 0.07
_LEARN = 0.02
_MEDIAN_STEP = 0.954  # of two normal values of unit deviation
_N_ROSE = 3  # cuts seen to begin and to come back to air before anything is said
_N_ROSE_PER_FLAT = 3  # and so many for each run of the spindle that showed one level only
_N_REMEMBERED = 24
_TINY = 1e-9


class Phase(IntEnum):
    """Where the spindle is, as one channel sees it."""

    UNKNOWN = 0  # no standstill is told from turning yet, or the beginning of this run was not seen
    STILL = 1
    STARTING = 2  # turns, and has not been steady yet
    AIR = 3
    CUT = 4


class ChannelGate:
    """Follows a channel's level from standstill through the air cut into the cut, and back.

    Nobody starts a spindle inside the material: the first steady level after a standstill is that of the air cut at
    this speed, and a level clearly above it is a cut. It has an opinion once three cuts have begun so and come back to
    the air cut's level, and loses it if runs of the spindle without a cut are not much rarer than cuts: then a cut is
    not to be seen in this channel. A rise that ends in standstill proves nothing; it may be the brake.

    State: 280 counts and a few numbers.

    Parameters
    ----------
    dc_coupled : bool
        Whether the level is that of a current or power, or of a vibration.
    """

    __slots__ = (
        "_air",
        "_excess",
        "_heaps",
        "_least",
        "_n_confirm",
        "_n_flat",
        "_n_rose",
        "_recent",
        "_rose",
        "_step",
        "dc_coupled",
        "phase",
    )

    def __init__(self, *, dc_coupled: bool) -> None:
        self.dc_coupled = dc_coupled
        self._least = _LEAST_DC if dc_coupled else _LEAST_AC
        self._step = _MEDIAN_STEP * (_DEVIATION_DC if dc_coupled else _DEVIATION_AC)
        self._heaps = LevelHeaps()
        self._recent: deque[float] = deque(maxlen=_N_PLATEAU)
        self._air = self._excess = math.nan
        self._n_confirm = 0
        self._n_rose = self._n_flat = 0.0
        self._rose = False
        self.phase = Phase.UNKNOWN

    @property
    def cutting(self) -> bool | None:
        """Whether it cuts; None if this channel cannot say."""
        if self.phase is Phase.UNKNOWN or self._n_rose < max(_N_ROSE, _N_ROSE_PER_FLAT * self._n_flat):
            return None
        return self.phase is Phase.CUT

    @property
    def slow(self) -> bool:
        """Whether a vibration is weaker than in the air cut: the spindle stands, or gathers or loses speed."""
        return not self.dc_coupled and (self.phase in (Phase.STILL, Phase.STARTING) or self._excess < -1.0)

    def add(self, level: float) -> None:
        """Take the level of the next hop.

        Parameters
        ----------
        level : float
            Root mean square, in the channel's unit; 0 upwards.
        """
        log = math.log(max(level, _TINY))
        self._heaps.add(log)
        if self._recent and self.phase >= Phase.STARTING:
            larger = abs(log - self._recent[-1]) > self._step
            self._step *= 1.0 + (_LEARN if larger else -_LEARN)
        self._recent.append(log)
        split = self._heaps.split
        if split != split:
            self.phase = Phase.UNKNOWN
        elif self.phase <= Phase.STILL:
            self._stand(log > split)
        elif not self._stops(log > split):
            self._turn(log)

    def lose(self) -> None:
        """Forget where the spindle is: what it did was not seen."""
        self._recent.clear()
        self._n_confirm, self._excess, self.phase = 0, math.nan, Phase.UNKNOWN

    def save(self) -> Any:
        """State for recovery."""
        run = self._air, self._excess, self._n_confirm, self._rose, int(self.phase)
        return self._heaps.save(), tuple(self._recent), self._step, self._n_rose, self._n_flat, run

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        heaps, recent, self._step, self._n_rose, self._n_flat, run = state
        self._heaps.restore(heaps)
        self._recent = deque(recent, maxlen=_N_PLATEAU)
        self._air, self._excess, self._n_confirm, self._rose, phase = run
        self.phase = Phase(phase)

    def _stand(self, turning: bool) -> None:
        """Stand still, until the spindle starts. A run whose start was not seen ends in a standstill first."""
        starts = self.phase is Phase.STILL
        if self._confirmed(turning is starts):
            self.phase = Phase.STARTING if starts else Phase.STILL
            self._air, self._rose = math.nan, False

    def _stops(self, turning: bool) -> bool:
        """Whether the level is that of standstill; twice in a row ends the run."""
        if turning:
            return False
        if self._recent[-2] <= self._heaps.split:
            if not self._rose:
                self._count(rose=False)
            self._n_confirm, self._excess, self.phase = 0, math.nan, Phase.STILL
        return True

    def _turn(self, log: float) -> None:
        """Compare with the air cut of this run."""
        recent, deviation = self._recent, self._step / _MEDIAN_STEP
        plateau = self._plateau(deviation)
        if self.phase is Phase.STARTING:
            if plateau:
                self._air, self.phase = sum(recent) / len(recent), Phase.AIR
            return
        newest = [recent[-i] for i in range(1, min(_N_SMOOTH, len(recent)) + 1)]
        enough = max(self._least, _N_DEVIATIONS * deviation / math.sqrt(_N_SMOOTH))
        self._excess = (sum(newest) / len(newest) - self._air) / enough
        if self.phase is Phase.CUT:
            if self._confirmed(self._excess < _OFF):
                self.phase = Phase.AIR
                self._count(rose=True)
            return
        if self._excess < -1.0 and plateau:
            self._air = sum(recent) / len(recent)  # what looked steady was the spindle gathering speed
        elif self._excess < _OFF:
            self._air += _CREEP * (log - self._air)
        if self._confirmed(self._excess >= 1.0):
            self.phase, self._rose = Phase.CUT, True

    def _plateau(self, deviation: float) -> bool:
        """Whether the last hops agree: no trend, and no more scatter than usual."""
        recent = self._recent
        if len(recent) < _N_PLATEAU:
            return False
        trend = 0.5 * abs(recent[4] + recent[3] - recent[1] - recent[0])
        spread = max(recent) - min(recent)
        return trend < max(0.5 * self._least, 2.0 * deviation) and spread < 6.0 * deviation + self._least

    def _confirmed(self, holds: bool) -> bool:
        """Whether something has held for as many hops in a row as a change of answer takes."""
        self._n_confirm = self._n_confirm + 1 if holds else 0
        if self._n_confirm < _N_CONFIRM:
            return False
        self._n_confirm = 0
        return True

    def _count(self, *, rose: bool) -> None:
        """Remember a cut that came back to air, or a run without one; the older, the less it counts."""
        if rose:
            self._n_rose += 1.0
        else:
            self._n_flat += 1.0
        if self._n_rose + self._n_flat >= _N_REMEMBERED:
            self._n_rose *= 0.5
            self._n_flat *= 0.5
