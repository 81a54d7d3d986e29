"""From the flow's thread to the server's: alerts in full, everything else as the newest only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.records import Block, CheckedBlock
from engine.verdicts import SpindleState, Verdict
from sinks.base import Record
from sinks.journal import Entry


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
    verdicts : dict[tuple[str, str], Verdict]
        The one with the highest score of each spindle and group.
    blocks : dict[tuple[str, str], Block]
        The newest of each spindle and group.
    """

    alerts: list[Entry] = field(default_factory=list)
    states: dict[str, SpindleState] = field(default_factory=dict)
    verdicts: dict[tuple[str, str], Verdict] = field(default_factory=dict)
    blocks: dict[tuple[str, str], Block] = field(default_factory=dict)

    def put(self, records: Sequence[Record]) -> None:
        """Add what is not an alert.

        Parameters
        ----------
        records : sequence of Record
            Sensor outcomes and alerts are passed over.
        """
        for record in records:
            if isinstance(record, Verdict):
                put_worse(self.verdicts, record)
            elif isinstance(record, SpindleState):
                self.states[record.spindle] = record
            elif isinstance(record, CheckedBlock | Block):
                block = record.block if isinstance(record, CheckedBlock) else record
                self.blocks[block.spindle, block.group] = block


def put_worse(verdicts: dict[tuple[str, str], Verdict], verdict: Verdict) -> None:
    """Keep the highest score of each spindle and group; the later one if equal, or if the earlier could not say.

    Parameters
    ----------
    verdicts : dict
        By spindle and group; changed.
    verdict : Verdict
        A later one.
    """
    key = verdict.score.spindle, verdict.score.group
    before = verdicts.get(key)
    if before is None or not (before.score.score > verdict.score.score or math.isnan(verdict.score.score)):
        verdicts[key] = verdict
