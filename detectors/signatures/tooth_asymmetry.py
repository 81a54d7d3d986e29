"""Tool breakage: once per revolution, a tooth is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from detectors.base import State, check_version
from detectors.signatures.base import Signature
from detectors.signatures.cut_line import (
    MEMORY,
    N_CUTS,
    N_OWN,
    EarlierCuts,
    Line,
    Now,
    is_whole,
    learn_lines,
)
from detectors.signatures.cut_load import SHOWS_MEAN, CutLoad
from detectors.signatures.line_channels import line_channels
from detectors.signatures.line_demand import AFTER_BURST, CALM, Demand
from detectors.signatures.settling_lines import SettlingLines
from detectors.signatures.speed import Memory
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector, Regime
from engine.verdicts import FaultClass, Finding, Reason, Tier, Why

_N_REGIMES = 64
_LEAST_SPREAD = 0.04  # of a line that stands well above the noise, over 0.2 s
_LOG_LEAK = -math.log(
    20.0 * math.pi
)  # of the level: what a tone 20 lines away leaks into a line without taper
_USUAL = 0.15  # above the mean of earlier cuts: back to what is usual is no news
_BURST = math.log(1.6)  # of the peak over the cut's own: an edge that breaks out gives a blow
_CREST = 5.0
_N_BURST = 4  # windows for which a burst is remembered: 0.4 s
_BEYOND_LEVEL = 0.35  # logarithm of the rise that the cut's own level must not explain
_SPEAK = 0.5
_MOST = 5.0  # scores beyond say no more


class _Rise(NamedTuple):
    """How far one channel's line has risen, in units of what confirms a breakage."""

    score: float
    channel: int
    reference: float  # logarithm
    limit: float  # logarithm above it
    tier: Tier


