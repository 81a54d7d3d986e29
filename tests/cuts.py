"""Cuts of one section as a sensor group's vectors, for tests of what is learned along a cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.config import parse_config
from engine.declared import Channel, SensorGroup
from engine.records import Context, Feature, FeatureVector, Regime
from engine.verdicts import Finding

HOP_NS = 100_000_000
T0 = 1_700_000_000_000_000_000
GROUP = SensorGroup("current", "waveform", 250.0, (Channel("current_u", "A", dc_coupled=True),))
FEATURES = (
    Feature("current_u.mean", "A", False, 0.05),
    Feature("current_u.std", "A", True),
    Feature("current_u.peak_to_peak", "A", True),
)
CUT, AIR = Regime("T1", "O1", "rough", True), Regime("T1", "O1", "approach", False)
CONFIG = parse_config("[learn]\nn_cuts = 5\n")


@dataclass(frozen=True)
class Cut:
    """How one cut goes; lengths and positions in seconds at the usual feed."""

    length_s: float = 12.0
    height: float = 1.0
    late_s: float = 0.0
    override: float = 1.0
    slow: tuple[float, float] = (0.0, 0.0)  # from where to where at half the feed
    feed: float | None = 600.0
    change: Callable[[float], float] = lambda _s: 1.0
    cutting_from_s: float = 0.0
    regime: Regime = CUT


def level(position_s: float, cut: Cut) -> float:
    """Amperes: a light beginning, a heavy middle, a lighter end."""
    at_s = position_s - cut.late_s
    shape = 4.0 if at_s < 3.0 else 8.0 if at_s < 8.0 else 6.0
    return cut.height * shape * cut.change(position_s)


class Stream:
    """Vectors of cut after cut, with air in between; noise by number of the vector, so every stream is the same."""

    def __init__(self, seed: int = 0) -> None:
        self._noise = np.random.default_rng(seed)
        self._hop = 0

    def air(self, n_vectors: int = 20) -> Iterator[FeatureVector]:
        since_ns = T0 + self._hop * HOP_NS
        context = Context("M1", since_ns, "T1", "O1", "approach", 3000.0, 20_000.0, False, 4)
        for _ in range(n_vectors):
            yield self._vector(2.0, AIR, context, steady=True)

    def cut(self, cut: Cut) -> Iterator[FeatureVector]:
        since_ns = T0 + self._hop * HOP_NS
        feed = None if cut.feed is None else cut.feed * cut.override
        context = Context("M1", since_ns, "T1", "O1", cut.regime.section, 3000.0, feed, True, 4)
        position_s, n = cut.cutting_from_s, 0
        while position_s + 0.05 < cut.length_s:
            share = 0.5 if cut.slow[0] <= position_s < cut.slow[1] else 1.0
            context = replace(context, feed_mm_min=None if feed is None else share * feed)
            position_s, n = position_s + 0.1 * share * cut.override, n + 1
            yield self._vector(level(position_s, cut), cut.regime, context, steady=n > 5)

    def _vector(self, amperes: float, regime: Regime, context: Context, steady: bool) -> FeatureVector:
        self._hop += 1
        noise = np.exp(0.01 * self._noise.standard_normal(3))
        values = noise * [amperes, 0.1 * amperes, 0.5 * amperes]
        t_ns = T0 + self._hop * HOP_NS
        return FeatureVector(
            "M1", "current", t_ns, t_ns - HOP_NS, values, context, regime, True, True, steady, None
        )


def vectors(cuts: list[Cut], seed: int = 0) -> list[FeatureVector]:
    """The whole stream, beginning and ending in the air."""
    stream = Stream(seed)
    found = list(stream.air())
    for cut in cuts:
        found += [*stream.cut(cut), *stream.air()]
    return found


def watch(signature, items: list[FeatureVector], allowed: bool = True) -> list[Finding]:
    """Show vectors to a signature as the flow does; what it confirms."""
    found = []
    for vector in items:
        finding = signature.assess(vector)
        if finding is not None and finding.score >= 1.0:
            found.append(replace(finding))
        signature.learn(vector, allowed and vector.steady and finding is None)
    return found
