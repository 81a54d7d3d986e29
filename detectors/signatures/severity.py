"""Severity of vibration: the zones that standards put the velocity of an idling machine into."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from detectors.base import State
from detectors.signatures.base import Signature
from detectors.signatures.speed import HeldSpeed, Memory, new_s, speed_class, why_not_idling
from engine.clock import NS_PER_S
from engine.config import Config, SeverityConfig
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector
from engine.verdicts import FaultClass, Finding, Reason, Tier, Why

# Boundaries A/B, B/C, C/D in mm/s (rms), by group and support.
_ISO_20816_3 = {
    (1, "rigid"): (2.3, 4.5, 7.1),
    (1, "flexible"): (3.5, 7.1, 11.0),
    (2, "rigid"): (1.4, 2.8, 4.5),
    (2, "flexible"): (2.3, 4.5, 7.1),
}
_AVERAGE_S = 3.0  # of idling at a speed that a verdict rests on
_CLOSE = 0.7  # below it, said once, a condition is over
_AGAIN_NS = 8 * 3600 * NS_PER_S  # a condition that nobody mends is told again in the next shift
_N_KEPT = 64


class _Zones(NamedTuple):
    """What one channel is held against."""

    velocity: int
    line: int
    to_mm_s2: float
    bounds_mm_s: tuple[float, float, float]
    label: str


class _Level(NamedTuple):
    """What is known of one speed: means over the last seconds of idling, channel by channel."""

    seconds: float
    squares: tuple[float, ...]
    lines: tuple[float, ...]
    score: float
    worst: int

    @property
    def known(self) -> bool:
        return self.seconds >= _AVERAGE_S and self.worst >= 0


class Severity(Signature):
    """Zone C and D of the vibration velocity, 10 to 1000 Hz, of a spindle that turns without cutting.

    For whoever has a standard to keep: ``[[severity]]`` names zones, spindles and channels. The score is the velocity
    over the boundary from B to C. It needs no teach-in, and rests on three seconds of idling at one speed, which may be
    gathered from several pauses of the cut; the standards judge steady running, not cutting. Every class of speeds is
    judged for itself; the worst one and the worst channel count, as last seen.

    Standards for spindles ask for a sensor on the housing at the bearing; ISO 20816-3 is made for machines above 15 kW
    and often stands in for want of better. A zone says how much, not why: half or more of the power in the line at the
    speed is called imbalance, anything else ``process``; with little certainty either way. That said, it speaks once
    and again after eight hours, unless the zone has been left meanwhile; an imbalance, until it is gone.

    Memory: a mean square per channel for each of 64 speeds.

    References
    ----------
    ISO 20816-3:2022, Mechanical vibration - Measurement and evaluation of machine vibration - Part 3.
    ISO/TR 17243-1:2014, Machine tool spindles - Evaluation of spindle vibrations.
    """

    name = "severity"
    fault = FaultClass.IMBALANCE
    long = True
    __slots__ = (
        "_columns",
        "_entries",
        "_features",
        "_last_ns",
        "_levels",
        "_said",
        "_speed",
        "_spindle",
        "_window_s",
        "_zones",
    )

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:
        at = {feature.name: index for index, feature in enumerate(features)}
        self._features, self._entries = features, config.severity
        self._columns = [
            (channel.name, at[f"{channel.name}.velocity_rms"], at[f"{channel.name}.rev_1"], channel.to_mm_s2)
            for channel in group.channels
            if {f"{channel.name}.velocity_rms", f"{channel.name}.rev_1"} <= at.keys()
            and not math.isnan(channel.to_mm_s2)
        ]
        self._window_s = config.diagnosis.window_s
        self._spindle: str | None = None
        self._zones: list[_Zones] = []
        self._speed = HeldSpeed()
        self._levels: Memory[int, _Level] = Memory(_N_KEPT)
        self._last_ns = 0
        self._said: tuple[FaultClass, int] | None = None

    def why_not(self, vector: FeatureVector) -> str:
        """See `Signature.why_not`; no zones declared: ``no suitable channel``."""
        if not self._zones_of(vector.spindle):
            return Why.CHANNEL
        return why_not_idling(vector, self._speed, self._window_s)

    def assess(self, vector: FeatureVector) -> Finding | None:
        """See `Signature.assess`."""
        if not vector.usable or self.why_not(vector):
            return None
        here, now = self._with(vector)
        levels = [now, *(level for speed, level in self._levels.items() if speed != here)]
        worst = max((level for level in levels if level.known), key=lambda level: level.score, default=None)
        return None if worst is None else self._say(worst, vector)

    def learn(self, vector: FeatureVector, allowed: bool) -> None:  # noqa: ARG002
        """See `Signature.learn`; a level, not a baseline."""
        if vector.usable and not self.why_not(vector):
            self._levels.keep(*self._with(vector))
            self._last_ns = vector.t_ns
        self._speed.update(vector.context)

    def save(self) -> State:
        """See `Signature.save`."""
        return {
            "version": self.version,
            "speed": self._speed.save(),
            "levels": [(speed, tuple(level)) for speed, level in self._levels.save()],
            "last_ns": self._last_ns,
            "said": None if self._said is None else (str(self._said[0]), self._said[1]),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Signature.restore`."""
        if state.get("version") != self.version:
            raise ValueError(
                f"{self.name}: expected a state of version {self.version}, got {state.get('version')!r}"
            )
        self._speed.restore(state["speed"])
        for speed, level in state["levels"]:
            self._levels.keep(speed, _Level(*level))
        self._last_ns, said = state["last_ns"], state["said"]
        self._said = None if said is None else (FaultClass(said[0]), said[1])

    def _zones_of(self, spindle: str) -> list[_Zones]:
        """What is judged of this spindle; looked up once, as an instance serves one spindle."""
        if spindle != self._spindle:
            self._spindle, self._zones = spindle, []
            for channel, velocity, line, to_mm_s2 in self._columns:
                entry = next((e for e in self._entries if _is_for(e, spindle, channel)), None)
                if entry is not None:
                    self._zones.append(_Zones(velocity, line, to_mm_s2, *_bounds(entry)))
        return self._zones

    def _with(self, vector: FeatureVector) -> tuple[int, _Level]:
        """Class of this speed, and what is known of it with this vector."""
        rpm = vector.context.rpm
        assert rpm is not None
        speed, none = speed_class(rpm), (math.nan,) * len(self._zones)
        old = self._levels.recall(speed) or _Level(0.0, none, none, math.nan, -1)
        added_s = new_s(self._last_ns, vector.t_ns, self._window_s)
        seconds = min(old.seconds + added_s, _AVERAGE_S)
        to_mm_s = 60.0 / (2.0 * math.pi * rpm)
        squares, lines, score, worst = [], [], math.nan, -1
        for channel, zones in enumerate(self._zones):
            velocity = float(vector.values[zones.velocity])
            line = float(vector.values[zones.line]) * zones.to_mm_s2 * to_mm_s
            squares.append(_mean(old.squares[channel], velocity**2, added_s / seconds))
            lines.append(_mean(old.lines[channel], line**2, added_s / seconds))
            own = math.sqrt(squares[channel]) / zones.bounds_mm_s[1]
            # Also false for a NaN.
            if own > score or (worst < 0 and own >= 0.0):
                score, worst = own, channel
        return speed, _Level(seconds, tuple(squares), tuple(lines), score, worst)

    def _say(self, level: _Level, vector: FeatureVector) -> Finding | None:
        """Speak of an imbalance until it is gone; of anything else, once a shift."""
        square = level.squares[level.worst]
        if self._said is not None:
            fault, said_ns = self._said
            if level.score < _CLOSE:
                self._said = None
            elif fault is FaultClass.PROCESS:
                if not 0 <= said_ns <= vector.t_ns - _AGAIN_NS:
                    return None
                self._said = fault, vector.t_ns
        elif level.score < 1.0:
            return None
        else:
            turning = level.lines[level.worst] >= 0.5 * square
            fault = FaultClass.IMBALANCE if turning else FaultClass.PROCESS
            self._said = fault, vector.t_ns
        zones, velocity_mm_s = self._zones[level.worst], math.sqrt(square)
        zone = "ABCD"[sum(velocity_mm_s >= bound for bound in zones.bounds_mm_s)]
        reason = Reason(
            self._features[zones.velocity].name,
            velocity_mm_s,
            math.nan,
            math.nan,
            zones.bounds_mm_s[1],
            "mm/s",
            1.0,
            level.score,
        )
        return Finding(
            fault, self.name, Tier.ABSOLUTE, level.score, 0.4, (reason,), f"zone {zone}, {zones.label}"
        )


def _is_for(entry: SeverityConfig, spindle: str, channel: str) -> bool:
    return (not entry.spindles or spindle in entry.spindles) and (
        not entry.channels or channel in entry.channels
    )


def _bounds(entry: SeverityConfig) -> tuple[tuple[float, float, float], str]:
    """Boundaries in mm/s, and what to call them."""
    if entry.zones_mm_s is not None:
        return entry.zones_mm_s, entry.name or "own boundaries"
    assert entry.group is not None and entry.support is not None  # noqa: PT018
    return _ISO_20816_3[entry.group, entry.support], f"ISO 20816-3 group {entry.group} {entry.support}"


def _mean(old: float, new: float, share: float) -> float:
    """Mean with the newest value's share; a value that cannot be said counts for nothing."""
    if math.isnan(old) or math.isnan(new):
        return new if math.isnan(old) else old
    return old + share * (new - old)
