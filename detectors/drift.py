"""Whether scores have changed for good although none of them reached the limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from river import drift

from detectors.base import State, check_version

N_MEAN = 30
"""Scores averaged before the tests see them. Scores that follow one another are alike (overlapping windows,
EWMAs);
the tests assume that they are not."""
N_HISTORY = 256
"""Means after which the tests start afresh with the newer half, so that the state has a bound."""


class ScoreDrift:
    """Two tests on the mean score: ADWIN for steps, Page-Hinkley for slow rises.

    Reports once for every change found, then forgets what lies before it. A fall of the score (a machine that
    runs in) is found by ADWIN too. It takes at least ``5 * N_MEAN`` scores, 15 s at ten a second, and hours
    for a creep.

    State: ``N_HISTORY + 2`` numbers: river's own are not saved, they are taught again from the means they
    have seen.

    References
    ----------
    Bifet, Gavaldà: Learning from time-changing data with adaptive windowing, SDM 2007.
    Page: Continuous inspection schemes, Biometrika 41 (1954) 100-115.
    """

    version = 1

    def __init__(self) -> None:
        self._sum = 0.0
        self._n_summed = 0
        self._start([])

    def update(self, score: float) -> bool:
        """Take the next score.

        Parameters
        ----------
        score : float
            1.0 = limit; NaN is passed over, what lies above 2 counts as 2.

        Returns
        -------
        bool
            True at the score that shows a change.
        """
        if math.isnan(score):
            return False
        self._sum += min(score, 2.0)
        self._n_summed += 1
        if self._n_summed < N_MEAN:
            return False
        mean, self._sum, self._n_summed = self._sum / N_MEAN, 0.0, 0
        if len(self._means) == N_HISTORY:
            self._start(self._means[N_HISTORY // 2 :])
        changed = self._test(mean)
        if changed:
            self._start([])
        return changed

    def save(self) -> State:
        """Return plain values for `restore`."""
        return {
            "version": self.version,
            "sum": self._sum,
            "n_summed": self._n_summed,
            "means": np.array(self._means, dtype=np.float64),
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
        self._start(np.asarray(state["means"], dtype=np.float64).tolist())

    def _start(self, means: list[float]) -> None:
        self._means: list[float] = []
        self._adwin = drift.ADWIN(delta=0.002, clock=1, min_window_length=5, grace_period=10)
        # A rise of the mean score by 0.1 that lasts is found after 20 means; one by less than 0.05, never.
        self._page_hinkley = drift.PageHinkley(min_instances=10, delta=0.05, threshold=1.0, mode="up")
        for mean in means:
            self._test(mean)

    def _test(self, mean: float) -> bool:
        self._means.append(mean)
        self._adwin.update(mean / 2.0)  # ADWIN's bound holds for values between 0 and 1
        self._page_hinkley.update(mean)
        return bool(self._adwin.drift_detected or self._page_hinkley.drift_detected)
