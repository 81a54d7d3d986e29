"""A rolling bearing is damaged: its lines in the envelope, or a level that has risen in the air."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detectors.base import State
from detectors.signatures.base import Signature
from detectors.signatures.bearing_channel import bearing_channel
from detectors.signatures.bearing_level import LOW_HZ, Level
from detectors.signatures.bearing_lines import NAMES, UNNAMED, Lines, certainty
from detectors.signatures.speed import Memory, speed_class
from engine.config import Config
from engine.declared import Bearing, SensorGroup
from engine.records import Feature, FeatureVector
from engine.verdicts import FaultClass, Finding, Reason, Tier, Why

_N_KEPT = 64  # speeds, each in the air and in the cut
_CLOSES = 0.7  # below, an alert may close; see `Signature`
_LEVEL_CERTAINTY = 0.5  # rough running may have other causes than a bearing's

LineKey = tuple[int, bool]
"""Speed class, and whether it cuts."""
_ANY_SPEED = -1
"""All speeds together, in the air: a tool often turns there for less than a second at a time."""
LevelKey = tuple[int, str | None]
"""Speed class and section: some controllers tell the commanded speed while the spindle still gains it."""


class BearingSignature(Signature):
    """Damage of a rolling bearing, by its lines or by its roughness.

    *Lines* (dynamic, no teach-in): a spall is struck at the frequency of outer race, inner race or rolling element,
    which geometry and speed give. How surely these stand in the envelope beside their surroundings adds up over
    windows (for each speed in the air, for each in the cut, for all in the air) until chance is ruled out: one false
    alert in a hundred years of noise, if nothing else is modulated at that frequency. Three good windows are the
    least. The element is named only if its evidence is strong and twice that of every other; the cage never is, for
    its line lies where belts and rubbing have theirs.

    *Level* (learned): above 500 Hz the spindle in the air has become 2.5 times as loud as it was in its first minute
    at this speed. Surfaces that roughen all over, smeared or without grease, show no line. Any other source of high
    frequency that begins then is mistaken for the bearing: a belt, a seal that rubs, coolant turned on for the first
    time. It is not watched in a cut, where all this is covered, nor with unknown speed. A controller that tells a
    speed while the spindle stands teaches it standstill.

    Which bearing: the channel that showed it first is the key. Other channels of the group then belong to the same
    alert. Memory: for each of 64 speeds, in the air and in the cut, seven numbers a channel; and as many levels.

    References
    ----------
    R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", Mechanical Systems and Signal
    Processing 25 (2011). W. A. Smith, R. B. Randall, "Rolling element bearing diagnostics using the Case Western
    Reserve University data: a benchmark study", ibid. 64-65 (2015).
    """

    name = "bearing"
    fault = FaultClass.BEARING
    long = True
    __slots__ = (
        "_band_columns",
        "_bearing",
        "_ears",
        "_element",
        "_evident",
        "_features",
        "_held",
        "_hot",
        "_levels",
        "_line_columns",
        "_lines",
        "_nyquist_hz",
        "_score",
        "_where",
    )

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:  # noqa: ARG002
        self._features = list(features)
        index = {feature.name: at for at, feature in enumerate(features)}
        known = {channel.name: channel.bearing for channel in group.channels if not channel.dc_coupled}
        self._bearing: Bearing | None = next(filter(None, known.values()), None)
        self._nyquist_hz = group.sample_rate_hz / 2
        self._ears = [
            ear
            for name, bearing in known.items()
            if (ear := bearing_channel(name, bearing is not None, index)).lines or ear.bands
        ]
        self._line_columns = np.array([at for ear in self._ears for at in ear.lines], np.intp)
        self._band_columns = np.array([at for ear in self._ears for at in ear.bands], np.intp)
        self._evident = False  # whether the last vector that might have had evidence had some
        self._lines: Memory[LineKey, list[Lines]] = Memory(_N_KEPT)
        self._levels: Memory[LevelKey, list[Level]] = Memory(_N_KEPT)
        self._hot: list[LineKey] = []  # where lines have begun to show
        self._held: LevelKey | None = None  # the level that has risen
        self._score = 0.0
        self._where = -1  # the channel of the alert; -1: there is none
        self._element = UNNAMED

    def why_not(self, vector: FeatureVector) -> str:
        """Say why lines cannot be looked for; the level may be watched all the same."""
        if not self._ears:
            return Why.CHANNEL
        if self._bearing is None:
            return Why.GEOMETRY
        if vector.context.rpm is None:
            return Why.RPM
        if self._evident if not vector.apart else not np.isnan(vector.values[self._line_columns]).all():
            return ""
        highest_hz = self._bearing.orders[1] * vector.context.rpm / 60.0
        return Why.RATE if highest_hz > 0.5 * (self._nyquist_hz - LOW_HZ) else Why.RESOLUTION

    def assess(self, vector: FeatureVector) -> Finding | None:
        """Tell what the windows up to the last one have shown, as long as there is an alert."""
        if self._where < 0 or not (vector.usable and vector.steady):
            return None
        best = self._clearest()
        by_lines = best is not None and best[2].score >= min(self._level_score(), 1.0)
        if best is not None and by_lines:
            (_, cutting), channel, lines = best
            named = certainty(self._element, cutting)
            return self._finding(Tier.DYNAMIC, named, self._line_reasons(channel, lines), lines.onset_ns)
        return self._level_finding(vector)

    def learn(self, vector: FeatureVector, allowed: bool) -> None:
        """Add the window's evidence to what its speed has shown, and compare its level."""
        if self._where >= 0 and self._score < _CLOSES and vector.usable and vector.steady:
            self._where, self._element = -1, UNNAMED  # it has been said
        rpm = vector.context.rpm
        if not (vector.usable and vector.steady) or rpm is None or not rpm > 0.0:
            return
        cutting = vector.regime.cutting is True
        speed = speed_class(rpm)
        changed = self._hear_lines(vector, (speed, cutting))
        if not cutting and _in_air(vector):
            changed |= self._hear_level(vector, (speed, vector.regime.section), allowed)
        if changed:
            self._conclude()

    def save(self) -> State:
        """See `Signature.save`."""
        return {
            "version": self.version,
            "lines": [(key, [one.save() for one in all_]) for key, all_ in self._lines.save()],
            "levels": [(key, [one.save() for one in all_]) for key, all_ in self._levels.save()],
            "hot": list(self._hot),
            "held": self._held,
            "score": self._score,
            "where": self._where,
            "element": self._element,
            "evident": self._evident,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Signature.restore`."""
        if state["version"] != self.version:
            raise ValueError(f"Expected a state of version {self.version}, got {state['version']}")
        for key, saved in state["lines"]:
            self._lines.keep(tuple(key), [Lines.restored(one) for one in saved])
        for key, saved in state["levels"]:
            self._levels.keep(tuple(key), [Level.restored(one) for one in saved])
        self._hot = [tuple(key) for key in state["hot"]]
        self._held = None if state["held"] is None else tuple(state["held"])
        self._score, self._where, self._element = state["score"], state["where"], state["element"]
        self._evident = state["evident"]

    def _hear_lines(self, vector: FeatureVector, key: LineKey) -> bool:
        """Add evidence; say whether anything shows or has shown."""
        if self._bearing is None or not vector.apart:
            return False
        evidence = vector.values[self._line_columns].tolist()
        self._evident = not all(map(math.isnan, evidence))
        if not self._evident:
            return False
        was_hot, hot = bool(self._hot), self._add(key, evidence, vector.onset_ns)
        if not key[1]:
            hot |= self._add((_ANY_SPEED, False), evidence, vector.onset_ns)
            if key not in self._hot:
                self._doubt()
        return was_hot or hot

    def _add(self, key: LineKey, evidence: Sequence[float], onset_ns: int) -> bool:
        """Add evidence to one sum of every channel; say whether any is above 0."""
        heard = self._lines.recall(key)
        if heard is None:
            heard = [Lines() for _ in self._ears]
            self._lines.keep(key, heard)
            self._hot = [hot for hot in self._hot if hot in self._lines]
        hot, at = False, 0
        for ear, lines in zip(self._ears, heard, strict=True):
            own = evidence[at : at + len(ear.lines)]
            at += len(own)
            lines.update(own, key[1], onset_ns)
            hot = hot or any(lines.sums)
        if hot and key not in self._hot:
            self._hot.append(key)
        elif not hot and key in self._hot:
            self._hot.remove(key)
        return hot

    def _doubt(self) -> None:
        """What showed at other speeds loses a little where the air shows nothing."""
        for key in self._hot:
            if key[0] != _ANY_SPEED:
                for lines in self._lines[key]:
                    lines.doubt()

    def _hear_level(self, vector: FeatureVector, key: LevelKey, allowed: bool) -> bool:
        """Compare levels; say whether one is or was raised."""
        levels = self._levels.recall(key)
        if levels is None:
            levels = [Level(len(ear.bands)) for ear in self._ears]
            self._levels.keep(key, levels)
            if self._held is not None and self._held not in self._levels:
                self._held = None
        values, allowed = vector.values[self._band_columns].tolist(), allowed and self._where < 0
        at, risen = 0, False
        for ear, level in zip(self._ears, levels, strict=True):
            own = values[at : at + len(ear.bands)]
            at += len(own)
            if _is_level(own) and level.update(own, allowed, vector.onset_ns):
                risen = True
        if risen and max(level.score for level in levels) >= self._level_score():
            self._held = key
        return risen

    def _level_score(self) -> float:
        if self._held is None:
            return 0.0
        return max(level.score for level in self._levels[self._held])

    def _clearest(self) -> tuple[LineKey, int, Lines] | None:
        """Where lines show best: speed, channel, lines."""
        shown = [(key, channel, lines) for key in self._hot for channel, lines in enumerate(self._lines[key])]
        return max(shown, key=lambda one: (one[2].score, one[2].means[one[2].strongest]), default=None)

    def _conclude(self) -> None:
        """Take the worst of all speeds and channels; open an alert and name the element."""
        best, level = self._clearest(), self._level_score()
        self._score = max(level, best[2].score if best is not None else 0.0)
        if self._score >= 1.0 and self._where < 0:
            if best is not None and best[2].score >= 1.0:
                self._where = best[1]
            elif self._held is not None:
                scores = [one.score for one in self._levels[self._held]]
                self._where = scores.index(max(scores))
        if self._where >= 0 and self._element == UNNAMED and best is not None:
            self._element = best[2].element

    def _level_finding(self, vector: FeatureVector) -> Finding:
        reasons: tuple[Reason, ...] = ()
        onset_ns = None
        if self._held is not None:
            levels = self._levels[self._held]
            channel = max(range(len(levels)), key=lambda one: levels[one].score)
            level, values = levels[channel], _taken(vector, self._ears[channel].bands)
            onset_ns = level.onset_ns
            if level.ready and _is_level(values):
                band = level.loudest(values)
                feature = self._features[self._ears[channel].bands[band]]
                bounds = level.expected(band), 0.0, level.high(band)
                reasons = (Reason(feature.name, values[band], *bounds, feature.unit, 1.0, self._score),)
        return self._finding(Tier.LEARNED, _LEVEL_CERTAINTY, reasons, onset_ns)

    def _finding(self, tier: Tier, sure: float, reasons: tuple[Reason, ...], onset_ns: int | None) -> Finding:
        return Finding(
            self.fault,
            self.name,
            tier,
            self._score,
            sure,
            reasons,
            self._element,
            self._ears[self._where].name,
            onset_ns,
        )

    def _line_reasons(self, channel: int, lines: Lines) -> tuple[Reason, ...]:
        """Mean evidence of every line, the strongest first."""
        total = sum(lines.means) or 1.0
        ranked = sorted(range(len(NAMES)), key=lambda line: -lines.means[line])
        reasons = []
        for line in ranked:
            share = lines.means[line] / total
            feature = self._features[self._ears[channel].lines[line]]
            reasons.append(
                Reason(
                    feature.name,
                    lines.means[line],
                    1.0,
                    0.0,
                    math.nan,
                    feature.unit,
                    share,
                    share * self._score,
                )
            )
        return tuple(reasons)


def _taken(vector: FeatureVector, columns: Sequence[int]) -> tuple[float, ...]:
    return tuple(float(vector.values[column]) for column in columns)


def _is_level(values: Sequence[float]) -> bool:
    """Whether these are levels of bands: some, above 0 and finite; a NaN makes the sum one."""
    return 0.0 < sum(values) < math.inf and min(values) > 0.0


def _in_air(vector: FeatureVector) -> bool:
    """Whether nothing is being cut: the controller says so, or there is none, as on a test rig."""
    if vector.regime.cutting is None:
        return vector.regime.tool is None and vector.context.n_teeth is None
    return not vector.regime.cutting
