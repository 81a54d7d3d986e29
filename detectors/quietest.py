"""The quietest that a spindle has been where nobody tells whether it cuts: a return to it is a cut that ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.base import Floats
from detectors.scaling import USUAL_BAND, Scaling
from engine.records import Feature


class Quietest:
    """The lowest level of each feature that says how hard a spindle works, over all regimes but told cuts.

    Where no controller says whether the tool is in the material, less of everything is a tool that leaves it, and no
    change of the machine, as long as the spindle has been as quiet before and no level rises meanwhile, as where a
    bearing's damage moves the noise from one band to another. Only what lies below that counts as a fall, and by no
    more than it lies below: a belt that tears is told, the end of a cut is not.

    It misleads where nobody tells of a cut and the spindle has stood still meanwhile, for then nothing is below what it
    has shown; and it knows one quiet level for all speeds. A missing tool looks like an end of a cut to it, as to
    everybody who is told nothing (`operators.cutting_gate`).

    State: ``n_features`` float64.

    Parameters
    ----------
    features : sequence of Feature
        In the order of the vectors.
    is_load : sequence of bool
        For each: whether its channel is ``dc_coupled``, so that its mean says how hard the spindle works. Of the
        others only what is logarithmic and has a unit is a level: no ratio, no shape.
    """

    __slots__ = ("_is_level", "levels")

    def __init__(self, features: Sequence[Feature], is_load: Sequence[bool]) -> None:
        self._is_level = levels_of(features, is_load)
        self.levels = np.full(len(features), np.nan)
        """In the features' units; NaN for those that are no levels, or were never seen."""

    def learn(self, values: Floats) -> None:
        """Let a healthy vector of a regime that is not told to cut lower the levels.

        Parameters
        ----------
        values : float64[n_features]
            In the features' units; NaN is passed over.
        """
        np.fmin(self.levels, values, out=self.levels, where=self._is_level)

    def excuse(self, row: Floats, scaling: Scaling) -> None:
        """Take off from a standardised vector what it fell no lower than the quietest.

        Parameters
        ----------
        row : float64[n_active]
            Changed in place: a fall becomes its part below the quietest, 0 if there is none. What rose stays, and NaN;
            all stays if a level rose beyond its usual range.
        scaling : Scaling
            That made the row.
        """
        if (row[self._is_level[scaling.active]] > USUAL_BAND).any():
            return
        floor = np.empty_like(row)
        scaling.apply(self.levels, floor)
        known = np.minimum(np.where(np.isnan(floor), 0.0, floor), 0.0)
        np.minimum(row - known, 0.0, out=row, where=row < 0.0)

    def save(self) -> Floats:
        """State for recovery."""
        return self.levels.copy()

    def restore(self, state: Floats) -> None:
        """Continue from `save`, in place: baselines hold on to this."""
        self.levels[:] = state


def levels_of(features: Sequence[Feature], is_load: Sequence[bool]) -> NDArray[np.bool_]:
    """Say which features fall when a tool leaves the material.

    Parameters
    ----------
    features, is_load
        As for `Quietest`.

    Returns
    -------
    bool[n_features]
        Levels of vibrations and loads, by their units.
    """
    ratios = {"", "Hz"}
    return np.array(
        [f.unit not in ratios and (f.log or load) for f, load in zip(features, is_load, strict=True)],
        dtype=np.bool_,
    )
