"""How far a cutting edge is worn, from what each of its cuts measured, beside its own first cuts.

What a wear land does is physics and hardly depends on tool, feed or material (linear edge force model: Altintas,
*Manufacturing Automation*, 2nd ed., 2012, ch. 2): it ploughs, so the edge forces grow, and it rubs, which is broadband
noise. How much the *load* rises until the limit depends on the edge forces' share of it: by a quarter to a half of the
cut's own load in roughing, by half to nearly double in finishing, where chips are thin. *Noise per load* does not: both
follow feed, engagement and hardness alike, and what is left is how strongly the edge rubs. So wear is read from noise
per load wherever both can be measured, and from the load alone (`load_rise`) where not.

Assumed response: noise per load has risen by ``noise_rise`` (1.0: it has doubled) when wear reaches its limit, and in
proportion to wear on the way. That is an assumption about coating, grind and seat, of the kind of the shops' rule "20
to 25 % more power". An edge that answers 15 % more or less is told 15 % too worn or too fresh; as wear accelerates
towards the end, that is some 6 % of its life. With ``load_rise`` alone, expect three times that. Calibrate either with
the edges that the shop itself judges to be due.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from detectors.wear_trend import NO_TREND, Trend, fit_trend, seconds_left, wear_at
from engine.config import ToolLifeConfig

# Wear in the middle of the first cuts, until there is a trend to say how much of the life they were.
_FRESH_WEAR = 0.06
_N_ROUNDS = 2
# Standard errors that no averaging removes: of the rise assumed for noise, and of that for load alone.
_NOISE_SYSTEMATIC, _LOAD_SYSTEMATIC = 0.10, 0.30
# A cut that is nearly all edge, as the finest finishing is, has doubled its load at the limit less what shear keeps.
_MOST_LOAD_RISE = 0.7
# Error of the fresh edge's noise up to which it is of any use.
_MOST_SCATTER = 0.4
# How well a level of noise is known from some seconds of one cut, and from dozens of stretches in the air, relative.
_CUT_ERROR, _AIR_ERROR = 0.01, 0.004
_LEAST_ERROR = 0.02  # of one cut: hardness and engagement are never quite alike
_N_AIR = 30  # cuts for which the air's level is still averaged for the fresh edge's sake
_MAX_PARTS, _MAX_POINTS = 16, 60


class Load(NamedTuple):
    """One measure of the cutting force during a part of a cut.

    Parameters
    ----------
    name, unit : str
        What; a feature's name.
    value : float
        Without what idling at this speed takes; NaN: cannot say.
    trust : float
        Error of its proportionality to force, relative: it is weighted by it.
    idle : float
        What was taken off; NaN where nothing had to be.
    """

    name: str
    unit: str
    value: float
    trust: float
    idle: float


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
    error: float
    systematic: float
    noise_ratio: float
    load_ratio: float

    def wear(self, fresh_wear: float) -> float:
        """0 = fresh, 1 = the limit, if the edge's first cuts were worn so much on average."""
        start = fresh_wear if math.isnan(self.start_wear) else self.start_wear
        return start + (1.0 + self.rise * start) * self.growth


