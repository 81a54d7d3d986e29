"""What a force does to the spindle housing, and what shakes it besides cutting.

The housing answers a force as a few masses on springs do. The acceleration per force (accelerance) of one mode is
``s² / (m (s² + 2 zeta omega s + omega²))``; the modes add up (Ewins, *Modal Testing*, 2nd ed., 2000, ch. 2). Each is
turned into a digital filter by the bilinear transform, warped so that its resonance stays in place.

Regenerative chatter is not simulated as feedback; its well-known outcome is: a tone near the weakest mode, locked to
no spindle order, that grows exponentially until the tool leaves the cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from replay.simulate.kernels import respond

# Housing per m/s² at the tool tip, near the spindle-nose mode: the tool's holder is much softer than the housing.
_TIP_TO_HOUSING = 0.01
# Chatter grows until the tool leaves the cut for part of the time: about half the feed per tooth (Tlusty).
_LIMIT_CYCLE_PER_CHIP = 0.5
_CHATTER_GROWTH_PER_S = 10.0
_CHATTER_SEED = 0.01  # of the limit cycle, when it begins to grow


@dataclass(frozen=True, slots=True)
class Mode:
    """One resonance of the structure.

    Parameters
    ----------
    natural_hz : float
        Undamped natural frequency.
    damping : float
        Share of the critical damping.
    mass_kg : float
        Modal mass at the sensor.
    """

    natural_hz: float
    damping: float
    mass_kg: float


# The head on its slide; spindle shaft and nose; the housing wall around the front bearing. Typical magnitudes of a
# machining centre with a 15 kW spindle.
HEAD = Mode(62.0, 0.08, 160.0)
NOSE = Mode(870.0, 0.045, 90.0)
WALL = Mode(4600.0, 0.03, 60.0)


class Structure:
    """Turns force into acceleration of the housing, chunk by chunk, for one direction.

    State: two numbers per mode.

    Parameters
    ----------
    modes : tuple[Mode, ...]
        Their responses add up.
    sample_rate_hz : float
        More than twice the highest natural frequency.

    Attributes
    ----------
    filters : float64[n_modes, 5]
        Coefficients, as `kernels.answer` takes them.
    state : float64[n_modes, 2]
        Carried over from call to call.
    """

    def __init__(self, modes: tuple[Mode, ...], sample_rate_hz: float) -> None:
        self.filters = np.array([_accelerance(mode, sample_rate_hz) for mode in modes])
        self.state = np.zeros((len(modes), 2))

    def respond(self, force_n: NDArray[np.float64]) -> NDArray[np.float64]:
        """Acceleration in m/s² that follows from the next stretch of force.

        Parameters
        ----------
        force_n : float64[n_samples]
            Continues where the last call ended.

        Returns
        -------
        float64[n_samples]
            Same length.
        """
        answer = np.empty_like(force_n)
        respond(force_n, self.filters, self.state, answer)
        return answer


def _accelerance(mode: Mode, sample_rate_hz: float) -> NDArray[np.float64]:
    """Digital filter of one mode (``b0 b1 b2 a1 a2``), warped so that its resonance stays in place."""
    omega = 2.0 * sample_rate_hz * math.tan(math.pi * mode.natural_hz / sample_rate_hz)
    analogue = [1.0, 2.0 * mode.damping * omega, omega**2]
    b, a = signal.bilinear([1.0 / mode.mass_kg, 0.0, 0.0], analogue, sample_rate_hz)
    return np.concatenate([b, a[1:]])


def chatter_hz(nose: Mode, rpm: float) -> float:
    """Frequency at which this spindle chatters: just above its weakest mode, and between two spindle orders.

    Regenerative chatter is not locked to the rotation (Altintas and Budak, CIRP Annals 44/1, 1995); that is how it
    is told from forced vibration.

    Parameters
    ----------
    nose : Mode
        The mode that chatters.
    rpm : float
        Spindle speed, greater than 0.

    Returns
    -------
    float
        Hertz; 0.37 of an order above a multiple of the spindle speed.
    """
    rev_hz = rpm / 60.0
    return (math.floor(1.03 * nose.natural_hz / rev_hz) + 0.37) * rev_hz


def chatter_amplitude(age_s: NDArray[np.float64], chip_mm: float, frequency_hz: float) -> NDArray[np.float64]:
    """Amplitude of the housing's acceleration while chatter grows to its limit cycle.

    Exponential growth that saturates when the tool leaves the cut: the amplitude of a Stuart-Landau oscillator.

    Parameters
    ----------
    age_s : float64[n_samples]
        Since chatter began in this cut; before that (negative), the amplitude is 0.
    chip_mm : float
        Feed per tooth, which bounds the vibration of the tip.
    frequency_hz : float
        Of the chatter.

    Returns
    -------
    float64[n_samples]
        m/s², 0 upwards.
    """
    tip_m = _LIMIT_CYCLE_PER_CHIP * chip_mm / 1000.0
    limit = _TIP_TO_HOUSING * tip_m * (2.0 * math.pi * frequency_hz) ** 2
    decay = np.exp(-2.0 * _CHATTER_GROWTH_PER_S * np.maximum(age_s, 0.0))
    grown = limit / np.sqrt(1.0 + (_CHATTER_SEED**-2 - 1.0) * decay)
    return np.where(age_s >= 0.0, grown, 0.0)


def order_line(revolution: NDArray[np.float64], order: float, lead: float = 0.0) -> NDArray[np.float64]:
    """Sine that repeats ``order`` times per revolution.

    Parameters
    ----------
    revolution : float64[n_samples]
        Angle of the spindle in revolutions.
    order : float
        Periods per revolution.
    lead : float
        Phase in revolutions of the line itself.

    Returns
    -------
    float64[n_samples]
        -1 to 1.
    """
    return np.sin(2.0 * np.pi * (order * revolution + lead))
