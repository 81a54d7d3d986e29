from __future__ import annotations

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource, run_main
from told import alert, state

from sinks.deliver import Deliver


class Note:
    """A writer that notes what it was told, in a diary shared with others."""

    def __init__(self, name: str, diary: list) -> None:
        self._name, self._diary = name, diary

    def write(self, records) -> None:
        self._diary.extend((self._name, record) for record in records)


def test_every_writer_gets_every_record_in_order():
    diary: list = []
    records = [alert(1), state(), alert(2)]
    flow = Dataflow("test")
    items = op.input("items", flow, TestingSource([("M1", record) for record in records]))
    op.output("deliver", items, Deliver([Note("journal", diary), Note("people", diary)]))

    run_main(flow)

    for name in ("journal", "people"):
        assert [what for who, what in diary if who == name] == records
    for record in records:
        assert diary.index(("journal", record)) < diary.index(("people", record))
