"""Collision: a blow beyond anything that this spindle has shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from detectors.base import State, check_version
from detectors.signatures.base import Signature
from detectors.signatures.loudest import Loudest, Peaks
from detectors.signatures.shock_channels import ShockChannel, shock_channels
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector, Regime
from engine.verdicts import FaultClass, Finding, Reason, Tier, Why

# Vectors that a spindle must have shown: a second of cutting; half a minute of idling, with its clamping of tools,
# acceleration and braking; a second where nobody says what it does, for there a blow must decay as well.
_N_LEARN = {True: 10, False: 300, None: 10}
_N_KNOWN = 20  # vectors of a regime before it has a reference of its own
_N_VISITS = (
    3  # to a regime before a drive has one: it may start another spindle, or turn back, in the midst of it
)
# Of what a drive ever gave, accelerating too: less is no overload, or none of a regime that is known.
_OF_EVER, _OF_EVER_KNOWN = math.log(0.7), math.log(0.5)
_N_NEW = 10  # of a regime never seen before, during which more is asked for
_SPEAK = 0.5
_CREST = 5.0  # peak over rms: noise and cutting reach 3 to 4.5 in a window, a tone 1.5
# Of the way to certain, by vibration over a light cut's own: 0.75, for an edge may have broken out.
_MOST_IN_REGIME = 0.625
_N_DECAY, _DECAY = 3, math.log(3.0)  # a blow is over within so many windows, to a third of its peak


class _Excess(NamedTuple):
    """How far one channel's level stands above a reference."""

    score: float
    channel: int
    reference: float  # logarithm
    tier: Tier


