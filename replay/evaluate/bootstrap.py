"""How far a figure over few recordings or faults can be trusted: the percentile bootstrap (Efron, 1979), seeded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

Unit = TypeVar("Unit")
Interval = tuple[float, float]

LEAST_UNITS = 5
N_RESAMPLES = 1000


def bootstrap_95(
    units: Sequence[Unit],
    figures: Callable[[Sequence[Unit]], Mapping[str, float]],
    seed: int,
    n_resamples: int = N_RESAMPLES,
) -> dict[str, Interval]:
    """Draw units anew, with replacement, and look how figures spread.

    Parameters
    ----------
    units : sequence
        What is independent: recordings, or faults. Never windows, for those beside each other are alike.
    figures : function
        Gives the figures of a sample of units by name, always the same names; NaN = cannot say.
    seed : int
        The same seed gives the same intervals.
    n_resamples : int
        How many samples are drawn.

    Returns
    -------
    dict of str to (low, high)
        That hold 95 % of the samples' figures. Too narrow where units are few, and of no width where all units are
        alike, so counts want an exact interval beside it. Figures that half of the samples or more cannot say are
        missing, and so are all with fewer than `LEAST_UNITS` units.

    Examples
    --------
    >>> bootstrap_95([1.0] * 5, lambda sample: {"mean": sum(sample) / len(sample)}, seed=0)
    {'mean': (1.0, 1.0)}
    """
    if len(units) < LEAST_UNITS:
        return {}
    draws = np.random.default_rng(seed).integers(0, len(units), size=(n_resamples, len(units)))
    values: dict[str, list[float]] = {}
    for draw in draws.tolist():
        for name, value in figures([units[i] for i in draw]).items():
            if not math.isnan(value):
                values.setdefault(name, []).append(value)
    found: dict[str, Interval] = {}
    for name, known in values.items():
        if 2 * len(known) > n_resamples:
            low, high = np.percentile(known, [2.5, 97.5])
            found[name] = (float(low), float(high))
    return found


def hull(first: Interval | None, second: Interval) -> Interval:
    """Take the wider bounds of two intervals.

    Examples
    --------
    >>> hull((0.2, 0.9), (0.1, 0.8)), hull(None, (0.0, 1.0))
    ((0.1, 0.9), (0.0, 1.0))
    """
    if first is None:
        return second
    return min(first[0], second[0]), max(first[1], second[1])
