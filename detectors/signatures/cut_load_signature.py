"""A cut from its first to its last window, and what it takes: what signatures of too little have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from detectors.base import State, check_version
from detectors.signatures.base import Signature
from detectors.signatures.cut_load import N_END, TAKES, CutLoad, EarlierCuts, Showing, tell, too_little
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector, Regime
from engine.verdicts import Finding, Reason, Tier, Why

SPEAK = 0.5
"""Scores below are not worth a word."""
_CERTAINTY = 0.7
_MOST = 4.0  # scores beyond say no more
_N_LOW = 3  # windows in a row that are as low: a slot that is crossed is no move in air


class CutLoadSignature(Signature):
    """What `Undercut` and `LevelDrop` have in common: a cut from its first to its last window, and what it takes.

    Parameters
    ----------
    features, group, config
        As for `Signature`.
    """

    long = False
    __slots__ = (
        "_earlier",
        "_fit",
        "_key",
        "_latest",
        "_load",
        "_lowest",
        "_mean",
        "_n",
        "_n_late",
        "_n_little",
        "_now",
        "_onset_ns",
        "_shares",
        "_showing",
    )

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:  # noqa: ARG002
        self._load = CutLoad(features, group)
        self._key: Regime | None = None
        self._earlier: EarlierCuts | None = None
        self._showing: list[Showing] = []  # columns that show such cuts
        self._now: list[float] | None = None  # the columns of the window that is being judged
        self._latest: list[list[float]] = []
        self._shares: tuple[float, ...] = ()
        self._clear()

    def why_not(self, vector: FeatureVector) -> str:
        """Say what is missing: a cut that the controller tells of, or earlier ones."""
        regime = vector.regime
        if not self._load.columns:
            return Why.CHANNEL
        if regime.cutting is None or regime.inferred:
            return Why.CONTEXT
        if not regime.cutting:
            return Why.NOT_CUTTING
        if not vector.context.rpm:
            return Why.RPM
        if not vector.steady:
            return Why.UNSTEADY
        earlier = self._load.earlier(regime)
        if earlier is None:
            return Why.LEARNING
        shown = self._load.telling(regime, earlier.usual, earlier.usual)
        return "" if shown is not None else Why.CHANNEL

    def learn(self, vector: FeatureVector, allowed: bool) -> None:
        """Take a window of air, or of the cut; a cut that was healthy throughout is remembered."""
        if vector.regime.cutting is False:
            self._load.learn_air(vector)
            return
        self._load.leave_air()
        if vector.steady and vector.usable and not allowed:
            self._fit = False
        if self._now is None or not (vector.learnable and allowed):
            return
        # The last windows of a cut may be of the air already.
        self._latest = [*self._latest, self._now]
        if len(self._latest) > N_END:
            self._take(self._latest.pop(0))

    def save(self) -> State:
        """Return plain numbers for `restore`."""
        return {
            "version": self.version,
            "load": self._load.save(),
            "key": None if self._key is None else tuple(self._key),
            "cut": (self._n, list(self._mean), self._lowest, self._n_late, self._fit),
            "latest": [list(values) for values in self._latest],
            "shares": self._shares,
            "little": (self._n_little, self._onset_ns),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another left off."""
        check_version(state, self.version, self.name)
        self._load.restore(state["load"])
        self._key, self._earlier, self._showing = None, None, []
        if state["key"] is not None:
            self._compare(Regime(*state["key"]))
        self._n, mean, self._lowest, self._n_late, self._fit = state["cut"]
        self._mean, self._latest = list(mean), [list(values) for values in state["latest"]]
        self._shares = tuple(state["shares"])
        self._n_little, self._onset_ns = state["little"]

    def _begin(self, vector: FeatureVector) -> bool:
        """Follow the stream into another regime; whether the window can be judged, and then its columns."""
        regime = vector.regime
        if regime != self._key:
            if self._key is not None and self._key.cutting and not self._key.inferred and self._fit:
                self._load.learn_cut(self._key, self._mean, self._n, self._lowest, self._n_late)
            self._compare(regime)
            self._clear()
        context = vector.context
        fit = regime.cutting and not regime.inferred and vector.usable and vector.steady and context.rpm
        # A feed that is held is no cut, whatever the controller calls it.
        if not fit or context.feed_mm_min == 0.0 or not self._load.columns:
            self._now, self._n_little = None, 0
            return False
        self._now = self._load.values(vector)
        return True

    def _compare(self, regime: Regime) -> None:
        """Compare with earlier cuts of a regime; as long as it lasts, neither they nor the air change."""
        self._key, self._earlier = regime, self._load.earlier(regime)
        self._showing = [] if self._earlier is None else self._load.showing(regime, self._earlier.usual)

    def _clear(self) -> None:
        self._n = 0
        self._mean = [math.nan] * len(self._load.columns)
        self._lowest, self._n_late = 1.0, -1
        self._shares = ()
        self._fit = True
        self._latest, self._now = [], None
        self._n_little, self._onset_ns = 0, 0

    def _take(self, values: Sequence[float]) -> None:
        """Let a window into the cut's mean, and into what it takes least."""
        self._n += 1
        for i, value in enumerate(values):
            before = self._mean[i]
            if not math.isnan(value):
                self._mean[i] = value if math.isnan(before) else before + (value - before) / self._n
        assert self._key is not None
        # The first cuts of a regime are compared with themselves.
        showing = self._showing if self._earlier is not None else self._load.showing(self._key, self._mean)
        told = tell(showing, values)
        if told is None:
            return
        if told.share >= TAKES and self._n_late < 0:
            self._n_late = self._n - 1
        if self._n_late >= 0:
            self._shares = (*self._shares, told.share)[-_N_LOW:]
            if len(self._shares) == _N_LOW:
                self._lowest = min(self._lowest, max(self._shares))

    def _finding(self, share: float, column: int, limit: float, usual: float) -> Finding:
        assert self._now is not None
        assert self._key is not None
        feature, unit = self._load.columns[column].feature, self._load.columns[column].unit
        score = min(too_little(share, limit), _MOST)
        low = self._load.at_share(self._key, column, usual, limit)
        reason = Reason(feature, self._now[column], usual, low, math.nan, unit, 1.0, score)
        return Finding(
            self.fault, self.name, Tier.LEARNED, score, _CERTAINTY, (reason,), onset_ns=self._onset_ns
        )
