"""How much of what a cut takes the tool is taking now: levels between those of air and those of earlier cuts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from detectors.base import State
from detectors.signatures.speed import Memory
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector, Regime

_N_REGIMES = 64
_N_AIR = 3  # windows in a row that agree: the spindle runs evenly in the air
_SAME_AIR = 1.15  # their largest over their smallest
_CUTS_MEMORY = 8.0
_MOST_RISE = 1.25  # of what is usual, that a louder cut counts for
_N_CUT = 8  # windows that make a cut worth remembering
N_CUTS = 2
"""Earlier cuts of a regime that are needed."""
N_END = 5
"""Windows at a cut's end that do not count as part of it: a controller may say so late by half a second."""
SHARE = 1.0 / 3.0
"""Of what it usually takes: less is no cut, if its earlier cuts never took as little."""
TAKES = 0.6
"""More is a cut."""
_OF_LOWEST, _LEAST_LIMIT = 0.5, 1e-6
_LEAST_SHARE = 0.02  # below, nothing is told apart
# A column shows the cut if cuts stand so far above air, as a ratio. What idling takes of a drive moves by 5 % with
# warmth; a line that is hardly above its noise comes and goes by itself.
_SHOWS_LINE, _SHOWS_RMS, SHOWS_MEAN = 2.5, 1.3, 1.15
_LINE_OF_RMS = 0.02  # and without air, a line that is so much of the channel's vibration


class _Column(NamedTuple):
    """One number that tells cutting from air."""

    feature: str
    unit: str
    kind: str  # "line", "rms" or "mean"
    feature_index: int
    rms: int  # place of its channel's rms among the columns, before its line; -1 if it has none


class Telling(NamedTuple):
    """The column that shows most of a cut, of those that show it at all.

    Parameters
    ----------
    share : float
        Of what the reference takes, 0 upwards.
    column : int
        Which column says so.
    """

    share: float
    column: int


Showing = tuple[int, bool, float, float]
"""A column that shows a cut: which, whether it is a drive's mean, what it reads in air, and from there to the whole."""


class EarlierCuts:
    """What the cuts of one regime took.

    Parameters
    ----------
    usual : list of float
        Each column's mean; NaN where it was never told.
    n : int
        Cuts.
    lowest : float
        Smallest share of the usual that any of them took, once it took anything and until shortly before its end.
    n_late : int
        Most windows that passed before one of them took anything.
    """

    __slots__ = ("lowest", "n", "n_late", "usual")

    def __init__(self, usual: Sequence[float], n: int = 0, lowest: float = 1.0, n_late: int = 0) -> None:
        self.usual, self.n, self.lowest, self.n_late = list(usual), n, lowest, n_late

    @property
    def limit(self) -> float:
        """Share below which the tool takes too little: less, the fewer cuts tell how little a healthy one may take."""
        return min(SHARE * self.n / (self.n + 1), max(_OF_LOWEST * self.lowest, _LEAST_LIMIT))

    def learn(self, mean: Sequence[float], lowest: float, n_late: int) -> None:
        """Take a healthy cut."""
        self.n += 1
        weight = max(1.0 / self.n, 1.0 / _CUTS_MEMORY)
        for i, value in enumerate(mean):
            before = self.usual[i]
            if not math.isnan(value):
                # A cut that chattered, say, must not make a sound one look like air.
                step = min(value, _MOST_RISE * before) - before
                self.usual[i] = value if math.isnan(before) else before + weight * step
        self.lowest, self.n_late = min(self.lowest, lowest), max(self.n_late, n_late)

    def save(self) -> tuple[list[float], int, float, int]:
        """State for recovery."""
        return list(self.usual), self.n, self.lowest, self.n_late


