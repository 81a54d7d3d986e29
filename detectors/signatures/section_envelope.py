"""The envelope along the cut: too much, or too little, at this place of this section."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from detectors.base import State, check_version
from detectors.cut_curves import Extreme, Level, Look
from detectors.cut_so_far import CutSoFar
from detectors.envelope_along_cut import CutEnvelope
from detectors.signatures.base import Signature
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector, Regime
from engine.verdicts import FaultClass, Finding, Reason, Tier, Why

_LOAD_UNITS = frozenset({"%", "A", "mA", "W", "kW", "Nm", "N·m", "N", "kN"})
"""What grows and falls with the cutting force; a motor's voltage and a temperature do not, or not in time."""
_FEATURES = frozenset({"mean", "rms", "peak_to_peak", "value"})
_NEVER_LOAD = frozenset({"peak_to_peak"})
_MEANS = frozenset({"mean", "value"})
"""Without a unit there is no telling a load from a position or a temperature; what varies quickly is vibration."""
_N_LEVELS = 8
_LOAD_FLOOR, _OTHER_FLOOR = 0.05, 0.1
"""Least deviation worth a thought, for features that do not say: the scatter of hardness within a lot, and the
tolerance of an industrial accelerometer."""
_FLOORS = 3.0
"""From the level to the limit, at least: 15 % of a load, 30 % of a vibration."""
_WHOLE_LOAD, _WHOLE_OTHER = 1.35, 2.0
"""How much higher a cut may be from its beginning on. Shops change a tool at 15 to 30 % more power, and how worn it is
is told by `tool_wear`; a wear land more than doubles its broadband vibration."""
_PERSIST_HIGH_S, _PERSIST_LOW_S = 0.3, 0.6
_SMOOTH_S = 0.5
_CERTAINTY_HIGH, _CERTAINTY_LOW = 0.3, 0.4
"""A change that nothing explains; a change that is consistent with a tool that is missing."""
_TOLD = 0.7
"""Least score that is told: an episode goes on as long as scores stay above the judge's ``off``."""


