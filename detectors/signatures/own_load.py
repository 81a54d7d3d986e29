"""What a drive gives in air, and what it gave lately in the cut that goes on: a step is measured by both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from detectors.base import State
from detectors.signatures.shock_channels import shock_channels
from detectors.signatures.speed import Memory
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector, Regime

N_CONFIRM = 3
"""Windows in a row that make a lower level: a step within one of them shows in the next as a whole."""
_BACK = 0.1  # of a blow: so near to where it was, it is over
_N_BLOW = 5  # windows in which a drive's blow shows, a tenth of a second until it is stopped, and its decay
_N_LEAST, _N_MOST = 6, 20  # windows that a reference is made of: half a second and more, two seconds at most
_N_WAIT = 2  # usual windows wait for so many more: the first that sees a step may see little of it
_N_RESTLESS = 15  # unusual ones that do not settle: the cut has changed in some other way
_N_SIGMA, _OF_REACH = 6.0, 2.0  # of the cut's own scatter, and over the farthest that it went by itself
_SIGMA_OF_MAD = 1.4826
_LEAST_SIGMA = 0.005  # of the mean: what a window that is no whole number of turns makes of it
_SETTLED = 0.25  # of a step: its newest two windows are as near to each other
_N_AIR, _SAME_AIR = 3, 1.15  # so many windows in a row agree so well: the drive turns evenly
_N_KEPT = 64


class Drive(NamedTuple):
    """A channel that tells what a drive gives."""

    feature: str
    unit: str
    place: int  # where the vector has its mean


class Step(NamedTuple):
    """A drive's load has gone to another level, and stays there.

    Parameters
    ----------
    before, now : float
        Levels, in the channel's unit.
    least : float
        Least distance from the level before, of the newest two windows; the first may hold some of both levels.
    by_chance : float
        Distance that the cut's own scatter may reach.
    onset_ns : int
        Start of the newest hop of the first window that was far away.
    """

    before: float
    now: float
    least: float
    by_chance: float
    onset_ns: int


class Blow(NamedTuple):
    """A drive's load rose, and is back at its level within half a second.

    Parameters
    ----------
    before, highest : float
        The level, and the highest window in between, in the channel's unit.
    onset_ns : int
        Start of the newest hop of the first window that was far away.
    """

    before: float
    highest: float
    onset_ns: int


class Level:
    """One drive's level in a cut, until it steps to another. State: 37 windows at most.

    The reference is the last two seconds in which it was usual. A window is far away if it is six times their robust
    scatter away, and twice as far as any of them. Three of these in a row, the newest two of which agree, are a step:
    from there the level begins anew, whatever is made of it. A rise takes six, for up to five may be a blow.
    """

    __slots__ = ("_far", "_usual")

    def __init__(self) -> None:
        self._usual: list[float] = []
        self._far: list[tuple[float, int]] = []

    @property
    def known(self) -> bool:
        """Whether there is a reference."""
        return len(self._usual) >= _N_LEAST + _N_WAIT

    def clear(self) -> None:
        """Another cut begins."""
        self._usual.clear()
        self._far.clear()

    def take(self, mean: float, onset_ns: int) -> Step | Blow | None:
        """Take the next window's mean; say whether it confirms a step, or ends a blow. NaN is passed over."""
        if math.isnan(mean):
            return None
        if not self.known:
            self._usual.append(mean)
            return None
        before, by_chance = self._reference()
        highest = max((value for value, _ in self._far), default=before)
        if abs(mean - before) < max(by_chance, _BACK * (highest - before)):
            blow = self._blow(before)
            self._far.clear()
            if abs(mean - before) < by_chance:
                self._usual = [*self._usual, mean][-(_N_MOST + _N_WAIT) :]
            return blow
        self._far.append((mean, onset_ns))
        if len(self._far) < (N_CONFIRM if mean < before else _N_BLOW + 1):
            return None
        far = [value for value, _ in self._far[-2:]]
        settled = abs(far[-1] - far[-2]) <= max(_SETTLED * abs(far[-1] - before), 0.5 * by_chance)
        if not settled and len(self._far) < _N_RESTLESS:
            return None
        onset_ns = self._far[0][1]
        self._usual, self._far = far, []
        least = min(abs(value - before) for value in far)
        return Step(before, far[-1], least, by_chance, onset_ns) if settled else None

    def save(self) -> tuple[list[float], list[tuple[float, int]]]:
        """State for recovery."""
        return list(self._usual), list(self._far)

    def restore(self, state: Sequence[Any]) -> None:
        """Continue from `save`."""
        self._usual, self._far = list(state[0]), [(value, t_ns) for value, t_ns in state[1]]

    def _blow(self, before: float) -> Blow | None:
        """What the windows that were far away were, now that one is usual again."""
        if not 0 < len(self._far) <= _N_BLOW:
            return None
        return Blow(before, max(value for value, _ in self._far), self._far[0][1])

    def _reference(self) -> tuple[float, float]:
        usual = np.array(self._usual[:-_N_WAIT])
        mean = float(np.median(usual))
        away = np.abs(usual - mean)
        sigma = max(_SIGMA_OF_MAD * float(np.median(away)), _LEAST_SIGMA * abs(mean))
        return mean, max(_N_SIGMA * sigma, _OF_REACH * float(away.max()))


