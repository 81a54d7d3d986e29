"""What one spindle's sensor group has shown to be usual in one regime: the learned tier."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from detectors.base import NOTHING, Assessment, Detector, Floats, State, check_version
from detectors.calibration import Calibration, MarginLimit, held_out_scores
from detectors.drift import ScoreDrift
from detectors.registry import build
from detectors.scaling import Scaling
from engine.config import DetectorConfig
from engine.records import Feature
from engine.verdicts import Reason

N_BLOCKS = 5
"""Parts of the teach-in that are scored by a model which has not seen them."""

N_LEAST = 8
"""Vectors without which there is no telling the usual from the unusual."""


class Baseline:
    """A teach-in of ``wanted`` vectors, then a frozen model of them.

    Call `score` once for every vector, in order, and then `learn` for those that the guard lets through.
    While `learned` is less than `wanted`, scores are NaN and `learn` collects; the vector that completes the
    teach-in makes the baseline ready. After that `learn` reaches only detectors that adapt.

    State: ``wanted * n_features`` float64 while learning; then five numbers per feature and the detectors'
    own.

    Parameters
    ----------
    features : sequence of Feature
        In the order of the vectors.
    detectors : sequence of DetectorConfig
        Those meant for this kind of sensor group; the largest of their scores counts.
    wanted : int
        Vectors to learn from, 2 upwards.
    seed : int
        For detectors that draw.

    Raises
    ------
    ConfigError
        If a detector is unknown or its parameters are impossible.
    """

    version = 1

    def __init__(
        self,
        features: Sequence[Feature],
        detectors: Sequence[DetectorConfig],
        wanted: int,
        *,
        seed: int = 0,
    ) -> None:
        self.wanted = wanted
        self.learned = 0
        self._features = tuple(features)
        self._configs = tuple(detectors)
        self._seed = seed
        self._rows = np.empty((wanted, len(self._features)))
        self._finished = False
        self._scaling = Scaling(self._features)
        self._row = np.empty(0)
        self._detectors: list[Detector] = []
        self._limits: list[Calibration] = []
        self._drift = ScoreDrift()

    @property
    def ready(self) -> bool:
        """Whether it can score. False for ever if nothing in the teach-in could be learned."""
        return bool(self._detectors)

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
            With a NaN score before `ready`, and for vectors of which nothing can be judged.
        """
        if not self._detectors or not self._scaling.apply(values, self._row):
            return NOTHING
        best, highest = -1, -math.inf
        for index, (detector, limit) in enumerate(zip(self._detectors, self._limits, strict=True)):
            score = limit.score(detector.score(self._row))
            if score > highest:
                best, highest = index, score
        if best < 0:
            return NOTHING
        shares = self._detectors[best].attribute(self._row)
        top = int(self._scaling.active[int(np.argmax(shares))])
        drift = self._drift.update(highest) and highest < 1.0
        return Assessment(highest, self._detectors[best].name, top, drift=drift)

    def forget(self) -> None:
        """Drop the detectors' short memory: the regime was left since the last vector, or samples are missing."""
        for detector in self._detectors:
            detector.forget()

    def learn(self, values: Floats) -> None:
        """Collect a vector of the teach-in or, after it, let detectors that adapt follow it.

        Parameters
        ----------
        values : float64[n_features]
            In the features' units; NaN where unknown. A vector without a single value is passed over.
        """
        if self._finished:
            if self._detectors and self._scaling.apply(values, self._row):
                for detector in self._detectors:
                    detector.learn(self._row)
            return
        if not np.isfinite(values).any():
            return
        self._rows[self.learned] = values
        self.learned += 1
        if self.learned == self.wanted:
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
        if self._scaling.active.size == 0:
            return
        for index in range(len(self._configs)):
            detector = self._build(index)
            limit = self._make_limit(index, detector)
            limit.fit(held_out_scores(rows, N_BLOCKS, self._teacher(index)))
            detector.fit(rows, self._scaling.floor)
            self._detectors.append(detector)
            self._limits.append(limit)

    def reasons(self, values: Floats, assessment: Assessment, n: int = 3) -> tuple[Reason, ...]:
        """Explain the assessment of the vector that was scored last.

        Parameters
        ----------
        values : float64[n_features]
            The vector.
        assessment : Assessment
            What `score` returned for it.
        n : int
            Reasons wanted.

        Returns
        -------
        tuple of Reason
            Largest share first; empty if there is nothing to explain.
        """
        detector = next((d for d in self._detectors if d.name == assessment.detector), None)
        if detector is None or not self._scaling.apply(values, self._row):
            return ()
        shares = detector.attribute(self._row)
        found = []
        for position in np.argsort(-shares, kind="stable")[:n]:
            index = int(self._scaling.active[position])
            expected, low, high = self._scaling.usual(int(position))
            feature = self._features[index]
            value, share = float(values[index]), float(shares[position])
            found.append(Reason(feature.name, value, expected, low, high, feature.unit, share))
        return tuple(found)

    def save(self) -> State:
        """Return plain arrays and numbers for `restore`."""
        return {
            "version": self.version,
            "learned": self.learned,
            "finished": self._finished,
            "rows": self._rows[: 0 if self._finished else self.learned].copy(),
            "scaling": self._scaling.save(),
            "detectors": [detector.save() for detector in self._detectors],
            "drift": self._drift.save(),
            "limits": [limit.save() for limit in self._limits],
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
        self._finished = bool(state["finished"])
        self._rows = np.empty((0 if self._finished else self.wanted, len(self._features)))
        self._rows[: len(state["rows"])] = state["rows"]
        self._scaling.restore(state["scaling"])
        self._row = np.empty(self._scaling.active.size)
        self._drift.restore(state["drift"])
        self._detectors, self._limits = [], []
        for index, (model, saved) in enumerate(zip(state["detectors"], state["limits"], strict=True)):
            detector = self._build(index)
            detector.restore(model)
            limit = self._make_limit(index, detector)
            limit.restore(saved)
            self._detectors.append(detector)
            self._limits.append(limit)

    def _build(self, index: int) -> Detector:
        config = self._configs[index]
        path = f"$.detectors[{index}]"
        return build(config.name, config.parameters, self._scaling.active.size, self._seed, path)

    def _make_limit(self, index: int, detector: Detector) -> Calibration:
        margin = self._configs[index].margin
        return MarginLimit(detector.margin if margin is None else margin, detector.chance_limit())

    def _teacher(self, index: int) -> Callable[[Floats], Callable[[Floats], float]]:
        def teach(rows: Floats) -> Callable[[Floats], float]:
            detector = self._build(index)
            detector.fit(rows, self._scaling.floor)
            return detector.score

        return teach
