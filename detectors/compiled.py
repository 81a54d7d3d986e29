"""What the detectors have in common whose rows one kernel scores."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import Detector, Floats, Parameters, State, check_version, to_shares

LEAST = 1e-9
"""Smallest spread that is divided by, in usual deviations: where neither the teach-in nor the floor gives one."""


class CompiledDetector(Detector):
    """A detector made of one kernel over rows and of the arrays that it works on.

    A single row is a batch of one, so `score`, `score_rows` and `score_learn` agree to the last bit because they run
    the same code. The row is copied into an array that the detector owns; scoring allocates nothing.

    State: the arrays named in ``kept``, and the number of features.
    """

    kept: ClassVar[tuple[str, ...]]
    """Attributes that are saved: float64 arrays, changed in place."""

    def __init__(self, parameters: Parameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._ready = False
        self._row = np.empty((1, n_features))
        self._only = np.empty(1)
        self._not_learned = np.zeros(1, dtype=np.bool_)
        self._learned = np.ones(1, dtype=np.bool_)
        self._adaptation = 0.0

    @property
    def ready(self) -> bool:  # noqa: D102
        return self._ready

    @property
    def adapts(self) -> bool:  # noqa: D102
        return self._adaptation > 0.0

    def score(self, values: Floats) -> float:  # noqa: D102
        if not self._ready:
            return math.nan
        self._row[0] = values
        self._run(self._row, self._not_learned, self._only)
        return self._only.item()

    def score_rows(self, rows: Floats) -> Floats:  # noqa: D102
        return self.score_learn(rows, np.zeros(rows.shape[0], dtype=np.bool_))

    def score_learn(self, rows: Floats, learnable: NDArray[np.bool_]) -> Floats:  # noqa: D102
        scores = np.full(rows.shape[0], np.nan)
        if self._ready:
            # Kernels take writable rows, although they write none: Numba finds that signature in half the time.
            self._run(np.require(rows, np.float64, ["C", "W"]), learnable, scores)
        return scores

    def learn(self, values: Floats) -> None:  # noqa: D102
        if self._ready and self._adaptation > 0.0:
            # Scores it once more: those that adapt have no short memory that it could move.
            self._row[0] = values
            self._run(self._row, self._learned, self._only)

    def attribute(self, values: Floats) -> Floats:  # noqa: D102
        if not self._ready or not np.isfinite(values).any():
            return np.full(self.n_features, np.nan)
        return to_shares(self._parts(values))

    def save(self) -> State:  # noqa: D102
        arrays = {name: getattr(self, f"_{name}").copy() for name in self.kept}
        return {"version": self.version, "n_features": self.n_features, "ready": self._ready, **arrays}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: D102
        check_version(state, self.version, self.name)
        if state["n_features"] != self.n_features:
            raise ValueError(
                f"{self.name}: got a state of {state['n_features']} features, wanted {self.n_features}"
            )
        for name in self.kept:
            setattr(self, f"_{name}", np.array(state[name], dtype=np.float64))
        self._ready = bool(state["ready"])

    @abstractmethod
    def _run(self, rows: Floats, learnable: NDArray[np.bool_], scores: Floats) -> None:
        """Score rows in order into ``scores``; after each that is learnable, learn it if the detector adapts."""

    @abstractmethod
    def _parts(self, values: Floats) -> Floats:
        """Each feature's part of the raw score, in any unit; NaN or negative where it has none."""
