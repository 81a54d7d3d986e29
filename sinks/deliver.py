"""From Bytewax to writers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from sinks.base import Writer


class _DeliverPart(StatelessSinkPartition[Any]):
    def __init__(self, writers: Sequence[Writer]) -> None:
        self._writers = writers

    def write_batch(self, items: list[Any]) -> None:
        records = [record for _spindle, record in items]
        for writer in self._writers:
            writer.write(records)


class Deliver(DynamicSink[Any]):
    """Hands every record to every writer, in order: the journal before whoever tells people.

    Parameters
    ----------
    writers : sequence of Writer
        Shared by all workers of this process; a process runs one. Whoever made them closes them: one writer may
        stand in several places of a flow, and only its maker knows whether the flow ended well.
    """

    def __init__(self, writers: Sequence[Writer]) -> None:
        self._writers = writers

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _DeliverPart:  # noqa: ARG002
        """Make the worker's end."""
        return _DeliverPart(self._writers)
