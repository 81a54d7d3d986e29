"""What an engine received, as an ordinary recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeGuard

from engine.declared import Spindle
from engine.errors import RecordingError
from engine.records import Block, Context
from replay.writer import RecordingWriter
from sinks.segments import BlockItem, ContextItem, Item, RowsItem, to_record

SOURCE = "received by a running engine"
LICENCE = "not stated"


def is_row(item: Item, spindle: Spindle) -> TypeGuard[BlockItem]:
    """Whether a recording can hold an item as samples: a block of a declared group, and of its shape."""
    if not isinstance(item, BlockItem):
        return False
    group = spindle.group(item.group)
    return (
        group is not None
        and len(item.shape) == 2
        and item.shape[0] == len(group.channels)
        and item.shape[1] > 0
    )


def write_received(
    path: Path,
    spindle: Spindle,
    items: Iterable[Item],
    start_ns: int,
    groups: frozenset[str],
    notes: Sequence[str] = (),
) -> list[Item]:
    """Write items as an ordinary recording.

    Parameters
    ----------
    path : Path
        Missing or empty folder.
    spindle : Spindle
        As declared to the engine.
    items : iterable of Item
        As received.
    start_ns : int
        Second 0.
    groups : frozenset of str
        Those that `is_row` finds samples of among the items; a recording has no groups without.
    notes : sequence of str
        For ``recording.toml``.

    Returns
    -------
    list of Item
        The same in their order, but for each block that is in the recording now a `RowsItem`, which does without its
        samples.

    Raises
    ------
    RecordingError
        No group, or a path that cannot be written.
    """
    if not groups:
        raise RecordingError(f"{path}: got no samples of spindle {spindle.name!r}, wanted at least one block")
    own = tuple(group for group in spindle.groups if group.name in groups)
    left: list[Item] = []
    declared = Spindle(spindle.name, own, spindle.teach_in)
    with RecordingWriter(path, declared, start_ns, SOURCE, LICENCE, notes) as writer:
        for item in items:
            if is_row(item, spindle):
                block = to_record(item, spindle.name)
                assert isinstance(block, Block)
                writer.write_block(block.group, block.t_ns, block.samples)
                left.append(RowsItem(item.group, item.t_ns, item.sample_rate_hz, block.samples.shape[1]))
                continue
            if isinstance(item, ContextItem):
                context = to_record(item, spindle.name)
                assert isinstance(context, Context)
                writer.write_context(context)
            left.append(item)
    return left
