"""judge: scores and sensor outcomes of one spindle become verdicts, alerts and the spindle's state."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from bytewax.operators import KeyedStream

from engine.clock import NS_PER_S, Clock
from engine.config import Config
from engine.declared import Spindle
from engine.records import SensorOutcome
from engine.verdicts import Alert, Condition, Score, SpindleState, ToolLife, Verdict
from operators.cover import merge_cover
from operators.episodes import FaultEpisodes
from operators.sensor_episodes import SensorEpisodes
from operators.step import AS_IT_IS, Running, stateful_step

Judged = Verdict | Alert | SpindleState | ToolLife
# A state that has not changed is told again after so long (stream time), so that subscribers see it live.
_STATE_PERIOD_NS = NS_PER_S


def judge(
    step_id: str,
    items: KeyedStream[Any],
    spindles: Mapping[str, Spindle],
    config: Config,
    clock: Clock,
    running: Running = AS_IT_IS,
) -> KeyedStream[Any]:
    """Turn scores and sensor outcomes into what subscribers are told.

    Parameters
    ----------
    step_id : str
        Unique and stable; see `operators.step.stateful_step`.
    items : KeyedStream[Score | SensorOutcome | ToolLife]
        In stream time, per spindle.
    spindles : Mapping[str, Spindle]
        The declared spindles by name.
    config : Config
        ``[judge]`` and ``[check]``.
    clock : Clock
        Stamps alerts.
    running : Running
        As for `operators.step.stateful_step`.

    Returns
    -------
    KeyedStream[Verdict | Alert | SpindleState | ToolLife]
        A verdict per score; alerts when episodes open, worsen, are named better or close; states when they change;
        tool lives as they came.
    """
    return stateful_step(step_id, items, lambda new: Judge(spindles, new, clock), config, running)


class Judge:
    """The judge of one spindle. State: open episodes and one score per group.

    Parameters
    ----------
    spindles : Mapping[str, Spindle]
        Declarations by name.
    config : Config
        ``[judge]`` and ``[check]``.
    clock : Clock
        Stamps alerts.
    """

    __slots__ = (
        "_clock",
        "_faults",
        "_latest",
        "_progress",
        "_sensors",
        "_spindles",
        "_told",
        "_told_of",
        "_troubles",
    )

    def __init__(self, spindles: Mapping[str, Spindle], config: Config, clock: Clock) -> None:
        self._spindles, self._clock = spindles, clock
        self._faults = FaultEpisodes(config.judge, config.hash)
        self._sensors = SensorEpisodes(config.check.recover_s, config.hash)
        self._latest: dict[str, Score] = {}
        self._progress: dict[str, Score] = {}
        self._troubles: Counter[str] = Counter()
        self._told: SpindleState | None = None
        self._told_of: frozenset[str] | None = (
            None  # groups whose learning is told; known with the first score
        )

    def process(self, items: Sequence[Score | SensorOutcome | ToolLife]) -> list[Judged]:
        """Judge items of one spindle.

        Parameters
        ----------
        items : sequence of Score, SensorOutcome and ToolLife
            In stream time.

        Returns
        -------
        list of Verdict, Alert, SpindleState and ToolLife
            In stream time; tool lives as they came.
        """
        out: list[Judged] = []
        for item in items:
            if isinstance(item, ToolLife):
                out.append(item)
                continue
            if isinstance(item, SensorOutcome):
                self._troubles[item.kind] += 1
                messages = self._sensors.trouble(item)
            else:
                self._note(item)
                messages = self._faults.update(item) + self._sensors.well(item)
                out.append(Verdict(item, bool(self._faults.open)))
            if messages:
                now_ns = self._clock.now_ns()
                out.extend(replace(message, judged_ns=now_ns) for message in messages)
            state = self._state(item.spindle, item.t_ns)
            if state is not None:
                out.append(state)
        return out

    def save(self) -> Any:
        """State for recovery."""
        faults = self._faults.open, self._faults.runs, self._faults.explained, self._faults.over_ns
        episodes = *faults, self._sensors.open
        return episodes, self._latest, self._progress, self._troubles, self._told

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        episodes, self._latest, self._progress, self._troubles, self._told = state
        *faults, self._sensors.open = episodes
        self._faults.open, self._faults.runs, self._faults.explained, self._faults.over_ns = faults

    def _note(self, score: Score) -> None:
        """Keep what the spindle's tile shows.

        Learning is told of what is being cut, and of the waveforms if there are any: a tool change has no baseline
        worth waiting for, and slow channels may need hours.
        """
        self._latest[score.group] = score
        told_of = self._told_of
        if told_of is None:
            told_of = self._told_of = _told_of(self._spindles[score.spindle])
        if score.group in told_of and score.regime.cutting is not False:
            self._progress[score.group] = score

    def _state(self, spindle: str, t_ns: int) -> SpindleState | None:
        """The spindle's state, if subscribers should hear it now."""
        condition, told = self._condition(), self._told
        if told is not None and condition == told.condition and 0 <= t_ns - told.t_ns < _STATE_PERIOD_NS:
            return None
        latest = list(self._latest.values())
        scores = [score.score for score in latest if not math.isnan(score.score)]
        newest = max(latest, key=lambda score: score.t_ns, default=None)
        alerts = [episode.alert.id for episode in self._faults.open.values()]
        alerts += [episode.alert.id for episode in self._sensors.open.values()]
        self._told = SpindleState(
            spindle=spindle,
            t_ns=t_ns,
            condition=condition,
            regime=newest.regime.label if newest else "-",
            learned=sum(min(score.learned, score.wanted) for score in self._progress.values()),
            wanted=sum(score.wanted for score in self._progress.values()),
            score=max(scores, default=math.nan),
            open_alerts=tuple(alerts),
            troubles=tuple(sorted(self._troubles.items())),
            cover=merge_cover(score.cover for score in latest),
            cuts=min((s.cuts for s in self._progress.values() if s.cuts[1]), default=(0, 0)),
        )
        return self._told

    def _condition(self) -> Condition:
        if self._faults.open:
            return Condition.ALERTING
        if self._sensors.open:
            return Condition.SENSOR
        if not self._progress or any(not score.ready for score in self._progress.values()):
            return Condition.LEARNING
        return Condition.OK


@cache
def _told_of(spindle: Spindle) -> frozenset[str]:
    """Groups whose learning is told: the waveforms, if there are any."""
    waveforms = frozenset(group.name for group in spindle.groups if group.kind == "waveform")
    return waveforms or frozenset(group.name for group in spindle.groups)
