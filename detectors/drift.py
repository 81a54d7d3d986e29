"""Whether scores have changed for good although none of them reached the limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from detectors.base import State, check_version

N_MEAN = 30
"""Scores averaged before the test sees them. Scores that follow one another are alike (overlapping windows, EWMAs);
the test assumes that they are not."""
HIGHEST = 2.0
"""What lies above counts as this much: one wild score is an exceedance, not a drift."""


@dataclass(slots=True)
class PageHinkley:
    """Whether the mean of a stream has risen or fallen for good: two cumulative sums against the mean so far.

    A change of mean by less than ``delta`` is never found, one by ``step`` after about ``threshold / (step - delta)``
    values. The mean so far contains the change as well, so a creep that takes as long as everything before it
    goes unseen.

    State: the six numbers below its parameters.

    Parameters
    ----------
    delta : float
        Deviation from the mean that may last for ever, in the stream's unit.
    threshold : float
        Sum of deviations beyond ``delta`` that is a change.
    n_least : int
        Values without which nothing is said.

    Attributes
    ----------
    n, mean : int, float
        Values so far, and their mean.
    rise, lowest : float
        Sum of ``value - mean - delta``, and the least it has been.
    fall, highest : float
        Sum of ``value - mean + delta``, and the most it has been.

    References
    ----------
    Page: Continuous inspection schemes, Biometrika 41 (1954) 100-115.
    Hinkley: Inference about the change-point from cumulative sum tests, Biometrika 58 (1971) 509-523.

    Examples
    --------
    >>> test = PageHinkley(delta=0.1, threshold=2.0, n_least=3)
    >>> [test.update(value) for value in (1.0, 1.0, 1.0, 1.0, 3.0, 3.0)]
    [False, False, False, False, False, True]
    """

    delta: float
    threshold: float
    n_least: int
    n: int = 0
    mean: float = 0.0
    rise: float = 0.0
    lowest: float = math.inf
    fall: float = 0.0
    highest: float = -math.inf

    def update(self, value: float) -> bool:
        """Take the next value; say whether the mean has changed since the first one.

        Parameters
        ----------
        value : float
            Finite.

        Returns
        -------
        bool
            True also for every later value while the sums stand above the threshold: start afresh after it.
        """
        self.n += 1
        self.mean += (value - self.mean) / self.n
        deviation = value - self.mean
        self.rise += deviation - self.delta
        self.fall += deviation + self.delta
        self.lowest = min(self.lowest, self.rise)
        self.highest = max(self.highest, self.fall)
        largest = max(self.rise - self.lowest, self.highest - self.fall)
        return self.n >= self.n_least and largest > self.threshold


class ScoreDrift:
    """Page-Hinkley on the mean score, in both directions: a fall is a machine that has run in, or a sensor come loose.

    Reports once for every change found, then forgets what lies before it. A mean score that moves by 0.1 is found
    after some 20 means, a minute at ten scores a second; one that moves by less than 0.05, never.

    State: ten numbers.
    """

    version = 2
    __slots__ = ("_n_summed", "_sum", "_test")

    def __init__(self) -> None:
        self._sum = 0.0
        self._n_summed = 0
        self._test = _fresh()

    def update(self, score: float) -> bool:
        """Take the next score.

        Parameters
        ----------
        score : float
            1.0 = limit; NaN is passed over, what lies above `HIGHEST` counts as that.

        Returns
        -------
        bool
            True at the score that shows a change.
        """
        if math.isnan(score):
            return False
        self._sum += min(score, HIGHEST)
        self._n_summed += 1
        if self._n_summed < N_MEAN:
            return False
        mean, self._sum, self._n_summed = self._sum / N_MEAN, 0.0, 0
        changed = self._test.update(mean)
        if changed:
            self._test = _fresh()
        return changed

    def save(self) -> State:
        """Return plain values for `restore`."""
        return {
            "version": self.version,
            "sum": self._sum,
            "n_summed": self._n_summed,
            "test": asdict(self._test),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a saved state.

        Raises
        ------
        ValueError
            If the state is of another version.
        """
        check_version(state, self.version, "drift")
        self._sum, self._n_summed = float(state["sum"]), int(state["n_summed"])
        self._test = PageHinkley(**state["test"])


def _fresh() -> PageHinkley:
    return PageHinkley(delta=0.05, threshold=1.0, n_least=10)
