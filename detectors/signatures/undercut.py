"""Missing tool: from its beginning, a cut takes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from detectors.base import State
from detectors.signatures.cut_load import TAKES, tell, too_little
from detectors.signatures.cut_load_signature import SPEAK, CutLoadSignature
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector
from engine.verdicts import FaultClass, Finding

_N_CONFIRM = 6  # windows in a row


class Undercut(CutLoadSignature):
    """A tool that is missing, too short or not where it should be: the controller says cutting, nothing is cut.

    From the cut's beginning, everything in which cuts of this tool, section and speed show (tooth-passing vibration,
    level and load above those of air) stays below a third of what many earlier ones took, less while they are few, two
    at least; or below half of
    the least that any of them took, if that is less, as where the section has moves in air. It must do so for 0.6 s,
    and for twice as long as earlier cuts were late to touch: about a second after the entry.

    Certainty is 0.7. It misleads where the part is missing, or another part is on the table: that is told as a missing
    tool, too. It is silent where nobody but the loads says that the tool cuts, and while the feed is held.

    State: that of `CutLoad`, and one cut's.

    References
    ----------
    A lower limit during the cut stands for missing tools in monitors sold with controls; the share is this project's.
    """

    name = "undercut"
    fault = FaultClass.MISSING_TOOL
    __slots__ = ("_taken",)

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:
        self._taken = False
        super().__init__(features, group, config)

    def assess(self, vector: FeatureVector) -> Finding | None:
        """Compare what the cut takes with what earlier ones took.

        Parameters
        ----------
        vector : FeatureVector
            Short windows.

        Returns
        -------
        Finding or None
            None once the cut has taken anything, and until enough windows agree.
        """
        if vector.regime != self._key:
            self._taken = False
        if not self._begin(vector) or self._earlier is None or self._taken:
            return None
        assert self._now is not None
        told = tell(self._showing, self._now)
        if told is None:
            return None
        if told.share >= TAKES:
            self._taken = True
        if too_little(told.share, self._earlier.limit) < SPEAK:
            self._n_little = 0
            return None
        if not self._n_little:
            self._onset_ns = vector.onset_ns
        self._n_little += 1
        if self._n_little < _N_CONFIRM + 2 * self._earlier.n_late:
            return None
        return self._finding(told.share, told.column, self._earlier.limit, self._earlier.usual[told.column])

    def save(self) -> State:
        """Return plain numbers for `restore`."""
        return {**super().save(), "taken": self._taken}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another left off."""
        super().restore(state)
        self._taken = state["taken"]
