"""The nouns at the end of the stream: what was concluded, and what people are told.

Frozen dataclasses, like those of `engine.records`, which come before them. Times are ``int`` UTC nanoseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from engine.records import Regime


class Tier(StrEnum):
    """How much an alert had to know: nothing, this cut, or this spindle's history."""

    ABSOLUTE = "absolute"
    DYNAMIC = "dynamic"
    LEARNED = "learned"


class Reason(NamedTuple):
    """One feature's part in a score.

    Parameters
    ----------
    feature : str
        ``channel.feature``.
    value, expected, low, high : float
        In ``unit``; ``low`` and ``high`` bound what is normal. NaN where nothing is known.
    share : float
        Part of the score, 0 to 1; the shares of all features sum to 1.
    contribution : float
        ``share`` times the score: the contributions of all features sum to the score. NaN if not known.
    """

    feature: str
    value: float
    expected: float
    low: float
    high: float
    unit: str
    share: float
    contribution: float = math.nan


@dataclass(frozen=True, slots=True)
class Score:
    """How strange one feature vector is; 1.0 is the limit in every tier.

    Parameters
    ----------
    score : float
        The largest over tiers and detectors; NaN if nothing could be said.
    tier : Tier
        Whose score it is.
    detector : str
        Which detector's.
    ready : bool
        False while the learned tier is still warming up for this regime.
    learned : int
        Vectors learnt by this regime's baseline, of ``wanted``.
    top_feature : str
        The feature with the largest share; empty if none, or if the score is below 0.8.
    reasons : tuple[Reason, ...]
        Filled where the score reaches 1.0, most important first.
    onset_ns : int
        Start of what is new in the window.
    drift : bool
        The score's own distribution has changed (ADWIN, PageHinkley) without reaching the limit.
    """

    spindle: str
    group: str
    t_ns: int
    onset_ns: int
    regime: Regime
    tier: Tier
    detector: str
    score: float
    ready: bool
    learned: int
    wanted: int
    top_feature: str
    reasons: tuple[Reason, ...]
    usable: bool
    steady: bool
    immediate: bool
    drift: bool
    received_ns: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A score together with what the judge made of it: the row of ``scores.parquet``."""

    score: Score
    alerting: bool


class AlertState(StrEnum):
    """Where an episode stands."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Alert:
    """A message about an episode. The same id comes once opened, perhaps updated, once closed.

    Parameters
    ----------
    id : str
        ``spindle:fault:onset_ns``: the same in every replay and after every restart.
    fault : str
        Fault class: ``collision``, ``process`` or ``sensor`` (later also ``tool_wear``, ``chatter``, ...).
    onset_ns : int
        Start of the episode, stream time.
    t_ns : int
        End of the window that decided this message, stream time.
    score : float
        The highest so far; 1.0 = limit. NaN for sensor alerts.
    detail : str
        Sensor alerts: the kind of trouble; else the detector's name.
    text_en, text_ko : str
        For the operator.
    config_hash : str
        First 12 hex digits of the configuration that decided.
    received_ns, judged_ns : int or None
        Wall times: last deciding sample received; alert made. None in an unpaced replay.
    """

    id: str
    spindle: str
    group: str
    fault: str
    state: AlertState
    tier: str
    regime: str
    onset_ns: int
    t_ns: int
    score: float
    detail: str
    reasons: tuple[Reason, ...]
    text_en: str
    text_ko: str
    config_hash: str
    received_ns: int | None = None
    judged_ns: int | None = None


class Condition(StrEnum):
    """What a spindle's tile shows, worst first."""

    ALERTING = "alerting"
    SENSOR = "sensor"
    LEARNING = "learning"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class SpindleState:
    """One spindle at a glance; emitted when it changes and once a second of stream time.

    Parameters
    ----------
    condition : Condition
        The worst that holds.
    learned, wanted : int
        Progress of the current regime's baseline, over all groups.
    score : float
        Latest score; NaN if nothing could be said.
    open_alerts : tuple[str, ...]
        Ids.
    troubles : tuple[tuple[str, int], ...]
        Sensor outcomes so far, by kind.
    """

    spindle: str
    t_ns: int
    condition: Condition
    regime: str
    learned: int
    wanted: int
    score: float
    open_alerts: tuple[str, ...]
    troubles: tuple[tuple[str, int], ...]