class Shock(Signature):
    """A collision: one blow, within a single hop, beyond the loudest that this spindle has shown.

    Vibration is judged by its peak, a drive by the highest current (mean and peak-to-peak value together). The
    references are the loudest moments while cutting and while idling, over all tools and programs, forgotten by half in
    an hour of each; and the regime's own once it has been seen for two seconds. A blow scores 1.0

    - at 3 times the spindle's loudest vibration of that kind, or 5 times the regime's own. A tool that loses an edge
      releases the energy of its cut, a few times the cut's own peak; a head stopped from rapid feed is bound by
      nothing, and 3 leaves the spread of peaks (a factor of 2) and of materials;
    - at twice the highest current of cutting, if it is not far below what the drive ever gave, accelerating too; or
      twice the regime's own, after three cuts. Drives give no more than two to three times their rating, so a blow
      in heavy roughing is never far beyond it.

    It must be abrupt: four times the window before (twice one of the last two, for a drive), or a crest factor of 5.
    What grows from window to window, like chatter, is not a blow.

    While idling nothing is a collision that the spindle's cuts outdo: a tool that enters the material, with a
    controller that says so a moment later, is none. In a regime never seen before, for its first second, eight
    times the spindle's loudest is asked for. Where nobody says whether it cuts, that holds for two seconds, and only
    what decays within three windows is a blow, for the first entry into material is as loud and stays.

    Before a spindle has cut for a second and idled for half a minute (or been watched for a second, if nobody says
    which) it is learning, and only 80 % of an accelerometer's full scale counts.

    Certainty is 0.5 at the limit and rises with size to 0.9: for vibration at 10 times the loudest of its kind, for the
    drive at 2.5 times, or 4 times the regime's own. A breakage's blow hardly gets there, and no cut overloads the
    drive so. By vibration over the regime's own it rises to 0.75 only: where a cut is light, an edge that breaks out is
    loud too, and what lasts of it (`ToothAsymmetry`) is the better witness, unless the drive felt the blow.

    It misleads where a spindle is knocked from outside (a part dropped on the table), and is deaf for blows smaller
    than the spindle's own loud work.

    State: that of `Loudest`, and two numbers per channel.

    References
    ----------
    That a collision asks for no confirmation is the practice of crash sensors; the factors are this project's.
    """

    name = "shock"
    fault = FaultClass.COLLISION
    long = False
    __slots__ = (
        "_before",
        "_before_that",
        "_channels",
        "_columns",
        "_levels",
        "_loudest",
        "_n_since",
        "_regime",
        "_suspect",
    )

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:  # noqa: ARG002
        self._channels, columns = shock_channels(features, group)
        self._columns = np.array(columns, np.intp)
        self._loudest = Loudest(len(self._channels))
        self._regime: Regime | None = None
        self._n_since = 0  # vectors since the regime changed
        self._levels = self._before = self._before_that = [math.nan] * len(self._channels)
        # Windows left, channel, level at which it is calm again, and what may be said then.
        self._suspect: tuple[int, int, float, Finding] | None = None

    def why_not(self, vector: FeatureVector) -> str:
        """Say whether anything is known to compare with."""
        if not self._channels:
            return Why.CHANNEL
        if not vector.usable:
            return Why.SAMPLES
        return "" if self._known(vector.regime.cutting) else Why.LEARNING

    def assess(self, vector: FeatureVector) -> Finding | None:
        """Compare with the loudest that is known.

        Parameters
        ----------
        vector : FeatureVector
            Steady or not: a tool that hits something as it approaches changes no regime.

        Returns
        -------
        Finding or None
            None below a score of 0.5.
        """
        n = len(self._channels)
        if not n:
            return None
        if vector.regime != self._regime:
            self._regime, self._n_since = vector.regime, 0
        if not vector.usable:
            self._before_that = self._before = self._levels = [math.nan] * n
            self._suspect = None
            return None
        values = vector.values[self._columns].tolist()
        self._before_that, self._before = self._before, self._levels
        self._levels = [
            _log(values[i] if channel.vibration else values[i] + values[n + i])
            for i, channel in enumerate(self._channels)
        ]
        excess = self._highest(vector.regime, values)
        finding = None if excess is None else self._finding(vector, excess)
        if vector.regime.cutting is None:
            return self._decayed(finding, excess)
        self._suspect = None
        return finding

    def learn(self, vector: FeatureVector, allowed: bool) -> None:
        """Let a vector raise the references once five more have come and nothing exceeded meanwhile."""
        if not self._channels or not vector.usable:
            return
        self._n_since += 1
        if not vector.learnable:
            return
        if vector.steady and not allowed:
            self._loudest.forget_waiting()
            return
        # The current of a window that began before the cut tells of the spindle's acceleration.
        whole = vector.steady or not vector.regime.cutting
        levels = [
            level if whole or channel.vibration else math.nan
            for channel, level in zip(self._channels, self._levels, strict=True)
        ]
        self._loudest.offer(vector.regime, levels)

    def save(self) -> State:
        """Return plain numbers for `restore`."""
        return {
            "version": self.version,
            "loudest": self._loudest.save(),
            "regime": None if self._regime is None else tuple(self._regime),
            "n_since": self._n_since,
            "levels": (self._levels, self._before),
            "suspect": self._suspect,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another left off."""
        check_version(state, self.version, self.name)
        self._loudest.restore(state["loudest"])
        self._regime = None if state["regime"] is None else Regime(*state["regime"])
        self._n_since = state["n_since"]
        self._levels, self._before = (list(levels) for levels in state["levels"])
        self._suspect = state["suspect"]

    def _known(self, cutting: bool | None) -> bool:
        """Whether the spindle has shown enough of this kind; idling is compared with cutting, too."""
        kinds = self._loudest.kinds
        if cutting is False and kinds[True].n < _N_LEARN[True]:
            return False
        return kinds[cutting].n >= _N_LEARN[cutting]

    def _own(self, regime: Regime) -> Peaks | None:
        """What the regime has shown, once that is enough to compare with."""
        own = self._loudest.of(regime)
        return own if own is not None and own.n >= _N_KNOWN else None

    def _widest(self, i: int, cutting: bool | None) -> float:
        """The spindle's loudest of a kind; while idling, of its cuts too."""
        kinds = self._loudest.kinds
        loudest = kinds[cutting].highest[i]
        return max(loudest, kinds[True].highest[i]) if cutting is False else loudest

    def _highest(self, regime: Regime, values: Sequence[float]) -> _Excess | None:
        """Find the channel that stands out most, if it does so abruptly."""
        known, own = self._known(regime.cutting), self._own(regime)
        best: _Excess | None = None
        for i, channel in enumerate(self._channels):
            excess = self._excess(i, channel, regime, own) if known else self._absolute(i, channel)
            # Also false for a NaN; infinite where a channel has shown nothing yet.
            if not _SPEAK <= excess.score < math.inf or not self._abrupt(i, channel, values):
                continue
            if best is None or excess.score > best.score:
                best = excess
        return best

    def _excess(self, i: int, channel: ShockChannel, regime: Regime, own: Peaks | None) -> _Excess:
        level, factors = self._levels[i], channel.factors
        widest = self._widest(i, regime.cutting)
        new = own is None and (self._n_since < _N_NEW or regime.cutting is None)
        score, reference = (level - widest) / (factors.new if new else factors.spindle), widest
        ever = -math.inf if channel.vibration else self._loudest.ever(i)
        if level < ever + _OF_EVER:
            score = 0.0
        known = own is not None and (channel.vibration or own.n_visits >= _N_VISITS)
        if own is not None and known and regime.cutting and level >= ever + _OF_EVER_KNOWN:
            in_regime = (level - own.highest[i]) / factors.regime
            if in_regime > score:
                score, reference = in_regime, own.highest[i]
        return _Excess(score, i, reference, Tier.DYNAMIC)

    def _absolute(self, i: int, channel: ShockChannel) -> _Excess:
        score = 1.0 if self._levels[i] >= channel.full_scale else 0.0
        return _Excess(score, i, channel.full_scale, Tier.ABSOLUTE)

    def _abrupt(self, i: int, channel: ShockChannel, values: Sequence[float]) -> bool:
        level, abrupt = self._levels[i], channel.factors.abrupt
        if level - self._before[i] >= abrupt:
            return True
        if not channel.vibration:  # an overload takes two windows to show in full
            return level - self._before_that[i] >= abrupt
        return values[i] >= _CREST * values[len(self._channels) + i] > 0.0

    def _finding(self, vector: FeatureVector, excess: _Excess) -> Finding:
        score, i, reference, tier = excess
        channel, level = self._channels[i], self._levels[i]
        limit = reference if tier is Tier.ABSOLUTE else reference + (level - reference) / score
        value, expected, high = math.exp(level), math.exp(reference), math.exp(limit)
        if not channel.vibration:  # what is left of the highest current for its swing, at the present mean
            mean = float(vector.values[self._columns[len(self._channels) + i]])
            value, expected, high = value - mean, max(expected - mean, 0.0), max(high - mean, 0.0)
        reason = Reason(channel.feature, value, expected, math.nan, high, channel.unit, 1.0, score)
        certainty = 0.5 if tier is Tier.ABSOLUTE else self._certainty(i, vector.regime)
        return Finding(self.fault, self.name, tier, score, certainty, (reason,), onset_ns=vector.onset_ns)

    def _certainty(self, i: int, regime: Regime) -> float:
        level, channel = self._levels[i], self._channels[i]
        factors = channel.factors
        above = level - self._widest(i, regime.cutting) - factors.spindle
        share = above / (factors.unmistakable - factors.spindle)
        own = self._own(regime)
        if own is not None and regime.cutting and (channel.vibration or own.n_visits >= _N_VISITS):
            span = factors.unmistakable_in_regime - factors.regime
            in_regime = (level - own.highest[i] - factors.regime) / span
            share = max(share, min(in_regime, _MOST_IN_REGIME) if channel.vibration else in_regime)
        return 0.5 + 0.4 * min(max(share, 0.0), 1.0)

    def _decayed(self, finding: Finding | None, excess: _Excess | None) -> Finding | None:
        """Hold back what was found until its channel is calm again, where nobody says what goes on."""
        if self._suspect is None:
            if finding is not None and excess is not None:
                i = excess.channel
                self._suspect = _N_DECAY, i, self._levels[i] - _DECAY, finding
            return None
        n_left, i, calm, held = self._suspect
        if self._levels[i] <= calm:
            self._suspect = None
            return held
        self._suspect = (n_left - 1, i, calm, held) if n_left > 1 else None
        return None


def _log(value: float) -> float:
    """Logarithm of what is positive and finite; NaN else."""
    return math.log(value) if 0.0 < value < math.inf else math.nan
