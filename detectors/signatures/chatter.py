"""Chatter: the cut sings a note of its own, between the lines of speed and teeth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from detectors.base import State
from detectors.signatures.base import Signature
from detectors.signatures.note import SPEAK, Note
from detectors.signatures.speed import HeldSpeed, Memory, speed_class
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector
from engine.verdicts import FaultClass, Finding, Reason, Tier, Why

_READ = ("asynchronous_line", "asynchronous_hz", "asynchronous_contrast", "rms")
_LEAST_RATE_HZ = 2000.0  # spindles and tools chatter from some hundred hertz up: half of this must be seen
_LEAST_LINES = 8  # lines of resolution from order to order, as `asynchronous_line` needs them

# The strongest bin of mere noise stands out 1.8 to 4.5 times (of 10 000 windows); chatter, 10 to 150.
_NARROW = 6.0
# A quarter of the power of all that the sensor hears in the cut: chatter soon outdoes the teeth. Healthy simulated
# cuts, whose tooth harmonics alias as with a sensor without a filter, come to two thirds of these limits together.
_LOUD = 0.5
# Three fifths of it: without anything to compare with. A motor's own note made up a third on a real test rig.
_LOUDEST = math.sqrt(0.6)
# Twelve decibels over what was there before; noise in its strongest bin varies by three from window to window.
_GROWN = 4.0

_N_OPENING = 5  # windows that are a cut's first moments
_N_LEARNED = 50  # windows after which a section's level is known: five seconds
_N_MEMORY = 500  # windows over which it is averaged
_FORGET = 0.99  # of the loudest note in the air, from window to window
_MOST = 10.0  # score beyond which more says nothing
_N_KEPT = 64


class Chatter(Signature):
    """Self-excited vibration of tool and spindle in the cut.

    Forced vibration, however strong, has the lines of speed and teeth, and its skirts of noise. Chatter adds a line
    that belongs to neither, near a natural frequency, and soon the loudest. Three things must hold, in three windows
    in a row that hear the same note. It is *narrow*: it stands 6 times out of its surroundings, which the noise of
    wear, of a broken or bent tool, of coolant does not. It is *loud*: a quarter of the power or more. It has *grown*,
    by 12 dB, over the loudest note of the spindle in the air at comparable speed, where a pump, a drive or a damaged
    bearing sings, too; and over this cut's first moments (dynamic) or what this section usually has (learned). Those
    are the magnitude and ratio tests of the control makers. Three fifths of all power in a note that the air does not
    know are enough without the rest (absolute).

    A cutter so slow that its orders are crowded (960 rpm and less, in half a second) is judged between the lines of its
    teeth; run-out then counts as a note, but no single line of it is that loud.

    It misses chatter on a multiple of the speed (period doubling of a cutter with an even number of teeth), chatter
    above the sensor's range, and a note that comes and goes within half a second. A cut that chatters from its first
    moment is found by its loudness or against the section's past. A workpiece that rings between two teeth's blows
    looks alike, and usually is what begins to chatter.

    Memory: a level per channel for each of 64 speeds in the air and 64 regimes.

    References
    ----------
    Y. Altintas, M. Weck, "Chatter stability of metal cutting and grinding", CIRP Annals 53/2 (2004).
    T. Delio, J. Tlusty, S. Smith, "Use of audio signals for chatter detection and control", J. Engineering for
    Industry 114 (1992): remove the synchronous lines, compare what remains.
    """

    name = "chatter"
    fault = FaultClass.CHATTER
    long = True
    __slots__ = (
        "_air",
        "_columns",
        "_cut",
        "_features",
        "_learned",
        "_n_cut",
        "_notes",
        "_rate_hz",
        "_speed",
        "_suspicion",
        "_tool",
        "_window_s",
    )

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:
        at = {feature.name: index for index, feature in enumerate(features)}
        self._features = features
        self._columns = [
            tuple(at[f"{name}.{read}"] for read in _READ)
            for name in group.channel_names
            if all(f"{name}.{read}" in at for read in _READ)
        ]
        self._rate_hz, self._window_s = group.sample_rate_hz, config.diagnosis.window_s
        self._speed = HeldSpeed()
        self._air: Memory[int, list[float]] = Memory(_N_KEPT)
        self._learned: Memory[tuple[Any, ...], tuple[int, list[float]]] = Memory(_N_KEPT)
        self._cut = [0.0] * len(self._columns)  # mean logarithm of this cut's first moments
        self._n_cut = 0
        self._tool: str | None = None
        self._notes = [Note() for _ in self._columns]
        self._suspicion = 0.0

    def why_not(self, vector: FeatureVector) -> str:
        """See `Signature.why_not`."""
        if not self._columns:
            return Why.CHANNEL
        if self._rate_hz < _LEAST_RATE_HZ:
            return Why.RATE
        regime, rpm = vector.regime, vector.context.rpm
        if regime.cutting is not True:
            return Why.CONTEXT if regime.cutting is None else Why.NOT_CUTTING
        if rpm is None:
            return Why.RPM
        # Where the spindle's orders are too crowded, those of its teeth are left out.
        lines = rpm * self._window_s / 60.0
        if max(lines, lines * (vector.context.n_teeth or 1)) < _LEAST_LINES:
            return Why.RESOLUTION
        # Entering the material blurs no line; a change of speed does.
        return "" if self._speed.held_s(vector.context, vector.t_ns) >= self._window_s else Why.UNSTEADY

    def assess(self, vector: FeatureVector) -> Finding | None:
        """See `Signature.assess`."""
        self._suspicion = 0.0
        if not vector.usable or self.why_not(vector):
            for note in self._notes:
                note.stop()
            return None
        air, learned = self._in_air(vector), self._section(vector)
        best: Finding | None = None
        for channel, columns in enumerate(self._columns):
            note, contrast = self._notes[channel], float(vector.values[columns[2]])
            if not contrast / _NARROW >= SPEAK:  # however loud, it is no line: as in most windows
                note.stop()
                continue
            line, hz, _, rms = (float(vector.values[column]) for column in columns)
            score, tier, expected = self._judge(
                channel, line / rms if rms > 0.0 else math.nan, line, air, learned
            )
            score = min(score, contrast / _NARROW, _MOST)
            self._suspicion = max(self._suspicion, score)
            score = note.hear(score, hz, vector.onset_ns)
            if score >= SPEAK and (best is None or score > best.score):
                best = self._finding(columns, vector, score, tier, expected, note.since_ns)
        return best

    def learn(self, vector: FeatureVector, allowed: bool) -> None:
        """See `Signature.learn`."""
        held_s = self._speed.held_s(vector.context, vector.t_ns)
        self._speed.update(vector.context)
        if (
            vector.regime.cutting is not True
            or vector.regime.tool != self._tool
            or not held_s >= self._window_s
        ):
            self._n_cut, self._tool = 0, vector.regime.tool
        if not (vector.usable and vector.steady and vector.learnable and held_s >= self._window_s):
            return
        lines = [float(vector.values[columns[0]]) for columns in self._columns]
        if not all(line > 0.0 for line in lines):
            return
        if vector.regime.cutting is False:
            self._learn_air(vector, lines)
        elif vector.regime.cutting:
            logs = [math.log(line) for line in lines]
            if self._n_cut < _N_OPENING:
                self._n_cut += 1
                _average(self._cut, logs, self._n_cut)
            if allowed and self._suspicion < SPEAK:
                self._learn_section(vector, logs)

    def save(self) -> State:
        """See `Signature.save`."""
        return {
            "version": self.version,
            "speed": self._speed.save(),
            "air": [(key, list(levels)) for key, levels in self._air.save()],
            "learned": [(key, n, list(levels)) for key, (n, levels) in self._learned.save()],
            "cut": (self._n_cut, self._tool, list(self._cut)),
            "notes": [note.save() for note in self._notes],
            "suspicion": self._suspicion,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See `Signature.restore`."""
        if state.get("version") != self.version:
            raise ValueError(
                f"{self.name}: expected a state of version {self.version}, got {state.get('version')!r}"
            )
        self._speed.restore(state["speed"])
        for key, levels in state["air"]:
            self._air.keep(key, list(levels))
        for key, n, levels in state["learned"]:
            self._learned.keep(tuple(key), (n, list(levels)))
        self._n_cut, self._tool, self._cut = state["cut"][0], state["cut"][1], list(state["cut"][2])
        for note, saved in zip(self._notes, state["notes"], strict=True):
            note.restore(saved)
        self._suspicion = state["suspicion"]

    def _judge(
        self, channel: int, loud: float, line: float, air: list[float] | None, learned: list[float] | None
    ) -> tuple[float, Tier, float]:
        """Loud and grown enough? Score, the tier it rests on, and the level that is no chatter."""
        in_air = air[channel] if air is not None else 0.0
        grown = line / (_GROWN * in_air) if in_air > 0.0 else math.inf
        score, tier, expected = min(loud / _LOUDEST, grown), Tier.ABSOLUTE, in_air or math.nan
        section = None if learned is None else learned[channel]
        for own, level in ((Tier.DYNAMIC, self._opening(channel)), (Tier.LEARNED, section)):
            if level is not None:
                known = max(in_air, math.exp(level))
                compared = min(loud / _LOUD, line / (_GROWN * known))
                if compared > score or (own is Tier.LEARNED and compared == score):
                    score, tier, expected = compared, own, known
        return (score, tier, expected) if score == score else (0.0, tier, expected)

    def _opening(self, channel: int) -> float | None:
        return self._cut[channel] if self._n_cut >= _N_OPENING else None

    def _in_air(self, vector: FeatureVector) -> list[float] | None:
        """Loudest notes without cutting: at this speed, else at any."""
        assert vector.context.rpm is not None
        own = self._air.recall(speed_class(vector.context.rpm))
        if own is not None or not self._air:
            return own
        return [max(levels) for levels in zip(*self._air.values(), strict=True)]

    def _section(self, vector: FeatureVector) -> list[float] | None:
        known = self._learned.recall(tuple(vector.regime))
        return known[1] if known is not None and known[0] >= _N_LEARNED else None

    def _learn_air(self, vector: FeatureVector, lines: list[float]) -> None:
        rpm = vector.context.rpm
        if rpm is not None and rpm > 0.0:
            key = speed_class(rpm)
            old = self._air.recall(key) or lines
            self._air.keep(key, [max(line, _FORGET * level) for line, level in zip(lines, old, strict=True)])

    def _learn_section(self, vector: FeatureVector, logs: list[float]) -> None:
        key = tuple(vector.regime)
        n, levels = self._learned.recall(key) or (0, [0.0] * len(logs))
        n = min(n + 1, _N_MEMORY)
        _average(levels, logs, n)
        self._learned.keep(key, (n, levels))

    def _finding(
        self,
        columns: Sequence[int],
        vector: FeatureVector,
        score: float,
        tier: Tier,
        expected: float,
        onset_ns: int,
    ) -> Finding:
        line, hz, contrast, rms = (float(vector.values[column]) for column in columns)
        names = [self._features[column] for column in columns]
        shares = (0.6, 0.2, 0.2)
        reasons = (
            Reason(
                names[0].name,
                line,
                expected,
                math.nan,
                _GROWN * expected,
                names[0].unit,
                shares[0],
                shares[0] * score,
            ),
            Reason(
                names[1].name, hz, math.nan, math.nan, math.nan, names[1].unit, shares[1], shares[1] * score
            ),
            Reason(
                names[2].name, contrast, 2.0, math.nan, _NARROW, names[2].unit, shares[2], shares[2] * score
            ),
        )
        unmistakable = line >= _LOUDEST * rms and contrast >= 2.0 * _NARROW
        return Finding(
            self.fault,
            self.name,
            tier,
            score,
            0.9 if unmistakable else 0.7,
            reasons,
            detail=f"{hz:.0f} Hz",
            onset_ns=onset_ns,
        )


def _average(levels: list[float], new: Sequence[float], n: int) -> None:
    """Let levels, in place, become the mean of ``n`` values, the newest of which are new."""
    for channel, value in enumerate(new):
        levels[channel] += (value - levels[channel]) / n