class ToothAsymmetry(Signature):
    """A broken edge: the line once per revolution jumps within a cut.

    Teeth that cut alike make the tooth-passing line; one that is gone makes the line of the revolution, for the next
    one cuts its share too. The indicator is the ratio of the line at the spindle's speed to a reference (as a control
    maker's patent application has it for torque), on every channel: vibration, and current as a measure of torque.

    The reference is the cut itself, the last two seconds of it, from its third usable window on. Before that, and for a
    tool that was broken as it entered, it is what earlier cuts of this tool, section and speed had. Run-out differs
    by an eighth from clamping to clamping, and between inserts by more: over four cuts or more a factor of 2.5
    (1.6 with a burst) is asked for, over fewer one of 3.3 (2). Where unbalance makes most of the line, as at 12 000
    rpm, a broken edge adds no such factor; so a burst in the first windows of a section is held against the windows in
    which it settled too, if the tool was in the material before (`SettlingLines`) and earlier cuts are known.

    A jump scores 1.0 at a factor of 1.7 (1.35 with a burst), if it is at least six (four) times the line's own unrest,
    and, without a burst, at least 1.4 times what the cut's level rises by: wider engagement raises all lines alike.
    That level is the channel's; in a current also its mean above air, where the cut shows in it by 15 %, for the swing
    of a slow cutter is itself little but the line and its harmonics. The jump must last for three windows, since a step
    of the load leaks into two; for two if a burst marked its onset, an edge that breaks out, be it as the tool enters.
    Where a tool merely wears, its teeth do so alike.

    Without a burst only a current counts: a vibration alone may as well be a balance that was lost.

    Certainty is 0.7; with a burst 0.8. A collision bends the tool, and the line rises too, but `Shock` is surer of its
    blow.

    It misleads where run-out changes within a cut (a holder that slips) and at the start of an interrupted cut that is
    in step with the revolution, as in turning a part with a slot. It is blind where the line is not above what
    other tones leak into it (1.6 % of the channel's level), with tools of one edge, and for a tool that is gone
    wholly, which is for `LevelDrop`.

    State: five numbers per channel for the cut, for its settling, and for each of at most 64 regimes.

    References
    ----------
    US 2025/0319564 A1: ratio of the spectrum at the spindle's frequency to a reference, of torque or speed.
    Altintas, Manufacturing Automation, 2nd ed., Cambridge 2012, ch. 4: the chip of a broken tooth passes to the next.
    """

    name = "tooth_asymmetry"
    fault = FaultClass.TOOL_BREAKAGE
    long = False
    version = 2
    __slots__ = (
        "_air",
        "_channels",
        "_columns",
        "_cut",
        "_earlier",
        "_fit",
        "_key",
        "_load",
        "_memory",
        "_n_burst",
        "_now",
        "_onset_ns",
        "_rises",
        "_settling",
    )

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:
        self._channels, rows = line_channels(features, group)
        # Lines of all channels, then levels, then peaks.
        self._columns = np.array(rows, np.intp).reshape(-1, 3).T.ravel()
        self._load = CutLoad(features, group)
        self._air = [math.nan] * len(self._channels)  # of the means, for the cut
        self._memory: Memory[Regime, EarlierCuts] = Memory(_N_REGIMES)
        self._key: Regime | None = None
        self._earlier: EarlierCuts | None = None
        self._cut = [Line() for _ in self._channels]
        self._settling = SettlingLines(len(self._channels), config.waveform.window_s)
        self._fit = True
        self._rises: tuple[float, ...] = ()
        self._n_burst = 0
        self._onset_ns = 0
        self._now: Now | None = None

    def why_not(self, vector: FeatureVector) -> str:
        """Say what is missing: a speed, a cut, or a reference."""
        regime = vector.regime
        if not self._channels:
            return Why.CHANNEL
        if not vector.context.rpm:
            return Why.RPM
        if not regime.cutting:
            return Why.CONTEXT if regime.cutting is None else Why.NOT_CUTTING
        if vector.context.n_teeth == 1:
            return Why.TEETH
        if not vector.steady:
            return Why.UNSTEADY
        lines = vector.values[self._columns[: len(self._channels)]]
        if not np.any(np.isfinite(lines)):
            return Why.RESOLUTION
        if self._key == regime and any(line.n >= N_OWN for line in self._cut):
            return ""
        earlier = self._memory.get(regime)
        return Why.LEARNING if earlier is None else ""

    def assess(self, vector: FeatureVector) -> Finding | None:
        """Compare the lines with the cut's own and with earlier cuts'.

        Parameters
        ----------
        vector : FeatureVector
            Short windows.

        Returns
        -------
        Finding or None
            None below a score of 0.5, and until enough windows agree.
        """
        if vector.regime != self._key:
            self._begin(vector)
        self._n_burst = max(0, self._n_burst - 1)
        fits = self._fits(vector)
        self._now = self._logarithms(vector) if fits or self._enters(vector) else None
        if self._now is not None and self._bursts(self._now):
            self._n_burst = _N_BURST
        if not fits:
            self._rises = ()
            return None
        demand = AFTER_BURST if self._n_burst else CALM
        rise = self._highest(demand)
        if rise is None or rise.score < _SPEAK:
            self._rises = ()
            return None
        if not self._rises:
            self._onset_ns = vector.onset_ns
        self._rises = (*self._rises, rise.score)[-CALM.n_windows :]
        if len(self._rises) < demand.n_windows:
            return None
        return self._finding(rise, min(self._rises[-demand.n_windows :]), demand.certainty)

    def learn(self, vector: FeatureVector, allowed: bool) -> None:
        """Let a calm window move the cut's own reference; a cut that was healthy throughout is remembered.

        A fault of another kind does not keep the cut from being its own reference, but from being remembered.
        """
        self._settling.learn(vector, None if self._n_burst or not vector.learnable else self._now)
        if vector.regime.cutting is False:
            self._load.learn_air(vector)
            return
        self._load.leave_air()
        if vector.steady and vector.usable and not allowed:
            self._fit = False
        if self._now is not None and vector.learnable and not self._rises and self._fits(vector):
            learn_lines(self._cut, self._now)

    def save(self) -> State:
        """Return plain numbers for `restore`."""
        return {
            "version": self.version,
            "key": None if self._key is None else tuple(self._key),
            "cut": [line.save() for line in self._cut],
            "settling": self._settling.save(),
            "fit": self._fit,
            "rises": self._rises,
            "n_burst": self._n_burst,
            "onset_ns": self._onset_ns,
            "load": self._load.save(),
            "air": list(self._air),
            "memory": [(tuple(key), earlier.save()) for key, earlier in self._memory.items()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another left off."""
        check_version(state, self.version, self.name)
        self._load.restore(state["load"])
        self._air = list(state["air"])
        for key, (lines, unrest, n) in state["memory"]:
            self._memory.keep(Regime(*key), EarlierCuts([Line(line) for line in lines], unrest, n))
        self._key = None if state["key"] is None else Regime(*state["key"])
        self._earlier = None if self._key is None else self._memory.get(self._key)
        self._cut = [Line(line) for line in state["cut"]]
        self._settling.restore(state["settling"])
        self._fit, self._rises, self._n_burst = state["fit"], tuple(state["rises"]), state["n_burst"]
        self._onset_ns = state["onset_ns"]

    def _begin(self, vector: FeatureVector) -> None:
        """Remember the cut that is over, if all was well in it, and begin anew."""
        regime = vector.regime
        self._settling.begin(self._key, vector)
        if self._key is not None and self._key.cutting and self._fit and is_whole(self._cut):
            earlier = self._memory.recall(self._key)
            if earlier is None:
                earlier = EarlierCuts([Line() for _ in self._channels], [0.0] * len(self._channels))
                self._memory.keep(self._key, earlier)
            earlier.learn(self._cut)
        self._key, self._earlier = regime, self._memory.get(regime)
        self._cut = [Line() for _ in self._channels]
        self._fit, self._n_burst = True, 0
        self._air = [self._load.air(regime, c.mean) if c.mean else math.nan for c in self._channels]

    def _fits(self, vector: FeatureVector) -> bool:
        context = vector.context
        fit = vector.usable and vector.steady and vector.regime.cutting and context.rpm
        return bool(fit) and context.n_teeth != 1 and bool(self._channels)

    def _enters(self, vector: FeatureVector) -> bool:
        """Whether a window shows the entry of a cut: no line is steady yet, but an edge may break out."""
        return bool(vector.usable and vector.regime.cutting and vector.context.rpm and self._channels)

    def _logarithms(self, vector: FeatureVector) -> Now:
        """Lines, levels and peaks of all channels; of a current's mean what it has above air. NaN: not known."""
        values = vector.values[self._columns].tolist()
        n = len(self._channels)
        for i, air in enumerate(self._air):
            if self._channels[i].mean:
                mean = values[n + i]
                values[n + i] = mean - air if mean >= SHOWS_MEAN * air else math.nan
        logs = [math.log(v) if 0.0 < v < math.inf else math.nan for v in values]
        return logs[:n], logs[n : 2 * n], logs[2 * n :]

    def _bursts(self, now: Now) -> bool:
        """Whether a vibration channel shows a blow over what the cut, or earlier cuts, had."""
        for i, channel in enumerate(self._channels):
            level, peak = now[1][i], now[2][i]
            if not channel.vibration or not peak - level >= math.log(_CREST):
                continue
            own = self._cut[i]
            usual = own if own.n >= N_OWN or self._earlier is None else self._earlier.lines[i]
            if usual.n and peak - usual.peak >= _BURST:
                return True
        return False

    def _highest(self, demand: Demand) -> _Rise | None:
        """Find the channel whose line has risen most, against the cut or against earlier ones."""
        assert self._now is not None
        best: _Rise | None = None
        for i, channel in enumerate(self._channels):
            if demand is CALM and channel.vibration:
                continue  # without the blow of an edge that breaks out, a lost balance makes the same line
            line, level = self._now[0][i], self._now[1][i]
            # Also true for a NaN. A mean leaks into no line.
            if not line - level >= (-math.inf if channel.mean else _LOG_LEAK):
                continue
            for reference, limit, tier in self._references(i, line, demand):
                rise = self._rise(i, reference, limit, tier, demand)
                best = rise if best is None or rise.score > best.score else best
        return best

    def _references(self, i: int, line: float, demand: Demand) -> Iterator[tuple[Line, float, Tier]]:
        """What a channel's line is held against, and how far above that it must be."""
        usual = self._earlier.usual(i) if self._earlier is not None else None
        variance = self._variance(i)
        own = self._cut[i] if self._cut[i].n >= N_OWN else None
        unrest = variance
        if own is None and usual is not None and demand is AFTER_BURST:
            own = self._settling.line(i)
            unrest = variance if own is None else max(variance, own.variance)
        if own is not None and (usual is None or line >= usual.mean + _USUAL):
            least = demand.n_sigma * max(math.sqrt(unrest), _LEAST_SPREAD)
            yield own, max(demand.rise, least), Tier.DYNAMIC
        if usual is not None:
            least = demand.n_sigma * max(math.sqrt(variance + usual.variance), _LEAST_SPREAD)
            yield usual, max(demand.from_cuts if usual.n >= N_CUTS else demand.from_few, least), Tier.LEARNED

    def _variance(self, i: int) -> float:
        """Variance of a line within the cut: earlier cuts', until this one has shown its own."""
        own = self._cut[i]
        if self._earlier is None or not self._earlier.lines[i].n:
            return own.variance
        share = min(own.n / MEMORY, 1.0)
        return share * own.variance + (1.0 - share) * self._earlier.unrest[i]

    def _rise(self, i: int, reference: Line, limit: float, tier: Tier, demand: Demand) -> _Rise:
        assert self._now is not None
        rise = self._now[0][i] - reference.mean
        score = min(rise / limit, _MOST)
        if demand is CALM:  # the blow itself fills the window's level
            score = min(score, (rise - self._now[1][i] + reference.level) / _BEYOND_LEVEL)
        return _Rise(score, i, reference.mean, limit, tier)

    def _finding(self, rise: _Rise, score: float, certainty: float) -> Finding:
        assert self._now is not None
        feature, unit, *_ = self._channels[rise.channel]
        value, expected = math.exp(self._now[0][rise.channel]), math.exp(rise.reference)
        high = expected * math.exp(rise.limit)
        reason = Reason(feature, value, expected, math.nan, high, unit, 1.0, score)
        return Finding(self.fault, self.name, rise.tier, score, certainty, (reason,), onset_ns=self._onset_ns)
