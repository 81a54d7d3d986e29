"""The cut that is going on: where it is, what it has shown there, and how it compares with its envelope."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detectors.base import State
from detectors.cut_curves import N_BINS, RELATED, CutRow, Extreme, Level, Look, Place
from detectors.cut_path import CutPath, or_nan
from detectors.envelope_along_cut import CutEnvelope
from engine.clock import NS_PER_S
from engine.records import FeatureVector

_FORGET = 0.99
"""Weight of the vector before, when the height of the whole cut is followed: hardness wanders along the stock."""
_GAP = 3.5
"""Vectors that may be missing before the cut is lost."""
_N_ONSETS = 12
_N_SCORES = 5


class CutSoFar:
    """One cut, vector by vector: `look`, then `take`.

    A level is compared as the median of its last few vectors, so that single ones do not count. For the first
    vectors only the cut as a whole can be judged, against wide limits: the stock may be harder or the tool blunter
    than when the envelope was learnt. Then the height of this cut is known, and what changes *within* it is judged
    against the narrow ones.

    State: two numbers per level and place.

    Parameters
    ----------
    levels : sequence of Level
        Those of the envelope.
    hop_s : float
        From vector to vector.
    n_smooth : int
        Vectors in a median; odd.
    """

    __slots__ = (
        "_heights",
        "_hop_s",
        "_levels",
        "_n_smooth",
        "_onsets",
        "_path",
        "_recent",
        "_scores",
        "fit",
        "watched",
    )

    def __init__(self, levels: Sequence[Level], hop_s: float, n_smooth: int) -> None:
        self._levels, self._hop_s, self._n_smooth = levels, hop_s, n_smooth
        self.fit = self.watched = False
        self._path = CutPath(len(levels))
        self._recent: deque[Sequence[float]] = deque(maxlen=n_smooth - 1)
        self._onsets: deque[int] = deque(maxlen=_N_ONSETS)
        self._scores: deque[tuple[float, float]] = deque(maxlen=_N_SCORES)
        self._heights = [[0.0, 0.0, 0.0] for _ in levels]

    def begin(self, vector: FeatureVector, envelope: CutEnvelope, seen: bool) -> None:
        """Note when and how the cut began.

        Parameters
        ----------
        vector : FeatureVector
            Its first.
        envelope : CutEnvelope
            Of its regime.
        seen : bool
            Whether the beginning was seen; else there is no telling where the tool is.
        """
        by_feed = envelope.by_feed if envelope.learned else or_nan(vector.context.feed_mm_min) > 0.0
        followed = self._path.begin(vector, by_feed, envelope.width, self._hop_s)
        self.fit = seen and followed
        self.watched = self.fit and not envelope.interrupted

    def look(self, vector: FeatureVector, envelope: CutEnvelope) -> Look:
        """Compare the next vector with the envelope; changes nothing.

        Parameters
        ----------
        vector : FeatureVector
            Usable, steady, of this cut.
        envelope : CutEnvelope
            Of its regime.

        Returns
        -------
        Look
            To be handed to `take`.
        """
        position = self._path.at(vector)
        row = vector.values
        values = [float(row[level.position]) for level in self._levels]
        if len(self._recent) + 1 < self._n_smooth:
            return Look(position, values, [])
        smooth = [_median(column) for column in zip(*self._recent, values, strict=True)]
        if not self.watched or not envelope.ready or not 0.0 <= position < N_BINS * envelope.width:
            return Look(position, values, smooth)
        place = int(position / envelope.width)
        if not _as_learnt(vector, envelope.speeds_at(place)):
            return Look(position, values, smooth)
        at_end = position >= envelope.open_end
        return self._compare(Look(position, values, smooth, envelope.limits_at(place)), envelope, at_end)

    def persistent(self, look: Look, n_high: int, n_low: int) -> tuple[float, float]:
        """Tell what has lasted: the least of the last scores on each side.

        Parameters
        ----------
        look : Look
            The newest.
        n_high, n_low : int
            Vectors that must agree, 1 to 6.

        Returns
        -------
        tuple of float
            Score above and score below; 0 where there are too few.
        """
        scores = [*self._scores, (look.above, look.below)]
        above = min(score for score, _ in scores[-n_high:]) if len(scores) >= n_high else 0.0
        below = min(score for _, score in scores[-n_low:]) if len(scores) >= n_low else 0.0
        return above, below

    def explain(self, look: Look, envelope: CutEnvelope, is_above: bool) -> Extreme:
        """Name the level furthest out, with what was expected of it and the limit that it passed.

        Parameters
        ----------
        look : Look
            The newest; ``top`` or ``bottom`` is a level.
        envelope : CutEnvelope
            Of the regime.
        is_above : bool
            Which side.

        Returns
        -------
        Extreme
            In the level's unit.
        """
        index = look.top if is_above else look.bottom
        level, limits = self._levels[index], Place(*look.limits[index])
        whole, usual = (level.whole - 1.0, limits.high) if is_above else (_fall(level), limits.low)
        wide = max(whole * limits.level, limits.room)
        limit, height = (usual + wide if is_above else usual - wide), 1.0
        within = self._height(index, limits.level, envelope)
        if within > 0.0:
            narrow = within * (usual + limits.room if is_above else usual - limits.room)
            if (narrow < limit) is is_above:
                limit, height = narrow, within
        return Extreme(level, look.smooth[index], height * (limits.high + limits.low) / 2.0, limit)

    def onset_ns(self, n_ago: int, newest_ns: int) -> int:
        """Start of the newest hop of the vector so many before the newest, and of half a median before that."""
        onsets = [*self._onsets, newest_ns]
        return onsets[max(len(onsets) - 1 - n_ago - self._n_smooth // 2, 0)]

    def take(self, vector: FeatureVector, look: Look | None) -> None:
        """Move on.

        Parameters
        ----------
        vector : FeatureVector
            The next of this cut.
        look : Look or None
            What `look` said of it; None if it is not steady or not usable.
        """
        path = self._path
        if vector.t_ns - path.t_ns > _GAP * self._hop_s * NS_PER_S:
            self.fit = self.watched = False  # what the feed was meanwhile is not known
        path.move(vector)
        self._onsets.append(vector.onset_ns)
        if look is None:
            self._recent.clear()
            self._scores.clear()
            return
        path.n_vectors += 1
        self._recent.append(look.values)
        if not path.position >= 0.0:
            self.fit = False
        elif look.smooth:
            path.record(look.smooth, vector.context)
        if not look.limits:
            self._scores.clear()
            return
        self._scores.append((look.above, look.below))
        for index, inside in enumerate(look.inside):
            high, low, room, _ = look.limits[index]
            # Where the level rises or falls there is no telling whether it is early or high.
            if inside and high - low <= room:
                middle, value, height = (high + low) / 2.0, look.smooth[index], self._heights[index]
                height[0] = _FORGET * height[0] + value * middle
                height[1] = _FORGET * height[1] + middle * middle
                height[2] = _FORGET * height[2] + value * value

    def row(self) -> CutRow:
        """The cut as it was, at its end."""
        return self._path.row()

    def save(self) -> State:
        """Return plain arrays, numbers and containers for `restore`."""
        return {
            "path": self._path.save(),
            "heights": np.array(self._heights),
            "recent": list(self._recent),
            "onsets": list(self._onsets),
            "scores": list(self._scores),
            "fit": (self.fit, self.watched),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another cut stopped."""
        self._path.restore(state["path"])
        self._heights = np.asarray(state["heights"]).tolist()
        for ring, name in ((self._recent, "recent"), (self._onsets, "onsets"), (self._scores, "scores")):
            ring.clear()
            ring.extend(state[name])
        self.fit, self.watched = state["fit"]

    def _compare(self, look: Look, envelope: CutEnvelope, at_end: bool) -> Look:
        """Find the levels furthest out; a NaN anywhere is neither inside nor outside."""
        most, least, top, bottom = 0.0, 0.0, -1, -1
        inside = []
        for index, level in enumerate(self._levels):
            value, (high, low, room, size) = look.smooth[index], look.limits[index]
            above, below = (
                (value - high) / ((level.whole - 1.0) * size),
                (low - value) / (_fall(level) * size),
            )
            height = self._height(index, size, envelope)
            if height > 0.0:
                above = max(above, (value / height - high) / room)
                below = max(below, (low - value / height) / room)
            if above > most:
                most, top = above, index
            if below > least and level.load and not at_end:
                least, bottom = below, index
            inside.append(above < 1.0 and below < 1.0)
        return Look(look.position, look.values, look.smooth, look.limits, most, least, top, bottom, inside)

    def _height(self, index: int, size: float, envelope: CutEnvelope) -> float:
        """How high this cut is as a whole, as a factor; 0 while that is not known."""
        product, square, energy = self._heights[index]
        n_open = min(max(envelope.n_vectors // 4, 3), 8)
        known = square >= n_open * size**2 and product > 0.0 and product**2 > RELATED * square * energy
        whole = self._levels[index].whole  # beyond it the cut as a whole is out
        return min(max(product / square, 1.0 / whole), whole) if known else 0.0


def _median(values: Sequence[float]) -> float:
    """Of an odd number of values; NaN if one is."""
    return math.nan if sum(values) != sum(values) else sorted(values)[len(values) // 2]


def _fall(level: Level) -> float:
    """How much lower a cut may be from its beginning on, as a share."""
    return 1.0 - 1.0 / level.whole


def _as_learnt(vector: FeatureVector, bounds: Sequence[float]) -> bool:
    """Whether speed and feed are those that the envelope was learnt with; what is not known differs from nothing."""
    rpm, feed = or_nan(vector.context.rpm), or_nan(vector.context.feed_mm_min)
    least_rpm, most_rpm, least_feed, most_feed = bounds
    return not (rpm < least_rpm or rpm > most_rpm or feed < least_feed or feed > most_feed)
