"""Sequential test for a bearing's lines: evidence of successive windows adds up until chance is ruled out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

NAMES = ("outer_race", "inner_race", "rolling_element")
UNNAMED = "element_not_identifiable"
N_LINES = len(NAMES)

FEATURES = ("bpfo_evidence", "bpfi_evidence", "bsf_evidence")
"""Of a channel, in the order of `NAMES`."""

# Evidence of noise is at most exponentially distributed with a mean of 1. What is waited for in the air is a mean of 4;
# in a cut, where much else is modulated, of 8.
_MEAN_IN_AIR, _MEAN_IN_CUT = 4.0, 8.0
# Of the log-likelihood ratio: gain per nat, and what a window costs; in the air and in a cut.
_RATIO = [(1.0 - 1.0 / mean, math.log(mean)) for mean in (_MEAN_IN_AIR, _MEAN_IN_CUT)]
# More of one window is worth no more: a single window never confirms.
_MOST = 15.0
# One false alert in a hundred years: four independent windows a second, three lines, two sums: ln(8e10) = 25.1.
_CONFIRMED = 25.0
# Half as much again is remembered: a mended bearing is believed after 15 calm windows in the air.
_REMEMBERED = 1.5 * _CONFIRMED
# A window in the air at another speed that shows nothing speaks a little against what was found at this one.
_DOUBT = 0.1 * _RATIO[False][1]

# An element is named if its mean evidence is so large, and so many times that of any other.
_NAMED = 5.0
_CLEARLY = 2.0
_WEIGHT = 0.25  # of the newest window in the mean: about one second


class Lines:
    """What the lines of one channel's bearing have shown at comparable speed, in the air or in a cut.

    Page's cumulative sum of log-likelihood ratios: evidence as of noise (exponential, mean 1) against evidence as of a
    damage (exponential, larger mean). A sum of h is reached by chance once in e^h independent windows or less often;
    windows that overlap by half are independent, for their taper lets go of what they share.

    State: six numbers and a time.

    References
    ----------
    E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954). G. Lorden, "Procedures for reacting to a change
    in distribution", Annals of Mathematical Statistics 42 (1971): the bound on false alerts.
    """

    __slots__ = ("means", "onset_ns", "sums")

    def __init__(self) -> None:
        self.sums = [0.0] * N_LINES
        self.means = [0.0] * N_LINES
        self.onset_ns = 0

    @property
    def score(self) -> float:
        """1.0 = confirmed; at most 1.5."""
        return max(self.sums) / _CONFIRMED

    @property
    def strongest(self) -> int:
        """The line with the largest mean evidence."""
        return max(range(N_LINES), key=self.means.__getitem__)

    @property
    def element(self) -> str:
        """The damaged element, if one line is confirmed, strong, and clearly stronger than the others."""
        line = self.strongest
        others = max(mean for other, mean in enumerate(self.means) if other != line)
        clear = self.means[line] >= max(_NAMED, _CLEARLY * others)
        return NAMES[line] if clear and self.sums[line] >= _CONFIRMED else UNNAMED

    def update(self, evidence: Sequence[float], cutting: bool, onset_ns: int) -> None:
        """Take a window's evidence.

        Parameters
        ----------
        evidence : sequence of float
            Nats, for the lines of `NAMES`; NaN where it cannot be said.
        cutting : bool
            Whether it is of a cut.
        onset_ns : int
            Start of what is new in it.
        """
        sums, means = self.sums, self.means
        if not any(sums):
            self.onset_ns = onset_ns
        gain, cost = _RATIO[cutting]
        for line, found in enumerate(evidence):
            if found == found:
                total = sums[line] + gain * (found if found < _MOST else _MOST) - cost
                sums[line] = 0.0 if total < 0.0 else total if total < _REMEMBERED else _REMEMBERED
                means[line] += _WEIGHT * (found - means[line])

    def doubt(self) -> None:
        """Hear that a window in the air at another speed showed nothing."""
        self.sums = [max(total - _DOUBT, 0.0) for total in self.sums]

    def save(self) -> tuple[Any, ...]:
        """State for recovery."""
        return list(self.sums), list(self.means), self.onset_ns

    @classmethod
    def restored(cls, state: tuple[Any, ...]) -> Lines:
        """Go on from `save`."""
        lines = cls()
        sums, means, lines.onset_ns = state
        lines.sums, lines.means = list(sums), list(means)
        return lines


def certainty(detail: str, cutting: bool) -> float:
    """How specific lines are: an element in the air is unmistakable.

    Parameters
    ----------
    detail : str
        Of `Lines.element`.
    cutting : bool
        Whether they were found in a cut.

    Returns
    -------
    float
        As in `engine.verdicts.Finding.certainty`.
    """
    if detail == UNNAMED:
        return 0.7
    return 0.8 if cutting else 0.9
