"""Collision: within a cut, a drive is pushed far beyond any cut, and is back within half a second."""

from __future__ import annotations

from detectors.signatures.by_load import NO_LIMIT, ByLoad
from detectors.signatures.own_load import Blow, Step
from engine.verdicts import FaultClass, Finding

# Of the level before, on top, over a whole window: a drive that is pushed gives twice its load and more, for a tenth
# of a second. A healthy plunge into a groove, on a lathe, gave 0.5 in the current and 0.8 in the power.
_RISE = 0.85


class LoadBlow(ByLoad):
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
    __slots__ = ()

    def _judge(self, i: int, seen: Step | Blow) -> Finding | None:
        if not isinstance(seen, Blow) or not seen.before > 0.0:
            return None
        score = (seen.highest / seen.before - 1.0) / _RISE
        limits = NO_LIMIT, (1.0 + _RISE) * seen.before
        return self._finding(i, score, (seen.highest, seen.before), limits, seen.onset_ns)
