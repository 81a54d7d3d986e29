"""One section of a cut, as the fresh edge cut it, and what later cuts show beside that."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from detectors.cut_parts import SURE, CutPart, Load, Shown, joined
from engine.config import ToolLifeConfig

NOISE_SYSTEMATIC, LOAD_SYSTEMATIC = 0.10, 0.20
"""Standard errors that no averaging removes: of the rise assumed for noise, and of that for load alone."""

# How much less a cut's own load rises that is e times as heavy, beside idling: heavy cuts take thick chips, light ones
# are nearly all edge. Worked out with the linear edge force model for handbook tools, feeds, engagements and materials
# on a 15 kW spindle, where it leaves a spread of 15 to 20 %.
_FINER = 0.07
_LEAST_RISE, _MOST_RISE = 0.65, 1.4  # of what is configured: all chip, all edge
# The force that shakes has a larger share of the edges than the one that turns the spindle: it rises so much more.
_RADIAL = 0.15
# Most of what a motor idles with makes its field: so many times what turns it.
_MAGNETISING, _CURRENTS = 4.0, frozenset({"A", "mA"})
# Error of the fresh edge's noise up to which it is of any use.
_MOST_SCATTER = 0.4
# How well a level of noise is known from some seconds of one cut, and from dozens of stretches in the air, relative.
_CUT_ERROR, _AIR_ERROR = 0.01, 0.02
# What idling takes moves about: stiffness of grease, the last cut's warmth.
_IDLE_ERROR = 0.01
_LEAST_ERROR = 0.02  # of one cut: hardness and engagement are never quite alike
_N_AIR = 30  # cuts over which what idling takes is still averaged for the fresh edge's sake


class _Level(NamedTuple):
    """A load as the fresh edge's cuts had it: mean logarithm, error of one cut, idling as a share."""

    mean: float
    error: float
    idle_share: float


