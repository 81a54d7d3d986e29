import threading

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.testing import TestingSink, cluster_main

from engine.sources.routing import key_for, worker_of

NAMES = ["M1", "M2", "line 1/M3", "스핀들-4", "", *(f"spindle-{i:02d}" for i in range(40))]


def routed(keys, n_workers):
    """Where Bytewax itself takes each key: by the worker that sees it."""
    workers = {}  # which thread is which worker
    seen = {}

    class Part(StatelessSourcePartition):
        def __init__(self, items):
            self.items = items

        def next_batch(self):
            if not self.items:
                raise StopIteration
            return [self.items.pop()]

    class Source(DynamicSource):
        def build(self, step_id, worker_index, worker_count):  # noqa: ARG002
            workers[threading.get_ident()] = worker_index
            return Part([(key, key) for key in keys] if worker_index == 0 else [])

    class Logic(StatefulBatchLogic):
        def on_batch(self, values):
            for value in values:
                seen[value] = threading.get_ident()
            return [], StatefulBatchLogic.RETAIN

        def snapshot(self):
            return None

    flow = Dataflow("routes")
    items = op.input("source", flow, Source())
    op.output("sink", op.stateful_batch("keyed", items, lambda _state: Logic()), TestingSink([]))
    cluster_main(flow, [], 0, worker_count_per_proc=n_workers)
    return {key: workers[thread] for key, thread in seen.items()}


@pytest.mark.parametrize("n_workers", [2, 3, 4])
def test_keys_go_where_bytewax_takes_them(n_workers):
    assert routed(NAMES, n_workers) == {name: worker_of(name, n_workers) for name in NAMES}


@pytest.mark.parametrize("n_workers", [1, 2, 4, 16])
def test_a_spindle_can_be_kept_by_any_worker_under_a_key_of_its_own(n_workers):
    for worker in range(n_workers):
        keys = [key_for(name, worker, n_workers) for name in NAMES]
        assert {worker_of(key, n_workers) for key in keys} == {worker}
        assert len(set(keys)) == len(NAMES)
