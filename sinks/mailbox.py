"""From the flow's thread to the server's: alerts in full, everything else as the newest only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.records import Block, CheckedBlock
from engine.verdicts import SpindleState, Tier, Verdict
from sinks.base import Record
from sinks.journal import Entry


@dataclass(frozen=True, slots=True)
class ShownScore:
    """What subscribers are shown of a verdict: keys and order of the ``scores`` message.

    Parameters
    ----------
    regime : str
        Its label.
    alerting : bool
        Whether an alert of this sensor group is open. The rest: `engine.verdicts.Score`.
    """

    spindle: str
    group: str
    t_ns: int
    regime: str
    tier: Tier
    detector: str
    score: float
    ready: bool
    learned: int
    wanted: int
    top_feature: str
    alerting: bool


def shown(verdict: Verdict) -> ShownScore:
    """Return what subscribers are shown of a verdict."""
    score = verdict.score
    return ShownScore(
        score.spindle,
        score.group,
        score.t_ns,
        score.regime.label,
        score.tier,
        score.detector,
        score.score,
        score.ready,
        score.learned,
        score.wanted,
        score.top_feature,
        verdict.alerting,
    )


@dataclass(slots=True)
class Mail:
    """What has happened since the server last looked.

    Bounded by the number of spindles and groups, except for alerts, which are few and already on disk.

    Parameters
    ----------
    alerts : list of Entry
        All, in the order of their numbers.
    states : dict[str, SpindleState]
        The newest of each spindle.
    scores : dict[tuple[str, str], ShownScore]
        The highest of each spindle and group.
    blocks : dict[tuple[str, str], Block]
        The newest of each spindle and group.
    """

    alerts: list[Entry] = field(default_factory=list)
    states: dict[str, SpindleState] = field(default_factory=dict)
    scores: dict[tuple[str, str], ShownScore] = field(default_factory=dict)
    blocks: dict[tuple[str, str], Block] = field(default_factory=dict)

    def put(self, records: Sequence[Record | ShownScore]) -> None:
        """Add what is not an alert.

        Parameters
        ----------
        records : sequence of Record or ShownScore
            Sensor outcomes, tool lives and alerts are passed over.
        """
        for record in records:
            if isinstance(record, Verdict):
                put_worse(self.scores, shown(record))
            elif isinstance(record, ShownScore):
                put_worse(self.scores, record)
            elif isinstance(record, SpindleState):
                self.states[record.spindle] = record
            elif isinstance(record, CheckedBlock | Block):
                block = record.block if isinstance(record, CheckedBlock) else record
                self.blocks[block.spindle, block.group] = block


def put_worse(scores: dict[tuple[str, str], ShownScore], score: ShownScore) -> None:
    """Keep the highest score of each spindle and group; the later one if equal, or if the earlier could not say.

    Parameters
    ----------
    scores : dict
        By spindle and group; changed.
    score : ShownScore
        A later one.
    """
    key = score.spindle, score.group
    before = scores.get(key)
    if before is None or not (before.score > score.score or math.isnan(score.score)):
        scores[key] = score
