"""Limits along a cut: how high and how low a level runs at each place, learned from cuts that ended well.

A limit for a whole section must leave room for its heaviest and its lightest place. Machine tools' own monitors
therefore learn a curve: upper and lower limits over time or feed path, from about ten good cuts (Heidenhain TNC7,
Process Monitoring; Caron TMAC, automatic time-incremented limits; Nordmann, "Hüllkurve"). So does this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detectors.base import State, check_version
from detectors.cut_curves import (
    N_BINS,
    N_NEIGHBOURS,
    SAME,
    CutRow,
    Level,
    bound_speeds,
    coarser,
    draw_curves,
)

_END_SHARE = 0.05
_N_TOLD = 3
"""Cuts in a row that are told of before the new level counts as the program's."""


class CutEnvelope:
    """What the cuts of one regime look like.

    State: while learning, up to ``2 * n_cuts`` rows of 512 bytes per level, speed and feed; then four numbers per level
    and place, 5 kB for two levels.

    Parameters
    ----------
    levels : sequence of Level
        At least one.
    n_cuts : int
        Good cuts before limits hold; they tighten until there are twice as many, and then stand still: an envelope that
        went on learning would follow a tool into its wear.
    """

    version = 2
    __slots__ = (
        "_levels",
        "_limits",
        "_rows",
        "_speeds",
        "by_feed",
        "interrupted",
        "learned",
        "length",
        "n_cuts",
        "n_refused",
        "n_told",
        "n_vectors",
        "shortest",
        "width",
    )

    def __init__(self, levels: Sequence[Level], n_cuts: int) -> None:
        self._levels, self.n_cuts = tuple(levels), n_cuts
        self.learned = self.n_refused = self.n_told = self.n_vectors = 0
        self.width = self.length = self.shortest = math.nan
        self.by_feed = self.interrupted = False
        self._rows = np.empty((0, 2, len(self._levels) + 2, N_BINS), dtype=np.float32)
        self._limits = np.empty((0, len(self._levels), 4))
        self._speeds = np.empty((0, 4))

    @property
    def ready(self) -> bool:
        """Whether there are limits."""
        return self.learned >= self.n_cuts

    def limits_at(self, place: int) -> list[list[float]]:
        """What a `detectors.cut_curves.Place` says of each level; only if `ready`."""
        limits: list[list[float]] = self._limits[place].tolist()
        return limits

    def speeds_at(self, place: int) -> list[float]:
        """Least and greatest speed, least and greatest feed that are as learnt; NaN if not known."""
        speeds: list[float] = self._speeds[place].tolist()
        return speeds

    def ended(self, row: CutRow, healthy: bool) -> None:
        """Take a cut that is over.

        Parameters
        ----------
        row : CutRow
            Whole, from the first touch on.
        healthy : bool
            Whether nothing exceeded anything, all samples were fit, and its beginning was seen. Only such a cut is
            learnt, and only if its speed, feed and length are those of the others. If ``n_cuts`` healthy ones in
            a row are not, they are the program now: it is learnt anew.
        """
        after_interruption, self.interrupted = self.interrupted, False
        if self.learned and row.length < self.length - self._slack:
            self.interrupted = (
                not after_interruption
            )  # what is left of the cut comes next, and is no cut either
        if not healthy or after_interruption or (self.interrupted and self.ready):
            return
        if self.learned and not self._alike(row):
            self.n_refused += 1
            # The first may have been the odd one: what little was learnt takes as little to be given up.
            if self.n_refused < (self.n_cuts if self.ready else min(self.learned + 1, self.n_cuts)):
                return
            self._start_over()
        self.n_refused = 0
        if self.learned < 2 * self.n_cuts:
            self._learn(row)

    def told(self, above: bool) -> None:
        """Hear, before `ended`, whether the cut that is over was told to be above its limits.

        The same in three cuts in a row has been said three times: the program was edited for good, and is learnt anew.
        A cut that is too low is never got used to, for a tool that is missing stays so.

        Parameters
        ----------
        above : bool
            Whether it was.
        """
        self.n_told = self.n_told + 1 if above else 0
        if self.n_told >= _N_TOLD:
            self._start_over()

    def save(self) -> State:
        """Return plain arrays and numbers for `restore`."""
        return {
            "version": self.version,
            "learned": self.learned,
            "lengths": np.array([self.width, self.length, self.shortest]),
            "counts": np.array([self.n_vectors, self.n_refused, self.n_told, self.interrupted, self.by_feed]),
            "rows": self._rows.copy(),
            "limits": self._limits.copy(),
            "speeds": self._speeds.copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another envelope of the same levels stopped.

        Raises
        ------
        ValueError
            If the state is of another version or other levels.
        """
        check_version(state, self.version, "envelope along the cut")
        rows = np.array(state["rows"], dtype=np.float32)
        wanted = self._rows.shape[1:]
        if rows.shape[1:] != wanted:
            raise ValueError(f"envelope along the cut: got rows of shape {rows.shape[1:]}, wanted {wanted}")
        self._rows, self.learned = rows, int(state["learned"])
        self.width, self.length, self.shortest = (float(number) for number in state["lengths"])
        counts = [int(number) for number in state["counts"]]
        self.n_vectors, self.n_refused, self.n_told, interrupted, by_feed = counts
        self.interrupted, self.by_feed = bool(interrupted), bool(by_feed)
        self._limits, self._speeds = np.array(state["limits"]), np.array(state["speeds"])

    @property
    def open_end(self) -> float:
        """Where, near the end, the tool may be out of the material already, sooner in one cut than in another."""
        return self.shortest - max(_END_SHARE * self.shortest, (self._reach + 1) * self.width)

    @property
    def _reach(self) -> int:
        """Places that a cut may be early or late."""
        return N_NEIGHBOURS if self.n_vectors * self.width < 1.5 * self.length else 1

    @property
    def _slack(self) -> float:
        """How much longer or shorter a cut may be: as the controller's signals come, and by two vectors at least."""
        return max(4.0 * SAME * self.length, 2.0 * self.length / max(self.n_vectors, 1))

    def _start_over(self) -> None:
        """Forget what was learnt."""
        self.learned = self.n_refused = self.n_told = 0
        self._rows = np.empty((0, *self._rows.shape[1:]), dtype=np.float32)
        self._limits, self._speeds = self._limits[:0], self._speeds[:0]

    def _alike(self, row: CutRow) -> bool:
        """Whether a cut is as long, and as fast all along, as those learnt."""
        if row.by_feed != self.by_feed or abs(row.length - self.length) > self._slack:
            return False
        least, greatest = coarser(row.bounds, row.width, self.width)[:, -2:]
        bounds = self._speeds.T
        outside = (least < bounds[[0, 2]]) | (greatest > bounds[[1, 3]])
        return not bool(outside.any())

    def _learn(self, row: CutRow) -> None:
        """Take a row in and draw the curves anew."""
        if not self.learned:
            self.width, self.length, self.shortest, self.by_feed = row.width, 0.0, row.length, row.by_feed
        width = max(self.width, row.width)
        bounds = coarser(row.bounds, row.width, width)
        self._rows = np.concatenate([coarser(self._rows, self.width, width), bounds[None]])
        self.learned += 1
        self.width, self.n_vectors = width, row.n_vectors
        self.length += (row.length - self.length) / self.learned
        self.shortest = min(self.shortest, row.length)
        self._speeds = bound_speeds(self._rows, self._reach)
        if self.ready:
            self._limits = draw_curves(self._rows.astype(np.float64), self._levels, self._reach)
        if self.learned == 2 * self.n_cuts:
            self._rows = self._rows[:0]
