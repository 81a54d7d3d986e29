"""Labelled faults and tool lives of a recording beside what was alerted and recommended: what `replay.kpi` counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.clock import NS_PER_S
from engine.verdicts import Alert, FaultClass, ToolLife
from replay.labels import MARKERS, NEAR_S, WEAR_LIMIT, class_of
from replay.outcome import match_faults
from replay.recording import Recording

WITHIN_S = NEAR_S
_ABRUPT = frozenset(
    {FaultClass.COLLISION, FaultClass.TOOL_BREAKAGE, FaultClass.MISSING_TOOL, FaultClass.CHATTER}
)
_DAMAGING = _ABRUPT | {FaultClass.BEARING, FaultClass.IMBALANCE}


@dataclass(frozen=True, slots=True)
class LabelledLife:
    """One labelled tool life and what was recommended.

    Parameters
    ----------
    recording : str
        Its folder's name.
    row : int
        Line of ``faults.csv``; the header is line 1.
    tool, edge : str
        As the label's note has them.
    error : float
        Of the recommendation, as a share of the life: negative = too early. NaN if there was none.
    decided : bool
        False: the recording ended before limit and tolerance were over, without a recommendation.
    right : bool
        Within the tolerance.
    """

    recording: str
    row: int
    tool: str
    edge: str
    error: float
    decided: bool
    right: bool


@dataclass(frozen=True, slots=True)
class LabelledFault:
    """One labelled fault and the first alert within it.

    Parameters
    ----------
    recording : str
        Its folder's name.
    row : int
        Line of ``faults.csv``.
    fault : str
        The label.
    alert : str
        Id; empty if missed.
    delay_s : float
        NaN if missed, or alerted before.
    damaging : bool
        Of a class that costs a part or a spindle.
    avoided : bool
        Damaging, and alerted in time.
    """

    recording: str
    row: int
    fault: str
    alert: str
    delay_s: float
    damaging: bool
    avoided: bool


def last_told(lives: Iterable[ToolLife]) -> dict[tuple[str, str], ToolLife]:
    """Keep the last word on each edge, by tool and edge."""
    return {(life.tool, life.edge): life for life in lives}


def labelled_lives(
    recording: Recording, told: Mapping[tuple[str, str], ToolLife], tolerance: float
) -> Iterator[LabelledLife]:
    """Look up what was recommended for each labelled tool life.

    Parameters
    ----------
    recording : Recording
        Its rows ``wear_limit`` are the lives.
    told : mapping of (tool, edge) to ToolLife
        From `last_told`.
    tolerance : float
        Share of the life within which a recommendation is in time.

    Yields
    ------
    LabelledLife
        In the order of the labels.
    """
    for row, label in enumerate(recording.faults, start=2):
        words = dict(word.split("=", 1) for word in label.note.split() if "=" in word)
        if label.fault != WEAR_LIMIT or not words.get("tool"):
            continue
        tool, edge = words["tool"], words.get("edge", "")
        life = told.get((tool, edge)) or (_only(told, tool) if not edge else None)
        limit_ns = recording.start_ns + round(label.start_s * NS_PER_S)
        began_ns = life.began_ns if life is not None else recording.start_ns
        error = _error(life, words, limit_ns)
        open_until_ns = limit_ns + tolerance * (limit_ns - began_ns)
        decided = not math.isnan(error) or label.end_s is not None or recording.end_ns >= open_until_ns
        yield LabelledLife(
            recording.path.name,
            row,
            tool,
            edge,
            error,
            decided,
            not math.isnan(error) and abs(error) <= tolerance,
        )


def _only(told: Mapping[tuple[str, str], ToolLife], tool: str) -> ToolLife | None:
    """What was told of a tool whose edges the label does not name: the first edge."""
    return next((life for (name, _), life in told.items() if name == tool), None)


def _error(life: ToolLife | None, words: dict[str, str], limit_ns: int) -> float:
    """How far off a recommendation was, as a share of the life; NaN without one."""
    if life is None or life.recommended_ns is None:
        return math.nan
    n_cuts = int(words.get("n_cuts", "0"))
    if n_cuts > 0 and life.recommended_cuts is not None:
        return life.recommended_cuts / n_cuts - 1.0
    length_ns = limit_ns - life.began_ns
    return (life.recommended_ns - limit_ns) / length_ns if length_ns > 0 else math.nan


def labelled_faults(recording: Recording, alerts: Sequence[Alert]) -> list[LabelledFault]:
    """Look up what became of each labelled fault.

    Parameters
    ----------
    recording : Recording
        Its labels that name a class; wear is judged by lives.
    alerts : sequence of Alert
        Messages of this spindle, in the order sent.

    Returns
    -------
    list of LabelledFault
        In the order of the labels.
    """
    outcomes, _ = match_faults(recording.faults, alerts, recording.start_ns, recording.end_ns)
    rows = [row for row, label in enumerate(recording.faults, start=2) if label.fault not in MARKERS]
    found = []
    for row, outcome in zip(rows, outcomes, strict=True):
        wanted, hit = class_of(outcome.label.fault), outcome.found
        if wanted is None or wanted is FaultClass.TOOL_WEAR:
            continue
        seen = hit.found and not hit.early
        in_time = seen and (wanted not in _ABRUPT or hit.delay_s <= WITHIN_S)
        found.append(
            LabelledFault(
                recording.path.name,
                row,
                outcome.label.fault,
                outcome.alert,
                hit.delay_s if seen else math.nan,
                wanted in _DAMAGING,
                wanted in _DAMAGING and in_time,
            )
        )
    return found
