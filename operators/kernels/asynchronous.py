"""The strongest line that is in step with nothing: between the orders of the spindle's speed, chatter sings.

`operators.kernels.orders` says how much is out of step; here is which line it is, and whether it is one at all: noise
is out of step too, but sings no note. The speed need not be exact: it is first read from the lines themselves.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from operators.kernels.orders import LEAST_CLEARING

N_ASYNCHRONOUS = 3
LINE_HZ, LINE_RMS, CONTRAST = range(N_ASYNCHRONOUS)

SLIP = 0.005
"""A speed may be wrong by so much of itself: a spindle under load sags a little, an induction motor's by its slip."""

_LEAST_BETTER = 1.1  # a speed other than the stated one must explain the spectrum better by so much
_MOST_BINS = 1000  # that the speed is read from: higher lines are unlikely to stand out
_HALF_NOTCH = 3.0  # bins to either side of an order that its line reaches, with the tone's own bin beside it
_WANDER = 0.001  # what speed control and reading leave: the notch widens by so much of the order's place
_LEAST_CLEAR = 3.0  # bins from notch to notch: an order's neighbourhood that leaves less hides a tone
_NEAR = 40  # bins to either side that are a line's neighbourhood ...
_OWN = 3  # ... without its own
_LEAST_NEAR = 4  # bins of the neighbourhood that say anything

_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
}
_F = types.float64
_ROWS = types.Array(types.float32, 2, "C", readonly=True)
_PER_ROW = types.Array(types.float64, 1, "A", readonly=True)


