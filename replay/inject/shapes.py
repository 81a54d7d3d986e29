"""Shapes in time that faults are made of: a ring, a blow, a tooth that is missing, a hiss. All at most about 1."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

# Housing modes answer a blow; a sensor of lower rate shows it at what its converter passes.
_RING_HZ, _RING_OF_RATE, _RING_DAMPING = 3000.0, 0.3, 0.04
_BLOW_S, _BLOW_DECAY_S = 0.1, 0.08
_LAG_S = 0.004  # of a drive's speed loop: torque of the teeth arrives smoothed
_CHATTER_HZ, _CHATTER_OF_RATE, _CHATTER_LOWEST_HZ = 800.0, 0.35, 150.0
_CHATTER_PLACE = 0.37  # between two orders of the spindle
N_HISS = 65_521  # a noise that repeats after so many samples: at any time, whatever came before
_N_PATTERN, _N_HARMONICS = 512, 4


def ring(age_s: Samples, rate_hz: float) -> Samples:
    """Answer of a lightly damped mode to a blow at age 0: at most 1 in magnitude, 0 before."""
    omega = 2.0 * np.pi * ring_hz(rate_hz)
    since_s = np.maximum(age_s, 0.0)
    answer = np.exp(-_RING_DAMPING * omega * since_s) * np.sin(omega * since_s)
    return np.where(age_s >= 0.0, answer, 0.0)


def ring_hz(rate_hz: float) -> float:
    """Frequency of the mode that rings: 3 kHz, or what the rate can carry."""
    return min(_RING_HZ, _RING_OF_RATE * rate_hz)


def ring_s(rate_hz: float) -> float:
    """After so long, less than a thousandth is left of a ring."""
    return float(np.log(1000.0) / (_RING_DAMPING * 2.0 * np.pi * ring_hz(rate_hz)))


def chatter_hz(rpm: float, rate_hz: float) -> float:
    """Where a spindle chatters: near its weakest mode, between two orders; NaN if the rate carries none."""
    tone_hz = min(_CHATTER_HZ, _CHATTER_OF_RATE * rate_hz)
    if tone_hz < _CHATTER_LOWEST_HZ:
        return float("nan")
    rev_hz = rpm / 60.0
    return tone_hz if rev_hz <= 0.0 else float((tone_hz // rev_hz + _CHATTER_PLACE) * rev_hz)


def chatter_needs_hz() -> float:
    """Lowest rate that carries the tone of a chatter."""
    return _CHATTER_LOWEST_HZ / _CHATTER_OF_RATE


def tooth_pattern(turn: Samples, n_teeth: int) -> Samples:
    """Weight of a broken cutter's signal over its turn, less 1.

    Parameters
    ----------
    turn : float64[n_samples]
        Angle in revolutions.
    n_teeth : int
        1 upwards; with one tooth, nothing cuts any more.

    Returns
    -------
    float64[n_samples]
        -1 where the dead tooth should cut, then +1; mean 0 from two teeth on: the chip that one tooth leaves, the
        next one takes.
    """
    if n_teeth == 1:
        return -np.ones_like(turn)
    place = np.mod(turn, 1.0) * n_teeth
    return _tooth(place - 1.5, n_teeth) - _tooth(place - 0.5, n_teeth)


def _tooth(place: Samples, n_teeth: int) -> Samples:
    """Share of one tooth in the cut: neighbours overlap and add up to one."""
    away = np.mod(place + 0.5 * n_teeth, n_teeth) - 0.5 * n_teeth
    return np.where(np.abs(away) < 1.0, np.cos(0.5 * np.pi * np.clip(away, -1.0, 1.0)) ** 2, 0.0)


def lagged_pattern(turn: Samples, n_teeth: int, rev_hz: float) -> Samples:
    """The tooth pattern after a first-order lag, from its first harmonics."""
    total = np.zeros_like(turn)
    for order, line in enumerate(_pattern_lines(n_teeth), start=1):
        line = line / (1.0 + 2j * np.pi * order * rev_hz * _LAG_S)
        total += 2.0 * np.real(line * np.exp(2j * np.pi * order * turn))
    return total


@lru_cache(maxsize=16)
def _pattern_lines(n_teeth: int) -> tuple[complex, ...]:
    turn = np.arange(_N_PATTERN) / _N_PATTERN
    lines = np.fft.rfft(tooth_pattern(turn, n_teeth)) / _N_PATTERN
    return tuple(complex(line) for line in lines[1 : _N_HARMONICS + 1])


@lru_cache(maxsize=16)
def hiss(seed: int, number: int) -> Samples:
    """Noise of RMS 1; differences of white noise lean to high frequencies."""
    rough = np.random.default_rng((seed, 3, number)).standard_normal(N_HISS + 1)
    difference: Samples = np.diff(rough) / np.sqrt(2.0)
    return difference


def blow(age_s: Samples) -> Samples:
    """A drive pushing against a stop, then being stopped: 1 for a tenth of a second, then falling."""
    after_s = np.maximum(age_s - _BLOW_S, 0.0)
    return np.where(age_s >= 0.0, np.exp(-after_s / _BLOW_DECAY_S), 0.0)


def phase(seed: int) -> float:
    """Where the rotor stands when it matters, 0 to 1."""
    return float(np.random.default_rng((seed, 1)).random())
