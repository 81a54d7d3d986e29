"""shadow: what another configuration would have said, from the same stream, and without any say in it.

A second branch of the flow runs a *shadow* configuration beside the one that decides. Whatever it raises is caught, and
the branch is cut off: the live one never notices. It is not isolated in time: both run in one thread, so a shadow
costs what its own detectors cost, and also what its own windows cost if they differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import bytewax.operators as op
from bytewax.operators import KeyedStream

from engine.clock import Clock
from engine.config import Config
from engine.declared import Spindle
from engine.errors import ConfigError
from engine.fuse import Fuse
from engine.records import Block, Context, FeatureVector, SensorOutcome, Tick
from engine.verdicts import Alert, SpindleState
from operators.baseline_store import BaselineStore
from operators.blocks import BlockCheck
from operators.detect import Detect, check_fit
from operators.extract import extract_batch
from operators.features import FeatureSet
from operators.judge import Judge
from operators.step import AS_IT_IS, Logic, Running, stateful_step
from operators.windows import WindowSlide

_RECEIVED = (Block, Context, Tick)
_EXTRACTED = (FeatureVector, SensorOutcome)


def run_shadow(
    step_id: str,
    received: KeyedStream[Any],
    extracted: KeyedStream[Any],
    spindles: Mapping[str, Spindle],
    live: Config,
    shadow: Config,
    clock: Clock,
    fuse: Fuse,
    running: Running = AS_IT_IS,
    store: BaselineStore | None = None,
) -> KeyedStream[Any]:
    """Run another configuration beside the one that decides.

    Parameters
    ----------
    step_id : str
        Unique and stable; see `operators.step.stateful_step`.
    received : KeyedStream[Block | Context | Tick]
        What the source emits; taken if the shadow's windows are its own.
    extracted : KeyedStream[FeatureVector | SensorOutcome]
        What the live branch extracted; taken if their `measuring_hash` is the same.
    spindles : Mapping[str, Spindle]
        The declared spindles by name.
    live, shadow : Config
        What decides, and what might.
    clock : Clock
        Stamps alerts.
    fuse : Fuse
        Blown by the first failure, of whichever spindle; then nothing more comes.
    running : Running
        As for `operators.step.stateful_step`. A shadow that is resumed under another configuration starts afresh.
    store : BaselineStore, optional
        Of its own: baselines of the live branch are not the shadow's to overwrite.

    Returns
    -------
    KeyedStream[Alert | SpindleState]
        What a flow with this configuration alone would tell, alert for alert and id for id.

    Raises
    ------
    ConfigError
        The shadow does not fit the declared sensor groups; raised while the flow is being built.
    """
    shared = live.measuring_hash == shadow.measuring_hash
    try:
        features = FeatureSet.for_shop(list(spindles.values()), shadow)
        check_fit(spindles, features, shadow)
    except ConfigError as error:
        raise ConfigError(f"shadow configuration: {error}") from error

    def steps() -> list[Logic]:
        return steps_of(spindles, features, shadow, clock, store, shared=shared)

    source, kinds = (extracted, _EXTRACTED) if shared else (received, _RECEIVED)
    # Whatever else comes along the live branch is none of the shadow's business.
    taken = op.filter(f"{step_id}_takes", source, lambda item: isinstance(item[1], kinds))
    return stateful_step(step_id, taken, lambda _live: Shadow(steps, shadow.hash, fuse), shadow, running)


def steps_of(
    spindles: Mapping[str, Spindle],
    features: Mapping[tuple[str, str], FeatureSet],
    config: Config,
    clock: Clock,
    store: BaselineStore | None = None,
    *,
    shared: bool,
) -> list[Logic]:
    """Make the steps of one spindle, to be run one after the other.

    Parameters
    ----------
    spindles, config, clock, store
        As for `run_shadow`.
    features : Mapping[tuple[str, str], FeatureSet]
        What ``config`` measures.
    shared : bool
        Whether features come from elsewhere.

    Returns
    -------
    list of Logic
        From blocks, contexts and ticks to alerts, or from feature vectors if these are shared.
    """
    judging: list[Logic] = [Detect(spindles, features, config, store), Judge(spindles, config, clock)]
    if shared:
        return judging
    return [BlockCheck(spindles, config), WindowSlide(spindles, config), _Extract(features), *judging]


class _Extract:
    """`operators.extract` as a step of one spindle; remembers nothing."""

    def __init__(self, features: Mapping[tuple[str, str], FeatureSet]) -> None:
        self._features = features

    def process(self, items: Sequence[Any]) -> list[Any]:
        return [made for _, made in extract_batch([(item.spindle, item) for item in items], self._features)]

    def save(self) -> Any:
        return None

    def restore(self, state: Any) -> None:
        pass


class Shadow:
    """The steps of one spindle's shadow branch, one after the other. State: theirs, until the fuse blows.

    Parameters
    ----------
    make_steps : callable
        Makes them in their order.
    config_hash : str
        Of the shadow configuration.
    fuse : Fuse
        Shared by all spindles.
    """

    __slots__ = ("_config_hash", "_fuse", "_make_steps", "_steps")

    def __init__(self, make_steps: Callable[[], Sequence[Logic]], config_hash: str, fuse: Fuse) -> None:
        self._make_steps, self._config_hash, self._fuse = make_steps, config_hash, fuse
        self._steps: Sequence[Logic] | None = None

    def process(self, items: Sequence[Any]) -> list[Alert | SpindleState]:
        """Take what the live branch takes.

        Parameters
        ----------
        items : sequence
            Of one spindle, in order.

        Returns
        -------
        list of Alert and SpindleState
            Empty once the fuse has blown.
        """
        if self._fuse.blown:
            self._steps = None  # what it remembers is of no use any more
            return []
        try:
            told: Sequence[Any] = items
            for step in self._running():
                told = step.process(told)
            return [record for record in told if isinstance(record, Alert | SpindleState)]
        except Exception as error:
            self._drop(error)
            return []

    def save(self) -> Any:
        """State for recovery; None if there is none that could be continued."""
        if self._fuse.blown or self._steps is None:
            return None
        try:
            return self._config_hash, [step.save() for step in self._steps]
        except Exception as error:
            self._drop(error)
            return None

    def restore(self, state: Any) -> None:
        """Continue from `save`, if that was under the same configuration."""
        if state is None or state[0] != self._config_hash:
            return
        try:
            for step, saved in zip(self._running(), state[1], strict=True):
                step.restore(saved)
        except Exception as error:
            self._drop(error)

    def _running(self) -> Sequence[Logic]:
        if self._steps is None:
            self._steps = self._make_steps()
        return self._steps

    def _drop(self, error: Exception) -> None:
        self._fuse.blow(error)
        self._steps = None
