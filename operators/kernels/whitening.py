"""A spectrum without its course and without the lines of the speed: what is left is where impacts show.

The transforms stand between the kernels and are the caller's, `operators.white_envelope`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

LOBE = 2
"""Bins to either side of a line that hold its power."""
LEAST_SPACING = 9
"""Bins between multiples of the speed below which too little is left between their lines."""

_SPEED_ERROR = 0.0005  # of what a controller tells
_REACH = 0.2  # of the distance between multiples of the speed: no line farther from one is taken for it
_STANDS_OUT = 10.0  # power of a line over the mean around it
_STEP = 8  # bins that share a mean power

_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
}
_F = types.float64
_PER_ROW = types.Array(types.float64, 1, "A", readonly=True)
_SPECTRA = types.Array(types.complex64, 2, "C", readonly=True)


@njit(forceinline=True, **_OPTIONS)
def power_of(z: np.complex64) -> float:
    """Squared magnitude, in double precision."""
    re, im = np.float64(z.real), np.float64(z.imag)
    return re * re + im * im


@njit(forceinline=True, **_OPTIONS)
def _sum(part: NDArray[np.complex64]) -> float:
    total = 0.0
    for k in range(part.size):
        total += power_of(part[k])
    return total


@njit(forceinline=True, **_OPTIONS)
def _drop_line(part: NDArray[np.complex64], position: float, spacing: float, unsure: float) -> None:
    """Set the strongest line at a position to 0, if it stands out from half an order to either side."""
    reach = min(1.0 + unsure, max(1.0, _REACH * spacing))
    strongest, line = 0.0, -1
    for k in range(max(math.ceil(position - reach), 0), min(int(position + reach) + 1, part.size)):
        power = power_of(part[k])
        if power > strongest:
            strongest, line = power, k
    if line < 0:
        return
    low, high = max(line - LOBE, 0), min(line + LOBE + 1, part.size)
    begin, end = max(int(position - 0.5 * spacing), 0), min(int(position + 0.5 * spacing) + 1, part.size)
    n_around = (low - begin) + (end - high)
    if n_around > 0 and strongest * n_around > _STANDS_OUT * (_sum(part[begin:low]) + _sum(part[high:end])):
        for k in range(low, high):
            part[k] = 0.0


@njit(
    types.void(_SPECTRA, types.int64, _F, _PER_ROW, types.complex64[:, ::1]),
    cache=True,
    **_OPTIONS,
)
def drop_orders(
    spectra: NDArray[np.complex64],
    first_bin: int,
    bin_hz: float,
    rpm: NDArray[np.float64],
    left: NDArray[np.complex64],
) -> None:
    """Copy a part of a spectrum without the lines at multiples of the speed.

    What a damage adds lies between them. A tooth's line beats with the faint tone that a healthy bearing hums at BPFO,
    and as many elements pass the outer and the inner race as there are in the bearing: BPFO and BPFI add up to a whole
    number, so the beat of BPFO with that order is an envelope line at BPFI.

    Parameters
    ----------
    spectra : complex64[n_rows, >= first_bin + n_inside]
        One-sided.
    first_bin : int
        Where the part begins.
    bin_hz : float
        Distance between bins.
    rpm : float64[<= n_rows]
        Speed; any stride. Nothing is dropped where it is NaN or too low for anything to be left between its multiples.
    left : complex64[n_rows, n_inside]
        Written: 0 within two bins of a line near a multiple that stands out by 10 dB, as noise does not once in a
        hundred: within a bin, and 0.05 % of the frequency, for speed is never quite as told.

    Notes
    -----
    No allocation.
    """
    n = left.shape[1]
    for row in range(left.shape[0]):
        for k in range(n):
            left[row, k] = spectra[row, first_bin + k]
        spacing = rpm[row] / (60.0 * bin_hz) if row < rpm.size else math.nan
        if not LEAST_SPACING <= spacing < math.inf:
            continue
        for order in range(int(first_bin / spacing), int((first_bin + n) / spacing) + 2):
            position = order * spacing
            _drop_line(left[row], position - first_bin, spacing, _SPEED_ERROR * position)


def whiten(spectra: NDArray[np.complex64], half_width: int, white: NDArray[np.complex64]) -> None:
    """Divide a spectrum by its own course, so that no resonance and no tone outweighs the rest.

    Impacts of a bearing are spread over a wide range of frequencies, and in some part of it they are the loudest.
    Which part, nobody knows beforehand; with every part weighed alike, none has to be chosen, and teeth, shaft and
    pumps, which fill a few bins with great power, count as much as any other few bins.

    Parameters
    ----------
    spectra : complex64[n_rows, n_inside]
        From `drop_orders`.
    half_width : int
        Bins to either side over which the power is averaged; fewer at the ends. Wider than any line, narrower than
        a resonance.
    white : complex64[n_rows, n_inside]
        Written: power 1 on average. NaN for a row that is not finite or has a stretch without any power.

    Notes
    -----
    Eight neighbouring bins share a mean, which is a running sum.

    References
    ----------
    P. Borghesani et al., "Application of cepstrum pre-whitening for the diagnosis of bearing faults under variable
    speed conditions", Mechanical Systems and Signal Processing 36 (2013): the same with a width of one bin. W. A.
    Smith, R. B. Randall, "Rolling element bearing diagnostics using the Case Western Reserve University data",
    ibid. 64-65 (2015) compare it with band selection.
    """
    room = np.zeros(white.shape[1] + 2 * (half_width + _STEP))
    _whiten(spectra, half_width, room, white)


@njit(
    types.void(_SPECTRA, types.int64, types.float64[::1], types.complex64[:, ::1]),
    cache=True,
    **_OPTIONS,
)
def _whiten(
    spectra: NDArray[np.complex64], half_width: int, powers: NDArray[np.float64], white: NDArray[np.complex64]
) -> None:
    """`whiten`, with room for powers: zeros, ``half_width + _STEP`` more than bins at either end."""
    n, first = white.shape[1], half_width + _STEP
    for row in range(white.shape[0]):
        inside, outside = spectra[row].view(np.float32), white[row].view(np.float32)
        for k in range(n):
            re, im = np.float64(inside[2 * k]), np.float64(inside[2 * k + 1])
            powers[first + k] = re * re + im * im
        total = 0.0
        for k in range(half_width):
            total += powers[first + k]
        for start in range(0, n, _STEP):
            stop = min(start + _STEP, n)
            # Loops of a known length compile to few instructions, any others of this length to many.
            for k in range(_STEP):
                total += powers[first + start + half_width + k] - powers[start + k]
            begin, end = max(start - half_width, 0), min(stop + half_width, n)
            mean = total / (end - begin)
            scale = np.float32(1.0 / math.sqrt(mean)) if mean > 0.0 else np.float32(math.nan)
            if stop - start == _STEP:
                for i in range(2 * _STEP):
                    outside[2 * start + i] = inside[2 * start + i] * scale
            else:
                for i in range(2 * start, 2 * stop):
                    outside[i] = inside[i] * scale


@njit(
    types.void(types.Array(types.complex64, 2, "C", readonly=True), types.float32[:, ::1]),
    cache=True,
    **_OPTIONS,
)
def square(analytic: NDArray[np.complex64], squared: NDArray[np.float32]) -> None:
    """Squared magnitude of every sample.

    Parameters
    ----------
    analytic : complex64[n_rows, n_inside]
        Inverse transforms of whitened spectra.
    squared : float32[n_rows, n_inside]
        Written.
    """
    for row in range(squared.shape[0]):
        for i in range(squared.shape[1]):
            z = analytic[row, i]
            squared[row, i] = z.real * z.real + z.imag * z.imag
