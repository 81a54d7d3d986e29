"""What differs from hour to hour on a healthy machine: programs, lots, overrides, coolant, pauses, warmth, noise.

None of it is a fault and none is labelled: an alert about it is false. Where no source is given, magnitudes are
assumed, at the upper end of what a well-kept job shop calls normal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from replay.simulate.program import Job, Pace, Part

# Makers of spindles ask for a warm-up run of 15 to 20 minutes after a night; three time constants of this.
_WARMS_S = 400.0
_COOLS_S = 2400.0  # standing: the housing keeps its warmth for longer than the bearings took to get warm
_NOISE_MEMORY_S = 1800.0
_DAY_S = 86_400.0
_BREAK_S = (1500.0, 2700.0)


@dataclass(frozen=True, slots=True)
class Variety:
    """How much a healthy shop varies; 0 = not at all.

    Parameters
    ----------
    batch_s : tuple[float, float]
        A batch takes between so long and so long; then comes another program.
    lot_spread : float
        How far a batch's material departs in resistance from the mean: suppliers' certificates allow 5 % in hardness.
    override_share : float
        Parts that are cut at another speed: 80 to 110 % in steps of 5 %, as panels have it. In two of three the feed
        follows the speed; in the third the feed alone is overridden.
    dry_share : float
        Parts that are cut without coolant.
    pause_share : float
        Parts that the operator is late for, by two to ten minutes.
    break_every_s : float
        A break of 25 to 45 minutes comes after so long.
    cold_friction, cold_noise : float
        How much more friction and bearing noise there is on a cold spindle: stiff grease.
    floor_spread : float
        Of the accelerometer's own noise, slowly wandering: logarithmic standard deviation.
    flow_g : float
        Noise of flowing coolant on the housing, g rms.
    hall_c : float
        How far the hall's temperature swings over a day, to either side.
    """

    batch_s: tuple[float, float] = (7200.0, 18_000.0)
    lot_spread: float = 0.05
    override_share: float = 0.15
    dry_share: float = 0.15
    pause_share: float = 0.04
    break_every_s: float = 14_400.0
    cold_friction: float = 0.35
    cold_noise: float = 0.5
    floor_spread: float = 0.12
    flow_g: float = 0.01
    hall_c: float = 2.5


def varied_parts(
    variety: Variety, jobs: Sequence[Job], pace: Pace, rng: np.random.Generator
) -> Iterator[Part]:
    """Yield the parts that a spindle makes, batch by batch, for ever.

    Parameters
    ----------
    variety : Variety
        How much they differ.
    jobs : sequence of Job
        The first batch is of the first; while there are jobs that were never made, every other batch is new, then all
        come back in any order.
    pace : Pace
        Tells how long a part takes.
    rng : numpy.random.Generator
        Drawn in a fixed order.
    """
    worked_s, n_known = 0.0, 1
    for batch in count():
        job = jobs[0] if batch == 0 else jobs[int(rng.integers(n_known))]
        if batch % 2 == 1 and n_known < len(jobs):
            job, n_known = jobs[n_known], n_known + 1
        hardness = 1.0 + variety.lot_spread * float(rng.uniform(-1.0, 1.0))
        left_s = float(rng.uniform(*variety.batch_s))
        while left_s > 0.0:
            speed, feed = _overrides(variety, rng)
            wet = float(rng.random()) >= variety.dry_share
            wait_s = float(rng.uniform(120.0, 600.0)) * (float(rng.random()) < variety.pause_share)
            break_s = float(rng.uniform(*_BREAK_S))
            if worked_s > variety.break_every_s > 0.0:
                wait_s, worked_s = wait_s + break_s, 0.0
            part = Part(job, speed, feed, hardness, wait_s, wet)
            part_s = _part_s(part, pace)
            left_s, worked_s = left_s - part_s, worked_s + part_s
            yield part


def _overrides(variety: Variety, rng: np.random.Generator) -> tuple[float, float]:
    """Speed and feed as set at the panel."""
    turned, kind, step = float(rng.random()), float(rng.random()), int(rng.integers(7))
    if turned >= variety.override_share:
        return 1.0, 1.0
    factor = (80 + 5 * step) / 100
    return (factor, factor) if kind < 2 / 3 else (1.0, factor)


def _part_s(part: Part, pace: Pace) -> float:
    """About how long a part takes."""
    each_s = (
        pace.tool_change_s
        + pace.spin_up_s
        + pace.approach_s
        + pace.entry_s
        + pace.retract_s
        + pace.spin_down_s
    )
    cuts_s = sum(each_s + (pace.cut_s or cut.length_s) for cut in part.cuts())
    return part.wait_s + pace.part_change_s + cuts_s


@dataclass(frozen=True, slots=True)
class Mood:
    """How a healthy machine is just now; the defaults are those of a shop without variety.

    Parameters
    ----------
    friction, rolling : float
        Factors on the friction of the spindle and on the noise of its bearings.
    floor : float
        Factor on the accelerometer's own noise.
    flow_g : float
        Noise of coolant while it flows.
    hall_c : float
        Temperature of the hall above its mean.
    """

    friction: float = 1.0
    rolling: float = 1.0
    floor: float = 1.0
    flow_g: float = 0.0
    hall_c: float = 0.0


USUAL = Mood()


class Moods:
    """How a machine is, chunk by chunk. State: how cold its spindle is, and a wandering number.

    Parameters
    ----------
    variety : Variety or None
        None = it is always the same.
    rng : numpy.random.Generator
        Drawn in equal amounts for equal chunks.
    """

    def __init__(self, variety: Variety | None, rng: np.random.Generator) -> None:
        self._variety, self._rng = variety, rng
        self._cold = 1.0  # a shift begins with a cold machine
        self._wander = float(rng.standard_normal())
        self._phase = float(rng.random())

    def move(self, from_s: float, chunk_s: float, *, turning: bool) -> Mood:
        """Go on by one chunk.

        Parameters
        ----------
        from_s, chunk_s : float
            Continues where the last call ended.
        turning : bool
            Whether the spindle turns and so warms up; standing, it cools.
        """
        variety = self._variety
        if variety is None:
            return USUAL
        if turning:
            self._cold *= math.exp(-chunk_s / _WARMS_S)
        else:
            self._cold = 1.0 - (1.0 - self._cold) * math.exp(-chunk_s / _COOLS_S)
        keep = math.exp(-chunk_s / _NOISE_MEMORY_S)
        self._wander = keep * self._wander + math.sqrt(1.0 - keep**2) * float(self._rng.standard_normal())
        return Mood(
            1.0 + variety.cold_friction * self._cold,
            1.0 + variety.cold_noise * self._cold,
            math.exp(variety.floor_spread * self._wander),
            variety.flow_g,
            variety.hall_c * math.sin(2.0 * math.pi * (from_s / _DAY_S + self._phase)),
        )
