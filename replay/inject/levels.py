"""What a channel reads around a fault's onset when all is well: what a fault is measured against."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.declared import SensorGroup
from replay.inject.slabs import slabs
from replay.inject.story import SAME_SPEED, Story
from replay.recording import Recording

# So many slabs of a tenth of a second make a level: two seconds, the nearest ones.
_N_NEAREST = 20
_LONGEST_LOOP_S, _SHORTEST_LOOP_S = 2.0, 0.1
_STEP, _LOUDER = 0.05, 1.2
_FADE = 0.1  # share of a loop over which its end is faded into its beginning


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One channel's levels in one state of the machine. NaN: there is no such state.

    Parameters
    ----------
    mean : float
        Median over slabs of their mean.
    rms : float
        Median over slabs of their standard deviation; for scalar channels, of the deviation between neighbours.
    """

    mean: float
    rms: float


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """A channel's levels around an onset.

    Parameters
    ----------
    onset : Level
        In the state that the machine is in at the onset: same tool, section and cutting.
    idle : Level
        Turning as fast, without cutting.
    loop : float64[n_loop]
        A stretch of idle samples whose end runs into its beginning; empty if there is none.
    """

    onset: Level
    idle: Level
    loop: NDArray[np.float64]

    @property
    def stands_out(self) -> bool:
        """Whether the cut can be told from idle running at all; True if no idle running was recorded.

        A level must differ by 5 % and by more than its own unrest, or the unrest itself by a fifth.
        """
        if math.isnan(self.idle.mean):
            return True
        step = abs(self.onset.mean - self.idle.mean)
        higher = step > max(_STEP * abs(self.idle.mean), self.onset.rms)
        return higher or self.onset.rms > _LOUDER * self.idle.rms

    @property
    def floor_rms(self) -> float:
        """Noise that a fault of the spindle itself has to rise from: without cutting, if that was recorded."""
        return self.onset.rms if math.isnan(self.idle.rms) else self.idle.rms


@dataclass(slots=True, eq=False)
class GroupLevels:
    """Slab by slab, mean and standard deviation of every channel of a group, read once.

    Parameters
    ----------
    recording : Recording
        Opened.
    group : SensorGroup
        One of its groups.
    """

    recording: Recording
    group: SensorGroup
    _t_s: NDArray[np.float64] = field(init=False)
    _mean: NDArray[np.float64] = field(init=False)
    _rms: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        n_channels = len(self.group.channels)
        t_s: list[float] = []
        mean: list[NDArray[np.float64]] = []
        rms: list[NDArray[np.float64]] = []
        for slab in slabs(self.recording, self.group):
            samples = slab.samples.astype(np.float64)
            t_s.append(float(slab.t_s[slab.t_s.size // 2]))
            mean.append(samples.mean(axis=1))
            rms.append(samples.std(axis=1))
        self._t_s = np.array(t_s)
        self._mean = np.array(mean).reshape(-1, n_channels).T
        self._rms = np.array(rms).reshape(-1, n_channels).T
        if self.group.kind == "scalar":
            self._rms = np.abs(np.diff(self._mean, axis=1, prepend=self._mean[:, :1])) / math.sqrt(2.0)

    def around(self, onset_s: float, story: Story) -> list[Levels]:
        """Levels of every channel around an onset.

        Parameters
        ----------
        onset_s : float
            Seconds from the recording's start.
        story : Story
            Says which slabs were cut in, and how.

        Returns
        -------
        list of Levels
            In the order of the channels.
        """
        here = story.at(onset_s)
        rpm = here.rpm if here is not None else None
        same, idle = np.zeros((2, self._t_s.size), np.bool_)
        for index, t_s in enumerate(self._t_s.tolist()):
            context = story.at(t_s)
            if context is None or here is None:
                same[index] = context is here
                continue
            same[index] = (context.tool, context.section, context.cutting) == (
                here.tool,
                here.section,
                here.cutting,
            )
            as_fast = not rpm or not context.rpm or abs(context.rpm - rpm) <= SAME_SPEED * rpm
            idle[index] = context.cutting is False and as_fast
        loops = self._loops(onset_s, story, rpm)
        return [
            Levels(self._level(same, channel, onset_s), self._level(idle, channel, onset_s), loops[channel])
            for channel in range(len(self.group.channels))
        ]

    def _level(self, chosen: NDArray[np.bool_], channel: int, onset_s: float) -> Level:
        """Of the slabs nearest to the onset."""
        found = np.flatnonzero(chosen & np.isfinite(self._rms[channel]))
        if not found.size:
            return Level(math.nan, math.nan)
        nearest = found[np.argsort(np.abs(self._t_s[found] - onset_s), kind="stable")[:_N_NEAREST]]
        return Level(
            float(np.median(self._mean[channel, nearest])), float(np.median(self._rms[channel, nearest]))
        )

    def _loops(self, onset_s: float, story: Story, rpm: float | None) -> list[NDArray[np.float64]]:
        """The nearest idle stretch of every channel, made into a loop."""
        none = [np.zeros(0) for _ in self.group.channels]
        if self.group.kind == "scalar":
            return none
        spans = [
            (start_s, min(end_s, start_s + _LONGEST_LOOP_S))
            for start_s, end_s in story.idle_spans(rpm)
            if end_s - start_s >= _SHORTEST_LOOP_S
        ]
        if not spans:
            return none
        start_s, end_s = min(spans, key=lambda span: abs(span[0] - onset_s))
        parts = []
        for slab in slabs(self.recording, self.group):
            inside = (slab.t_s >= start_s) & (slab.t_s < end_s)
            if inside.any():
                parts.append(slab.samples[:, inside].astype(np.float64))
        whole = np.concatenate(parts, axis=1) if parts else np.zeros((len(none), 0))
        return [looped(samples) for samples in whole] if np.isfinite(whole).all() else none


def looped(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shorten a stretch so that its end runs into its beginning.

    Parameters
    ----------
    samples : float64[n_samples]
        Of a steady signal.

    Returns
    -------
    float64[n_loop]
        A tenth shorter: that tenth is faded into the beginning, with constant power.
    """
    n_fade = int(_FADE * samples.size)
    loop = samples[: samples.size - n_fade].copy()
    if n_fade:
        level = loop.mean()
        angle = 0.5 * np.pi * (np.arange(n_fade) + 0.5) / n_fade
        # The beginning comes in while what followed the end goes out.
        loop[:n_fade] = level + np.sin(angle) * (loop[:n_fade] - level)
        loop[:n_fade] += np.cos(angle) * (samples[samples.size - n_fade :] - level)
    return loop
