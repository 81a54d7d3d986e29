"""Imbalance: the line at the spindle's speed, far above what this tool has at this speed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

from detectors.base import State
from detectors.signatures.base import Signature
from detectors.signatures.speed import HeldSpeed, Memory, new_s, speed_class, why_not_idling
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector
from engine.verdicts import FaultClass, Finding, Reason, Tier, Why

_STEADY = 1.3  # a line that changes by more than this within three windows is on its way up or down
_EVIDENCE_S = 0.7  # of idling beyond the limit: two pauses, for a blow in one is none
_LEARN_S = 0.5  # of idling before a tool is known a little at a speed: two pauses
_WELL_S = 2.0  # ... and well
_MEMORY_S = 100.0  # over which it is averaged

# Balance grades go in steps of 2.5 (ISO 21940-11: G 1, G 2.5, G 6.3, G 16). A holder never sits twice alike, which
# costs small, fast tools most of a step; more than a step is not the clamping.
_RATIO = 3.0
# One that is known a little may have sat better than it usually does: a step and a half.
_RATIO_LITTLE = 4.0
# A tool that is not known has a balance of its own: two steps beyond all others.
_RATIO_STRANGER = 6.3
# A fifth of where zone A of ISO 20816-3 ends (group 2, rigid): too little to care, whatever the ratio.
_FLOOR_MM_S = 0.28

_CLOSE = 0.7  # below it, said once, a condition is over
_MOST = 10.0
_N_KEPT = 64
_ALL = "*"  # stands for every tool


class _Channel(NamedTuple):
    line: int
    velocity: int
    to_mm_s2: float


class _Limit(NamedTuple):
    """Velocities in mm/s."""

    expected: float
    high: float


@dataclass(slots=True)
class _Known:
    """What a tool's line at one speed is: mean squares in (mm/s)² over so many seconds."""

    seconds: float
    squares: list[float]


@dataclass(slots=True)
class _Evidence:
    """How one tool stands: smoothed score, seconds since it was last below the limit, and whether that was told."""

    level: float = 0.0
    over_s: float = 0.0
    onset_ns: int = 0
    told: bool = False