class _Part:
    """A section as the fresh edge cut it."""

    __slots__ = ("air", "cuts", "errors", "levels", "load_rise", "n", "start_wear")

    def __init__(self, start_wear: float) -> None:
        self.start_wear = start_wear
        self.cuts: list[tuple[float, dict[str, tuple[float, float]]]] = []  # noise; loads and idling
        self.n = 0
        self.air = math.nan
        self.levels: dict[str, float] = {}  # mean logarithm of each load, fresh
        self.errors: dict[str, float] = {}  # and its scatter from cut to cut
        self.load_rise = math.nan  # of the load, at the limit

    def take(self, part: CutPart, config: ToolLifeConfig) -> Shown | None:
        """Learn the fresh edge, or say what this cut shows beside it."""
        self.n += 1
        if self.n <= config.fresh_cuts + _N_AIR:
            self.air = part.air
        if len(self.cuts) < config.fresh_cuts:
            self.cuts.append((part.noise, {load.name: (load.value, load.idle) for load in part.loads}))
            if len(self.cuts) == config.fresh_cuts:
                self._learn_loads(config)
            return None
        return self.compare(part, config)

    def _learn_loads(self, config: ToolLifeConfig) -> None:
        shares = []
        for name in self.cuts[0][1]:
            values = np.array([loads.get(name, (math.nan, math.nan))[0] for _, loads in self.cuts])
            if (values > 0.0).all():
                self.levels[name] = float(np.log(values).mean())
                self.errors[name] = float(np.log(values).std(ddof=1))
                idle = float(np.mean([loads[name][1] for _, loads in self.cuts]))
                shares.append((self.errors[name], idle / float(values.mean())))
        # The rule speaks of the whole load; what idles does not wear.
        known = min((share for share in shares if share[1] == share[1]), default=(0.0, 1.0))
        self.load_rise = min(
            config.load_rise * (1.0 + max(known[1], 0.0)), max(_MOST_LOAD_RISE, config.load_rise)
        )

    def _load_ratio(self, loads: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
        """Logarithm of the load as a multiple of the fresh edge's, and its scatter; NaN if there is none."""
        total = weights = 0.0
        for name, (value, trust) in loads.items():
            if name in self.levels and value > 0.0:
                weight = 1.0 / (trust**2 + self.errors[name] ** 2)
                total += weight * (math.log(value) - self.levels[name])
                weights += weight
        return (total / weights, math.sqrt(1.0 / weights)) if weights else (math.nan, math.nan)

    def _fresh_noise(self, trusts: Mapping[str, float]) -> tuple[float, float]:
        """Noise of the first cuts at their mean load, and its scatter per load from cut to cut, relative."""
        nets = np.array([noise - self.air for noise, _ in self.cuts])
        mean = float(nets.mean())
        if not mean > 0.0:
            return math.nan, math.nan
        own = [
            {name: (value, trusts.get(name, 1.0)) for name, (value, _) in loads.items()}
            for _, loads in self.cuts
        ]
        loads = np.nan_to_num(np.array([self._load_ratio(one)[0] for one in own]))
        # Relative to the mean: a single net that is hardly above nothing has no logarithm worth having.
        scatter = float((nets / (mean * np.exp(2.0 * loads))).std(ddof=1))
        return math.sqrt(mean), 0.5 * max(scatter, _CUT_ERROR * (mean + self.air) / mean)

    def compare(self, part: CutPart, config: ToolLifeConfig) -> Shown | None:
        """Say what a cut shows beside the first ones; None while they are being learnt, or if it cannot be said."""
        if len(self.cuts) < config.fresh_cuts:
            return None
        trusts = {load.name: load.trust for load in part.loads}
        force, force_error = self._load_ratio({load.name: (load.value, load.trust) for load in part.loads})
        load_ratio = math.exp(force) if force == force else math.nan
        shown = []
        ratio, error, mean_error = self._noise_ratio(part, trusts)
        if ratio == ratio:
            rise = config.noise_rise
            per_load = ratio / load_ratio if force == force else _without_load(ratio, rise, self.load_rise)
            systematic = math.hypot(_NOISE_SYSTEMATIC, (1.0 + rise) / rise * mean_error)
            error = max(error, _LEAST_ERROR) / rise
            growth = (per_load - 1.0) / rise
            shown.append(Shown(growth, rise, self.start_wear, error, systematic, per_load, load_ratio))
        if force == force:
            rise = self.load_rise
            error = max(force_error / rise, _LEAST_ERROR)
            growth = (load_ratio - 1.0) / rise
            shown.append(Shown(growth, rise, self.start_wear, error, _LOAD_SYSTEMATIC, math.nan, load_ratio))
        return _joined(shown) if shown else None

    def _noise_ratio(self, part: CutPart, trusts: Mapping[str, float]) -> tuple[float, float, float]:
        """Noise as a multiple of the fresh edge's, its scatter per load between cuts, error of the fresh level."""
        fresh, scatter = self._fresh_noise(trusts)
        net = part.noise - part.air
        if not (fresh == fresh and net == net):
            return math.nan, math.nan, math.nan
        air_error = 0.5 * _AIR_ERROR * self.air / fresh**2
        mean_error = math.hypot(scatter / math.sqrt(len(self.cuts)), air_error)
        if mean_error > _MOST_SCATTER:
            return math.nan, math.nan, math.nan
        return math.sqrt(max(net, 0.0)) / fresh, scatter, mean_error


def _without_load(ratio: float, noise_rise: float, load_rise: float) -> float:
    """Noise per load, if only the noise is known: the load is assumed to rise meanwhile."""
    a, b = noise_rise * load_rise, noise_rise + load_rise
    wear = (math.sqrt(b * b + 4.0 * a * max(ratio - 1.0, -b * b / (4.0 * a))) - b) / (2.0 * a)
    return 1.0 + noise_rise * wear


class EdgeWear:
    """The wear of one cutting edge.

    State: the first cuts of at most 16 sections, and what the last 60 sound cuts showed.

    Parameters
    ----------
    config : ToolLifeConfig
        How many cuts are fresh, and the response assumed.
    """

    __slots__ = ("_config", "_fresh_s", "_parts", "_points", "_systematic", "_trend", "cutting_s")

    def __init__(self, config: ToolLifeConfig) -> None:
        self._config = config
        self._parts: dict[Hashable, _Part] = {}
        self._points: list[tuple[float, Shown]] = []
        self._systematic = _NOISE_SYSTEMATIC
        self._fresh_s = math.nan  # cutting by the end of the first cuts
        self._trend = NO_TREND
        self.cutting_s = 0.0

    @property
    def last(self) -> Shown | None:
        """What the newest cut that could be compared showed."""
        return self._points[-1][1] if self._points else None

    @property
    def trend(self) -> Trend:
        """Where wear stands; `detectors.wear_trend.NO_TREND` while the fresh edge is being learnt."""
        return self._trend

    @property
    def fresh_wear(self) -> float:
        """Wear of the edge in its first cuts, on average, if its life goes on as it went."""
        if not self._trend.share > 0.0 or math.isnan(self._fresh_s):
            return _FRESH_WEAR
        life_s = self.cutting_s / self._trend.share
        return wear_at(0.5 * self._fresh_s / max(life_s, self._fresh_s))

    def left_s(self) -> tuple[float, float, float]:
        """Seconds of cutting to the limit, with an interval: `detectors.wear_trend.seconds_left`."""
        return seconds_left(self._trend, self._systematic)

    def pass_over(self, cutting_s: float) -> None:
        """Count a cut that must not be compared: sensor trouble, or a fault in it."""
        self.cutting_s += cutting_s

    def peek(self, parts: tuple[CutPart, ...]) -> Shown | None:
        """Say what a cut would show, without taking it."""
        known = [(self._parts[part.key], part) for part in parts if part.key in self._parts]
        shown = [found for own, part in known if (found := own.compare(part, self._config)) is not None]
        return _joined(shown) if shown else None

    def add(self, parts: tuple[CutPart, ...], cutting_s: float) -> Shown | None:
        """Take a sound cut.

        Parameters
        ----------
        parts : tuple[CutPart, ...]
            Its sections that were measured, in order.
        cutting_s : float
            How long it was, all in all.

        Returns
        -------
        Shown or None
            What it shows; None while its sections are being learnt, or nothing could be measured.
        """
        shown = []
        for part in parts:
            known = self._parts.get(part.key)
            if known is None:
                if len(self._parts) >= _MAX_PARTS:
                    continue
                # A section that comes later begins with the wear that the others have shown by then.
                known = self._parts[part.key] = _Part(self._trend.wear)
            found = known.take(part, self._config)
            if found is not None:
                shown.append(found)
        middle_s = self.cutting_s + 0.5 * cutting_s
        self.cutting_s += cutting_s
        if not shown:
            return None
        if not self._points:
            self._fresh_s = middle_s
        joined = _joined(shown)
        self._points.append((middle_s, joined))
        del self._points[:-_MAX_POINTS]
        self._systematic += 0.2 * (joined.systematic - self._systematic)
        self._fit()
        return joined

    def _fit(self) -> None:
        at_s = np.array([at for at, _ in self._points])
        # A section that answers less surely counts for less, however little its cuts scatter.
        best = min(one.systematic for _, one in self._points)
        errors = np.array([one.error * (one.systematic / best) ** 2 for _, one in self._points])
        for _ in range(_N_ROUNDS):
            fresh = self.fresh_wear
            wears = np.array([one.wear(fresh) for _, one in self._points])
            self._trend = fit_trend(at_s, wears, errors, self.cutting_s)

    def save(self) -> Any:
        """State for recovery."""
        parts = [
            (key, p.start_wear, p.cuts, p.n, p.air, p.levels, p.errors, p.load_rise)
            for key, p in self._parts.items()
        ]
        points = [(at_s, tuple(shown)) for at_s, shown in self._points]
        return parts, points, self._systematic, self._fresh_s, tuple(self._trend), self.cutting_s

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        parts, points, self._systematic, self._fresh_s, trend, self.cutting_s = state
        self._points = [(at_s, Shown(*shown)) for at_s, shown in points]
        self._trend = Trend(*trend)
        for key, start_wear, cuts, n, air, levels, of_levels, load_rise in parts:
            part = self._parts[key] = _Part(start_wear)
            part.cuts, part.n, part.air = list(cuts), n, air
            part.levels, part.errors, part.load_rise = dict(levels), dict(of_levels), load_rise


def _joined(shown: list[Shown]) -> Shown:
    """One word from several, the better known ones first; ratios are the best known one's that has them."""
    if len(shown) == 1:
        return shown[0]
    weights = [1.0 / (one.error**2 + one.systematic**2) for one in shown]
    best = shown[weights.index(max(weights))]
    shares = [weight / sum(weights) for weight in weights]
    wear, rise = (
        sum(share * value for share, value in zip(shares, values, strict=True))
        for values in ([one.wear(_FRESH_WEAR) for one in shown], [one.rise for one in shown])
    )
    start = _FRESH_WEAR if math.isnan(best.start_wear) else best.start_wear
    growth = (wear - start) / (1.0 + rise * start)
    error, systematic = (
        math.sqrt(sum((share * value) ** 2 for share, value in zip(shares, values, strict=True)))
        for values in ([one.error for one in shown], [one.systematic for one in shown])
    )
    noisy = next((one for one in shown if one.noise_ratio == one.noise_ratio), best)
    return Shown(growth, rise, best.start_wear, error, systematic, noisy.noise_ratio, noisy.load_ratio)
