"""What one spindle's sensor group has shown to be usual in one regime: the learned tier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detectors.base import NOTHING, Assessment, Floats, State, check_version
from detectors.between_cuts import as_other_cuts
from detectors.budget import Budget
from detectors.drift import ScoreDrift
from detectors.ensemble import N_BLOCKS, Ensemble
from detectors.quietest import Quietest
from detectors.scaling import Scaling
from engine.config import DetectorConfig, Direction, EnsembleConfig
from engine.records import Feature
from engine.verdicts import Reason

N_LEAST = 8
"""Vectors without which there is no telling the usual from the unusual."""
NAMED = 0.8
"""Score from which the feature with the largest share is looked for. Below lie most healthy vectors, and it would take
as long as the score."""
_LONG_VISIT = 5
_NO_BUDGET = Budget()
_LARGEST = EnsembleConfig()


class Baseline:
    """A teach-in of ``wanted`` vectors, then a frozen model of them whose limits go on learning.

    Call `score` once for every vector, in order, and then `learn` and `observe` if the guard lets it through. While
    `learned` is less than `wanted`, scores are NaN and `learn` collects; the vector that completes the teach-in makes
    the baseline ready. After that `learn` reaches only detectors that adapt, and `observe` the limits.

    State: ``wanted * n_features`` float64 while learning; then five numbers per feature, the detectors' own and, with a
    budget, those of a `detectors.spot.Spot` for each.

    Parameters
    ----------
    features : sequence of Feature
        In the order of the vectors.
    detectors : sequence of DetectorConfig
        Those meant for this kind of sensor group.
    wanted : int
        Vectors to learn from, 2 upwards.
    n_visits : int
        Visits of the regime to learn from, 1 upwards; at most ``wanted`` vectors of each. Between two of them stands a
        `forget`, or the time of five times ``wanted`` vectors, if a visit lasts so long. One section may hold more than
        one cut, and no two cuts are alike.
    budget : Budget
        False alerts accepted; default: none, the limits stay as the teach-in leaves them.
    ensemble : EnsembleConfig
        How several detectors' scores become one; default: the largest counts.
    direction : mapping, optional
        ``[learn] direction``.
    together : float64[n_features], optional
        How far all levels move together on a healthy machine (`detectors.between_cuts`), whatever the teach-in shows.
        Default: not known.
    most : float
        Usual deviations that a single feature may count for. Default: as many as it shows.
    quietest : Quietest, optional
        Of the sensor group, if nobody tells whether the regime is a cut: a fall to it is none. Kept by the caller.
    seed : int
        For detectors that draw.

    Raises
    ------
    ConfigError
        If a detector is unknown or its parameters are impossible.
    """

    version = 3
    __slots__ = (
        "_budget",
        "_configs",
        "_drift",
        "_ensemble",
        "_features",
        "_finished",
        "_most",
        "_n_of_visit",
        "_n_visited",
        "_n_visits",
        "_observable",
        "_quietest",
        "_row",
        "_rows",
        "_rule",
        "_scaling",
        "_seed",
        "_together",
        "learned",
        "wanted",
    )

    def __init__(
        self,
        features: Sequence[Feature],
        detectors: Sequence[DetectorConfig],
        wanted: int,
        *,
        n_visits: int = 1,
        budget: Budget = _NO_BUDGET,
        ensemble: EnsembleConfig = _LARGEST,
        direction: Mapping[str, Direction] | None = None,
        together: Floats | None = None,
        most: float = math.inf,
        quietest: Quietest | None = None,
        seed: int = 0,
    ) -> None:
        self.wanted = wanted
        self.learned = 0
        self._n_visits, self._n_visited, self._n_of_visit = n_visits, 0, 0
        self._features = tuple(features)
        self._configs, self._rule, self._budget, self._seed = tuple(detectors), ensemble, budget, seed
        self._rows = np.empty((n_visits * wanted, len(self._features)))
        self._finished = False
        self._scaling, self._together, self._most = Scaling(self._features, direction), together, most
        self._quietest = quietest
        self._row = np.empty(0)
        self._ensemble: Ensemble | None = None
        self._observable = False
        self._drift = ScoreDrift()

    @property
    def ready(self) -> bool:
        """Whether it can score. False for ever if nothing in the teach-in could be learned."""
        return self._ensemble is not None

    @property
    def complete(self) -> bool:
        """Whether the teach-in is over."""
        return self._finished

    def score(self, values: Floats) -> Assessment:
        """Say how far a vector is from what was learned; learns nothing.

        Parameters
        ----------
        values : float64[n_features]
            In the features' units; NaN where unknown.

        Returns
        -------
        Assessment
            With a NaN score before `ready`, and for vectors of which nothing can be judged. ``top`` is -1 below
            `NAMED`.
        """
        ensemble = self._ensemble
        if ensemble is None or not self._standardise(values):
            return NOTHING
        score = ensemble.score(self._row)
        if score != score:
            return NOTHING
        self._observable = True
        top = -1
        if score >= NAMED:
            top = int(self._scaling.active[int(np.argmax(ensemble.shares(self._row)))])
        drift = self._drift.update(ensemble.unmoved()) and score < 1.0
        return Assessment(score, ensemble.name, top, drift=drift)

    def forget(self) -> None:
        """Drop the detectors' short memory: the regime was left since the last vector, or samples are missing."""
        self._n_of_visit = 0
        if self._ensemble is not None:
            self._ensemble.forget()

    def observe(self) -> None:
        """Let the limits learn how high healthy scores get, from the vector scored last.

        Call it if `detectors.guard.may_observe`. The vector that opens an episode belongs to it; the limits themselves
        see to it that an episode counts once and no higher than the limit. A vector that could not be scored, or was
        observed already, is passed over.
        """
        if self._ensemble is not None and self._observable:
            self._ensemble.observe()
        self._observable = False

    def learn(self, values: Floats) -> None:
        """Collect a vector of the teach-in or, after it, let detectors that adapt follow it.

        Parameters
        ----------
        values : float64[n_features]
            In the features' units; NaN where unknown. A vector without a single value is passed over.
        """
        if self._finished:
            ensemble = self._ensemble
            if ensemble is not None and ensemble.adapts and self._standardise(values):
                ensemble.learn(self._row)
            return
        if not np.isfinite(values).any():
            return
        if self._n_of_visit >= self.wanted:
            self._n_of_visit = (self._n_of_visit + 1) % (_LONG_VISIT * self.wanted)
            return
        self._n_visited += self._n_of_visit == 0 and self._n_visited < self._n_visits
        self._rows[self.learned] = values
        self.learned += 1
        self._n_of_visit += 1
        if self._n_visited == self._n_visits and self.learned >= self.wanted:
            self._finish_when_seen()

    def _finish_when_seen(self) -> None:
        """End the teach-in once its last visit has given a few vectors, too."""
        if self._n_of_visit >= min(N_LEAST, self.wanted) or self.learned == len(self._rows):
            self.finish()

    def finish(self) -> None:
        """End the teach-in now, with what there is.

        With fewer than `N_LEAST` vectors, or none that varies, the baseline never gets ready.
        """
        if self._finished:
            return
        self._finished = True
        rows = self._rows[: self.learned]
        self._rows = np.empty((0, len(self._features)))
        if rows.shape[0] < N_LEAST:
            return
        rows = self._scaling.fit(rows, N_BLOCKS)
        self._row = np.empty(self._scaling.active.size)
        if self._scaling.active.size and self._configs:
            self._ensemble = self._make_ensemble()
            self._ensemble.fit(self._varied(rows), self._scaling.floor)

    def attribution(self, values: Floats, assessment: Assessment) -> tuple[Reason, ...]:
        """Divide the score of the vector that was scored last among all features that count.

        Parameters
        ----------
        values : float64[n_features]
            The vector.
        assessment : Assessment
            What `score` returned for it.

        Returns
        -------
        tuple of Reason
            Largest share first; ``contribution`` sums to the score. A feature that could not be judged may have a
            share, if the detector remembers what it said before. Empty if nothing was said.
        """
        ensemble = self._ensemble
        if ensemble is None or not assessment.detector or not self._standardise(values):
            return ()
        shares = ensemble.shares(self._row)
        found = []
        for position in np.argsort(-shares, kind="stable"):
            index = int(self._scaling.active[position])
            expected, low, high = self._scaling.usual(int(position))
            feature, share = self._features[index], float(shares[position])
            found.append(
                Reason(
                    feature=feature.name,
                    value=float(values[index]),
                    expected=expected,
                    low=low,
                    high=high,
                    unit=feature.unit,
                    share=share,
                    contribution=share * assessment.score,
                )
            )
        return tuple(found)

    def reasons(self, values: Floats, assessment: Assessment, n: int = 3) -> tuple[Reason, ...]:
        """Explain the assessment of the vector that was scored last by the largest parts of its `attribution`."""
        return self.attribution(values, assessment)[:n]

    def save(self) -> State:
        """Return plain arrays and numbers for `restore`."""
        return {
            "version": self.version,
            "learned": self.learned,
            "visits": (self._n_visited, self._n_of_visit),
            "finished": self._finished,
            "rows": self._rows[: 0 if self._finished else self.learned].copy(),
            "scaling": self._scaling.save(),
            "observable": self._observable,
            "ensemble": {} if self._ensemble is None else self._ensemble.save(),
            "drift": self._drift.save(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another baseline of the same features and detectors stopped.

        Raises
        ------
        ValueError
            If the state is of another version or does not fit the features.
        """
        check_version(state, self.version, "baseline")
        self.learned = int(state["learned"])
        self._n_visited, self._n_of_visit = map(int, state["visits"])
        self._finished = bool(state["finished"])
        self._observable = bool(state["observable"])
        n_rows = 0 if self._finished else self._n_visits * self.wanted
        self._rows = np.empty((n_rows, len(self._features)))
        self._rows[: len(state["rows"])] = state["rows"]
        self._scaling.restore(state["scaling"])
        self._row = np.empty(self._scaling.active.size)
        self._drift.restore(state["drift"])
        self._ensemble = None
        if state["ensemble"]:
            self._ensemble = self._make_ensemble()
            self._ensemble.restore(state["ensemble"])

    def _standardise(self, values: Floats) -> int:
        """Standardise a vector; return how many of its features can be judged."""
        n_known = self._scaling.apply(values, self._row)
        if self._quietest is not None:
            self._quietest.excuse(self._row, self._scaling)
        if self._most < math.inf:
            np.clip(self._row, -self._most, self._most, out=self._row)
        return n_known

    def _varied(self, rows: Floats) -> Floats:
        """Add the teach-in as it would have been in other cuts, if it is known how these differ."""
        if self._together is None:
            return rows
        return as_other_cuts(rows, self._scaling.standardised(self._together), self._scaling.floor)

    def _make_ensemble(self) -> Ensemble:
        return Ensemble(self._configs, self._rule, self._budget, self._scaling.active.size, self._seed)
