"""What the parts of a cut measured, and what they show of wear."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from detectors.wear_trend import wear_at
from engine.verdicts import Reason

SURE = 0.12
"""Systematic error up to which noise speaks alone: the load takes a harder lot of material for wear."""
FRESH_WEAR = 0.06
"""Wear in the middle of the first cuts, until there is a trend to say how much of the life they were."""


class Load(NamedTuple):
    """One measure of the cutting force during a part of a cut.

    Parameters
    ----------
    name, unit : str
        What; a feature's name.
    level : float
        In the cut; NaN: cannot say.
    idle : float
        What idling at this speed takes of it (the best estimate so far); 0 where there is nothing to take off, NaN:
        not known.
    trust : float
        Error of its proportionality to force, relative.
    idle_error : float
        Standard error of ``idle``, in its unit.
    """

    name: str
    unit: str
    level: float
    idle: float
    trust: float
    idle_error: float = 0.0

    @property
    def net(self) -> float:
        """The cut's own."""
        return self.level - self.idle


@dataclass(frozen=True, slots=True)
class CutPart:
    """One section of a cut.

    Parameters
    ----------
    key : hashable
        What it may be compared with: tool, program, section, speed.
    cutting_s : float
        Seconds.
    noise, air : float
        Mean square of the broadband noise, in the cut and in the air at this speed (the best estimate so far); NaN.
    loads : tuple[Load, ...]
        Measures of force.
    """

    key: Hashable
    cutting_s: float
    noise: float
    air: float
    loads: tuple[Load, ...]


class Shown(NamedTuple):
    """What one part of a cut, or one cut, shows of wear.

    Parameters
    ----------
    growth : float
        Wear since the cuts that it is compared with, had they been sharp.
    rise : float
        Of what was measured, by a wear of 1.
    start_wear : float
        Wear of the edge in the cuts it is compared with; NaN: its first ones.
    start_s : float
        Seconds of cutting at those, on average.
    error : float
        Standard error of the wear from scatter.
    systematic : float
        Relative error of the assumed response.
    noise_ratio, load_ratio : float
        To the fresh edge: noise per load, load; NaN where not measured.
    """

    growth: float
    rise: float
    start_wear: float
    start_s: float
    error: float
    systematic: float
    noise_ratio: float
    load_ratio: float

    def wear(self, life_s: float) -> float:
        """0 = fresh, 1 = the limit, if the edge lasts so many seconds of cutting; NaN: nobody knows yet how many."""
        start = self.start(life_s)
        return start + (1.0 + self.rise * start) * self.growth

    def start(self, life_s: float) -> float:
        """Wear of the edge in the cuts it is compared with."""
        if not math.isnan(self.start_wear):
            return self.start_wear
        return wear_at(min(self.start_s / life_s, 1.0)) if life_s > 0.0 else FRESH_WEAR


def joined(shown: list[Shown]) -> Shown:
    """One word from several, the better known ones weighing more; ratios are of one that has them.

    Parameters
    ----------
    shown : list of Shown
        At least one.
    """
    if len(shown) == 1:
        return shown[0]
    weights = [1.0 / (one.error**2 + one.systematic**2) for one in shown]
    best = shown[weights.index(max(weights))]
    shares = [weight / sum(weights) for weight in weights]
    wear, rise = (
        sum(share * value for share, value in zip(shares, values, strict=True))
        for values in ([one.wear(math.nan) for one in shown], [one.rise for one in shown])
    )
    start = best.start(math.nan)
    growth = (wear - start) / (1.0 + rise * start)
    error, systematic = (
        math.sqrt(sum((share * value) ** 2 for share, value in zip(shares, values, strict=True)))
        for values in ([one.error for one in shown], [one.systematic for one in shown])
    )
    noisy = next((one for one in shown if one.noise_ratio == one.noise_ratio), best)
    return Shown(
        growth, rise, best.start_wear, best.start_s, error, systematic, noisy.noise_ratio, noisy.load_ratio
    )


def evidence_of(shown: Shown | None, noise_rise: float, load_rise: float) -> tuple[Reason, ...]:
    """What a cut shows, as multiples of the fresh edge's and for people.

    Parameters
    ----------
    shown : Shown or None
        None: nothing.
    noise_rise, load_rise : float
        ``[tool_life]``: the ratios at the limit are one more.

    Returns
    -------
    tuple of Reason
        Noise per load first, if wear is read from it: alone where it is sure enough, else with the load.
    """
    if shown is None:
        return ()
    by_noise = shown.noise_ratio == shown.noise_ratio
    share = (1.0 if shown.systematic <= SURE else 0.5) if by_noise else 0.0
    reasons = []
    if by_noise:
        high = 1.0 + noise_rise
        reasons.append(Reason("noise_per_load", shown.noise_ratio, 1.0, math.nan, high, "", share))
    if shown.load_ratio == shown.load_ratio:
        high = math.nan if by_noise else 1.0 + load_rise
        reasons.append(Reason("load", shown.load_ratio, 1.0, math.nan, high, "", 1.0 - share))
    return tuple(reasons)
