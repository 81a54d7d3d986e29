"""How a plain Python class becomes a stateful step of the flow.

The steps' logic knows nothing of Bytewax: it takes a list of items of one spindle, returns a list, and can say
what it must remember. That keeps it testable without a dataflow, and this file the only bridge.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import bytewax.operators as op
from bytewax.operators import KeyedStream, StatefulBatchLogic

from engine.barriers import Reconfigure, Resume, Snapshot
from engine.config import Config
from engine.errors import RecordingError, SpindlewatchError
from operators.state_codec import decode_state, encode_state

_log = logging.getLogger(__name__)

STATE_VERSION = 5


_BARRIERS = frozenset({Snapshot, Resume, Reconfigure})


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


class Timed(Protocol):
    """Wraps what a step of that name does with its items; the result does the same."""

    def __call__(self, step: str, work: Callable[[Any], Any], /) -> Callable[[Any], Any]:
        """Wrap it."""
        ...


def _untimed(_step: str, work: Callable[[Any], Any], /) -> Callable[[Any], Any]:
    return work


@dataclass(frozen=True, slots=True)
class Running:
    """How a flow is run, whatever it does.

    Parameters
    ----------
    recoverable : bool
        Whether Bytewax may save state at the end of every epoch; about half a millisecond per spindle and step.
    timed : Timed
        Wraps each step's work, to add up the time that it takes; by default nobody does.
    """

    recoverable: bool = False
    timed: Timed = _untimed


AS_IT_IS = Running()
"""Nothing saved, nothing timed."""


Build = Callable[[Config], Logic]
"""Makes the logic of a spindle seen for the first time, resumed, or to go on under another configuration."""


class _StatefulStep(StatefulBatchLogic[Any, Any, bytes]):
    """Bytewax's side of a `Logic`."""

    def __init__(
        self,
        step: str,
        build: Build,
        config: Config,
        resume_state: bytes | None,
        running: Running,
    ) -> None:
        self._step, self._build, self._running = step, build, running
        self._logic = logic = build(config)
        self._process = running.timed(step, logic.process)
        if resume_state is not None:
            version, state = pickle.loads(resume_state)
            if version != STATE_VERSION:
                raise SpindlewatchError(
                    f"saved state has version {version}, this program wants {STATE_VERSION}: "
                    "start afresh with an empty recovery folder"
                )
            logic.restore(state)

    def on_batch(self, values: list[Any]) -> tuple[list[Any], bool]:
        if _BARRIERS.isdisjoint(map(type, values)):
            return self._process(values), StatefulBatchLogic.RETAIN
        out: list[Any] = []
        first = 0
        for position, value in enumerate(values):
            if type(value) in _BARRIERS:
                out += self._process(values[first:position])
                out.append(self._pass(value))
                first = position + 1
        return out + self._process(values[first:]), StatefulBatchLogic.RETAIN

    def _pass(self, barrier: Snapshot | Resume | Reconfigure) -> Snapshot | Resume | Reconfigure:
        if not isinstance(barrier, Reconfigure):
            return pass_barrier(self._step, self._logic, barrier)
        logic = self._build(barrier.config)
        logic.restore(self._logic.save())
        self._logic, self._process = logic, self._running.timed(self._step, logic.process)
        return barrier

    def on_eof(self) -> tuple[list[Any], bool]:
        # A graceful stop is an end of input too: flushing here would emit again after a resume.
        return [], StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes:
        if (
            not self._running.recoverable
        ):  # Bytewax asks at the end of every epoch, also if nobody keeps the answer
            return b""
        # Bytes at once: Bytewax writes a snapshot later, when live arrays would have moved on.
        return pickle.dumps((STATE_VERSION, self._logic.save()), protocol=5)


def pass_barrier(step_id: str, logic: Logic, barrier: Snapshot | Resume) -> Snapshot | Resume:
    """Let a barrier take a step's state, or bring it.

    Parameters
    ----------
    step_id : str
        Whose.
    logic : Logic
        Asked, or made to continue.
    barrier : Snapshot or Resume
        Between two items of the logic's spindle.

    Returns
    -------
    Snapshot or Resume
        For the next step. A state that cannot be written down is left out and logged: no alert depends on it.

    Raises
    ------
    RecordingError
        A state that is none, of another version, missing, or does not fit the step.
    """
    if isinstance(barrier, Resume):
        _resume(step_id, logic, barrier)
        return barrier
    try:
        state = encode_state((STATE_VERSION, logic.save()))
    except TypeError as error:
        _log.warning("%s: state of step %r not kept: %s", barrier.spindle, step_id, error)
        return barrier
    return replace(barrier, states=(*barrier.states, (step_id, state)))


def _resume(step_id: str, logic: Logic, barrier: Resume) -> None:
    where = f"state of spindle {barrier.spindle!r}, step {step_id!r}"
    if step_id not in barrier.states:
        raise RecordingError(f"{where}: missing; there are {sorted(barrier.states)}")
    try:
        version, state = decode_state(barrier.states[step_id])
        if version != STATE_VERSION:
            raise ValueError(f"got version {version}, this program wants {STATE_VERSION}")
        logic.restore(state)
    except (RecordingError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise RecordingError(f"{where}: {error}") from error


def stateful_step(
    step_id: str,
    items: KeyedStream[Any],
    build: Build,
    config: Config,
    running: Running = AS_IT_IS,
) -> KeyedStream[Any]:
    """Run one `Logic` for every spindle.

    Parameters
    ----------
    step_id : str
        Unique and stable: recovery finds the step's state by it.
    items : KeyedStream
        ``(spindle, item)``.
    build : callable
        Makes a spindle's logic of a configuration.
    config : Config
        That holds until a barrier brings another.
    running : Running
        How the flow is run.

    Returns
    -------
    KeyedStream
        ``(spindle, item)``; the order of one spindle's items is kept.
    """

    def builder(resume_state: bytes | None) -> _StatefulStep:
        return _StatefulStep(step_id, build, config, resume_state, running)

    return op.stateful_batch(step_id, items, builder)
