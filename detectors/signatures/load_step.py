"""Tool breakage: within a steady cut, the load steps to another level and stays there."""

from __future__ import annotations

from detectors.signatures.by_load import ByLoad
from detectors.signatures.cut_load import SHOWS_MEAN
from detectors.signatures.own_load import Blow, Step
from engine.verdicts import FaultClass, Finding

# Share of the cut's own load, that above air, by which it must change. Less than half of what a tool with two edges
# loses with one, and of what the edge that follows takes on top.
_DOWN, _UP = 0.3, 0.5
_AIR = 0.15  # share of it that must be left: a tool that takes less has left the material


class LoadStep(ByLoad):
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
    __slots__ = ()

    def _judge(self, i: int, seen: Step | Blow) -> Finding | None:
        """A breakage, if it was a cut before, is still one, and takes so much less or more."""
        if not isinstance(seen, Step):
            return None
        air = self._load.air(i)
        own = seen.before - air
        # Also false for a NaN.
        cuts = 0.0 < SHOWS_MEAN * air <= seen.before and seen.now - air >= _AIR * own
        if not cuts:
            return None
        limit = max((_UP if seen.now > seen.before else _DOWN) * own, seen.by_chance)
        limits = seen.before - limit, seen.before + limit
        return self._finding(i, seen.least / limit, (seen.now, seen.before), limits, seen.onset_ns)
