"""A cut while it goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from detectors.cut_parts import CutPart
from engine.records import Regime
from operators.cut_columns import TRUST_TEETH


@dataclass(slots=True)
class Sums:
    """Sums of each measure of a stretch, and how many windows were summed."""

    total: dict[str, float] = field(default_factory=dict)
    n: dict[str, int] = field(default_factory=dict)
    spoiled: set[str] = field(default_factory=set)

    def add(self, name: str, value: float) -> None:
        """Take one window's value; NaN says nothing."""
        if value == value:
            self.total[name] = self.total.get(name, 0.0) + value
            self.n[name] = self.n.get(name, 0) + 1

    def mean(self, name: str) -> float:
        """Mean over the windows that said something; NaN without any, or if a sensor was in trouble meanwhile."""
        n = 0 if name in self.spoiled else self.n.get(name, 0)
        return self.total[name] / n if n else math.nan


@dataclass(slots=True)
class OpenPart:
    """A section of a cut: what it may be compared with, the commanded speed, since when, and what was measured."""

    regime: Regime
    rpm: float | None
    since_ns: int
    sums: Sums = field(default_factory=Sums)
    cutting_s: float = 0.0


@dataclass(slots=True)
class OpenCut:
    """A cut that has begun; ``sound`` until trouble is seen in it."""

    tool: str
    edge: str | None
    began_ns: int
    parts: list[OpenPart]
    sound: bool = True


def work_of(parts: tuple[CutPart, ...]) -> float:
    """Area under the load that follows the force best, of those that idling takes some of."""
    areas: dict[str, float] = {}
    trusts: dict[str, float] = {}
    for part in parts:
        for load in part.loads:
            if load.trust != TRUST_TEETH and load.net == load.net:
                areas[load.name] = areas.get(load.name, 0.0) + load.net * part.cutting_s
                trusts[load.name] = load.trust
    return areas[min(trusts, key=lambda name: trusts[name])] if trusts else math.nan
