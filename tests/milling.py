"""Short windows of a spindle that mills, feature by feature, for tests of signatures of abrupt faults."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from detectors.signatures.base import Signature
from engine.declared import Channel, SensorGroup
from engine.records import Context, Feature, FeatureVector, Regime
from engine.verdicts import Finding

HOP_NS = 100_000_000
T0 = 1_700_000_000_000_000_000
QUIET_NS = 3_000_000_000
VIB = SensorGroup("vib", "waveform", 12_800.0, (Channel("vib_x", "g", 50.0), Channel("vib_y", "g", 50.0)))
CURRENT = SensorGroup("current", "waveform", 2000.0, (Channel("current_u", "A", 100.0, dc_coupled=True),))
CUT = Regime("T1", "O1", "rough", True, 3000)
AIR = Regime("T1", "O1", "approach", False, 3000)
UNKNOWN = Regime()
_VIB = ("rms", "peak", "rev_1", "tooth_1")
_CURRENT = ("mean", "std", "peak_to_peak", "rev_1", "tooth_1")
_IN_CUT = {
    "rms": 0.4,
    "peak": 1.5,
    "mean": 20.0,
    "std": 1.5,
    "peak_to_peak": 6.0,
    "rev_1": 0.02,
    "tooth_1": 0.1,
}
_IN_AIR = {
    "rms": 0.05,
    "peak": 0.2,
    "mean": 7.5,
    "std": 0.1,
    "peak_to_peak": 0.5,
    "rev_1": 0.01,
    "tooth_1": 0.0005,
}


def features(group: SensorGroup) -> tuple[Feature, ...]:
    """Of the group's windows, channel by channel."""
    names = _CURRENT if group is CURRENT else _VIB
    unit = group.channels[0].unit
    return tuple(Feature(f"{c.name}.{name}", unit, name != "mean") for c in group.channels for name in names)


class Windows:
    """Window after window of one group; every number is its usual value times a factor, with a little noise."""

    def __init__(self, group: SensorGroup = VIB, long: bool = False, seed: int = 0) -> None:
        self.group, self._long = group, long
        self._noise = np.random.default_rng(seed)
        self._names = [feature.name.split(".") for feature in features(group)]
        self._hop = 0

    def make(
        self, n: int, regime: Regime = CUT, steady: bool = True, n_teeth: int | None = 4, **factors: float
    ) -> list[FeatureVector]:
        """So many windows; ``factors`` by feature, or by channel and feature (``vib_x__peak``)."""
        return [self._one(regime, steady, n_teeth, factors) for _ in range(n)]

    def cut(self, n: int = 30, regime: Regime = CUT, **factors: float) -> list[FeatureVector]:
        """Approach in air, entry, and so many steady windows."""
        air = self.make(12, regime._replace(section="approach", cutting=False))
        return [*air, *self.make(4, regime, steady=False, **factors), *self.make(n, regime, **factors)]

    def _one(
        self, regime: Regime, steady: bool, n_teeth: int | None, factors: dict[str, float]
    ) -> FeatureVector:
        usual = _IN_AIR if regime.cutting is False else _IN_CUT
        noise = np.exp(0.03 * self._noise.standard_normal(len(self._names)))
        values = np.array(
            [
                usual[name] * factors.get(f"{channel}__{name}", factors.get(name, 1.0)) * wander
                for (channel, name), wander in zip(self._names, noise, strict=True)
            ]
        )
        self._hop += 1
        t_ns = T0 + self._hop * HOP_NS
        rpm = None if regime.rpm is None else float(regime.rpm)
        context = Context(
            "M1", t_ns, regime.tool, regime.program, regime.section, rpm, None, regime.cutting, n_teeth
        )
        onset_ns = t_ns - HOP_NS
        return FeatureVector(
            "M1",
            self.group.name,
            t_ns,
            onset_ns,
            values,
            context,
            regime,
            True,
            True,
            steady,
            None,
            self._long,
        )


def watch(signature: Signature, vectors: Iterable[FeatureVector]) -> list[tuple[FeatureVector, Finding]]:
    """Assess and learn as the flow does; what reached the limit, with its window."""
    found, exceeded_ns = [], -QUIET_NS
    for vector in vectors:
        finding = signature.assess(vector)
        if finding is not None and finding.score >= 1.0:
            found.append((vector, finding))
            exceeded_ns = vector.t_ns
        fit = vector.usable and vector.learnable and vector.steady
        signature.learn(vector, fit and vector.t_ns - exceeded_ns >= QUIET_NS)
    return found
