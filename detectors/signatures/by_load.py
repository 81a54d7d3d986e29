"""What signatures share that know a cut by the level of its drive's load alone."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from detectors.base import State, check_version
from detectors.signatures.base import Signature
from detectors.signatures.own_load import Blow, OwnLoad, Step
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector
from engine.verdicts import Finding, Reason, Tier, Why

_CERTAINTY = 0.5  # consistent with its class: what a cut does by itself may look alike
_SPEAK = 0.5
_MOST = 5.0  # score beyond which more says nothing


class ByLoad(Signature):
    """A cut judged by its own last seconds, where the number of teeth or the speed is unknown.

    Where both are known, a pattern once per revolution says more: there it is silent and costs nothing.

    State: that of `detectors.signatures.own_load.OwnLoad`.
    """

    long: ClassVar[bool] = False
    __slots__ = ("_load",)

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:  # noqa: ARG002
        self._load = OwnLoad(features, group)

    def why_not(self, vector: FeatureVector) -> str:
        """Say what is missing: a drive, a cut that the controller tells of, or its own reference."""
        # Where teeth are known, others look: the farthest of all reasons, so that theirs is told.
        if not self._load.drives or _teeth_are_known(vector):
            return Why.CHANNEL
        if vector.regime.cutting is None or vector.regime.inferred:
            return Why.CONTEXT
        if not vector.regime.cutting:
            return Why.NOT_CUTTING
        if not vector.steady or _speed_varies(vector):
            return Why.UNSTEADY
        return "" if self._load.known else Why.LEARNING

    def assess(self, vector: FeatureVector) -> Finding | None:
        """Say whether the load has just done what it does when such a fault happens.

        Parameters
        ----------
        vector : FeatureVector
            Short windows.

        Returns
        -------
        Finding or None
            In the window that confirms it; None else, and below a score of 0.5.
        """
        if _teeth_are_known(vector) or _speed_varies(vector):
            self._load.leave()
            return None
        found = [self._judge(i, seen) for i, seen in enumerate(self._load.take(vector)) if seen is not None]
        loud = [finding for finding in found if finding is not None and finding.score >= _SPEAK]
        return max(loud, key=lambda finding: finding.score, default=None)

    def learn(self, vector: FeatureVector, allowed: bool) -> None:
        """Nothing beside what `assess` took: a cut is its own reference."""

    def save(self) -> State:
        """Return plain numbers for `restore`."""
        return {"version": self.version, "load": self._load.save()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another left off."""
        check_version(state, self.version, self.name)
        self._load.restore(state["load"])

    @abstractmethod
    def _judge(self, i: int, seen: Step | Blow) -> Finding | None:
        """Judge what was seen of a drive; None if it is not of this class."""

    def _finding(
        self, i: int, score: float, levels: tuple[float, float], limits: tuple[float, float], onset_ns: int
    ) -> Finding:
        """Say so: levels now and before; limits from below, NaN for none, and from above."""
        drive, (now, before), (low, high) = self._load.drives[i], levels, limits
        score = min(score, _MOST)
        reason = Reason(drive.feature, now, before, low, high, drive.unit, 1.0, score)
        return Finding(self.fault, self.name, Tier.DYNAMIC, score, _CERTAINTY, (reason,), onset_ns=onset_ns)


NO_LIMIT = math.nan
"""From below, where only more counts."""


def _teeth_are_known(vector: FeatureVector) -> bool:
    """Whether a pattern of teeth can be looked for: then a level says less."""
    return bool(vector.context.rpm) and vector.context.n_teeth is not None


def _speed_varies(vector: FeatureVector) -> bool:
    """Whether the speed is known and changes by design, as in facing: the load does so, too."""
    return vector.context.rpm is not None and vector.regime.rpm is None
