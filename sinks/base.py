"""What every sink looks like to the flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.records import Block, CheckedBlock, SensorOutcome
from engine.verdicts import Alert, SpindleState, ToolLife, Verdict

Record = Verdict | Alert | SpindleState | ToolLife | CheckedBlock | SensorOutcome | Block


class Writer(Protocol):
    """Takes what the flow has made; picks the records it wants.

    Called from the flow's thread, so it must neither block on anybody outside this process nor keep what it is
    given waiting: whatever is slow belongs behind a bounded queue of its own.
    """

    def write(self, records: Sequence[Record]) -> None:
        """Take records of one or several spindles; each spindle's are in stream time."""
        ...
