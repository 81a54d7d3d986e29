"""detect: feature vectors become scores; then, if the guard allows, they are learned. Nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bytewax.operators import KeyedStream

from detectors.absolute import check_limits
from detectors.registry import check_detectors
from engine.config import Config
from engine.declared import Spindle
from engine.records import FeatureVector, SensorOutcome
from engine.verdicts import Score
from operators.baseline_store import BaselineStore
from operators.features import FeatureSet
from operators.group_detect import GroupDetect
from operators.step import stateful_step

FeatureSets = Mapping[tuple[str, str], FeatureSet]


def detect(
    step_id: str,
    items: KeyedStream[Any],
    spindles: Mapping[str, Spindle],
    features: FeatureSets,
    config: Config,
    recoverable: bool = False,
    store: BaselineStore | None = None,
) -> KeyedStream[Any]:
    """Turn feature vectors into scores; sensor outcomes pass through.

    Parameters
    ----------
    step_id : str
        Unique and stable; see `operators.step.stateful_step`.
    items : KeyedStream[FeatureVector | SensorOutcome]
        From `operators.extract.extract_features`.
    spindles : Mapping[str, Spindle]
        The declared spindles by name.
    features : Mapping[tuple[str, str], FeatureSet]
        By spindle and group.
    config : Config
        ``[learn]``, ``[[detectors]]``, ``[dynamic]``, ``[[limits]]``, ``[judge]``.
    recoverable : bool
        As for `operators.step.stateful_step`.
    store : BaselineStore, optional
        Where baselines go that no longer fit into memory, and come back from; None: they are forgotten.

    Returns
    -------
    KeyedStream[Score | SensorOutcome]
        One score per vector of a short window, in the same order.

    Raises
    ------
    ConfigError
        A detector or a limit that does not exist or does not fit; raised while the flow is being built.
    """
    check_detectors(config.detectors)
    names = {
        spindle: [n for key, found in features.items() if key[0] == spindle for n in found.names]
        for spindle in spindles
    }
    check_limits(config.limits, names)
    return stateful_step(step_id, items, lambda: Detect(spindles, features, config, store), recoverable)


class Detect:
    """The detectors of one spindle, per sensor group and regime.

    State: per group at most ``max_regimes`` baselines.

    Parameters
    ----------
    spindles, features, config, store
        As for `detect`.
    """

    __slots__ = ("_config", "_features", "_groups", "_spindles", "_store")

    def __init__(
        self,
        spindles: Mapping[str, Spindle],
        features: FeatureSets,
        config: Config,
        store: BaselineStore | None = None,
    ) -> None:
        self._spindles, self._features, self._config, self._store = spindles, features, config, store
        self._groups: dict[tuple[str, str], GroupDetect] = {}

    def process(self, items: Sequence[FeatureVector | SensorOutcome]) -> list[Score | SensorOutcome]:
        """Score and learn vectors of one spindle.

        Parameters
        ----------
        items : sequence of FeatureVector and SensorOutcome
            In stream time.

        Returns
        -------
        list of Score and SensorOutcome
            In the same order.
        """
        out: list[Score | SensorOutcome] = []
        for item in items:
            if isinstance(item, SensorOutcome):
                out.append(item)
            elif (score := self._group(item.spindle, item.group).score_learn(item)) is not None:
                out.append(score)
        return out

    def save(self) -> Any:
        """State for recovery."""
        return {key: group.save() for key, group in self._groups.items()}

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        for (spindle, group), saved in state.items():
            self._group(spindle, group).restore(saved)

    def _group(self, spindle: str, group: str) -> GroupDetect:
        found = self._groups.get((spindle, group))
        if found is None:
            declared = self._spindles[spindle]
            sensor_group = declared.group(group)
            assert sensor_group is not None  # the check lets no other group through
            features = self._features[spindle, group]
            found = GroupDetect(
                spindle,
                sensor_group,
                features,
                declared.teach_in,
                self._config,
                len(declared.groups),
                self._store,
            )
            self._groups[spindle, group] = found
        return found
