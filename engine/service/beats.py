"""What a process of a service says of itself: a line of JSON, and how its supervisor reads it."""

from __future__ import annotations

import msgspec

MAX_LINE_BYTES = 64 * 1024


class Buckets(msgspec.Struct, frozen=True):
    """A histogram as it is told.

    Parameters
    ----------
    le : tuple of float
        Upper bounds, rising; each belongs to its bucket.
    counts : tuple of int
        Observations in each bucket alone, and last those above all bounds: one more than ``le``.
    sum : float
        Of all observations.
    """

    le: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float


class Beat(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: a process and how it is.

    Parameters
    ----------
    process : str
        ``shard-0``, ``gateway``.
    ready : bool
        Whether it does its work.
    detail : str
        Why not, or what it is at.
    reloaded : int
        Configurations taken over since it began.
    counters, by_reason, gauges, histograms, steps_s : dict
        By the names of `engine.service.catalogue`; a gauge of which nothing can be said is None.
    """

    process: str
    ready: bool
    detail: str = ""
    reloaded: int = 0
    counters: dict[str, float] = msgspec.field(default_factory=dict)
    by_reason: dict[str, dict[str, float]] = msgspec.field(default_factory=dict)
    gauges: dict[str, float | None] = msgspec.field(default_factory=dict)
    histograms: dict[str, Buckets] = msgspec.field(default_factory=dict)
    steps_s: dict[str, float] = msgspec.field(default_factory=dict)


_decoder = msgspec.json.Decoder(Beat)


def parse_line(line: bytes) -> Beat | None:
    """Read what a process says.

    Parameters
    ----------
    line : bytes
        Whatever came down the pipe, without its end of line.

    Returns
    -------
    Beat or None
        None: it is none.
    """
    try:
        beat = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    told = beat.histograms.values()
    return beat if all(len(one.counts) == len(one.le) + 1 for one in told) else None


class Lines:
    """Puts together what comes down a pipe in pieces; never holds more than one line of the longest kind."""

    def __init__(self) -> None:
        self._left = b""
        self._skipping = False
        self.n_bad = 0
        """Lines that were none, or too long."""

    def feed(self, data: bytes) -> list[Beat]:
        """Take what was read.

        Parameters
        ----------
        data : bytes
            As it came.

        Returns
        -------
        list of Beat
            What is complete now, in order.
        """
        *whole, left = (self._left + data).split(b"\n")
        beats = []
        for line in whole:
            beat = None if self._skipping else parse_line(line)
            self._skipping = False
            if beat is None:
                self.n_bad += 1
            else:
                beats.append(beat)
        self._skipping = self._skipping or len(left) > MAX_LINE_BYTES
        self._left = b"" if self._skipping else left
        return beats
