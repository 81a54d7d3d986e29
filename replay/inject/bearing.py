"""A spalled bearing race as it shows in one accelerometer: impacts through a resonance, with slip."""

from __future__ import annotations

import numpy as np

from replay.inject.channels import Role
from replay.inject.models import Here
from replay.inject.shapes import Samples, ring, ring_s

# Elements slip: each passes a little early or late, in shares of their distance (Randall and Antoni, MSSP 25, 2011).
_SLIP, _SPREAD = 0.01, 0.15
_N_DRAWN = 4093  # slips and strengths repeat after so many impacts
_OF_FLOOR = 1.0
_GROWTH_S = 2.0


def bearing_outer(t_s: Samples, x: Samples, here: Here) -> Samples:
    """An impact at every element that passes a spall of the outer race (BPFO), each ringing through a resonance.

    Severity 1.0: the impacts alone have the RMS that the channel has without cutting, so that its own rises by
    40 %. The smallest seeded faults of a well-known rig (0.18 mm) raise it to four times: this is earlier. It
    grows from nothing within two seconds: fast for a bearing, but then every moment after that is a trial at
    the severity asked for.
    """
    return x + _impacts(t_s, here, inner=False)


def bearing_inner(t_s: Samples, x: Samples, here: Here) -> Samples:
    """As `bearing_outer` at BPFI; the spall turns with the shaft, so it is struck hardest once per revolution."""
    return x + _impacts(t_s, here, inner=True)


def _impacts(t_s: Samples, here: Here, *, inner: bool) -> Samples:
    bearing = here.channel.bearing
    if bearing is None or here.role is not Role.VIBRATION or not t_s.size:
        return np.zeros_like(t_s)
    order, memory_s = bearing.orders[inner], ring_s(here.rate_hz)
    passed = order * here.story.revolution(np.array([max(t_s[0] - memory_s, here.start_s), t_s[-1]]))
    numbers = np.arange(np.floor(passed[0]) - 1, np.ceil(passed[1]) + 2).astype(np.int64)
    slip, strength = np.random.default_rng((here.seed, 2)).standard_normal((2, _N_DRAWN))
    struck = numbers + _SLIP * slip[numbers % _N_DRAWN]
    struck_s = here.story.when(struck / order)
    grown = np.clip((struck_s - here.start_s) / _GROWTH_S, 0.0, 1.0)
    hit = grown * (1.0 + _SPREAD * strength[numbers % _N_DRAWN])
    if inner:
        hit = hit * (1.0 + np.cos(2.0 * np.pi * struck / order))
    rev_hz = here.rpm / 60.0
    total = np.zeros_like(t_s)
    for at_s, blow in zip(struck_s.tolist(), hit.tolist(), strict=True):
        if not here.start_s <= at_s:  # also where the spindle stands still: NaN
            continue
        first, last = np.searchsorted(t_s, (at_s, at_s + memory_s))
        total[first:last] += blow * ring(t_s[first:last] - at_s, here.rate_hz)
    per_s = order * rev_hz * (1.5 if inner else 1.0)  # energy of the modulation included
    return here.severity * _OF_FLOOR * here.levels.floor_rms / _ring_rms(here.rate_hz, per_s) * total


def _ring_rms(rate_hz: float, per_s: float) -> float:
    """RMS of rings of amplitude 1 that follow each other so often and do not overlap much."""
    age_s = np.arange(0.0, ring_s(rate_hz), 0.1 / rate_hz)
    energy_s = float(np.sum(ring(age_s, rate_hz) ** 2)) * 0.1 / rate_hz
    return float(np.sqrt(per_s * energy_s))
