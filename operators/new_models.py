"""What a regime begins with that was never seen: a baseline to be taught, and no past."""

from __future__ import annotations

import math
from dataclasses import replace

from detectors.baseline import Baseline
from detectors.between_cuts import between_cuts
from detectors.budget import Budget
from detectors.dynamic import DynamicChange
from detectors.quietest import Quietest
from engine.config import Config
from engine.declared import SensorGroup, TeachIn
from engine.records import Regime
from operators.cutting_gate import load_channels
from operators.features import FeatureSet
from operators.regime_models import RegimeModels
from operators.teach_in import vector_rate_hz, vectors_wanted

_N_VISITS = 3
"""Cuts, or moments in the air, that a baseline is learned from where these are told apart."""


class NewModels:
    """Makes the models of one group's regimes.

    Parameters
    ----------
    group : SensorGroup
        Declared.
    features : FeatureSet
        What is measured of it.
    teach_in : TeachIn
        A recording's protocol; its own default leaves it to the configuration.
    config : Config
        ``[learn]``, ``[[detectors]]`` and ``[ensemble]``.
    n_groups : int
        Of the spindle: they share its budget of false alerts.

    Attributes
    ----------
    features : tuple[Feature, ...]
        Learned ones.
    wanted : int
        Vectors of a teach-in.
    prescribed : bool
        Whether a recording says how long it is taught.
    quietest : Quietest or None
        Shared by all regimes of which nobody tells whether they are cuts; for the caller to feed and to save. None of
        a group that cannot see a cut: slow values, a duty cycle, neither load nor vibration.
    """

    __slots__ = (
        "_budget",
        "_config",
        "_detectors",
        "_is_load",
        "features",
        "prescribed",
        "quietest",
        "wanted",
    )

    def __init__(
        self, group: SensorGroup, features: FeatureSet, teach_in: TeachIn, config: Config, n_groups: int
    ) -> None:
        self.features = features.features[: features.n_learned]
        self.wanted = vectors_wanted(group, teach_in, config)
        self.prescribed = teach_in.n_vectors is not None or teach_in.duration_s is not None
        loads = {channel.name for channel in group.channels if channel.dc_coupled}
        self._is_load = [spec.channel in loads for spec in features.specs[: features.n_learned]]
        sees_cuts = group.kind == "waveform" and bool(load_channels(group))
        self.quietest = Quietest(self.features, self._is_load) if sees_cuts else None
        self._detectors = [entry for entry in config.detectors if group.kind in entry.kinds]
        self._budget = Budget.of_group(config, vector_rate_hz(group, config), n_groups)
        self._config = config

    def baseline(self, regime: Regime) -> Baseline:
        """Begin to learn a regime; where cuts are told apart, more is known of it than its first few show."""
        features, together, most, budget, n_visits = self.features, None, math.inf, self._budget, 1
        quietest = self.quietest
        if regime.cutting is not None:
            features, together, most = between_cuts(self.features, self._is_load, cutting=regime.cutting)
            budget = replace(budget, may_sink=False)
            n_visits, quietest = 1 if self.prescribed else _N_VISITS, None
        return Baseline(
            features,
            self._detectors,
            self.wanted,
            n_visits=n_visits,
            budget=budget,
            ensemble=self._config.ensemble,
            direction=self._config.learn.direction,
            together=together,
            most=most,
            quietest=quietest,
        )

    def models(self, regime: Regime) -> RegimeModels:
        """Make all that a regime has."""
        return RegimeModels(self.baseline(regime), DynamicChange(self.features))
