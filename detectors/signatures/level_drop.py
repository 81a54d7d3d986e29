"""Tool breakage: within a cut, the tool stops taking anything."""

from __future__ import annotations

from detectors.signatures.cut_load import TAKES, tell, too_little
from detectors.signatures.cut_load_signature import SPEAK, CutLoadSignature
from engine.records import FeatureVector
from engine.verdicts import FaultClass, Finding

_N_OWN = 5  # windows of the cut that are its own reference
_N_CONFIRM = 5  # in a row: a controller says up to 0.3 s late that a cut is over, and a window is 0.2 s long


class LevelDrop(CutLoadSignature):
    """A tool that is gone: within the cut everything falls to air, although the controller says that it goes on.

    The cut is its own reference, once it takes what at least two earlier ones took. Everything in which it shows
    (tooth-passing vibration, level and load above those of air) must fall below a third of it, or below half of the
    least that earlier cuts took between their first touch and half a second before their end, if that is less: sections
    with moves in air are known by them. It must stay there for five windows, 0.6 s after the fall at most: the end of a
    cut of which the controller tells up to 0.3 s late is over by then.

    Certainty is 0.7. It misleads where the tool leaves the part unexpectedly (another part, a program cut short by
    hand), and where the controller is later than that. A tool that loses one edge goes on cutting, which is for
    `ToothAsymmetry`.

    State: that of `CutLoad`, and one cut's.

    References
    ----------
    Falling below a lower limit within the cut is how monitors sold with controls find breakage; the share is this
    project's.
    """

    name = "level_drop"
    fault = FaultClass.TOOL_BREAKAGE
    __slots__ = ()

    def assess(self, vector: FeatureVector) -> Finding | None:
        """Compare what the tool takes with what it took before, in this cut.

        Parameters
        ----------
        vector : FeatureVector
            Short windows.

        Returns
        -------
        Finding or None
            None below a score of 0.5, and until enough windows agree.
        """
        if not self._begin(vector) or self._earlier is None or self._n < _N_OWN:
            return None
        assert self._now is not None
        usual = self._earlier.usual
        took = tell(self._showing, self._mean)
        # A cut that took less than usual, by an override, may fall further; one that took more need not stay there.
        before = [min(own, earlier) for own, earlier in zip(self._mean, usual, strict=True)]
        told = self._load.telling(vector.regime, self._now, before)
        if took is None or told is None or took.share < TAKES:
            return None
        if too_little(told.share, self._earlier.limit) < SPEAK:
            self._n_little = 0
            return None
        if not self._n_little:
            self._onset_ns = vector.onset_ns
        self._n_little += 1
        if self._n_little < _N_CONFIRM:
            return None
        return self._finding(told.share, told.column, self._earlier.limit, before[told.column])