class FreshSection:
    """A section as the fresh edge cut it.

    State: noise and loads of its first cuts.

    Parameters
    ----------
    start_wear : float
        Of the edge by then; NaN if these are its first cuts.
    config : ToolLifeConfig
        How many cuts are fresh, and the response assumed.
    """

    __slots__ = (
        "_air",
        "_config",
        "_cuts",
        "_idle",
        "_levels",
        "_load_rise",
        "_n",
        "_noise",
        "_scatter",
        "_start_s",
        "_start_wear",
    )

    def __init__(self, start_wear: float, config: ToolLifeConfig) -> None:
        self._start_wear, self._config = start_wear, config
        self._cuts: list[tuple[float, tuple[Load, ...]]] = []
        self._n = 0
        self._start_s = 0.0
        self._air = math.nan
        self._idle: dict[str, tuple[float, float]] = {}  # with its standard error
        self._levels: dict[str, _Level] = {}
        self._load_rise = math.nan
        self._noise = self._scatter = math.nan

    def take(self, part: CutPart, at_s: float) -> Shown | None:
        """Learn the fresh edge, or say what this cut shows beside it; ``at_s``: cutting of the edge by then."""
        self._n += 1
        fresh = self._n <= self._config.fresh_cuts
        if fresh:
            self._cuts.append((part.noise, part.loads))
            self._start_s += (at_s - self._start_s) / self._n
        if self._n <= self._config.fresh_cuts + _N_AIR:
            self._air = part.air
            self._idle = {load.name: (load.idle, load.idle_error) for load in part.loads}
            if self._n >= self._config.fresh_cuts:
                self._learn()
        return None if fresh else self.compare(part)

    def compare(self, part: CutPart) -> Shown | None:
        """Say what a cut shows beside the first ones; None while they are being learnt, or if it cannot be said."""
        if self._n < self._config.fresh_cuts:
            return None
        force, force_error = self._force(part.loads)
        load_ratio = math.exp(force) if force == force else math.nan
        shown = []
        net, mean_error = part.noise - part.air, self._noise_error()
        if mean_error <= _MOST_SCATTER and net == net:
            ratio = math.sqrt(max(net, 0.0)) / self._noise
            shown.append(self._by_noise(ratio, load_ratio, mean_error))
        if force == force and not (shown and shown[0].systematic <= SURE):
            error = max(force_error, _LEAST_ERROR) / self._load_rise
            growth = (load_ratio - 1.0) / self._load_rise
            nothing = math.nan
            shown.append(
                Shown(
                    growth,
                    self._load_rise,
                    self._start_wear,
                    self._start_s,
                    error,
                    LOAD_SYSTEMATIC,
                    nothing,
                    load_ratio,
                )
            )
        return joined(shown) if shown else None

    def save(self) -> Any:
        """State for recovery."""
        cuts = [(noise, [tuple(load) for load in loads]) for noise, loads in self._cuts]
        return self._start_wear, self._start_s, cuts, self._n, self._air, self._idle

    @classmethod
    def restored(cls, state: Any, config: ToolLifeConfig) -> FreshSection:
        """Make the one that said this when it was saved."""
        start_wear, start_s, cuts, n, air, idle = state
        section = cls(start_wear, config)
        section._start_s = start_s
        section._cuts = [(noise, tuple(Load(*load) for load in loads)) for noise, loads in cuts]
        section._n, section._air, section._idle = n, air, dict(idle)
        if n >= config.fresh_cuts:
            section._learn()
        return section

    def _learn(self) -> None:
        """Work out the fresh edge's levels, with what idling is now known to take."""
        shares = []
        self._levels = {}
        for index, load in enumerate(self._cuts[0][1]):
            idle, idle_error = self._idle.get(load.name, (math.nan, math.nan))
            nets = np.array([loads[index].level - idle for _, loads in self._cuts])
            if (nets > 0.0).all():
                share, own = idle / float(nets.mean()), idle_error / float(nets.mean())
                scatter = float(np.log(nets).std(ddof=1))
                error = math.sqrt(scatter**2 + load.trust**2 + (_IDLE_ERROR * share) ** 2 + own**2)
                self._levels[load.name] = _Level(float(np.log(nets).mean()), error, share)
                if share > 0.0:
                    shares.append((error, share / (_MAGNETISING if load.unit in _CURRENTS else 1.0)))
        share = min(shares, default=(0.0, 1.0))[1]
        rise = self._config.load_rise
        self._load_rise = min(max(rise + _FINER * math.log(share), _LEAST_RISE * rise), _MOST_RISE * rise)
        self._learn_noise()

    def _learn_noise(self) -> None:
        nets = np.array([noise - self._air for noise, _ in self._cuts])
        mean = float(nets.mean())
        if not mean > 0.0:
            self._noise = self._scatter = math.nan
            return
        loads = np.nan_to_num(np.array([self._force(loads)[0] for _, loads in self._cuts]))
        # Relative to the mean: a single net that is hardly above nothing has no logarithm worth having.
        scatter = float((nets / (mean * np.exp(2.0 * loads))).std(ddof=1))
        self._noise = math.sqrt(mean)
        self._scatter = 0.5 * max(scatter, _CUT_ERROR * (mean + self._air) / mean)

    def _force(self, loads: tuple[Load, ...]) -> tuple[float, float]:
        """Logarithm of the force as a multiple of the fresh edge's, and its error; NaN if no load is known."""
        total = weights = 0.0
        for load in loads:
            known = self._levels.get(load.name)
            # While idling is still being averaged, both sides take off the same.
            net = load.level - (self._idle[load.name][0] if self._n <= self._config.fresh_cuts else load.idle)
            if known is not None and net > 0.0:
                weight = known.error**-2
                total += weight * (math.log(net) - known.mean)
                weights += weight
        return (total / weights, math.sqrt(1.0 / weights)) if weights else (math.nan, math.nan)

    def _noise_error(self) -> float:
        """Relative error of the fresh edge's noise; NaN if there was none."""
        air = 0.5 * _AIR_ERROR * self._air / self._noise**2
        return math.hypot(self._scatter / math.sqrt(len(self._cuts)), air)

    def _by_noise(self, ratio: float, load_ratio: float, mean_error: float) -> Shown:
        rise = self._config.noise_rise
        if load_ratio == load_ratio:
            per_load = ratio / (1.0 + (1.0 + _RADIAL) * (load_ratio - 1.0))
        else:
            per_load = _without_load(ratio, rise, (1.0 + _RADIAL) * self._load_rise)
        systematic = math.hypot(NOISE_SYSTEMATIC, (1.0 + rise) / rise * mean_error)
        error = max(self._scatter, _LEAST_ERROR) / rise
        growth = (per_load - 1.0) / rise
        start = self._start_wear, self._start_s
        return Shown(growth, rise, *start, error, systematic, per_load, load_ratio)


def _without_load(ratio: float, noise_rise: float, load_rise: float) -> float:
    """Noise per load, if only the noise is known: the load is assumed to rise meanwhile."""
    a, b = noise_rise * load_rise, noise_rise + load_rise
    wear = (math.sqrt(b * b + 4.0 * a * max(ratio - 1.0, -b * b / (4.0 * a))) - b) / (2.0 * a)
    return 1.0 + noise_rise * wear
