"""The line at the spindle's speed: what one cut has of it, and what earlier cuts of the same regime had."""

from __future__ import annotations

import math
from collections.abc import Sequence

N_OWN = 3
"""Windows of a cut before it is its own reference."""
N_CUTS = 4
"""Cuts of a regime before their spread is known."""
MEMORY = 20.0
"""Windows over which a cut's reference moves: two seconds."""
Now = tuple[list[float], list[float], list[float]]
"""Logarithms of a window's lines, levels and peaks, channel by channel; NaN where one is not known."""
_CUTS_MEMORY = 16.0
_N_CUT = 5  # windows that make a cut worth remembering
_LEAST_STEP, _STEPS = (
    0.2,
    3.0,
)  # a wild window moves the reference no further than this, or so many usual deviations


class Line:
    """One channel's line within a cut or over cuts: mean and variance of its logarithm, level and peak beside it.

    Parameters
    ----------
    state : sequence of float
        As `save` returns it.
    """

    __slots__ = ("level", "mean", "n", "peak", "variance")

    def __init__(self, state: Sequence[float] = (0, 0.0, 0.0, 0.0, 0.0)) -> None:
        self.n, self.mean, self.variance, self.level, self.peak = state

    def learn(self, line: float, level: float, peak: float, memory: float = MEMORY) -> None:
        """Move on by one window, or one cut."""
        self.n += 1
        weight = max(1.0 / self.n, 1.0 / memory)
        step = line - self.mean
        if self.n > N_OWN:
            most = max(_LEAST_STEP, _STEPS * math.sqrt(self.variance))
            step = min(max(step, -most), most)
        self.mean += weight * step
        self.variance = (1.0 - weight) * (self.variance + weight * step * step)
        self.level += weight * (level - self.level)
        self.peak += weight * (peak - self.peak)

    def save(self) -> tuple[float, ...]:
        """State for recovery."""
        return self.n, self.mean, self.variance, self.level, self.peak


class EarlierCuts:
    """What the cuts of one regime had, channel by channel.

    Parameters
    ----------
    lines : list of Line
        Over cuts: mean of their means, and its variance from cut to cut.
    unrest : list of float
        Mean of their variances within a cut.
    n : int
        How many there were.
    """

    __slots__ = ("lines", "n", "unrest")

    def __init__(self, lines: list[Line], unrest: Sequence[float], n: int = 0) -> None:
        self.lines, self.unrest, self.n = lines, list(unrest), n

    def learn(self, cut: Sequence[Line]) -> None:
        """Take a healthy cut; channels of which it has too little are passed over."""
        self.n += 1
        for i, (line, mine) in enumerate(zip(cut, self.lines, strict=True)):
            if line.n < _N_CUT:
                continue
            mine.learn(line.mean, line.level, line.peak, _CUTS_MEMORY)
            weight = max(1.0 / mine.n, 1.0 / _CUTS_MEMORY)
            self.unrest[i] += weight * (line.variance - self.unrest[i])

    def usual(self, i: int) -> Line | None:
        """A channel's line over cuts; None if there was none."""
        return self.lines[i] if self.lines[i].n else None

    def save(self) -> tuple[list[tuple[float, ...]], list[float], int]:
        """State for recovery."""
        return [line.save() for line in self.lines], list(self.unrest), self.n


def learn_lines(lines: Sequence[Line], now: Now) -> None:
    """Let channels of which all is known move on by one window."""
    for mine, line, level, peak in zip(lines, *now, strict=True):
        if not (math.isnan(line) or math.isnan(level) or math.isnan(peak)):
            mine.learn(line, level, peak)


def is_whole(cut: Sequence[Line]) -> bool:
    """Whether a cut was long enough to be remembered."""
    return any(line.n >= _N_CUT for line in cut)
