"""One sensor group's three tiers of cover: what each says of a vector, and what may be learned from it."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from detectors.absolute import AbsoluteLimits
from detectors.base import NOTHING, Assessment
from detectors.baseline import Baseline
from detectors.budget import Budget
from detectors.dynamic import DynamicChange
from detectors.guard import may_learn, may_observe
from engine.clock import NS_PER_S
from engine.config import Config
from engine.declared import SensorGroup, TeachIn
from engine.records import Feature, FeatureVector, Regime
from engine.verdicts import Reason, Score, Tier
from operators.windows import samples_per_hop


class _RegimeModels:
    """What one regime of a group has: a learned baseline and its own recent past."""

    __slots__ = ("baseline", "dynamic")

    def __init__(self, baseline: Baseline, dynamic: DynamicChange) -> None:
        self.baseline, self.dynamic = baseline, dynamic


class GroupDetect:
    """Three tiers of cover for one sensor group; the largest score counts.

    Parameters
    ----------
    spindle : str
        Whose group.
    group : SensorGroup
        Declared.
    features : sequence of Feature
        In the order of the vectors.
    teach_in : TeachIn or None
        A recording's protocol, in place of the configured schedule.
    config : Config
        As for `detect`.
    n_groups : int
        Of the spindle: they share its budget of false alerts.
    """

    __slots__ = (
        "_budget",
        "_config",
        "_detectors",
        "_dynamic",
        "_exceeded_ns",
        "_features",
        "_first_ns",
        "_last",
        "_last_regime",
        "_learn_limit",
        "_limits",
        "_models",
        "_on",
        "_quiet_ns",
        "_skip_s",
        "_teach_in_end_s",
        "_wanted",
    )

    def __init__(
        self,
        spindle: str,
        group: SensorGroup,
        features: Sequence[Feature],
        teach_in: TeachIn | None,
        config: Config,
        n_groups: int,
    ) -> None:
        teach_in = teach_in or TeachIn()
        self._features, self._config, self._dynamic = tuple(features), config, config.dynamic.enabled
        self._on, self._learn_limit = config.judge.on, config.learn.limit
        self._quiet_ns = config.judge.off_delay_s * NS_PER_S
        self._detectors = [entry for entry in config.detectors if group.kind in entry.kinds]
        self._wanted = _vectors_wanted(group, teach_in, config)
        self._budget = Budget.of_group(config, _vector_rate_hz(group, config), n_groups)
        self._skip_s, duration_s = teach_in.skip_s, teach_in.duration_s
        self._teach_in_end_s = math.inf if duration_s is None else self._skip_s + duration_s
        self._limits = AbsoluteLimits(features, config.limits, spindle)
        self._models: OrderedDict[Regime, _RegimeModels] = OrderedDict()
        self._first_ns: int | None = None
        self._exceeded_ns: int | None = None
        self._last_regime: Regime | None = None
        self._last: _RegimeModels | None = None  # that regime's, as long as it lasts

    def score_learn(self, vector: FeatureVector) -> Score:
        """Score a vector; then learn from it if the guard allows.

        Parameters
        ----------
        vector : FeatureVector
            The next one of this group.

        Returns
        -------
        Score
            Of the tier that is most alarmed; NaN if none can say anything.
        """
        models = self._last
        if models is None or vector.regime != self._last_regime:
            models = self._last = self._regime(vector.regime)
            self._last_regime = vector.regime
            # A fault that ended with the last regime is not of this cut.
            models.baseline.forget()
        elif not vector.usable:
            models.baseline.forget()
        tier, best, drift = self._assess(vector, models)
        baseline = models.baseline
        reasons = self._reasons(vector, models, tier, best) if best.score >= 1.0 else ()
        score = Score(
            vector.spindle,
            vector.group,
            vector.t_ns,
            vector.onset_ns,
            vector.regime,
            tier,
            best.detector,
            best.score,
            baseline.ready,
            baseline.learned,
            baseline.wanted,
            self._features[best.top].name if best.top >= 0 else "",
            reasons,
            vector.usable,
            vector.steady,
            best.immediate,
            drift,
            vector.received_ns,
        )
        if may_observe(
            learnable=vector.learnable and vector.usable,
            steady=vector.steady,
            score=best.score,
            own=tier is Tier.LEARNED,
        ):
            baseline.observe()
        self._learn(vector, models, best.score)
        return score

    def save(self) -> Any:
        """State for recovery."""
        models = [(tuple(regime), m.baseline.save(), m.dynamic.save()) for regime, m in self._models.items()]
        last = None if self._last_regime is None else tuple(self._last_regime)
        return self._first_ns, self._exceeded_ns, last, models

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        self._first_ns, self._exceeded_ns, last, models = state
        self._last_regime = None if last is None else Regime(*last)
        for regime, baseline, dynamic in models:
            fresh = self._regime(Regime(*regime))
            fresh.baseline.restore(baseline)
            fresh.dynamic.restore(dynamic)
        self._last = None if self._last_regime is None else self._models.get(self._last_regime)

    def _regime(self, regime: Regime) -> _RegimeModels:
        models = self._models.get(regime)
        if models is None:
            models = _RegimeModels(
                Baseline(
                    self._features,
                    self._detectors,
                    self._wanted,
                    budget=self._budget,
                    ensemble=self._config.ensemble,
                    direction=self._config.learn.direction,
                ),
                DynamicChange(self._features),
            )
            self._models[regime] = models
            if len(self._models) > self._config.learn.max_regimes:
                self._models.popitem(last=False)
        self._models.move_to_end(regime)
        return models

    def _assess(self, vector: FeatureVector, models: _RegimeModels) -> tuple[Tier, Assessment, bool]:
        """Say which tier is most alarmed, what it says, and whether the learned tier's scores drift.

        Across a change of regime only absolute limits can be judged. A shock is told as a shock, whichever tier
        scores higher.
        """
        if not vector.usable:
            return Tier.LEARNED, NOTHING, False
        tier, best, drift = Tier.LEARNED, NOTHING, False
        if vector.steady:
            best = models.baseline.score(vector.values)
            drift = best.drift
            if self._dynamic:
                dynamic = models.dynamic.score(vector.values)
                if _exceeds(dynamic, best):
                    tier, best = Tier.DYNAMIC, dynamic
                elif dynamic.immediate:
                    tier, best = Tier.DYNAMIC, replace(dynamic, score=best.score)
        absolute = self._limits.score(vector.values) if self._limits.any else NOTHING
        if _exceeds(absolute, best):
            if best.immediate:
                return tier, replace(best, score=absolute.score), drift
            return Tier.ABSOLUTE, absolute, drift
        return tier, best, drift

    def _reasons(
        self, vector: FeatureVector, models: _RegimeModels, tier: Tier, assessment: Assessment
    ) -> tuple[Reason, ...]:
        if tier is Tier.LEARNED:
            return models.baseline.reasons(vector.values, assessment)
        if tier is Tier.DYNAMIC:
            return models.dynamic.reasons(vector.values, assessment)
        return self._limits.reasons(vector.values, assessment)

    def _learn(self, vector: FeatureVector, models: _RegimeModels, score: float) -> None:
        if self._first_ns is None:
            self._first_ns = vector.t_ns
        if score >= self._on:
            self._exceeded_ns = vector.t_ns
        if vector.usable and vector.steady:
            models.dynamic.learn(vector.values)
        baseline = models.baseline
        if not baseline.complete:
            elapsed_s = (vector.t_ns - self._first_ns) / NS_PER_S
            if elapsed_s >= self._teach_in_end_s:
                baseline.finish()
            if elapsed_s < self._skip_s:
                return
        if may_learn(
            learnable=vector.learnable and vector.usable,
            steady=vector.steady,
            exceeding=self._exceeding(vector.t_ns),
            complete=baseline.complete,
            score=score,
            limit=self._learn_limit,
        ):
            baseline.learn(vector.values)

    def _exceeding(self, t_ns: int) -> bool:
        """Whether a score reached the limit so recently that an episode may be open."""
        return self._exceeded_ns is not None and 0 <= t_ns - self._exceeded_ns < self._quiet_ns


def _exceeds(one: Assessment, other: Assessment) -> bool:
    """Whether one score is higher than another; one that says nothing never is."""
    return one.score == one.score and not one.score <= other.score


def _vectors_wanted(group: SensorGroup, teach_in: TeachIn, config: Config) -> int:
    """Length of the teach-in in vectors: the recording's protocol, else the configuration's."""
    if teach_in.n_vectors is not None:
        return teach_in.n_vectors
    if teach_in.duration_s is not None:
        return max(2, round(teach_in.duration_s * _vector_rate_hz(group, config)))
    return config.learn.n_vectors_scalar if group.kind == "scalar" else config.learn.n_vectors_waveform


def _vector_rate_hz(group: SensorGroup, config: Config) -> float:
    """How many feature vectors a group gives in a second."""
    if group.duty_cycle is not None:
        return 1.0 / group.duty_cycle.period_s
    if group.kind == "scalar":
        return group.sample_rate_hz
    return group.sample_rate_hz / samples_per_hop(group, config.waveform)
