"""How far healthy cuts of one section differ from one another: what a teach-in of a few cuts cannot show.

Ten seconds of one cut know one hardness of stock, one seat of the holder, one state of the edge, one temperature. The
next cut differs in all of them, and no statistics of the first can say by how much. So the learned tier is told
beforehand, where it knows that cuts are what it watches. Slow damage that hides below is not lost: wear, bearings and
imbalance have signatures with references of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detectors.base import Floats
from engine.records import Feature

# Suppliers' certificates allow some 5 % in hardness from lot to lot, stock of one lot scatters by a few percent, and
# shops let an edge wear until it takes 15 to 25 % more power. Twice this is where a change of load is worth a word.
_LOAD_TOGETHER = 0.15
_LOAD_ALONE = 0.05
_RIPPLE_ALONE = 0.2  # a holder never seats twice alike: run-out moves the lines within a current
# Broadband noise of an edge doubles over its life (assumed, see the simulator); coolant, clamping and seat do the rest.
_VIBRATION_TOGETHER = 0.35
_VIBRATION_ALONE = 0.25
_SHAPE_ALONE = 0.1
# Housings follow the hall and the day by ten degrees and more: only the user's own limits can judge them in a cut.
_WARMTH_ALONE = 0.2
_WARMTH = frozenset({"°C", "degC", "°F", "K"})
# Without a cut there is little to measure: coolant that splashes or does not is most of it.
_IDLE = 2.0


class BetweenCuts(NamedTuple):
    """What is known beforehand of a regime's healthy variation.

    Parameters
    ----------
    features : tuple[Feature, ...]
        With the smallest deviation of each by itself that is worth a thought, as `engine.records.Feature.floor`.
    together : float64[n_features]
        How far all levels move together: of the logarithm, or relative to the mean.
    """

    features: tuple[Feature, ...]
    together: Floats


def between_cuts(features: Sequence[Feature], is_load: Sequence[bool], *, cutting: bool) -> BetweenCuts:
    """Say how far healthy cuts, or healthy moments without one, differ.

    Parameters
    ----------
    features : sequence of Feature
        What the baseline learns.
    is_load : sequence of bool
        For each: whether its channel is one whose mean says how hard the spindle works (``dc_coupled``), rather than a
        vibration.
    cutting : bool
        Whether the regime is a cut.

    Returns
    -------
    BetweenCuts
        No floor is below the feature's own.
    """
    factor = 1.0 if cutting else _IDLE
    told, together = [], np.zeros(len(features))
    for index, (feature, load) in enumerate(zip(features, is_load, strict=True)):
        alone, common = _variation(feature, load)
        told.append(feature._replace(floor=max(feature.floor or 0.0, factor * alone)))
        together[index] = factor * common
    return BetweenCuts(tuple(told), together)


def _variation(feature: Feature, load: bool) -> tuple[float, float]:
    """By itself, and together with all other levels."""
    if feature.unit in _WARMTH:
        return _WARMTH_ALONE, 0.0
    if not feature.unit or feature.unit == "Hz":
        return _SHAPE_ALONE, 0.0
    if load:
        return _RIPPLE_ALONE if feature.log else _LOAD_ALONE, _LOAD_TOGETHER
    return (_VIBRATION_ALONE, _VIBRATION_TOGETHER) if feature.log else (_LOAD_ALONE, _LOAD_TOGETHER)
