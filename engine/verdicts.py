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


class FaultClass(StrEnum):
    """What a shop can act on. The value is the ``fault`` of an alert."""

    COLLISION = "collision"
    TOOL_BREAKAGE = "tool_breakage"
    MISSING_TOOL = "missing_tool"  # or too little material: the cut takes less than it ever does
    CHATTER = "chatter"
    BEARING = "bearing"
    IMBALANCE = "imbalance"
    TOOL_WEAR = "tool_wear"
    PROCESS = "process"  # unexplained
    SENSOR = "sensor"


LATCHED = frozenset({FaultClass.BEARING, FaultClass.IMBALANCE, FaultClass.TOOL_WEAR})
"""Conditions that last until they are mended: their alerts close when evidence says so, not when it is silent."""


class Why(StrEnum):
    """Why a fault class is not being watched at the moment."""

    RPM = "rpm unknown"
    TEETH = "tooth count unknown"
    GEOMETRY = "bearing geometry unknown"
    RATE = "rate too low"
    RESOLUTION = "lines not resolved"
    UNIT = "unit is no acceleration"
    CHANNEL = "no suitable channel"
    NOT_CUTTING = "not cutting"
    CUTTING = "cutting"
    CONTEXT = "cutting unknown"
    LEARNING = "learning"
    SAMPLES = "no usable samples"
    UNSTEADY = "regime changing"
    STANDS = "spindle stands still"


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
class Finding:
    """What one signature says of a window: evidence for one fault class.

    Parameters
    ----------
    fault : FaultClass
        Which.
    signature : str
        Who says so.
    tier : Tier
        What it had to know.
    score : float
        1.0 is the limit. Reaching it means confirmed: the signature itself waits for as many windows as its physics
        needs. Finite.
    certainty : float
        How specific the evidence is, 0 to 1: 0.3 a change, 0.5 consistent with the class, 0.7 specific to it, 0.9
        unmistakable. Findings that coincide are one alert, named by the most certain.
    reasons : tuple[Reason, ...]
        Most telling first.
    detail : str
        Specifics as a word: ``outer_race``, ``element_not_identifiable``.
    key : str
        Tells two faults of one class on one spindle apart: the tool that is worn, the channel of a bearing.
    onset_ns : int, optional
        Start of what was found, if better known than the start of the window's newest hop.
    """

    fault: FaultClass
    signature: str
    tier: Tier
    score: float
    certainty: float
    reasons: tuple[Reason, ...] = ()
    detail: str = ""
    key: str = ""
    onset_ns: int | None = None


class Cover(NamedTuple):
    """Whether a fault class is being watched by one signature of one sensor group.

    Parameters
    ----------
    fault : FaultClass
        Which.
    signature : str
        Who watches.
    why : str
        Empty if it is being watched; else a value of `Why`.
    """

    fault: FaultClass
    signature: str
    why: str


@dataclass(frozen=True, slots=True)
class ToolLife:
    """How far a cutting edge is gone; told after every cut it made, and once more when it leaves.

    Parameters
    ----------
    spindle, tool : str
        Whose; the tool as the controller names it.
    edge : str
        Which cutting edge of the tool: as the context says (``tool_edge``), or counted where it does not.
    t_ns : int
        End of the cut, stream time.
    began_ns : int
        Start of its first cut.
    n_cuts : int
        Cuts made.
    cutting_s : float
        Seconds in the cut.
    wear : float
        0 = as sharp as when it was fresh, 1.0 = the wear limit. NaN while the fresh edge is being learnt.
    remaining_cuts, remaining_low, remaining_high : float
        Cuts like the last ones until the wear limit, and an interval that holds nine times in ten; NaN: cannot say.
    recommended_ns : int or None
        When its change was recommended; None: not yet.
    recommended_cuts : int or None
        Cuts it had made by then.
    over : bool
        The edge has left: this is its history's last word.
    inferred : bool
        No context told of the edge; it is concluded from a fall of the load.
    evidence : tuple[Reason, ...]
        What the estimate rests on, as the ratio to the fresh edge.
    config_hash : str
        Of the configuration that estimated.
    """

    spindle: str
    tool: str
    edge: str
    t_ns: int
    began_ns: int
    n_cuts: int
    cutting_s: float
    wear: float
    remaining_cuts: float
    remaining_low: float
    remaining_high: float
    recommended_ns: int | None
    recommended_cuts: int | None
    over: bool
    inferred: bool
    evidence: tuple[Reason, ...]
    config_hash: str


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
    findings : tuple[Finding, ...]
        What signatures of fault classes say, up to this moment, since the last score.
    cover : tuple[Cover, ...]
        Which signatures watch at this moment, and why others cannot. The same object as long as nothing changes.
    cuts : tuple of int
        Good cuts of this section that the limits along the cut have been learnt from, of how many; 0 of 0 where
        there are none to learn.
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
    drift: bool
    received_ns: int | None
    findings: tuple[Finding, ...] = ()
    cover: tuple[Cover, ...] = ()
    cuts: tuple[int, int] = (0, 0)


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
        ``spindle:fault:onset_ns`` as it opened: the same in every replay and after every restart. An update may name
        the fault better than its id does.
    fault : str
        One of `FaultClass`.
    onset_ns : int
        Start of the episode, stream time.
    t_ns : int
        End of the window that decided this message, stream time.
    score : float
        The highest so far; 1.0 = limit. NaN for sensor alerts.
    detail : str
        Sensor alerts: the kind of trouble; a signature's specifics (``outer_race``); else the detector's name.
    text_en, text_ko : str
        For the operator.
    config_hash : str
        First 12 hex digits of the configuration that decided.
    received_ns, judged_ns : int or None
        Wall times: last deciding sample received; alert made. None in an unpaced replay.
    certainty : float
        How specific the evidence is for this fault class, 0 to 1: see `Finding`. NaN for sensor alerts.
    key : str
        Which one, where a spindle has several: the tool that is worn, the channel of a bearing.
    advice_en, advice_ko : str
        What a machinist would check.
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
    certainty: float = math.nan
    key: str = ""
    advice_en: str = ""
    advice_ko: str = ""


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
    cuts : tuple of int
        Good cuts of the section that was cut last that have been learnt, of how many; 0 of 0 if it is not known that
        anything is cut.
    cover : tuple[Cover, ...]
        Every fault class that a signature looks for once: watched, or the reason that is nearest to it.
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
    cover: tuple[Cover, ...] = ()
    cuts: tuple[int, int] = (0, 0)
