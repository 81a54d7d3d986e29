"""Whether the false alerts that a budget allows are the false alerts that come.

Healthy streams only, through the steps that run live: detect with the default detectors, and judge. A first part is
learned from and not counted; in the rest, held back, at least 30 alerts are asked for, so that their number means
something. That needs budgets far looser than a shop's: one alert a day would take a month of scores to check, and what
the tail does out there is not shown here. The value is how many times too many, or too few, alerts came.

- **gaussian**, **heavy**: feature vectors made up: 24 correlated features that remember their past (0.6 from vector to
  vector), with Gaussian or Student's t (4 degrees of freedom) innovations. Stationary by construction.
- **simulated**: a spindle of the simulated shop, the whole flow from samples on; its regimes, sensor groups and
  temperatures as they come. Counted are the waveform groups; the slow one is not through with learning by then. Where
  cuts are told apart a budget only raises limits, so the value is the share that came, not how far it is off.

Real recordings are not among them. None here is long and stationary enough: SKAB's healthy run leaves its own baseline
after eight minutes (the rig warms up) and stays in a single alert; FEMTO's bearings score 600 times before they wear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from engine.clock import NS_PER_S, NoClock
from engine.config import Config, parse_config
from engine.declared import Channel, SensorGroup, Spindle
from engine.flow import build_flow
from engine.records import Context, FeatureVector, Regime
from engine.runtime import run_flow
from engine.verdicts import Alert, AlertState, Score, Verdict
from operators.detect import Detect
from operators.episodes import FaultEpisodes
from operators.features import FeatureSet
from perf.figures import Bench, FailedError, Measured, figure
from perf.shop_source import ShopSource
from replay.simulate import START_NS, Preset, Shop, ShopPlan

_S_PER_DAY = 86_400.0
_HOP_NS = NS_PER_S // 10
_MEMORY = 0.6
_N_LEARNED, _N_COUNTED = 60_000, 150_000  # vectors: 1.7 and 4.2 hours
_RATE = 2e-4  # alerts per vector: 30 in _N_COUNTED
_SEEDS = range(3)
_RUN_H, _LEARNED_H = 6.0, 3.0
_SIMULATED_PER_DAY = 960.0


def _config(per_day: float) -> Config:
    # Neither the dynamic tier nor signatures have a budget.
    off = "".join(f"[{table}]\nenabled = false\n" for table in ("dynamic", "diagnosis", "tool_life"))
    return parse_config(f"[learn]\nfalse_alerts_per_day = {per_day}\n{off}")


def _ratio(n_told: Sequence[int], asked: Sequence[float], what: str) -> Measured:
    observed = sum(n_told) / sum(asked)
    if observed == 0.0:
        raise FailedError(f"no alert came of {sum(asked):.0f} asked for")
    each = ", ".join(f"{told} of {wanted:.0f}" for told, wanted in zip(n_told, asked, strict=True))
    return Measured(max(observed, 1.0 / observed), note=f"{what}: {each} alerts asked for ({observed:.2f})")


def _made_up(heavy: bool, n_vectors: int, n_features: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    shape = (n_vectors, n_features)
    noise = rng.standard_t(4, shape) / np.sqrt(2.0) if heavy else rng.standard_normal(shape)
    own = lfilter([np.sqrt(1.0 - _MEMORY**2)], [1.0, -_MEMORY], noise, axis=0)
    mixed = own + own.mean(axis=1, keepdims=True) * np.sqrt(n_features)
    return np.asarray(np.exp(0.15 * mixed), dtype=np.float64)


def _told_made_up(heavy: bool, seed: int) -> int:
    config = _config(_RATE * 10.0 * _S_PER_DAY)
    group = SensorGroup("vib", "waveform", 12_800.0, (Channel("vib_x", "g"), Channel("vib_y", "g")))
    spindle = Spindle("M1", (group,))
    features = FeatureSet.for_shop([spindle], config)
    detect, episodes = Detect({"M1": spindle}, features, config), FaultEpisodes(config.judge, config.hash)
    context, regime = Context("M1", START_NS), Regime("T1", "O1", "rough")
    n_told = 0
    n_features = len(features["M1", "vib"].names)
    for index, values in enumerate(_made_up(heavy, _N_LEARNED + _N_COUNTED, n_features, seed)):
        t_ns = START_NS + (index + 1) * _HOP_NS
        vector = FeatureVector(
            "M1", "vib", t_ns, t_ns - _HOP_NS, values, context, regime, True, True, True, None
        )
        for score in detect.process([vector]):
            assert isinstance(score, Score)  # what was a vector is a score
            opened = sum(alert.state is AlertState.OPENED for alert in episodes.update(score))
            n_told += opened if index >= _N_LEARNED else 0
    return n_told


@figure("budget_ratio_gaussian", unit="x")
def budget_ratio_gaussian(bench: Bench) -> Measured:  # noqa: ARG001 - made up in memory
    told = [_told_made_up(False, seed) for seed in _SEEDS]
    return _ratio(told, [_RATE * _N_COUNTED] * len(told), f"seeds {_SEEDS.start} to {_SEEDS.stop - 1}")


@figure("budget_ratio_heavy", unit="x")
def budget_ratio_heavy(bench: Bench) -> Measured:  # noqa: ARG001 - made up in memory
    told = [_told_made_up(True, seed) for seed in _SEEDS]
    return _ratio(told, [_RATE * _N_COUNTED] * len(told), f"seeds {_SEEDS.start} to {_SEEDS.stop - 1}")


class _HeldBack:
    """A writer that counts alerts of waveform groups after the first part, and vectors that the learned tier scored."""

    def __init__(self) -> None:
        self.n_told = self.n_scored = 0

    def write(self, records: Sequence[Any]) -> None:
        first_ns = START_NS + round(_LEARNED_H * 3600.0 * NS_PER_S)
        for record in records:
            if isinstance(record, Verdict):
                score = record.score
                known = score.ready and score.score == score.score
                self.n_scored += score.t_ns >= first_ns and score.group != "load" and known
            elif isinstance(record, Alert) and record.state is AlertState.OPENED:
                self.n_told += record.t_ns >= first_ns and record.group != "load"


@figure("budget_ratio_simulated", unit="x")
def budget_ratio_simulated(bench: Bench) -> Measured:  # noqa: ARG001 - simulated in memory
    config = _config(_SIMULATED_PER_DAY)
    shop, held_back = Shop(ShopPlan(("M1",), Preset.DEMO, 16), START_NS), _HeldBack()
    run_flow(
        build_flow(ShopSource(shop, START_NS, _RUN_H * 3600.0), shop.spindles, config, NoClock(), [held_back])
    )
    per_vector = _SIMULATED_PER_DAY / (len(shop.spindles[0].groups) * 10.0 * _S_PER_DAY)
    hours = f"{_RUN_H - _LEARNED_H:g} h of a simulated spindle"
    asked = held_back.n_scored * per_vector
    note = f"{hours}: {held_back.n_told} of {asked:.0f} alerts asked for; in cuts a budget is an upper bound"
    return Measured(held_back.n_told / asked, note=note)
