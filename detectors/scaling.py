"""From features in their own units to standardised rows, and back for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from detectors.base import Floats, State, check_version
from detectors.kernels import standardise
from engine.records import Feature

LOG_FLOOR = 0.05
"""Smallest usual deviation of a logarithmic feature: 5 %, about what remounting an accelerometer changes."""
RELATIVE_FLOOR = 0.002
"""Smallest usual deviation of any other feature, relative to its mean: finer than the sensors of a shop agree."""
USUAL_BAND = 3.0
"""Half width, in usual deviations, of the range that is shown to people as normal, at least."""


class Scaling:
    """What is usual for each feature by itself: centre and spread, learned from a teach-in.

    Features that never varied, or could not be judged in more than half of the teach-in, are left out: there
    is nothing to compare with. State: five float64 per feature.

    Parameters
    ----------
    features : sequence of Feature
        In the order of the vectors.
    """

    version = 1

    def __init__(self, features: Sequence[Feature]) -> None:
        self._logarithmic = np.array([feature.log for feature in features], dtype=np.bool_)
        self.active = np.empty(0, dtype=np.int64)
        self.centre = np.empty(0)
        self.scale = np.empty(0)
        self.band = np.empty(0)

    def fit(self, vectors: Floats) -> Floats:
        """Learn centre and spread; return the teach-in standardised by them.

        Parameters
        ----------
        vectors : float64[n_rows, n_features]
            In the features' units; NaN where unknown.

        Returns
        -------
        float64[n_rows, n_active]
            Finite: what is unknown in a row of the teach-in counts as usual there.
        """
        logs = self._transform(vectors)
        known = np.isfinite(logs)
        logs[~known] = np.nan
        enough = known.sum(axis=0) > max(2, vectors.shape[0] // 2)
        spread = np.full(logs.shape[1], 0.0)
        spread[enough] = np.nanstd(logs[:, enough], axis=0, ddof=1)
        centre = np.full(logs.shape[1], np.nan)
        centre[enough] = np.nanmean(logs[:, enough], axis=0)
        # Rounding leaves a constant feature a spread of a few ulp: that is still constant.
        constant = spread <= 1e-9 * np.maximum(np.abs(centre), 1.0) * np.where(self._logarithmic, 1.0, 0.0)
        constant |= spread <= 1e-12 * np.abs(centre)
        self.active = np.flatnonzero(enough & ~constant & (spread > 0.0)).astype(np.int64)
        self.centre = centre[self.active]
        floor = np.where(self._logarithmic[self.active], LOG_FLOOR, RELATIVE_FLOOR * np.abs(self.centre))
        self.scale = np.maximum(spread[self.active], floor)
        rows = (logs[:, self.active] - self.centre) / self.scale
        rows[~np.isfinite(rows)] = 0.0
        widest = np.max(np.abs(rows), axis=0, initial=0.0)
        self.band = np.maximum(USUAL_BAND, widest)
        return np.ascontiguousarray(rows)

    def apply(self, values: Floats, out: Floats) -> int:
        """Standardise one vector into ``out``; return how many features can be judged.

        Parameters
        ----------
        values : float64[n_features]
            In the features' units.
        out : float64[n_active]
            Written; NaN where unknown.

        Returns
        -------
        int
            0 to ``n_active``.
        """
        return int(standardise(values, self._logarithmic, self.active, self.centre, self.scale, out))

    def usual(self, position: int) -> tuple[float, float, float]:
        """Expected value and usual range of an active feature, in its own unit.

        Parameters
        ----------
        position : int
            Into `active`.

        Returns
        -------
        expected, low, high : float
            The geometric mean for logarithmic features.
        """
        centre = float(self.centre[position])
        half = float(self.band[position] * self.scale[position])
        if self._logarithmic[self.active[position]]:
            return math.exp(centre), math.exp(centre - half), math.exp(centre + half)
        return centre, centre - half, centre + half

    def save(self) -> State:
        """Return plain arrays for `restore`."""
        return {
            "version": self.version,
            "active": self.active.copy(),
            "centre": self.centre.copy(),
            "scale": self.scale.copy(),
            "band": self.band.copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take over a saved state.

        Raises
        ------
        ValueError
            If the state is of another version.
        """
        check_version(state, self.version, "scaling")
        self.active = np.array(state["active"], dtype=np.int64)
        self.centre = np.array(state["centre"], dtype=np.float64)
        self.scale = np.array(state["scale"], dtype=np.float64)
        self.band = np.array(state["band"], dtype=np.float64)
        return self

    def _transform(self, vectors: Floats) -> Floats:
        logs = np.array(vectors, dtype=np.float64)
        columns = logs[:, self._logarithmic]
        positive = columns > 0.0
        logs[:, self._logarithmic] = np.where(positive, np.log(np.where(positive, columns, 1.0)), np.nan)
        return logs
