"""What a cut's lines were while its regime settled, with the tool in the material already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detectors.base import State
from detectors.signatures.cut_line import N_OWN, Line, Now, learn_lines
from detectors.signatures.speed import HeldSpeed
from engine.clock import NS_PER_S
from engine.records import FeatureVector, Regime


class SettlingLines:
    """Lines of the windows that lie wholly within a regime, before the first one that is steady.

    A window counts as steady only some time after its regime began, for a controller may say so late, and a tool that
    enters takes its time. Where the regime before was a cut with the same tool at the same speed (the entry, another
    section), the tool is in the material already and sits in its holder as it did: what unbalance, run-out and teeth
    make of the line is that of this very cut, although its load may still be on the move. It tells what comes at once
    after it from what was there before, and nothing more: the cut's own windows and earlier cuts are better witnesses.

    State: five numbers per channel, and three.

    Parameters
    ----------
    n_channels : int
        Whose lines.
    window_s : float
        Length of a window; more than that of shorter ones only leaves some out.
    """

    __slots__ = ("_from_ns", "_lines", "_speed", "_window_ns")

    def __init__(self, n_channels: int, window_s: float) -> None:
        self._window_ns = round(window_s * NS_PER_S)
        self._lines = [Line() for _ in range(n_channels)]
        self._from_ns: int | None = None  # the regime held from here on at the latest; None: nothing counts
        self._speed = HeldSpeed()

    def begin(self, before: Regime | None, vector: FeatureVector) -> None:
        """Start anew with the first window of a regime.

        Parameters
        ----------
        before : Regime or None
            The one that it follows.
        vector : FeatureVector
            The regime began within its newest hop.
        """
        now = vector.regime
        inside = before is not None and before.cutting and now.cutting and now.rpm is not None
        same = before is not None and (before.tool, before.rpm) == (now.tool, now.rpm)
        self._from_ns = vector.t_ns if inside and same else None
        self._lines = [Line() for _ in self._lines]

    def learn(self, vector: FeatureVector, now: Now | None) -> None:
        """Take the next window, if it is one of these.

        Parameters
        ----------
        vector : FeatureVector
            Every window of the group: a speed that changes ends it.
        now : tuple or None
            Its lines, levels and peaks; None if they must not be learnt.
        """
        if self._speed.update(vector.context):
            self._from_ns = None
        if now is None or self._from_ns is None or vector.steady:
            return
        if vector.t_ns - self._window_ns >= self._from_ns:
            learn_lines(self._lines, now)

    def line(self, i: int) -> Line | None:
        """A channel's line; None if too few windows showed it."""
        return self._lines[i] if self._lines[i].n >= N_OWN else None

    def save(self) -> State:
        """State for recovery."""
        lines = [line.save() for line in self._lines]
        return {"from_ns": self._from_ns, "lines": lines, "speed": self._speed.save()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `save`."""
        self._from_ns = state["from_ns"]
        self._lines = [Line(line) for line in state["lines"]]
        self._speed.restore(state["speed"])
