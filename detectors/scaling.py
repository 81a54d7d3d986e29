"""From features in their own units to standardised rows, and back for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from detectors.base import Floats, State, check_version
from detectors.kernels.standardise import CENTRE, SCALE, standardise
from engine.config import Direction
from engine.records import Feature

LOG_FLOOR = 0.1
"""Smallest usual deviation of a logarithmic feature, 10 %: about the tolerance of an industrial accelerometer."""
SHAPE_FLOOR = 0.03
"""The same for logarithmic features without a unit (crest factor, kurtosis): no sensor's sensitivity enters them."""
RELATIVE_FLOOR = 0.003
"""Smallest usual deviation of any other feature, relative to its mean: between a transducer of accuracy
class 0.2 and one of class 0.5. Like `LOG_FLOOR` chosen on recordings: SKAB's pump and FEMTO's bearings."""
USUAL_BAND = 3.0
"""Half width, in usual deviations, of the range that is shown to people as normal, at least."""


def _floor(feature: Feature) -> float:
    """Smallest usual deviation: of the logarithm, or relative to the mean."""
    if feature.floor is not None:
        return feature.floor
    if not feature.log:
        return RELATIVE_FLOOR
    return LOG_FLOOR if feature.unit else SHAPE_FLOOR


def direction_of(feature: str, directions: Mapping[str, Direction]) -> Direction:
    """Look up in which direction a feature counts.

    Parameters
    ----------
    feature : str
        ``channel.feature``.
    directions : mapping
        Patterns with ``*`` and ``?`` to directions; the first that matches holds.

    Returns
    -------
    {"above", "below", "both"}
        "both" if none matches.

    Examples
    --------
    >>> direction_of("vib_x.rms", {"*.rms": "above"}), direction_of("oil.value", {"*.rms": "above"})
    ('above', 'both')
    """
    return next((way for pattern, way in directions.items() if fnmatchcase(feature, pattern)), "both")