class SectionEnvelope(Signature):
    """Levels of a cut against upper and lower limits along it, learned from ``[learn] n_cuts`` good cuts.

    Every regime that is cutting has an envelope of its own, over the feed path where the feed is known, else over time.
    Above it, something unexplained happens (`FaultClass.PROCESS`); below it, the tool takes less than it ever does
    (`FaultClass.MISSING_TOOL`: undersized stock, a broken tool, a cut in the air).

    What a cut does as a whole is judged with wide limits and what changes within it with narrow ones, so neither a
    harder lot, nor a tool that wears or was changed, is a finding. Envelopes do not follow wear: they stand still after
    twice ``n_cuts``.

    Not judged: vectors at another speed or feed than learnt (override, feed hold), the rest of an interrupted cut, a
    cut whose beginning was not seen, the first half second of a regime, and the last twentieth on the low side.

    It misleads where one regime holds different cuts (no section in the context): limits widen to hold them all. A
    level that is edited for good (more depth in the same program, at the same feed) is told in three cuts, then learnt;
    so is a fault that raises the level of every cut and that nobody mends.

    State: at most ``[learn] max_regimes`` envelopes; those not cut for longest go.
    """

    name: ClassVar[str] = "section_envelope"
    fault: ClassVar[FaultClass] = FaultClass.PROCESS
    long: ClassVar[bool] = False
    __slots__ = (
        "_cut",
        "_envelope",
        "_envelopes",
        "_hop_s",
        "_levels",
        "_look",
        "_looked_ns",
        "_max_regimes",
        "_n_cuts",
        "_n_high",
        "_n_low",
        "_n_smooth",
        "_regime",
        "_tell_low",
        "_told",
    )

    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None:
        self._hop_s = _hop_s(group, config)
        self._levels = () if group.duty_cycle else _levels(features)
        self._n_cuts, self._max_regimes = config.learn.n_cuts, config.learn.max_regimes
        self._n_smooth = max(round(_SMOOTH_S / self._hop_s), 3) // 2 * 2 + 1
        self._n_high = min(max(round(_PERSIST_HIGH_S / self._hop_s), 2), 6)
        self._n_low = min(max(round(_PERSIST_LOW_S / self._hop_s), 2), 6)
        self._tell_low = FaultClass.MISSING_TOOL not in config.diagnosis.off
        self._envelopes: OrderedDict[Regime, CutEnvelope] = OrderedDict()
        self._regime: Regime | None = None
        self._envelope: CutEnvelope | None = None
        self._cut: CutSoFar | None = None
        self._look: Look | None = None
        self._looked_ns = -1
        self._told = False  # whether this cut was told to be above its limits

    def progress(self, regime: Regime) -> tuple[int, int]:
        """How many good cuts of a regime have been learnt, and how many are wanted before its limits hold.

        Parameters
        ----------
        regime : Regime
            Any.

        Returns
        -------
        tuple of int
            Equal from then on.
        """
        envelope = self._envelopes.get(regime)
        return (min(envelope.learned, self._n_cuts) if envelope else 0), self._n_cuts

    def why_not(self, vector: FeatureVector) -> str:  # noqa: D102
        if not self._levels:
            return Why.CHANNEL
        if vector.regime.cutting is not True:
            return Why.NOT_CUTTING if vector.regime.cutting is False else Why.CONTEXT
        envelope = self._envelopes.get(vector.regime)
        if envelope is None or not envelope.ready:
            return Why.LEARNING
        watched = self._cut is not None and self._cut.watched and vector.regime == self._regime
        return "" if watched and vector.steady else Why.UNSTEADY

    def assess(self, vector: FeatureVector) -> Finding | None:  # noqa: D102
        self._look = None
        cut, envelope = self._cut, self._envelope
        if cut is None or envelope is None or not vector.steady or not vector.usable:
            return None
        if vector.regime != self._regime:
            return None
        look = self._look = cut.look(vector, envelope)
        self._looked_ns = vector.t_ns
        if look.above < _TOLD and look.below < _TOLD:
            return None
        above, below = cut.persistent(look, self._n_high, self._n_low)
        if not self._tell_low:
            below = 0.0
        if max(above, below) < _TOLD:
            return None
        onset_ns = cut.onset_ns((self._n_high if above >= below else self._n_low) - 1, vector.onset_ns)
        if above >= below:
            self._told = self._told or above >= 1.0
            return self._finding(FaultClass.PROCESS, above, cut.explain(look, envelope, True), onset_ns)
        return self._finding(FaultClass.MISSING_TOOL, below, cut.explain(look, envelope, False), onset_ns)

    def learn(self, vector: FeatureVector, allowed: bool) -> None:  # noqa: D102
        if not self._levels:
            return
        if vector.regime != self._regime:
            self._change(vector)
        cut = self._cut
        if cut is None:
            return
        fit = vector.steady and vector.usable
        if (fit and not allowed) or not vector.usable or not vector.learnable:
            cut.fit = False
        known = fit and self._looked_ns == vector.t_ns
        cut.take(vector, self._look if known else None)
        self._looked_ns = -1

    def save(self) -> State:  # noqa: D102
        envelopes = [(tuple(regime), envelope.save()) for regime, envelope in self._envelopes.items()]
        return {
            "version": self.version,
            "envelopes": envelopes,
            "regime": None if self._regime is None else tuple(self._regime),
            "cut": None if self._cut is None else self._cut.save(),
            "told": self._told,
        }

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: D102
        check_version(state, self.version, self.name)
        self._envelopes.clear()
        for regime, saved in state["envelopes"]:
            self._envelope_of(Regime(*regime)).restore(saved)
        self._regime = None if state["regime"] is None else Regime(*state["regime"])
        self._cut = self._envelope = None
        self._told = bool(state["told"])
        if state["cut"] is not None and self._regime is not None:
            self._envelope = self._envelope_of(self._regime)
            self._cut = self._new_cut()
            self._cut.restore(state["cut"])

    def _change(self, vector: FeatureVector) -> None:
        """Learn the cut that is over; begin the next, if it is one."""
        if self._cut is not None and self._envelope is not None:
            row = self._cut.row()
            if row.n_vectors:
                if self._envelope.ready:
                    self._envelope.told(self._told)
                self._envelope.ended(row, self._cut.fit)
        self._told = False
        before, self._regime = self._regime, vector.regime
        # The same section at another speed goes on in the middle.
        goes_on = before is not None and before.cutting is True and before[:3] == vector.regime[:3]
        seen = before is not None and not goes_on
        self._cut = self._envelope = None
        if vector.regime.cutting is True:
            self._envelope = self._envelope_of(vector.regime)
            self._cut = self._new_cut()
            self._cut.begin(vector, self._envelope, seen)

    def _new_cut(self) -> CutSoFar:
        return CutSoFar(self._levels, self._hop_s, self._n_smooth)

    def _envelope_of(self, regime: Regime) -> CutEnvelope:
        envelope = self._envelopes.get(regime)
        if envelope is None:
            envelope = self._envelopes[regime] = CutEnvelope(self._levels, self._n_cuts)
            if len(self._envelopes) > self._max_regimes:
                self._envelopes.popitem(last=False)
        self._envelopes.move_to_end(regime)
        return envelope

    def _finding(self, fault: FaultClass, score: float, extreme: Extreme, onset_ns: int) -> Finding:
        level, is_above = extreme.level, fault is FaultClass.PROCESS
        low, high = (math.nan, extreme.limit) if is_above else (extreme.limit, math.nan)
        reason = Reason(level.name, extreme.value, extreme.expected, low, high, level.unit, 1.0, score)
        return Finding(
            fault,
            self.name,
            Tier.LEARNED,
            score,
            _CERTAINTY_HIGH if is_above else _CERTAINTY_LOW,
            (reason,),
            "above_the_cut" if is_above else "below_the_cut",
            onset_ns=onset_ns,
        )


def _levels(features: Sequence[Feature]) -> tuple[Level, ...]:
    """Choose those features of a group that follow the load of the cut: torque, current and power before vibration."""
    levels = []
    for position, feature in enumerate(features):
        what = feature.name.rpartition(".")[2]
        loads = feature.unit in _LOAD_UNITS and what not in _NEVER_LOAD
        if what not in _FEATURES or (what in _MEANS and not loads):
            continue
        floor = feature.floor or (_LOAD_FLOOR if loads else _OTHER_FLOOR)
        whole = _WHOLE_LOAD if loads else _WHOLE_OTHER
        levels.append(Level(position, feature.name, feature.unit, loads, _FLOORS * floor, whole))
    return tuple(sorted(levels, key=lambda level: not level.load)[:_N_LEVELS])


def _hop_s(group: SensorGroup, config: Config) -> float:
    """Time from vector to vector."""
    if group.kind == "scalar":
        return 1.0 / group.sample_rate_hz
    return max(1, round(config.waveform.hop_s * group.sample_rate_hz)) / group.sample_rate_hz