class OwnLoad:
    """Every drive's level in the cut that goes on, and in air.

    Air is the lowest even level that was seen at this tool and speed (at this tool, where the speed is unknown),
    whatever the controller called it: many say that a tool cuts a second before it touches the material. Where
    the speed is unknown, a spindle that stands is that lowest level: more is asked for, and less found.

    State: that of `Level` for each drive, and one number for each of 64 tools and speeds.

    Parameters
    ----------
    features : sequence of Feature
        Of the short windows.
    group : SensorGroup
        Declared.
    """

    __slots__ = ("_air", "_even", "_feed", "_key", "_levels", "drives")

    def __init__(self, features: Sequence[Feature], group: SensorGroup) -> None:
        channels, places = shock_channels(features, group)
        self.drives = [
            Drive(features[place].name, channel.unit, place)
            for channel, place in zip(channels, places[len(channels) :], strict=True)
            if not channel.vibration
        ]
        self._levels = [Level() for _ in self.drives]
        self._air: Memory[tuple[str | None, int | None], list[float]] = Memory(_N_KEPT)
        self._even: list[list[float]] = []
        self._key: Regime | None = None
        self._feed: float | None = None

    @property
    def known(self) -> bool:
        """Whether some drive's level in this cut is known."""
        return any(level.known for level in self._levels)

    def take(self, vector: FeatureVector) -> list[Step | Blow | None]:
        """Take the next window; forget the cut when another begins, or when its feed changes.

        Returns
        -------
        list of Step, Blow or None
            For each drive; empty if the window is none of a cut.
        """
        regime, feed = vector.regime, vector.context.feed_mm_min
        known = vector.usable and vector.steady
        if regime != self._key or feed != self._feed or not known:
            self._key, self._feed = regime, feed
            self._even.clear()
            for level in self._levels:
                level.clear()
        if not known:
            return []
        means = [float(vector.values[drive.place]) for drive in self.drives]
        self._learn_air(regime, means)
        if not regime.cutting or regime.inferred or feed == 0.0:
            return []
        return [level.take(mean, vector.onset_ns) for level, mean in zip(self._levels, means, strict=True)]

    def leave(self) -> None:
        """The windows that come are not to be judged by their load: what was seen of this cut is no reference."""
        if self._key is not None:
            self._key = None
            self._even.clear()
            for level in self._levels:
                level.clear()

    def air(self, i: int) -> float:
        """What a drive gives in air, at the tool and speed of the cut; NaN if nothing even was seen."""
        assert self._key is not None
        found = self._air.get((self._key.tool, self._key.rpm))
        return math.nan if found is None else found[i]

    def save(self) -> State:
        """State for recovery."""
        return {
            "air": [(key, list(levels)) for key, levels in self._air.save()],
            "even": [list(means) for means in self._even],
            "key": None if self._key is None else tuple(self._key),
            "feed": self._feed,
            "levels": [level.save() for level in self._levels],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `save`."""
        for key, levels in state["air"]:
            self._air.keep((key[0], key[1]), list(levels))
        self._even = [list(means) for means in state["even"]]
        self._key = None if state["key"] is None else Regime(*state["key"])
        self._feed = state["feed"]
        for level, saved in zip(self._levels, state["levels"], strict=True):
            level.restore(saved)

    def _learn_air(self, regime: Regime, means: list[float]) -> None:
        """Let what is even and lower than all before be air; the newest windows wait, for they may be of a fault."""
        self._even = [*self._even, means][-(_N_AIR + N_CONFIRM) :]
        if len(self._even) < _N_AIR + N_CONFIRM:
            return
        key = regime.tool, regime.rpm
        before = self._air.recall(key) or [math.nan] * len(means)
        levels = []
        for known, *latest in zip(before, *self._even[:_N_AIR], strict=True):
            if 0.0 < max(latest) <= _SAME_AIR * min(latest):
                level = sum(latest) / _N_AIR
                known = level if math.isnan(known) else min(known, level)
            levels.append(known)
        self._air.keep(key, levels)
