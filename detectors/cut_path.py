"""Where along its path a cut is, and what it has shown there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from detectors.base import State
from detectors.cut_curves import N_BINS, CutRow
from engine.clock import NS_PER_S
from engine.records import Context, FeatureVector


class CutPath:
    """Position along the feed path where the feed is known, else along time; lowest and highest values at each place.

    State: two numbers per column and place.

    Parameters
    ----------
    n_levels : int
        Columns, beside speed and feed.
    """

    __slots__ = ("_by_feed", "_greatest", "_least", "_width", "n_vectors", "position", "t_ns")

    def __init__(self, n_levels: int) -> None:
        self._by_feed = False
        self.t_ns = self.n_vectors = 0
        self.position = self._width = math.nan
        self._least = [[math.nan] * N_BINS for _ in range(n_levels + 2)]
        self._greatest = [[math.nan] * N_BINS for _ in range(n_levels + 2)]

    def begin(self, vector: FeatureVector, by_feed: bool, width: float, hop_s: float) -> bool:
        """Note when the cut began; return whether its position can be followed.

        Parameters
        ----------
        vector : FeatureVector
            Its first.
        by_feed : bool
            Whether places are along the feed path.
        width : float
            Of a place; NaN: a vector wide at first.
        hop_s : float
            From vector to vector.
        """
        self._by_feed = by_feed
        self._width = width if width == width else hop_s * self._speed(vector.context)
        since_ns = vector.context.t_ns
        self.t_ns = since_ns if vector.onset_ns <= since_ns <= vector.t_ns else vector.onset_ns
        self.position = 0.0
        return self._width > 0.0

    def at(self, vector: FeatureVector) -> float:
        """Position at the end of the next vector; NaN if lost."""
        return self.position + (vector.t_ns - self.t_ns) / NS_PER_S * self._speed(vector.context)

    def move(self, vector: FeatureVector) -> None:
        """Go on to the end of the next vector."""
        self.position, self.t_ns = self.at(vector), vector.t_ns

    def record(self, levels: Sequence[float], context: Context) -> None:
        """Note values at the present place; places become twice as wide when the cut outgrows them.

        Parameters
        ----------
        levels : sequence of float
            NaN is passed over.
        context : Context
            Speed and feed.
        """
        while self.position >= N_BINS * self._width:
            self._least = [_joined(places, min) for places in self._least]
            self._greatest = [_joined(places, max) for places in self._greatest]
            self._width *= 2.0
        place = int(self.position / self._width)
        columns = (*levels, or_nan(context.rpm), or_nan(context.feed_mm_min))
        for value, least, greatest in zip(columns, self._least, self._greatest, strict=True):
            if value == value:
                if not value >= least[place]:
                    least[place] = value
                if not value <= greatest[place]:
                    greatest[place] = value

    def row(self) -> CutRow:
        """The cut as it was, at its end."""
        bounds = np.array([self._least, self._greatest], dtype=np.float32)
        return CutRow(bounds, self._width, self.position, self.n_vectors, self._by_feed)

    def save(self) -> State:
        """Return plain arrays and numbers for `restore`."""
        return {
            "bounds": np.array([self._least, self._greatest]),
            "place": (self.t_ns, self.position, self._width, self._by_feed, self.n_vectors),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another path of as many columns stopped."""
        self._least, self._greatest = np.asarray(state["bounds"]).tolist()
        self.t_ns, self.position, self._width, self._by_feed, self.n_vectors = state["place"]

    def _speed(self, context: Context) -> float:
        """Length per second: in mm, or 1 where places are along time; NaN if the feed is needed and unknown."""
        if not self._by_feed:
            return 1.0
        return or_nan(context.feed_mm_min) / 60.0


def or_nan(value: float | None) -> float:
    """NaN for what is not known."""
    return math.nan if value is None else value


def _joined(places: list[float], choose: Callable[[float, float], float]) -> list[float]:
    """Every two places as one; a NaN gives way."""
    pairs = zip(places[::2], places[1::2], strict=True)
    joined = [b if a != a else a if b != b else choose(a, b) for a, b in pairs]
    return joined + [math.nan] * (N_BINS // 2)
