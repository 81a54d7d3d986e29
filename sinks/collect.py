"""A writer that keeps what it is told, for whoever runs the flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Collect(Generic[T]):
    """Keeps the records of one kind, in the order told; memory grows with their number.

    Parameters
    ----------
    kind : type
        Such as `engine.verdicts.Alert`.

    Attributes
    ----------
    records : list
        So far.
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self.records: list[T] = []

    def write(self, records: Sequence[Any]) -> None:
        """Keep those of the kind, pass over the rest."""
        self.records.extend(record for record in records if isinstance(record, self._kind))
