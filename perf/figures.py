"""What a figure is: a registered function with a permanent id.

A new figure is one function in a ``bench_*.py``::

    @figure("import_help_ms", unit="ms", peer="python -c pass")
    def import_help(bench: Bench) -> Measured: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from perf.processes import Finished, run_spindlewatch

T = TypeVar("T")


class NotMeasurableError(Exception):
    """What the figure needs is not here; the message says what. Neither good nor bad."""


class FailedError(Exception):
    """The measurement ran and what it measured is wrong; the message says how."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure's outcome.

    Parameters
    ----------
    value : float
        In the figure's unit.
    peer : float, optional
        The peer measured the same way on the same machine, in the same unit.
    note : str
        What a reader must know beside the number.
    wrong : str
        Not empty: the number stands, but something it rests on is wrong, so the figure is not ok.
    """

    value: float
    peer: float | None = None
    note: str = ""
    wrong: str = ""


@dataclass(slots=True)
class Bench:
    """What figures may use: the traces, a scratch folder and work that several of them share.

    Parameters
    ----------
    work : Path
        Empty folder, removed afterwards.
    traces : Path, optional
        Real recordings; None if there are none here.
    full : bool
        As many trials as it takes to tell shares apart, where a figure is a share; else as many as a minute allows.
    """

    work: Path
    traces: Path | None = None
    full: bool = False
    _shared: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Do costly work for the first figure that asks and hand it, or its failure, to the others."""
        if name not in self._shared:
            try:
                self._shared[name] = make()
            except (FailedError, NotMeasurableError) as reason:
                self._shared[name] = reason
        shared: T | Exception = self._shared[name]
        if isinstance(shared, Exception):
            raise shared
        return shared

    def spindlewatch(self, *arguments: str | Path) -> Finished:
        """Run a command of spindlewatch in a fresh process; a failure of it fails the figure."""
        finished = run_spindlewatch(*arguments)
        if finished.status != 0:
            said = finished.stderr.strip().splitlines()[-1:] or ["nothing on stderr"]
            raise FailedError(f"spindlewatch {arguments[0]}: exit status {finished.status}: {said[0]}")
        return finished


@dataclass(frozen=True, slots=True)
class Figure:
    """A registered function.

    Parameters
    ----------
    id : str
        Permanent; the key of its budget.
    unit : str
        Of the value.
    peer : str
        What it is compared with; empty if nothing.
    measure : Callable[[Bench], Measured]
        Does the work.
    """

    id: str
    unit: str
    peer: str
    measure: Callable[[Bench], Measured]


FIGURES: dict[str, Figure] = {}


def figure(
    id: str, *, unit: str, peer: str = ""
) -> Callable[[Callable[[Bench], Measured]], Callable[[Bench], Measured]]:
    """Register a function under a permanent id.

    Raises
    ------
    ValueError
        If the id is taken.
    """

    def register(measure: Callable[[Bench], Measured]) -> Callable[[Bench], Measured]:
        if id in FIGURES:
            raise ValueError(f"two figures are called {id!r}")
        FIGURES[id] = Figure(id, unit, peer, measure)
        return measure

    return register
