"""What a module of one kind of source offers to whoever runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.feeders.base import Feed
from engine.runtime import Stop


class Source(NamedTuple):
    """A source that is configured and not yet connected.

    Parameters
    ----------
    work : callable
        Reads it: gives a `Feed` what comes, calls its `beat`, and returns soon after the `Stop` was asked.
    hold_s : float
        As for `engine.feeders.assemble.Rows`.
    """

    work: Callable[[Feed, Stop], None]
    hold_s: float