class Scaling:
    """What is usual for each feature by itself: centre and spread, learned from a teach-in.

    A feature that counts in one direction only is standardised to 0 on the other side of its centre, in the teach-in
    too: to every detector it is as usual there as at the centre.

    Features that never varied, or could not be judged in more than half of the teach-in, are left out: there
    is nothing to compare with. State: six numbers per feature.

    Parameters
    ----------
    features : sequence of Feature
        In the order of the vectors.
    directions : mapping, optional
        ``[learn] direction``, see `direction_of`. Default: every feature counts in both.
    """

    version = 1
    __slots__ = ("_logarithmic", "_one_sided", "_prescribed", "_usual", "active", "band", "floor")

    def __init__(
        self, features: Sequence[Feature], directions: Mapping[str, Direction] | None = None
    ) -> None:
        self._prescribed = _prescribe(tuple(features), tuple((directions or {}).items()))
        self._logarithmic, self._one_sided = self._prescribed.logarithmic, self._prescribed.one_sided
        self.active = _share(np.empty(0, dtype=np.int64))
        self._usual = np.empty((2, 0))
        self.floor = np.empty(0)
        self.band = np.empty(0)

    @property
    def centre(self) -> Floats:
        """Usual value of each active feature, or its logarithm."""
        return np.asarray(self._usual[CENTRE], dtype=np.float64)

    @property
    def scale(self) -> Floats:
        """Usual deviation of each active feature."""
        return np.asarray(self._usual[SCALE], dtype=np.float64)

    def fit(self, vectors: Floats, n_blocks: int) -> Floats:
        """Learn centre and spread; return the teach-in as it looks to somebody who has not seen it.

        Each block of the teach-in is centred by the other blocks. What drifts through the teach-in (a machine
        that warms up) thereby shows how far it wanders from a past mean, instead of hiding behind its own.

        Parameters
        ----------
        vectors : float64[n_rows, n_features]
            In the features' units; NaN where unknown.
        n_blocks : int
            Contiguous blocks, 2 upwards; contiguous because neighbours are alike.

        Returns
        -------
        float64[n_rows, n_active]
            Finite: what is unknown in a row of the teach-in counts as usual there.
        """
        rows = self._transform(vectors)
        self._choose(rows)
        rows = rows[:, self.active]
        centre = np.nanmean(rows, axis=0)
        logarithmic = self._logarithmic[self.active]
        floor = self._prescribed.floor[self.active] * np.where(logarithmic, 1.0, np.abs(centre))
        self._usual = np.stack([centre, np.maximum(np.nanstd(rows, axis=0, ddof=1), floor)])
        self.floor = floor / self.scale
        held_out = np.empty_like(rows)
        for block in np.array_split(np.arange(rows.shape[0]), n_blocks):
            others = np.delete(rows, block, axis=0)
            n_known = np.isfinite(others).sum(axis=0)
            centre = np.where(n_known > 0, np.nansum(others, axis=0) / np.maximum(n_known, 1), self.centre)
            held_out[block] = (rows[block] - centre) / self.scale
        held_out[~np.isfinite(held_out)] = 0.0
        self._clip(held_out)
        self.band = np.maximum(USUAL_BAND, np.max(np.abs(held_out), axis=0, initial=0.0))
        return np.ascontiguousarray(held_out)

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
        n_known = standardise(values, self._logarithmic, self.active, self._usual, out)
        if self._one_sided:
            self._clip(out)
        return int(n_known)

    def standardised(self, shift: Floats) -> Floats:
        """Say how many usual deviations a shift of every feature is.

        Parameters
        ----------
        shift : float64[n_features]
            Of the logarithm, or relative to the mean.

        Returns
        -------
        float64[n_active]
            Not negative, if the shifts are not.
        """
        unit = np.where(self._logarithmic[self.active], 1.0, np.abs(self.centre))
        return np.asarray(shift[self.active] * unit / self.scale, dtype=np.float64)

    def usual(self, position: int) -> tuple[float, float, float]:
        """Give the expected value and the usual range of an active feature, in its own unit.

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
            "floor": self.floor.copy(),
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
        self.active = _share(np.array(state["active"], dtype=np.int64))
        self._usual = np.array([state["centre"], state["scale"]], dtype=np.float64)
        self.floor = np.array(state["floor"], dtype=np.float64)
        self.band = np.array(state["band"], dtype=np.float64)
        return self

    def _clip(self, rows: Floats) -> None:
        """Set to 0 what lies on the side that does not count; NaN stays NaN."""
        least, most = self._prescribed.least[self.active], self._prescribed.most[self.active]
        np.clip(rows, least, most, out=rows)

    def _choose(self, rows: Floats) -> None:
        """Find the features that are known in most rows and that vary."""
        known = np.isfinite(rows)
        enough = known.sum(axis=0) > max(2, rows.shape[0] // 2)
        lowest = np.min(rows, axis=0, initial=math.inf, where=known)
        highest = np.max(rows, axis=0, initial=-math.inf, where=known)
        # Rounding gives a constant a spread of a few ulp (a few 1e-16): that is still a constant.
        largest = np.maximum(np.abs(lowest), np.abs(highest))
        varies = highest - lowest > 1e-12 * np.where(self._logarithmic, np.maximum(largest, 1.0), largest)
        self.active = _share(np.flatnonzero(enough & varies).astype(np.int64))

    def _transform(self, vectors: Floats) -> Floats:
        rows = np.where(np.isfinite(vectors), vectors, np.nan)
        columns = rows[:, self._logarithmic]
        positive = columns > 0.0
        rows[:, self._logarithmic] = np.where(positive, np.log(np.where(positive, columns, 1.0)), np.nan)
        return np.asarray(rows, dtype=np.float64)


class _Prescribed(NamedTuple):
    """What features bring along, whatever the teach-in; spindles measured alike share it."""

    logarithmic: NDArray[np.bool_]
    floor: Floats
    least: Floats
    most: Floats
    one_sided: bool


@cache
def _prescribe(features: tuple[Feature, ...], directions: tuple[tuple[str, Direction], ...]) -> _Prescribed:
    ways = [direction_of(feature.name, dict(directions)) for feature in features]
    return _Prescribed(
        logarithmic=np.array([feature.log for feature in features], dtype=np.bool_),
        floor=np.array([_floor(feature) for feature in features]),
        least=np.array([0.0 if way == "above" else -math.inf for way in ways]),
        most=np.array([0.0 if way == "below" else math.inf for way in ways]),
        one_sided=any(way != "both" for way in ways),
    )


def _share(active: NDArray[np.int64]) -> NDArray[np.int64]:
    """One array for all baselines in which the same features are active, as is usual."""
    return _shared(active.tobytes())


@lru_cache(maxsize=256)
def _shared(active: bytes) -> NDArray[np.int64]:
    return np.frombuffer(active, dtype=np.int64)
