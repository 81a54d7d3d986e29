"""One sensor group's three tiers of cover: what each says of a vector, and what may be learned from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.absolute import AbsoluteLimits
from detectors.base import NOTHING, Assessment
from detectors.guard import may_learn, may_observe
from detectors.spindle_loads import SpindleLoads
from engine.clock import NS_PER_S
from engine.config import Config
from engine.declared import SensorGroup, TeachIn
from engine.records import FeatureVector, Regime
from engine.verdicts import LATCHED, Finding, Reason, Score, Tier
from operators.baseline_store import BaselineStore
from operators.features import FeatureSet
from operators.group_watch import GroupWatch
from operators.new_models import NewModels
from operators.regime_models import ModelsByRegime, RegimeModels, likeness_of
from operators.untold_work import Says, UntoldWork


class GroupDetect:
    """Three tiers of cover for one sensor group; the largest score counts.

    Parameters
    ----------
    spindle : str
        Whose group.
    group : SensorGroup
        Declared.
    features : FeatureSet
        What is measured of it.
    teach_in : TeachIn or None
        A recording's protocol, in place of the configured schedule.
    config : Config
        As for `detect`.
    n_groups : int
        Of the spindle: they share its budget of false alerts.
    loads : SpindleLoads
        Shared by the spindle's groups, and saved by whoever shares it out.
    store : BaselineStore, optional
        Where baselines go that no longer fit into memory; None: they are forgotten.
    """

    __slots__ = (
        "_dynamic",
        "_exceeded_ns",
        "_findings",
        "_first_ns",
        "_last",
        "_last_regime",
        "_learn_limit",
        "_limits",
        "_models",
        "_n_learned",
        "_names",
        "_new",
        "_on",
        "_quiet_ns",
        "_skip_s",
        "_teach_in_end_s",
        "_watch",
        "_work",
    )

    def __init__(
        self,
        spindle: str,
        group: SensorGroup,
        features: FeatureSet,
        teach_in: TeachIn | None,
        config: Config,
        n_groups: int,
        loads: SpindleLoads,
        store: BaselineStore | None = None,
    ) -> None:
        teach_in = teach_in or TeachIn()
        self._n_learned, self._names = features.n_learned, features.names
        self._new = NewModels(group, features, teach_in, config, n_groups)
        asks = self._new.quietest is not None and not self._new.prescribed
        self._work = UntoldWork(group, features.features, loads) if asks else None
        self._dynamic = config.dynamic.enabled
        self._on, self._learn_limit = config.judge.on, config.learn.limit
        self._quiet_ns = config.judge.off_delay_s * NS_PER_S
        self._skip_s, duration_s = teach_in.skip_s, teach_in.duration_s
        self._teach_in_end_s = math.inf if duration_s is None else self._skip_s + duration_s
        self._limits = AbsoluteLimits(features.features, config.limits, spindle)
        long = () if features.long is None else features.long.features
        self._watch = GroupWatch(features.features, long, group, config)
        self._findings: list[Finding] = []
        likeness = likeness_of(self._new.features, group, config, self._new.wanted, teach_in, n_groups)
        owner = (spindle, group.name, likeness)
        self._models = ModelsByRegime(self._new.models, config.learn.max_regimes, store, owner)
        self._first_ns: int | None = None
        self._exceeded_ns: int | None = None
        self._last_regime: Regime | None = None
        self._last: RegimeModels | None = None  # that regime's, as long as it lasts

    def score_learn(self, vector: FeatureVector) -> Score | None:
        """Score a vector; then learn from it if the guard allows.

        Parameters
        ----------
        vector : FeatureVector
            The next one of this group.

        Returns
        -------
        Score or None
            Of the tier that is most alarmed; NaN if none can say anything. None for a long window's vector: what
            signatures found in it goes with the next score, which is of the same moment.
        """
        if self._watch.any:
            found = self._watch.assess(vector)
            self._findings += found
            if any(f.score >= self._on and f.fault not in LATCHED for f in found):
                self._exceeded_ns = vector.t_ns
        if vector.long:
            self._watch.learn(vector, self._allowed(vector))
            return None
        score = self._score(vector)
        if self._watch.any:
            self._watch.learn(vector, self._allowed(vector))
        return score

    def _score(self, vector: FeatureVector) -> Score:
        """What the three tiers say, and what signatures found meanwhile."""
        models, regime = self._last, vector.regime.baseline
        if models is None or regime != self._last_regime:
            models = self._last = self._models.of(regime)
            self._last_regime = regime
            # A fault that ended with the last regime is not of this cut.
            models.baseline.forget()
            if self._work is not None:
                self._work.leave()
            if models.begin_visit() and regime.cutting is not None:
                models.baseline = self._new.baseline(regime)
        elif not vector.usable:
            models.baseline.forget()
        tier, best, drift = self._assess(vector, models)
        if self._work is not None and regime.cutting is None:
            self._work.note(vector)
            if tier is Tier.LEARNED:
                best = self._held(vector, models, best, self._work)
        models.odd |= tier is Tier.LEARNED and best.score >= self._on
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
            self._names[best.top] if best.top >= 0 else "",
            reasons,
            vector.usable,
            vector.steady,
            drift,
            vector.received_ns,
            tuple(self._findings),
            self._watch.cover,
            self._watch.cuts,
        )
        self._findings.clear()
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
        last = None if self._last_regime is None else tuple(self._last_regime)
        return (
            self._first_ns,
            self._exceeded_ns,
            last,
            self._models.save(),
            self._watch.save(),
            tuple(self._findings),
            None if self._new.quietest is None else self._new.quietest.save(),
            None if self._work is None else self._work.save(),
        )

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        self._first_ns, self._exceeded_ns, last, models, watch, findings, quietest, work = state
        if self._work is not None:
            self._work.restore(work)
        if self._new.quietest is not None:
            self._new.quietest.restore(quietest)
        self._watch.restore(watch)
        self._findings = list(findings)
        self._last_regime = None if last is None else Regime(*last)
        self._models.restore(models)
        self._last = None if self._last_regime is None else self._models.get(self._last_regime)

    def _assess(self, vector: FeatureVector, models: RegimeModels) -> tuple[Tier, Assessment, bool]:
        """Say which tier is most alarmed, what it says, and whether the learned tier's scores drift.

        Across a change of regime, and while the spindle stands, only absolute limits can be judged.
        """
        if not vector.usable:
            return Tier.LEARNED, NOTHING, False
        tier, best, drift = Tier.LEARNED, NOTHING, False
        if vector.steady and not _stands_still(vector):
            values = self._learned(vector)
            best = models.baseline.score(values)
            drift = best.drift
            # Without a cut, drives start and stop: what is sudden there is for the signature of a shock to judge.
            if self._dynamic and vector.regime.cutting is not False:
                dynamic = models.dynamic.score(values)
                if vector.regime.cutting is None and dynamic.score >= self._on:
                    # A tool that enters the material, or trouble: not told, but not learnt as it begins either.
                    self._exceeded_ns = vector.t_ns
                elif _exceeds(dynamic, best):
                    tier, best = Tier.DYNAMIC, dynamic
        absolute = self._limits.score(vector.values) if self._limits.any else NOTHING
        if _exceeds(absolute, best):
            return Tier.ABSOLUTE, absolute, drift
        return tier, best, drift

    def _held(
        self, vector: FeatureVector, models: RegimeModels, best: Assessment, work: UntoldWork
    ) -> Assessment:
        """Hold a change back until it is known whether it is the spindle's work; if so, learn that anew."""
        says = work.ask(vector.t_ns, models.n_begun, exceeds=best.score >= self._on)
        if says is Says.TELL:
            return best
        self._exceeded_ns = vector.t_ns  # nor is it learnt meanwhile
        if says is Says.WORKS:
            models.baseline = self._new.baseline(vector.regime.baseline)
            models.n_begun += 1
        return NOTHING

    def _reasons(
        self, vector: FeatureVector, models: RegimeModels, tier: Tier, assessment: Assessment
    ) -> tuple[Reason, ...]:
        if tier is Tier.LEARNED:
            return models.baseline.reasons(self._learned(vector), assessment)
        if tier is Tier.DYNAMIC:
            return models.dynamic.reasons(self._learned(vector), assessment)
        return self._limits.reasons(vector.values, assessment)

    def _learn(self, vector: FeatureVector, models: RegimeModels, score: float) -> None:
        if self._first_ns is None:
            self._first_ns = vector.t_ns
        if score >= self._on:
            self._exceeded_ns = vector.t_ns
        if vector.usable and vector.steady:
            models.dynamic.learn(self._learned(vector))
        quietest = self._new.quietest
        if quietest is not None and not vector.regime.baseline.cutting and self._allowed(vector):
            quietest.learn(self._learned(vector))
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
            baseline.learn(self._learned(vector))

    def _learned(self, vector: FeatureVector) -> NDArray[np.float64]:
        """The part of a vector that baselines know; signatures read the rest, too."""
        return vector.values[: self._n_learned]

    def _allowed(self, vector: FeatureVector) -> bool:
        """Whether signatures may learn from a vector as from a healthy one."""
        fit = vector.usable and vector.learnable and vector.steady
        return fit and not self._exceeding(vector.t_ns)

    def _exceeding(self, t_ns: int) -> bool:
        """Whether a score reached the limit so recently that an episode may be open."""
        return self._exceeded_ns is not None and 0 <= t_ns - self._exceeded_ns < self._quiet_ns


def _exceeds(one: Assessment, other: Assessment) -> bool:
    """Whether one score is higher than another; one that says nothing never is."""
    return one.score == one.score and not one.score <= other.score


def _stands_still(vector: FeatureVector) -> bool:
    """Whether the spindle is told to stand still: nothing is machined, and what shakes it comes from outside."""
    return vector.context.rpm == 0.0
