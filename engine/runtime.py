"""Running a flow in this process: epochs, signals, and errors that arrive wrapped by Bytewax."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from engine.errors import SpindlewatchError

# Backpressure acts and snapshots are taken only between epochs, so they are kept short.
EPOCH_S = 1.0


class Stop:
    """A request to end: sources see it and finish, so the flow ends at an epoch's border with all state saved.

    Ending by an exception instead would skip the last snapshot and, with several processes, hang the others.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Ask the flow to end soon."""
        self._asked.set()

    @property
    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._asked.is_set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM ask; a second SIGINT interrupts at once. Main thread only."""

        def ask(number: int, _frame: FrameType | None) -> None:
            if self.asked and number == signal.SIGINT:
                raise KeyboardInterrupt
            self.ask()

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run_flow(
    flow: Dataflow,
    recovery: RecoveryConfig | None = None,
    epoch_s: float = EPOCH_S,
    cluster: tuple[int, Sequence[str]] | None = None,
) -> None:
    """Run a flow until its sources end; in the calling thread, unless it is part of a cluster.

    Parameters
    ----------
    flow : Dataflow
        From `engine.flow.build_flow`.
    recovery : RecoveryConfig, optional
        Where to keep state; None = nowhere.
    epoch_s : float
        Length of an epoch; 0 = one per batch, for tests.
    cluster : (int, sequence of str), optional
        Which process this is of those at the addresses, ``host:port``: Bytewax listens at its own and connects to the
        others. Whoever can connect can run code here. One process that dies takes the others with it.

    Raises
    ------
    SpindlewatchError
        Whatever a source, step or sink raised on purpose, unwrapped.
    """
    process_id, addresses = (None, None) if cluster is None else (cluster[0], list(cluster[1]))
    try:
        cli_main(  # type: ignore[no-untyped-call]
            flow,
            process_id=process_id,
            addresses=addresses,
            epoch_interval=timedelta(seconds=epoch_s),
            recovery_config=recovery,
        )
    except RuntimeError as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, SpindlewatchError | KeyboardInterrupt):
                raise cause from error
            cause = cause.__cause__
        raise
