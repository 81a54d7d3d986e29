"""Collision: within a cut, a drive is pushed far beyond any cut, and is back within half a second."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from detectors.base import State, check_version
from detectors.signatures.base import Signature
from detectors.signatures.load_step import speed_varies, teeth_are_known, why_not_by_load
from detectors.signatures.own_load import Blow, OwnLoad
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector
from engine.verdicts import FaultClass, Finding, Reason, Tier

# Of the level before, on top, over a whole window: a drive that is pushed gives twice its load and more, for a tenth
# of a second. A healthy plunge into a groove, on a lathe, gave 0.5 in the current and 0.8 in the power.
_RISE = 0.85
_CERTAINTY = 0.5
_SPEAK = 0.5
_MOST = 5.0


class LoadBlow(Signature):
    """A collision by the load alone, where the highest current of the drive says nothing.

    `Shock` asks for nearly as much as a drive gives when it accelerates, for it must hold while nothing is known.
    Within a steady cut at a steady speed more is known: the cut's own last two seconds. A blow is a load that rises
    by 85 % of all that the drive gave, idling included, over a whole window, and is back where it was within half a
    second: a control that stops the feed at its limit, a part that gives way. A tool that meets more material stays
    in it for longer, a drive that accelerates takes longer, too.

    Certainty is 0.5, and it comes half a second after the onset. It misleads where a tool meets a narrow web, a
    groove or a weld that loads it so much for less than half a second; it is silent where the number of teeth and the
    speed are known, and after a blow that stops the spindle, which is another regime.

    State: that of `OwnLoad`.

    References
    ----------
    That a drive gives about twice its rating for short, and that its control's lag-error limit stops the feed within a
    tenth of a second, is common to machine tools; the shares are this project's.
    """

    name = "load_blow"
    fault = FaultClass.COLLISION
    long = False
    __slots__ = ("_load",)

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:  # noqa: ARG002
        self._load = OwnLoad(features, group)

    def why_not(self, vector: FeatureVector) -> str:
        """Say what is missing: a drive, a cut that the controller tells of, or its own reference."""
        return why_not_by_load(vector, self._load)

    def assess(self, vector: FeatureVector) -> Finding | None:
        """Say whether a blow is over.

        Parameters
        ----------
        vector : FeatureVector
            Short windows.

        Returns
        -------
        Finding or None
            In the first window that is usual again; None else, and below a score of 0.5.
        """
        if teeth_are_known(vector) or speed_varies(vector):
            self._load.leave()
            return None
        found = self._load.take(vector)
        blows = [self._judge(i, blow) for i, blow in enumerate(found) if isinstance(blow, Blow)]
        return max(
            (finding for finding in blows if finding is not None and finding.score >= _SPEAK),
            key=lambda finding: finding.score,
            default=None,
        )

    def learn(self, vector: FeatureVector, allowed: bool) -> None:
        """Nothing beside what `assess` took: a cut is its own reference."""

    def save(self) -> State:
        """Return plain numbers for `restore`."""
        return {"version": self.version, "load": self._load.save()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another left off."""
        check_version(state, self.version, self.name)
        self._load.restore(state["load"])

    def _judge(self, i: int, blow: Blow) -> Finding | None:
        if not blow.before > 0.0:
            return None
        high = (1.0 + _RISE) * blow.before
        score = min((blow.highest / blow.before - 1.0) / _RISE, _MOST)
        drive = self._load.drives[i]
        reason = Reason(drive.feature, blow.highest, blow.before, math.nan, high, drive.unit, 1.0, score)
        return Finding(
            self.fault, self.name, Tier.DYNAMIC, score, _CERTAINTY, (reason,), onset_ns=blow.onset_ns
        )