def asynchronous_line(
    power: NDArray[np.float32], bin_hz: float, rpm: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Find the strongest spectral line between the multiples of the spindle's speed.

    Regenerative chatter is such a line, near a natural frequency of tool, spindle or workpiece; so are a coolant
    pump, a neighbouring machine, a bearing's ball passing. What is a fault is for comparison to say: with the same
    spindle in the air, with the same cut a moment ago. Chatter whose frequency happens to fall on an order
    (period doubling of a tool with an even number of teeth always does) is not seen: it looks like run-out.

    A line is looked for where three bins or more lie clear between the notches of neighbouring orders, and from the
    first order up. Notches are 6 bins wide, and wider by 0.2 % of their frequency for what speed control leaves. First
    the speed is corrected by up to 0.5 %, if another than the stated one explains the spectrum at least a tenth
    better (its lines counted with the fourth root of their power, so that no single tone decides).

    Parameters
    ----------
    power : float32[n_rows, n_bins]
        From `operators.kernels.spectral.power_spectra` with a Hann taper; not padded much.
    bin_hz : float
        Distance between bins.
    rpm : float64[n_rows]
        Speed; any stride. NaN if unknown.
    out : float64[n_rows, 3]
        Written; any strides. LINE_HZ: its frequency, to a tenth of a bin if it is a tone. LINE_RMS: root mean square of
        what its three bins hold, in the channel's unit: all but 4 % of a tone's power at worst. CONTRAST: that over the
        root mean square of as many bins of its neighbourhood (40 bins to either side, orders left out): about 1 to 2.5
        for the strongest bin of mere noise, 4 and more for a tone. All NaN for an unknown speed, orders less
        than 8 bins apart, a spectrum without a clear bin or with power that is not finite; LINE_HZ and CONTRAST
        NaN for a silent row, CONTRAST where the neighbourhood is silent or too small.

    Notes
    -----
    About 4 µs per row of 3201 bins.

    References
    ----------
    Y. Altintas, M. Weck, "Chatter stability of metal cutting and grinding", CIRP Annals 53/2 (2004).
    T. Insperger, G. Stépán, P. V. Bayly, B. P. Mann, "Multiple chatter frequencies in milling processes", J. Sound and
    Vibration 262 (2003).
    """
    _find(power, bin_hz, rpm, np.empty(min(power.shape[1], _MOST_BINS), np.float32), out)


@njit(forceinline=True, **_OPTIONS)
def _explained(roots: NDArray[np.float32], spacing: float, n_lines: int) -> float:
    """How much the orders of one speed gather."""
    total = 0.0
    for line in range(1, n_lines + 1):
        total += roots[np.int64(line * spacing + 0.5)]
    return total


@njit(forceinline=True, **_OPTIONS)
def _read_spacing(p: NDArray[np.float32], stated: float, roots: NDArray[np.float32]) -> float:
    """Bins from order to order as the spectrum has them, within `SLIP` of what the speed says."""
    for k in range(roots.size):
        roots[k] = math.sqrt(math.sqrt(p[k]))
    last = roots.size - 1.5
    # Neighbouring orders must not be mistaken for each other.
    n_lines = np.int64(min(last / (stated * (1.0 + SLIP)), 0.4 / SLIP))
    if n_lines < 1:
        return stated
    n_steps = np.int64(2.0 * SLIP * n_lines * stated) + 1
    best, best_spacing = _LEAST_BETTER * _explained(roots, stated, n_lines), stated
    for step in range(-n_steps, n_steps + 1):
        spacing = stated * (1.0 + SLIP * step / n_steps)
        explained = _explained(roots, spacing, n_lines)
        if explained > best:
            best, best_spacing = explained, spacing
    return best_spacing


@njit(forceinline=True, **_OPTIONS)
def _clear(k: int, spacing: float) -> bool:
    """Whether a bin lies between the notches."""
    order = np.int64(k / spacing + 0.5)
    place = order * spacing
    return bool(abs(k - place) >= _HALF_NOTCH + _WANDER * place)


@njit(forceinline=True, **_OPTIONS)
def _strongest(p: NDArray[np.float32], spacing: float) -> int:
    """Clear bin whose neighbours and itself hold most; -1 if none is clear, or power is not finite."""
    # Beyond this, notches leave too little between them.
    furthest = (spacing - 2.0 * _HALF_NOTCH - _LEAST_CLEAR + 1.0) / (2.0 * _WANDER)
    n_orders = np.int64(min(max(furthest, spacing), p.size - 2.0) / spacing)
    best, most = -1, -1.0
    total = 0.0
    for order in range(1, n_orders + 1):
        place = order * spacing
        half = _HALF_NOTCH + _WANDER * place
        first = np.int64(math.ceil(place + half))
        after = place + spacing
        until = np.int64(min(after - _HALF_NOTCH - _WANDER * after, p.size - 2.0))
        for k in range(first, until + 1):
            held = p[k - 1] + p[k] + p[k + 1]
            total += held
            if held > most:
                best, most = k, held
    return best if total < math.inf else -1


@njit(forceinline=True, **_OPTIONS)
def _contrast(p: NDArray[np.float32], at: int, held: float, spacing: float) -> float:
    total, n = 0.0, 0
    for k in range(max(at - _NEAR, 1), min(at + _NEAR, p.size - 1) + 1):
        if abs(k - at) > _OWN and _clear(k, spacing):
            total += p[k]
            n += 1
    return math.sqrt(held * n / (3.0 * total)) if n >= _LEAST_NEAR and total > 0.0 else math.nan


@njit(types.void(_ROWS, _F, _PER_ROW, types.float32[::1], types.float64[:, :]), cache=True, **_OPTIONS)
def _find(
    power: NDArray[np.float32],
    bin_hz: float,
    rpm: NDArray[np.float64],
    roots: NDArray[np.float32],
    out: NDArray[np.float64],
) -> None:
    """`asynchronous_line`, with room for the roots."""
    for row in range(power.shape[0]):
        out[row] = math.nan
        spacing = rpm[row] / (60.0 * bin_hz)
        # Also false for a NaN.
        if not LEAST_CLEARING <= spacing < power.shape[1]:
            continue
        p = power[row]
        spacing = _read_spacing(p, spacing, roots)
        at = _strongest(p, spacing)
        if at < 0:
            continue
        held = np.float64(p[at - 1]) + np.float64(p[at]) + np.float64(p[at + 1])
        out[row, LINE_RMS] = math.sqrt(held)
        if held > 0.0:
            lean = (np.float64(p[at + 1]) - np.float64(p[at - 1])) / held
            out[row, LINE_HZ] = (at + lean) * bin_hz
            out[row, CONTRAST] = _contrast(p, at, held, spacing)
