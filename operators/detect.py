"""detect: feature vectors become scores; then, if the guard allows, they are learned. Nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bytewax.operators import KeyedStream

from detectors.absolute import check_limits
from detectors.registry import check_detectors
from detectors.spindle_loads import SpindleLoads
from engine.config import Config
from engine.declared import Spindle
from engine.records import FeatureVector, SensorOutcome
from engine.verdicts import Score, ToolLife
from operators.baseline_store import BaselineStore
from operators.features import FeatureSet
from operators.group_detect import GroupDetect
from operators.step import AS_IT_IS, Running, stateful_step
from operators.tool_lives import ToolLives

FeatureSets = Mapping[tuple[str, str], FeatureSet]


def detect(
    step_id: str,
    items: KeyedStream[Any],
    spindles: Mapping[str, Spindle],
    features: FeatureSets,
    config: Config,
    running: Running = AS_IT_IS,
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
        ``[learn]``, ``[[detectors]]``, ``[dynamic]``, ``[[limits]]``, ``[judge]``, ``[tool_life]``.
    running : Running
        As for `operators.step.stateful_step`.
    store : BaselineStore, optional
        Where baselines go that no longer fit into memory, and come back from; None: they are forgotten.

    Returns
    -------
    KeyedStream[Score | SensorOutcome | ToolLife]
        One score per vector of a short window, in the same order; after each cut, how its tool's edge stands.

    Raises
    ------
    ConfigError
        A detector or a limit that does not exist or does not fit; raised while the flow is being built.
    """
    check_fit(spindles, features, config)
    return stateful_step(step_id, items, lambda new: Detect(spindles, features, new, store), config, running)


def check_fit(spindles: Mapping[str, Spindle], features: FeatureSets, config: Config) -> None:
    """Refuse detectors and limits that do not fit the shop, while the flow is being built.

    Parameters
    ----------
    spindles, features, config
        As for `detect`.

    Raises
    ------
    ConfigError
        A detector or a limit that does not exist or does not fit.
    """
    check_detectors(config.detectors)
    names = {
        spindle: [n for key, found in features.items() if key[0] == spindle for n in found.names]
        for spindle in spindles
    }
    check_limits(config.limits, names)


class Detect:
    """The detectors of one spindle, per sensor group and regime, and the lives of its tools.

    State: per group at most ``max_regimes`` baselines, and at most ``[tool_life] max_tools`` edges.

    Parameters
    ----------
    spindles, features, config, store
        As for `detect`.
    """

    __slots__ = ("_config", "_features", "_groups", "_lives", "_loads", "_spindles", "_store")

    def __init__(
        self,
        spindles: Mapping[str, Spindle],
        features: FeatureSets,
        config: Config,
        store: BaselineStore | None = None,
    ) -> None:
        self._spindles, self._features, self._config, self._store = spindles, features, config, store
        self._groups: dict[tuple[str, str], GroupDetect] = {}
        self._loads: dict[str, SpindleLoads] = {}
        self._lives: dict[str, ToolLives] = {}  # one, or none if nobody asked for it

    def process(
        self, items: Sequence[FeatureVector | SensorOutcome]
    ) -> list[Score | SensorOutcome | ToolLife]:
        """Score and learn vectors of one spindle.

        Parameters
        ----------
        items : sequence of FeatureVector and SensorOutcome
            In stream time.

        Returns
        -------
        list of Score, SensorOutcome and ToolLife
            In the same order; a tool's life before the score of the vector that showed its cut to be over.
        """
        out: list[Score | SensorOutcome | ToolLife] = []
        for item in items:
            if isinstance(item, SensorOutcome):
                if item.alerting and item.spindle in self._lives:
                    self._lives[item.spindle].trouble()
                out.append(item)
                continue
            score = self._group(item.spindle, item.group).score_learn(item)
            lives = self._of_tools(item.spindle)
            if lives is not None:
                out += lives.take(item)
                score = None if score is None else _with_wear(score, lives)
            if score is not None:
                out.append(score)
        return out

    def save(self) -> Any:
        """State for recovery."""
        groups = {key: group.save() for key, group in self._groups.items()}
        loads = {spindle: found.save() for spindle, found in self._loads.items()}
        return groups, {spindle: lives.save() for spindle, lives in self._lives.items()}, loads

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        groups, tools, loads = state
        for (spindle, group), saved in groups.items():
            self._group(spindle, group).restore(saved)
        for spindle, saved in tools.items():
            lives = self._of_tools(spindle)
            if lives is not None:
                lives.restore(saved)
        for spindle, saved in loads.items():
            self._loads.setdefault(spindle, SpindleLoads()).restore(saved)

    def _of_tools(self, spindle: str) -> ToolLives | None:
        """Its tools' lives; None if ``[tool_life]`` is off."""
        if not self._config.tool_life.enabled:
            return None
        found = self._lives.get(spindle)
        if found is None:
            found = self._lives[spindle] = ToolLives(self._spindles[spindle], self._features, self._config)
        return found

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
                self._loads.setdefault(spindle, SpindleLoads()),
                self._store,
            )
            self._groups[spindle, group] = found
        return found


def _with_wear(score: Score, lives: ToolLives) -> Score:
    """Add what there is to say about wear to what the detectors say; other faults make a cut unsound."""
    lives.note(score)
    found = lives.findings()
    return replace(score, findings=(*score.findings, *found)) if found else score
