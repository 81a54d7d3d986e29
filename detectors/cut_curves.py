"""What cuts have in common at each place: the arithmetic of an envelope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.base import Floats

N_BINS = 64
"""Places along a cut; a longer cut has coarser ones."""
N_NEIGHBOURS = 2
"""A cut may be so many places early or late: the controller's signals come with its cycle time. One is enough where a
place holds several vectors."""
SAME = 0.03
"""Speed, feed and, four times as much, length of a cut may differ so much from what was learnt: more is an override, an
edited program or an interrupted cut, with levels of its own."""
RELATED = 0.8
"""Share of a level's energy that the usual cut must explain for its height to mean anything. Of noise about zero it
explains nothing."""
_SPREADS = 6.0
"""Spreads from the centre to the limit: with the spread of ten cuts over five places, one vector in a million."""
_FURTHEST = 1.5
"""The second furthest of the cuts learnt is to stay so far inside: a mixture of two kinds of cuts has no outliers."""
_COVERED = 0.8
"""Share of the cuts learnt that must have reached a place for it to be judged."""
_LEAST_LEVEL = 0.5
"""Where the cut is lighter than this share of its median level, deviations are compared with the latter: current and
power meters are not linear near idle."""


class Level(NamedTuple):
    """A feature that follows the cut's load.

    Parameters
    ----------
    position : int
        In the vector.
    name, unit : str
        Of the feature.
    load : bool
        True for torque, current and power: they fall when the tool cuts less. Vibration may fall for many reasons, so
        it has an upper limit only.
    floor : float
        Least half width of the limits, relative to the level.
    whole : float
        Limit of a cut that is higher from its beginning on, as a factor; its inverse bounds it below.
    """

    position: int
    name: str
    unit: str
    load: bool
    floor: float
    whole: float


class CutRow(NamedTuple):
    """One cut as it was.

    Parameters
    ----------
    bounds : float32[2, n_levels + 2, N_BINS]
        Lowest and highest value of each level, then of speed and feed, at each place; NaN where there is none.
    width : float
        Length of a place.
    length : float
        Of the cut; like ``width`` in seconds, or in millimetres where the feed is known.
    n_vectors : int
        Vectors that were seen of it.
    by_feed : bool
        Whether places are along the feed path; else along time.
    """

    bounds: NDArray[np.float32]
    width: float
    length: float
    n_vectors: int
    by_feed: bool


class Place(NamedTuple):
    """Limits of one level at one place, for a cut as hard as those learnt.

    Parameters
    ----------
    high, low : float
        How high and how low it usually runs.
    room : float
        From there to the limit, if the height of this cut as a whole is known.
    level : float
        What deviations are compared with.
    """

    high: float
    low: float
    room: float
    level: float


class Extreme(NamedTuple):
    """The level that is furthest out on one side.

    Parameters
    ----------
    level : Level
        Which.
    value, expected, limit : float
        In its unit.
    """

    level: Level
    value: float
    expected: float
    limit: float


class Look(NamedTuple):
    """What is known of one moment of the cut.

    Parameters
    ----------
    position : float
        From the beginning; NaN if lost.
    values : list of float
        Of the levels, now.
    smooth : list of float
        Their medians over the last vectors; empty while there are too few.
    limits : list of (list of float)
        For each level a `Place`'s numbers; empty if this moment cannot be judged.
    above, below : float
        Scores of the levels furthest out, 1.0 = the limit; 0 or less is inside.
    top, bottom : int
        Which levels these are.
    inside : list of bool
        For each level, whether it is within its limits.
    """

    position: float
    values: list[float]
    smooth: list[float]
    limits: Sequence[Sequence[float]] = ()
    above: float = 0.0
    below: float = 0.0
    top: int = -1
    bottom: int = -1
    inside: Sequence[bool] = ()


def coarser(bounds: NDArray[np.float32], width: float, wanted: float) -> NDArray[np.float32]:
    """Join neighbouring places until they are as wide as wanted.

    Parameters
    ----------
    bounds : float32[..., 2, n, N_BINS]
        Lowest and highest values.
    width, wanted : float
        ``wanted`` is ``width`` times a power of two, or less than twice ``width``: then nothing is done.

    Returns
    -------
    float32[..., 2, n, N_BINS]
        The last places are NaN.
    """
    while width < 0.7 * wanted:
        pairs = bounds.reshape(*bounds.shape[:-1], N_BINS // 2, 2)
        joined = np.full_like(bounds, np.nan)
        joined[..., 0, :, : N_BINS // 2] = np.fmin(pairs[..., 0, :, :, 0], pairs[..., 0, :, :, 1])
        joined[..., 1, :, : N_BINS // 2] = np.fmax(pairs[..., 1, :, :, 0], pairs[..., 1, :, :, 1])
        bounds, width = joined, 2.0 * width
    return bounds


def bound_speeds(rows: NDArray[np.float32], reach: int) -> Floats:
    """Least and greatest speed and feed at each place, float64[N_BINS, 4]: a little beyond what the neighbours had."""
    least, greatest = (
        _of_neighbours(rows[:, 0, -2:], np.fmin, reach),
        _of_neighbours(rows[:, 1, -2:], np.fmax, reach),
    )
    least, greatest = np.fmin.reduce(least, axis=0), np.fmax.reduce(greatest, axis=0)
    table = np.stack([(1.0 - SAME) * least, (1.0 + SAME) * greatest], axis=1)  # [speed or feed, bound, place]
    return np.ascontiguousarray(table.reshape(4, -1).T, dtype=np.float64)


def draw_curves(rows: Floats, levels: Sequence[Level], reach: int) -> Floats:
    """Draw limits, float64[N_BINS, n_levels, 4] (each a `Place`), from float64[n_cuts, 2, n_levels + 2, N_BINS]."""
    rows = rows[:, :, : len(levels)]
    known = np.isfinite(rows[:, 0]).mean(axis=0) >= _COVERED
    rows = np.where(known, rows, 0.0)
    heights = _heights(rows.mean(axis=1))
    rows /= np.where(np.isnan(heights), 1.0, heights)[:, None, :, None]
    low, high = np.nanmedian(rows, axis=0)
    middle = np.abs(low + high) / 2.0
    typical = np.array(
        [np.median(one[at]) if at.any() else 0.0 for one, at in zip(middle, known, strict=True)]
    )
    level = np.maximum(middle, _LEAST_LEVEL * typical[:, None])
    beyond = np.fmax(rows[:, 1] - high, low - rows[:, 0])
    spread = _smooth(1.4826 * np.nanmedian(np.abs(beyond), axis=0))
    second = np.sort(np.nan_to_num(beyond), axis=0)[-2]
    floor = np.array([one.floor for one in levels])[:, None] * level
    room = np.maximum.reduce([floor, _SPREADS * spread, _FURTHEST * second])
    # What has no shape in half of the cuts is noise about zero, and not judged.
    known &= (np.isfinite(heights).mean(axis=0) > 0.5)[:, None]
    for curve in (low, high, room, level):
        curve[~known] = np.nan
    widest = [_of_neighbours(curve, np.fmax, reach) for curve in (high, room, level)]
    table = np.stack([widest[0], _of_neighbours(low, np.fmin, reach), *widest[1:]], axis=-1)
    return np.ascontiguousarray(table.transpose(1, 0, 2))


def _heights(rows: Floats) -> Floats:
    """How high each cut is as a whole, a factor or NaN: float64[n_cuts, n_levels, N_BINS] to [n_cuts, n_levels]."""
    middle = np.nanmedian(rows, axis=0)
    squares = np.where(np.isfinite(rows), middle**2, 0.0).sum(axis=-1)
    products, energies = np.nansum(rows * middle, axis=-1), np.nansum(rows**2, axis=-1)
    fit = (products > 0.0) & (products**2 > RELATED * squares * energies)
    return np.where(fit, products / np.where(fit, squares, 1.0), np.nan)


def _of_neighbours(curve: NDArray[Any], reduce: np.ufunc, reach: int) -> NDArray[Any]:
    """Extreme over the places within reach; NaN only where no neighbour knows anything."""
    beside = [(0, 0)] * (curve.ndim - 1) + [(reach, reach)]
    padded = np.pad(curve, beside, constant_values=np.nan)
    views = [padded[..., shift : shift + curve.shape[-1]] for shift in range(2 * reach + 1)]
    return np.asarray(reduce.reduce(np.stack(views), axis=0))


def _smooth(curve: Floats) -> Floats:
    """Mean over the places beside."""
    kernel = np.ones(2 * N_NEIGHBOURS + 1)
    n = np.convolve(np.ones(curve.shape[-1]), kernel, mode="same")
    return np.stack([np.convolve(one, kernel, mode="same") / n for one in np.nan_to_num(curve)])