class CutLoad:
    """References of one sensor group: air at the tool's speed, and earlier cuts.

    Vibration at tooth passing comes from teeth that cut (and, with two teeth, from misalignment); it, the level (rms)
    and a drive's mean count by how far they stand above air, vibration by its power. All columns that show the cut must
    agree that it is gone.

    State: one number per column for each of at most 64 tools and speeds in air, and for each of 64 regimes.

    Parameters
    ----------
    features : sequence of Feature
        Of the vectors.
    group : SensorGroup
        Declared.
    """

    __slots__ = ("_air", "_at", "_cuts", "_even", "columns")

    def __init__(self, features: Sequence[Feature], group: SensorGroup) -> None:
        index = {feature.name: i for i, feature in enumerate(features)}
        self.columns: list[_Column] = []
        for channel in group.channels if group.kind == "waveform" else ():
            level = "mean" if channel.dc_coupled else "rms"
            names = {level: f"{channel.name}.{level}", "line": f"{channel.name}.tooth_1"}
            if not all(name in index for name in names.values()):
                continue
            rms = -1 if channel.dc_coupled else len(self.columns)
            for kind, name in names.items():
                self.columns.append(_Column(name, channel.unit, kind, index[name], rms))
        self._at = np.array([column.feature_index for column in self.columns], np.intp)
        self._air: Memory[tuple[str | None, int | None], list[float]] = Memory(_N_REGIMES)
        self._cuts: Memory[Regime, EarlierCuts] = Memory(_N_REGIMES)
        self._even: list[list[float]] = []  # the latest windows in air, of one regime

    def values(self, vector: FeatureVector) -> list[float]:
        """The columns of a vector."""
        found: list[float] = vector.values[self._at].tolist()
        return found

    def earlier(self, regime: Regime) -> EarlierCuts | None:
        """What enough earlier cuts of a regime took; None if there were too few."""
        cuts = self._cuts.get(regime)
        return cuts if cuts is not None and cuts.n >= N_CUTS else None

    def air(self, regime: Regime, feature: str) -> float:
        """What a feature reads in air, at a regime's tool and speed; NaN if that was never seen."""
        air = self._air.get((regime.tool, regime.rpm))
        return (
            math.nan
            if air is None
            else next(
                (value for column, value in zip(self.columns, air, strict=True) if column.feature == feature),
                math.nan,
            )
        )

    def learn_air(self, vector: FeatureVector) -> None:
        """Take a window in air: the latest that were even count, for what accelerates is not."""
        regime = vector.regime
        if not (vector.usable and vector.steady and vector.learnable and vector.context.rpm):
            self._even.clear()
            return
        self._even = [*self._even, self.values(vector)][-_N_AIR:]
        if len(self._even) < _N_AIR:
            return
        for column, values in zip(self.columns, zip(*self._even, strict=True), strict=True):
            if column.kind != "line" and not 0.0 < max(values) <= _SAME_AIR * min(values):
                return
        mean = [sum(values) / _N_AIR for values in zip(*self._even, strict=True)]
        self._air.keep((regime.tool, regime.rpm), mean)

    def leave_air(self) -> None:
        """The windows that come are not of the air."""
        self._even.clear()

    def learn_cut(self, regime: Regime, mean: Sequence[float], n: int, lowest: float, n_late: int) -> None:
        """Take a healthy cut of ``n`` windows, if it was long enough and no tool was missing, seen from here or not."""
        if n < _N_CUT:
            return
        cuts = self._cuts.recall(regime)
        told = None if cuts is None else self.telling(regime, mean, cuts.usual)
        if told is not None and told.share < TAKES:
            return
        if cuts is None:
            cuts = EarlierCuts([math.nan] * len(self.columns))
            self._cuts.keep(regime, cuts)
        cuts.learn(mean, lowest, n_late)

    def telling(self, regime: Regime, values: Sequence[float], reference: Sequence[float]) -> Telling | None:
        """Say how much of a reference is being taken.

        Parameters
        ----------
        regime : Regime
            Whose tool and speed find the air.
        values : sequence of float
            Columns of a window.
        reference : sequence of float
            The same of a cut; NaN where unknown.

        Returns
        -------
        Telling or None
            None if no column shows the cut.
        """
        return tell(self.showing(regime, reference), values)

    def showing(self, regime: Regime, reference: Sequence[float]) -> list[Showing]:
        """Columns that show a cut like the reference, for `tell`; holds until that changes, or air is learned."""
        in_air = self._air.get((regime.tool, regime.rpm))
        found: list[Showing] = []
        for i, (column, usual) in enumerate(zip(self.columns, reference, strict=True)):
            air = self._air_below(column, usual, None if in_air is None else in_air[i], reference)
            if air is not None:
                is_mean = column.kind == "mean"
                found.append((i, is_mean, air, usual - air if is_mean else usual * usual - air * air))
        return found

    def at_share(self, regime: Regime, i: int, usual: float, share: float) -> float:
        """What a column reads where a share of the usual is taken: the inverse of `telling`, for people."""
        air = self._air.get((regime.tool, regime.rpm))
        kind = self.columns[i].kind
        if air is None:
            return share * usual
        if kind == "mean":
            return air[i] + share * (usual - air[i])
        return math.hypot(math.sqrt(1.0 - share * share) * air[i], share * usual)

    def save(self) -> State:
        """State for recovery."""
        return {
            "air": [(key, list(values)) for key, values in self._air.items()],
            "cuts": [(tuple(key), *cuts.save()) for key, cuts in self._cuts.items()],
            "even": [list(values) for values in self._even],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `save`."""
        for key, values in state["air"]:
            self._air.keep((key[0], key[1]), list(values))
        for key, *cuts in state["cuts"]:
            self._cuts.keep(Regime(*key), EarlierCuts(*cuts))
        self._even = [list(values) for values in state["even"]]

    def _air_below(
        self, column: _Column, usual: float, air: float | None, reference: Sequence[float]
    ) -> float | None:
        """What one column reads without the cut; None if it cannot show the cut."""
        shows, floor = _SHOWS_RMS, 0.0
        if column.kind == "line":
            shows = _SHOWS_LINE
            if air is None and column.rms >= 0:  # nothing but teeth makes this line, so it may be gone wholly
                air, floor = 0.0, _LINE_OF_RMS * reference[column.rms]
        elif air is None and column.kind == "rms" and math.isnan(reference[column.rms + 1]):
            air = 0.0  # where teeth are not told apart: all of the level may be the cut's, a cautious share
        if air is None:
            return None
        if column.kind == "mean":
            return air if usual >= SHOWS_MEAN * air > 0.0 else None
        # Also false for a NaN.
        return air if usual >= shows * air and usual >= floor and usual > 0.0 else None


def tell(showing: Sequence[Showing], values: Sequence[float]) -> Telling | None:
    """Say how much of a reference is being taken: `CutLoad.telling`, with what can be prepared."""
    most, at = -1.0, -1
    for i, is_mean, air, whole in showing:
        value = values[i]
        above = value - air if is_mean else value * value - air * air
        share = max(above, 0.0) / whole
        share = share if is_mean else math.sqrt(share)
        if share > most:  # never for a NaN
            most, at = share, i
    return Telling(most, at) if at >= 0 else None


def too_little(share: float, limit: float) -> float:
    """Score of a share: 1.0 at the limit, 0 at all of the usual; logarithmic between and beyond."""
    return max(0.0, math.log(max(share, _LEAST_SHARE)) / math.log(limit))
