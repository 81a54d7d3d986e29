"""How far healthy cuts of one section differ from one another: what a teach-in of a few cuts cannot show.

Ten seconds of one cut know one hardness of stock, one seat of the holder, one state of the edge, one temperature. The
next cut differs in all of them, and no statistics of the first can say by how much. So the learned tier is told
beforehand, where it knows that cuts are what it watches. Slow damage that hides below is not lost: wear, bearings and
imbalance have signatures with references of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detectors.base import Floats
from engine.records import Feature

# Standard deviations. Of a dozen features the limit comes to lie at about ten of them for all levels together, so a
# load may rise by 25 % (a lot that is 5 % harder, an edge that wears until it takes 15 to 20 % more power) in peace and
# is told from 80 % on; a vibration may grow by 60 % and is told when it has tripled.
_LOAD_TOGETHER = 0.07
_LOAD_ALONE = 0.05
# A holder never seats twice alike: run-out, 5 to 20 µm of it, moves the lines within a current up or down by half.
_RIPPLE_ALONE = 0.25
# Broadband noise of an edge doubles over its life (assumed, see the simulator); coolant, clamping and seat do the rest.
_VIBRATION_TOGETHER = 0.11
_VIBRATION_ALONE = 0.22
_SHAPE_ALONE = 0.06
# Housings follow the hall and the day by ten degrees and more: only the user's own limits can judge them in a cut.
_WARMTH_ALONE = 0.2
_WARMTH = frozenset({"°C", "degC", "°F", "K"})
# Without a cut there is little to measure: coolant that splashes or does not is most of it.
_IDLE = 2.0
# A line that crosses the edge between two bands, as the load pulls the speed, empties one and fills the other. Cut off
# here, two features of a dozen never reach the limit alone; what goes wrong in a cut shows in more.
_MOST = 6.0
_FEW = 6  # features of which each must be able to reach it
_N_CUTS = 24
"""Made-up cuts: as many as tell the features' own variation from a common one."""


class BetweenCuts(NamedTuple):
    """What is known beforehand of a regime's healthy variation.

    Parameters
    ----------
    features : tuple[Feature, ...]
        With the smallest deviation of each by itself that is worth a thought, as `engine.records.Feature.floor`.
    together : float64[n_features]
        How far all levels move together: of the logarithm, or relative to the mean.
    most : float
        Usual deviations that a single feature may count for.
    """

    features: tuple[Feature, ...]
    together: Floats
    most: float


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
    return BetweenCuts(tuple(told), together, math.inf if len(told) <= _FEW else _MOST)


def as_other_cuts(rows: Floats, together: Floats, alone: Floats) -> Floats:
    """Make of one cut's rows those of other healthy cuts: each a little higher or lower, as a whole and by feature.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        Standardised, in stream order.
    together, alone : float64[n_features]
        Standard deviations between cuts, in usual deviations: of all levels together, and of each by itself.

    Returns
    -------
    float64[n_rows + n_cuts * n_rows, n_features]
        The rows, then one made-up cut after the other; the same for the same rows.
    """
    rng = np.random.default_rng(0)  # fixed: a teach-in has one outcome
    shifts = rng.standard_normal((_N_CUTS, 1)) * together
    shifts += rng.standard_normal((_N_CUTS, rows.shape[1])) * alone
    others = rows[None] + shifts[:, None]
    return np.concatenate([rows, others.reshape(-1, rows.shape[1])])


def _variation(feature: Feature, load: bool) -> tuple[float, float]:
    """By itself, and together with all other levels."""
    if feature.unit in _WARMTH:
        return _WARMTH_ALONE, 0.0
    if not feature.unit or feature.unit == "Hz":
        return _SHAPE_ALONE, 0.0
    if load:
        return _RIPPLE_ALONE if feature.log else _LOAD_ALONE, _LOAD_TOGETHER
    return (_VIBRATION_ALONE, _VIBRATION_TOGETHER) if feature.log else (_LOAD_ALONE, _LOAD_TOGETHER)
