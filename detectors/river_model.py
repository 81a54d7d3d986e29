"""What the detectors made of river models have in common: how they are taught, frozen, saved and restored."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from detectors.base import Detector, Floats, Parameters, State, check_rows, check_version


class RiverModel(Detector):
    """A river model that is taught row by row and then frozen.

    River's models are pickled or not saved at all, and their pickles do not survive a minor version. A frozen
    model, though, is a function of its seed and its teach-in; so the state is the teach-in, and restoring
    teaches again. The model gets Python floats (river is a quarter slower on NumPy's) and never a NaN (one
    NaN blinds most of river's statistics for ever).

    State: ``(n_rows + 1) * n_features`` float64: the teach-in and its floor.
    """

    def __init__(self, parameters: Parameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._rows = np.empty((0, n_features))
        self._floor = np.zeros(n_features)

    @property
    def ready(self) -> bool:  # noqa: D102
        return self._rows.shape[0] > 0

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: D102
        self._floor = np.array(floor, dtype=np.float64)
        self._rows = check_rows(rows, self.n_features).copy()
        self._teach(self._rows)

    def score(self, values: Floats) -> float:  # noqa: D102
        if not self.ready or not np.isfinite(values).any():
            return math.nan
        return self._strangeness(values)

    def save(self) -> State:  # noqa: D102
        return {"version": self.version, "rows": self._rows.copy(), "floor": self._floor.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: D102
        check_version(state, self.version, self.name)
        rows = np.array(state["rows"], dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.n_features:
            raise ValueError(f"{self.name}: got a state of shape {rows.shape}, wanted (n, {self.n_features})")
        self._rows = rows
        self._floor = np.array(state["floor"], dtype=np.float64)
        if self.ready:
            self._teach(rows)

    @abstractmethod
    def _teach(self, rows: Floats) -> None:
        """Make a fresh model and teach it."""

    @abstractmethod
    def _strangeness(self, values: Floats) -> float:
        """Raw score of a row of which at least one value is finite; NaN if none of those can be judged."""
