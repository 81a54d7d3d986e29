"""From the wear that single cuts show to where it stands, how fast it grows, and how much is left.

Wear does not grow evenly, so no straight line is laid through it. Flank wear over cutting time has the textbook's shape
(ISO 8688-2:1989; Altintas, *Manufacturing Automation*, 2nd ed., 2012, ch. 2): fast while the edge runs in, even, ever
faster. With ``x`` the share of its life that an edge has cut, ``w = a (1 - exp(-x / b)) + (1 - a - k) x + k x^p``; the
numbers taken here lie in the middle of what such curves show. Read backwards, the curve turns wear into share of life,
and that grows evenly, or nearly so for an edge of another curve: a straight line through it is the trend.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RUNNING_IN, _RUNNING_IN_SHARE, _FINAL, _SUDDENNESS = 0.14, 0.05, 0.3, 7.0
_X = np.linspace(0.0, 1.0, 401)
_W = (
    _RUNNING_IN * -np.expm1(-_X / _RUNNING_IN_SHARE)
    + (1.0 - _RUNNING_IN - _FINAL) * _X
    + _FINAL * _X**_SUDDENNESS
)
_FIRST_SLOPE = _RUNNING_IN / _RUNNING_IN_SHARE + 1.0 - _RUNNING_IN - _FINAL
_LAST_SLOPE = 1.0 - _RUNNING_IN - _FINAL + _FINAL * _SUDDENNESS

# Newest points that a line is laid through: the fewest that know enough, but no more than half if there are many.
_N_POINTS, _ENOUGH = (8, 12, 18, 27), 0.03
_START_ERROR = (
    0.1  # that share of life is 0 at the first touch holds to so much, for an edge of another curve
)
_HUBER = 1.5  # deviations from which on a point counts for less
_N_ROUNDS = 3
_CURVE_ERROR = 0.1  # of the share of life, in its middle, for an edge of another curve; none at the limit
_N_90 = 1.645  # deviations to either side that hold nine times in ten


class Trend(NamedTuple):
    """Where a life stands.

    Parameters
    ----------
    wear : float
        0 = fresh, 1 = the limit; NaN without points.
    share : float
        Of the life, cut so far: 1 at the limit.
    per_s : float
        Share of life per second of cutting, not negative; NaN with fewer than three points.
    error : float
        Standard error of ``share`` from scatter alone.
    """

    wear: float
    share: float
    per_s: float
    error: float

    def after(self, cutting_s: float) -> float:
        """Wear after so many more seconds of cutting; NaN if the trend says nothing."""
        return wear_at(self.share + (self.per_s * cutting_s if self.per_s == self.per_s else 0.0))


NO_TREND = Trend(math.nan, math.nan, math.nan, math.nan)


def wear_at(share: float) -> float:
    """Wear after a share of life, by the textbook's curve; beyond its ends on straight lines.

    Examples
    --------
    >>> [round(wear_at(share), 2) for share in (0.0, 0.1, 0.5, 0.9, 1.0, 1.1)]
    [0.0, 0.18, 0.42, 0.79, 1.0, 1.27]
    """
    if share < 0.0:
        return _FIRST_SLOPE * share
    if share > 1.0:
        return 1.0 + _LAST_SLOPE * (share - 1.0)
    return float(np.interp(share, _X, _W))


def share_at(wear: Floats) -> Floats:
    """Share of life at which an edge is so worn: `wear_at` backwards, for arrays.

    Examples
    --------
    >>> share_at(np.array([0.0, 0.42, 1.0, 1.27])).round(2).tolist()
    [0.0, 0.5, 1.0, 1.1]
    """
    within = np.interp(wear, _W, _X)
    return np.asarray(
        within + np.minimum(wear, 0.0) / _FIRST_SLOPE + np.maximum(wear - 1.0, 0.0) / _LAST_SLOPE
    )


def fit_trend(at_s: Floats, wears: Floats, errors: Floats, now_s: float) -> Trend:
    """Lay a line through the newest points; outliers count less (Huber, Annals of Math. Statistics 35 (1964) 73).

    Parameters
    ----------
    at_s, wears, errors : float64[n_points]
        Seconds of cutting at each point, in order, the wear it shows, and its standard error, greater than 0.
    now_s : float
        Seconds of cutting so far.

    Returns
    -------
    Trend
        `NO_TREND` without points.
    """
    if not at_s.size:
        return NO_TREND
    if at_s.size < 3:
        share = float(share_at(wears).mean())
        return Trend(wear_at(share), share, math.nan, float(errors.mean()) * _per_wear(wears))
    trend = NO_TREND
    for n in _N_POINTS:
        n_used = max(min(n, at_s.size), 3)
        part = slice(at_s.size - n_used, None)
        trend = _laid(at_s[part] - now_s, wears[part], errors[part], now_s)
        if trend.error <= _ENOUGH or n >= at_s.size // 2:
            break
    return trend


def _per_wear(wears: Floats) -> float:
    """Share of life per wear, about where these are."""
    middle = float(np.median(wears))
    return float(np.diff(share_at(np.array([middle - 0.05, middle + 0.05])))[0]) / 0.1


def _laid(x: Floats, wears: Floats, errors: Floats, now_s: float) -> Trend:
    """One line through points; ``x`` ends about at 0, which is now."""
    y, e = share_at(wears), errors * _per_wear(wears)
    if x.size < _N_POINTS[0]:  # too few to have a slope of their own
        x, y, e = np.append(x, -now_s), np.append(y, 0.0), np.append(e, _START_ERROR)
    weight = e**-2
    share, per_s = _line(x, y, weight)
    for _ in range(_N_ROUNDS):
        beyond = np.abs(y - share - per_s * x) / (_HUBER * e)
        share, per_s = _line(x, y, weight / np.maximum(beyond, 1.0))
    total, first, second = (float((weight * x**power).sum()) for power in (0, 1, 2))
    error = math.sqrt(second / max(total * second - first**2, 1e-300))
    # Points that scatter more than they should know less than they say.
    error *= max(1.0, math.sqrt(float((weight * (y - share - per_s * x) ** 2).sum()) / (x.size - 2)))
    return Trend(wear_at(share), share, per_s, error)


def seconds_left(trend: Trend, systematic: float) -> tuple[float, float, float]:
    """How long the edge may go on cutting, and an interval that should hold nine times in ten.

    The interval knows of scatter, of an answer to wear other than assumed, and that curves differ. It does not know of
    an edge that will chip.

    Parameters
    ----------
    trend : Trend
        Of this edge.
    systematic : float
        Relative error of the wear that no averaging removes, one standard deviation.

    Returns
    -------
    tuple of float
        Seconds, low, high; 0 or more, NaN if the trend says nothing, infinite if nothing grows.
    """
    if not trend.per_s >= 0.0:
        return math.nan, math.nan, math.nan
    shift = _N_90 * systematic * max(trend.wear, 0.1)
    early, late = share_at(np.array([trend.wear + shift, trend.wear - shift])).tolist()
    # Edges' curves differ most in the middle of a life.
    scatter = math.hypot(_N_90 * trend.error, _N_90 * _CURVE_ERROR * (1.0 - min(max(trend.share, 0.0), 1.0)))
    most = trend.share + math.hypot(early - trend.share, scatter)
    least = trend.share - math.hypot(trend.share - late, scatter)
    return _left(trend.share, trend), _left(most, trend), _left(max(least, 0.0), trend)


def _left(share: float, trend: Trend) -> float:
    """Seconds to the limit if so much of the life is cut: then it was cut at another pace, too."""
    pace = trend.per_s * share / max(trend.share, 1e-3)
    if share >= 1.0:
        return 0.0
    return (1.0 - share) / pace if pace > 0.0 else math.inf


def _line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Weighted least squares with a slope that is not negative: value at 0, slope."""
    total = weight.sum()
    mx, my = (weight * x).sum() / total, (weight * y).sum() / total
    spread = (weight * (x - mx) ** 2).sum()
    slope = max(float((weight * (x - mx) * (y - my)).sum() / spread), 0.0) if spread > 0.0 else 0.0
    return float(my - slope * mx), slope
