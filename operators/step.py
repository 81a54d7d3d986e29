"""How a plain Python class becomes a stateful step of the flow.

The steps' logic knows nothing of Bytewax: it takes a list of items of one spindle, returns a list, and can say
what it must remember. That keeps it testable without a dataflow, and this file the only bridge.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import bytewax.operators as op
from bytewax.operators import KeyedStream, StatefulBatchLogic

from engine.errors import SpindlewatchError

STATE_VERSION = 4


class Logic(Protocol):
    """What one step remembers of, and does with, one spindle."""

    def process(self, items: Sequence[Any]) -> list[Any]:
        """Take items in order; return what they lead to, in order."""
        ...

    def save(self) -> Any:
        """Everything that must survive a restart: numbers, strings, arrays and containers of them."""
        ...

    def restore(self, state: Any) -> None:
        """Continue from what `save` returned."""
        ...


class _StatefulStep(StatefulBatchLogic[Any, Any, bytes]):
    """Bytewax's side of a `Logic`."""

    def __init__(self, logic: Logic, resume_state: bytes | None, recoverable: bool) -> None:
        self._logic, self._recoverable = logic, recoverable
        if resume_state is not None:
            version, state = pickle.loads(resume_state)
            if version != STATE_VERSION:
                raise SpindlewatchError(
                    f"saved state has version {version}, this program wants {STATE_VERSION}: "
                    "start afresh with an empty recovery folder"
                )
            logic.restore(state)

    def on_batch(self, values: list[Any]) -> tuple[list[Any], bool]:
        return self._logic.process(values), StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[list[Any], bool]:
        # A graceful stop is an end of input too: flushing here would emit again after a resume.
        return [], StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        if not self._recoverable:  # Bytewax asks at the end of every epoch, also if nobody keeps the answer
            return b""
        # Bytes at once: Bytewax writes a snapshot later, when live arrays would have moved on.
        return pickle.dumps((STATE_VERSION, self._logic.save()), protocol=5)


def stateful_step(
    step_id: str, items: KeyedStream[Any], build: Callable[[], Logic], recoverable: bool
) -> KeyedStream[Any]:
    """Run one `Logic` for every spindle.

    Parameters
    ----------
    step_id : str
        Unique and stable: recovery finds the step's state by it.
    items : KeyedStream
        ``(spindle, item)``.
    build : callable
        Makes the logic of a spindle seen for the first time, or resumed.
    recoverable : bool
        Whether state is saved at the end of every epoch; about half a millisecond per spindle and step.

    Returns
    -------
    KeyedStream
        ``(spindle, item)``; the order of one spindle's items is kept.
    """

    def builder(resume_state: bytes | None) -> _StatefulStep:
        return _StatefulStep(build(), resume_state, recoverable)

    return op.stateful_batch(step_id, items, builder)
