"""Tool breakage: within a steady cut, the load steps to another level and stays there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.base import State, check_version
from detectors.signatures.base import Signature
from detectors.signatures.cut_load import SHOWS_MEAN
from detectors.signatures.own_load import OwnLoad, Step
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector
from engine.verdicts import FaultClass, Finding, Reason, Tier, Why

# Share of the cut's own load, that above air, by which it must change. Less than half of what a tool with two edges
# loses with one, and of what the edge that follows takes on top.
_DOWN, _UP = 0.3, 0.5
_AIR = 0.15  # share of it that must be left: a tool that takes less has left the material
_CERTAINTY = 0.5
_SPEAK = 0.5
_MOST = 5.0


class LoadStep(Signature):
    """A broken tool by its load alone, where no pattern of teeth can be seen: their number or the speed is unknown.

    An edge that breaks out changes what the tool takes within a revolution, and for good: the load falls, for a part
    of the material is left standing, or rises, for the next edge takes it too, or rubs. The reference is the cut
    itself, two seconds of it that end 0.4 s ago. The load, counted from air, must fall by three tenths or rise by
    half; that must be six times the scatter of the cut's windows and twice as far as any of them was; it must last
    for three windows, a rise for six, and have settled. What moves by itself, as in facing at growing speed, has a
    wide scatter and is not judged. Before, the drive must have given 15 % more than in air, so that a tool that
    touches the material is none; after a fall, as much as a seventh of its own load must be left, for a tool that
    leaves the material early is none either. A feed that the controller tells of begins a reference anew.

    Certainty is 0.5. It misleads where the cut changes by itself, at a shoulder, a slot, another depth: a monitor that
    knows neither teeth nor sections cannot tell them apart. It is silent where the number of teeth and the speed are
    known, for there `ToothAsymmetry` sees more, and where no level of air was seen.

    State: that of `OwnLoad`, three scores.

    References
    ----------
    Dynamic limits that follow the cut are how monitors sold with controls find breakage by the spindle's power; see
    Byrne et al., "Tool condition monitoring (TCM): the status of research and industrial application", CIRP Annals
    44/2 (1995). The shares are this project's.
    """

    name = "load_step"
    fault = FaultClass.TOOL_BREAKAGE
    long = False
    __slots__ = ("_load",)

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:  # noqa: ARG002
        self._load = OwnLoad(features, group)

    def why_not(self, vector: FeatureVector) -> str:
        """Say what is missing: a drive, a cut that the controller tells of, or its own reference."""
        return why_not_by_load(vector, self._load)

    def assess(self, vector: FeatureVector) -> Finding | None:
        """Say whether the load has stepped to another level.

        Parameters
        ----------
        vector : FeatureVector
            Short windows.

        Returns
        -------
        Finding or None
            In the window that confirms a step; None else, and below a score of 0.5.
        """
        if teeth_are_known(vector) or speed_varies(vector):
            self._load.leave()
            return None
        steps = self._load.take(vector)
        found = [
            finding
            for i, step in enumerate(steps)
            if isinstance(step, Step) and (finding := self._judge(i, step)) is not None
        ]
        return max(found, key=lambda finding: finding.score, default=None)

    def learn(self, vector: FeatureVector, allowed: bool) -> None:
        """Nothing beside what `assess` took: a cut is its own reference."""

    def save(self) -> State:
        """Return plain numbers for `restore`."""
        return {"version": self.version, "load": self._load.save()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another left off."""
        check_version(state, self.version, self.name)
        self._load.restore(state["load"])

    def _judge(self, i: int, step: Step) -> Finding | None:
        """A breakage, if it was a cut before, is still one, and takes so much less or more."""
        air = self._load.air(i)
        own = step.before - air
        if not (
            0.0 < SHOWS_MEAN * air <= step.before and step.now - air >= _AIR * own
        ):  # also true for a NaN
            return None
        limit = max((_UP if step.now > step.before else _DOWN) * own, step.by_chance)
        score = min(step.least / limit, _MOST)
        if score < _SPEAK:
            return None
        drive = self._load.drives[i]
        low, high = step.before - limit, step.before + limit
        reason = Reason(drive.feature, step.now, step.before, low, high, drive.unit, 1.0, score)
        return Finding(
            self.fault, self.name, Tier.DYNAMIC, score, _CERTAINTY, (reason,), onset_ns=step.onset_ns
        )


def teeth_are_known(vector: FeatureVector) -> bool:
    """Whether a pattern of teeth can be looked for: then a level says less."""
    return bool(vector.context.rpm) and vector.context.n_teeth is not None


def speed_varies(vector: FeatureVector) -> bool:
    """Whether the speed is known and changes by design, as in facing: the load does so, too."""
    return vector.context.rpm is not None and vector.regime.rpm is None


def why_not_by_load(vector: FeatureVector, load: OwnLoad) -> str:
    """Say why a cut cannot be judged by the level of its load alone.

    Parameters
    ----------
    vector : FeatureVector
        The next one.
    load : OwnLoad
        Has followed those before it.

    Returns
    -------
    str
        A value of `engine.verdicts.Why`; empty if it can.
    """
    # Where teeth are known, others look: the farthest of all reasons, so that theirs is told.
    if not load.drives or teeth_are_known(vector):
        return Why.CHANNEL
    if vector.regime.cutting is None or vector.regime.inferred:
        return Why.CONTEXT
    if not vector.regime.cutting:
        return Why.NOT_CUTTING
    if not vector.steady or speed_varies(vector):
        return Why.UNSTEADY
    return "" if load.known else Why.LEARNING
