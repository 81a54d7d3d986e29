"""Feature vectors of a spindle that goes in and out of cuts, for tests of cuts and of tools' lives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from detectors.wear_trend import wear_at
from engine.config import Config, load_config
from engine.declared import Channel, SensorGroup, Spindle
from engine.records import Context, FeatureVector, Regime
from operators.features import FeatureSet

CONFIG = load_config()
S = 1_000_000_000
T0 = 1_700_000_000 * S
VIB = SensorGroup("vib", "waveform", 12_800.0, (Channel("vib_x", "g"), Channel("vib_y", "g")))
CURRENT = SensorGroup("current", "waveform", 2_000.0, (Channel("current_u", "A", dc_coupled=True),))
LOAD = SensorGroup("load", "scalar", 2.0, (Channel("load_pct", "%", dc_coupled=True),))
SPINDLE = Spindle("M1", (VIB, CURRENT, LOAD))
FEATURES = FeatureSet.for_shop([SPINDLE], CONFIG)
IDLE = {"noise": 0.05, "load": 8.0, "current": 7.0}


@dataclass
class Machine:
    """Makes vectors hop by hop. What is measured is stated, not simulated."""

    t_ns: int = T0
    rpm: float = 3000.0
    tool: str = "T1"
    edge: str | None = "T1#1"
    section: str = "rough"
    config: Config = field(default_factory=lambda: CONFIG)

    def air(self, length_s: float = 1.5, **changes: Any) -> list[FeatureVector]:
        """The tool in the air, up to speed."""
        return list(self._stretch(length_s, False, "approach", IDLE | {"teeth": 0.001}, **changes))

    def cut(
        self, wear: float = 0.0, length_s: float = 3.0, *, force: float = 1.0, **changes: Any
    ) -> list[FeatureVector]:
        """A cut that takes ``force``, by an edge so worn; an air cut after it."""
        force *= 0.7 * (1.0 + 0.2 * wear) + 0.3 * (1.0 + wear)
        own = 0.1 * force * (1.0 + wear)
        measured = {
            "noise": math.hypot(IDLE["noise"], own),
            "load": IDLE["load"] + 10.0 * force,
            "current": IDLE["current"] + 4.0 * force,
            "teeth": 0.3 * force,
        }
        return [*self._stretch(length_s, True, self.section, measured, **changes), *self.air()]

    def life(self, n_cuts: int, until: float = 1.0, **changes: Any) -> list[FeatureVector]:
        """Cuts of an edge that reaches its limit after ``n_cuts``, up to a share of that."""
        return [
            vector
            for index in range(round(until * n_cuts))
            for vector in self.cut(wear_at((index + 0.5) / n_cuts), **changes)
        ]

    def _stretch(
        self, length_s: float, cutting: bool, section: str, measured: dict[str, float], **changes: Any
    ) -> Iterator[FeatureVector]:
        context = Context("M1", self.t_ns, self.tool, "O1", section, self.rpm, None, cutting, 4, self.edge)
        regime = Regime(self.tool, "O1", section, cutting)
        for hop in range(round(length_s * 10)):
            self.t_ns += S // 10
            chance = np.random.default_rng(self.t_ns // (S // 10))
            for group, long in (("vib", True), ("vib", False), ("current", False), ("load", False)):
                if group == "load" and self.t_ns % (S // 2):
                    continue
                values = _values(group, long, measured, chance)
                t_ns = self.t_ns
                vector = FeatureVector(
                    "M1",
                    group,
                    t_ns,
                    t_ns - S // 10,
                    values,
                    context,
                    regime,
                    True,
                    True,
                    hop > 5,
                    None,
                    long,
                )
                yield replace(vector, **changes) if changes else vector


def _values(group: str, long: bool, measured: dict[str, float], chance: np.random.Generator) -> np.ndarray:
    own = FEATURES["M1", group]
    names = own.long.names if long and own.long else own.names
    stated = {
        "vib_x.noise_floor": measured["noise"],
        "vib_y.noise_floor": measured["noise"],
        "vib_x.tooth_1": measured["teeth"],
        "vib_y.tooth_1": measured["teeth"],
        "current_u.mean": measured["current"],
        "load_pct.value": measured["load"],
    }
    levels = np.array([stated.get(name, 1.0) for name in names])
    return np.asarray(levels * (1.0 + 0.005 * chance.standard_normal(levels.size)))