class Imbalance(Signature):
    """A spindle or tool out of balance: a chip under the holder, a lost insert, a bent tool, a loose clamping.

    Read from the vibration velocity of the line at the speed while the spindle idles: in the cut, run-out and a worn
    or broken edge make the same line. Compared with what this tool showed at this speed (classes a tenth wide), once
    two seconds of that were seen. The limit is three times as much, which is more than one balance grade and than
    clamping explains, and no less than 0.28 mm/s, for 0.7 seconds. From half a second on it is four times. A tool that
    is not known yet at this speed is compared with all that are, and must exceed the worst of them by two grades.
    Pauses of the cut are added up.

    It learns slowly (100 s of idling) and not from what is near the limit, but what gets worse over weeks is learnt
    along; zones of ``[[severity]]`` do not move. It takes for granted that a speed is reached two seconds after it is
    told; a line that still changes is not judged. A spindle that idles for less than that is not judged either.

    One alert per spindle, whatever the tool: the finding tells which, or that there are several, which points to the
    spindle itself. It is over when each of them showed less than 0.7 of its limit.

    Memory: a level per channel for each of 64 pairs of tool and speed, and how each of 64 tools stands.

    References
    ----------
    ISO 21940-11:2016, Mechanical vibration - Rotor balancing - Part 11: balance quality grades.
    ISO 16084:2017, Balancing of rotating tools and tool systems.
    """

    name = "imbalance"
    fault = FaultClass.IMBALANCE
    long = False  # between two cuts a tool is often in the air for less than a second
    __slots__ = (
        "_before",
        "_channels",
        "_evidence",
        "_features",
        "_known",
        "_last_ns",
        "_now",
        "_speed",
        "_unit",
        "_window_s",
    )

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:
        at = {feature.name: index for index, feature in enumerate(features)}
        self._features = features
        suited = [
            channel
            for channel in group.channels
            if {f"{channel.name}.rev_1", f"{channel.name}.velocity_rms"} <= at.keys()
            and not channel.dc_coupled
        ]
        self._channels = [
            _Channel(at[f"{channel.name}.rev_1"], at[f"{channel.name}.velocity_rms"], channel.to_mm_s2)
            for channel in suited
            if not math.isnan(channel.to_mm_s2)
        ]
        self._unit = Why.UNIT if suited else Why.CHANNEL
        self._window_s = config.waveform.window_s
        self._speed = HeldSpeed()
        self._known: Memory[tuple[str | None, int], _Known] = Memory(_N_KEPT)
        self._evidence: Memory[str | None, _Evidence] = Memory(_N_KEPT)
        self._before: list[
            list[float]
        ] = []  # velocities of the two vectors before, if they follow each other
        self._last_ns = 0
        self._now = math.nan

    def why_not(self, vector: FeatureVector) -> str:
        """See `Signature.why_not`."""
        why = self._unfit(vector)
        if why:
            return why
        return "" if self._limits(vector) is not None else Why.LEARNING

    def assess(self, vector: FeatureVector) -> Finding | None:
        """See `Signature.assess`."""
        self._now = math.nan
        if not vector.usable or self._unfit(vector):
            return None
        velocities, limits = self._velocities(vector), self._limits(vector)
        if limits is None or not self._settled(velocities):
            return None
        scores = [v / limit.high for v, limit in zip(velocities, limits, strict=True)]
        worst = max(range(len(scores)), key=scores.__getitem__)
        self._now = min(scores[worst], _MOST)
        self._weigh(_ALL, vector)
        tool = vector.regime.tool
        evidence = self._weigh(tool, vector)
        if not (evidence.told or self._confirmed(evidence)):
            return None
        evidence.told = evidence.level >= _CLOSE
        troubled = [name for name, other in self._evidence.items() if other.told]
        score = max((self._evidence[name].level for name in troubled), default=evidence.level)
        if troubled:
            tool = troubled[0]
        detail = "several_tools" if len(troubled) > 1 else f"tool {tool}" if tool else ""
        return self._finding(vector, limits[worst], worst, (score, detail, evidence.onset_ns))

    def learn(self, vector: FeatureVector, allowed: bool) -> None:
        """See `Signature.learn`."""
        changed = self._speed.update(vector.context)
        if changed or not vector.usable or vector.regime.cutting is not False:
            self._before.clear()
        if not vector.usable or self._unfit(vector) not in ("", Why.UNSTEADY):
            return
        velocities = self._velocities(vector)
        if not self._unfit(vector) and self._settled(velocities):
            if allowed and not self._now >= _CLOSE:
                self._learn(vector, velocities)
            self._last_ns = vector.t_ns
        self._before = [*self._before, velocities][-2:]

    def save(self) -> State:
        """See `Signature.save`."""
        return {
            "version": self.version,
            "speed": self._speed.save(),
            "known": [(key, known.seconds, list(known.squares)) for key, known in self._known.save()],
            "evidence": [(tool, astuple(evidence)) for tool, evidence in self._evidence.save()],
            "before": [list(velocities) for velocities in self._before],
            "last_ns": self._last_ns,
            "now": self._now,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Signature.restore`."""
        if state.get("version") != self.version:
            raise ValueError(
                f"{self.name}: expected a state of version {self.version}, got {state.get('version')!r}"
            )
        self._speed.restore(state["speed"])
        for (tool, speed), seconds, squares in state["known"]:
            self._known.keep((tool, speed), _Known(seconds, list(squares)))
        for tool, evidence in state["evidence"]:
            self._evidence.keep(tool, _Evidence(*evidence))
        self._before = [list(velocities) for velocities in state["before"]]
        self._last_ns, self._now = state["last_ns"], state["now"]

    def _unfit(self, vector: FeatureVector) -> str:
        """Why this vector tells nothing of balance, whatever is known."""
        if not self._channels:
            return self._unit
        return why_not_idling(vector, self._speed, self._window_s)

    def _velocities(self, vector: FeatureVector) -> list[float]:
        """Of the line at the speed, in mm/s; 0 where a channel cannot say."""
        rpm = vector.context.rpm
        assert rpm is not None
        to_mm_s = 60.0 / (2.0 * math.pi * rpm)
        found = [
            float(vector.values[channel.line]) * channel.to_mm_s2 * to_mm_s for channel in self._channels
        ]
        return [v if v == v else 0.0 for v in found]

    def _settled(self, velocities: list[float]) -> bool:
        """Whether the loudest channel's line has stayed as it is for three windows."""
        if len(self._before) < 2:
            return False
        loudest = max(range(len(velocities)), key=velocities.__getitem__)
        last = [before[loudest] for before in self._before] + [velocities[loudest]]
        return 0.0 < max(last) <= _STEADY * min(last)

    def _limits(self, vector: FeatureVector) -> list[_Limit] | None:
        """What this tool may have at this speed; None if there is nothing to compare with."""
        rpm = vector.context.rpm
        assert rpm is not None
        speed = speed_class(rpm)
        own = self._known.get((vector.regime.tool, speed))
        if own is not None and own.seconds >= _LEARN_S:
            ratio = _RATIO if own.seconds >= _WELL_S else _RATIO_LITTLE
            return [_limit(square, ratio) for square in own.squares]
        others = [
            known.squares
            for (_, at), known in self._known.items()
            if abs(at - speed) <= 1 and known.seconds >= _LEARN_S
        ]
        if not others:
            return None
        return [_limit(max(squares), _RATIO_STRANGER) for squares in zip(*others, strict=True)]

    def _confirmed(self, evidence: _Evidence) -> bool:
        """Whether this tool, or every tool of late, was beyond its limit for long enough."""
        over_s = max(evidence.over_s, self._evidence[_ALL].over_s)
        return over_s >= _EVIDENCE_S and evidence.level >= 1.0

    def _weigh(self, tool: str | None, vector: FeatureVector) -> _Evidence:
        """Add a vector to what speaks for or against a tool."""
        added_s = new_s(self._last_ns, vector.t_ns, self._window_s)
        evidence = self._evidence.recall(tool)
        if evidence is None:
            evidence = _Evidence(self._now)
            self._evidence.keep(tool, evidence)
        evidence.level += (self._now - evidence.level) * min(added_s / _EVIDENCE_S, 1.0)
        if self._now < 1.0:
            evidence.over_s = 0.0
        else:
            if evidence.over_s == 0.0:
                evidence.onset_ns = vector.onset_ns
            evidence.over_s += added_s
        return evidence

    def _learn(self, vector: FeatureVector, velocities: list[float]) -> None:
        rpm = vector.context.rpm
        assert rpm is not None
        key = (vector.regime.tool, speed_class(rpm))
        known = self._known.recall(key)
        if known is None:
            known = _Known(0.0, [0.0] * len(velocities))
            self._known.keep(key, known)
        added_s = new_s(self._last_ns, vector.t_ns, self._window_s)
        known.seconds = min(known.seconds + added_s, _MEMORY_S)
        for channel, velocity in enumerate(velocities):
            known.squares[channel] += (velocity**2 - known.squares[channel]) * added_s / known.seconds

    def _finding(
        self, vector: FeatureVector, limit: _Limit, worst: int, said: tuple[float, str, int]
    ) -> Finding:
        score, detail, onset_ns = said
        channel, rpm = self._channels[worst], vector.context.rpm
        assert rpm is not None
        line, total = float(vector.values[channel.line]), float(vector.values[channel.velocity])
        to_mm_s = channel.to_mm_s2 * 60.0 / (2.0 * math.pi * rpm)
        feature, velocity = self._features[channel.line], self._features[channel.velocity]
        expected, high = limit.expected / to_mm_s, limit.high / to_mm_s
        reasons = (
            Reason(feature.name, line, expected, math.nan, high, feature.unit, 0.9, 0.9 * score),
            Reason(velocity.name, total, math.nan, math.nan, math.nan, velocity.unit, 0.1, 0.1 * score),
        )
        # Imbalance is when most of the vibration is the line itself.
        certainty = 0.7 if (line * to_mm_s) ** 2 >= 0.5 * total**2 else 0.5
        return Finding(
            self.fault, self.name, Tier.LEARNED, score, certainty, reasons, detail, onset_ns=onset_ns
        )


def _limit(square: float, ratio: float) -> _Limit:
    expected = math.sqrt(square)
    return _Limit(expected, max(ratio * expected, _FLOOR_MM_S))
