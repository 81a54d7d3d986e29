"""Lines that belong to the spindle's speed: its revolution, its teeth, and what is in step with neither.

Two ways to a line. The once-per-revolution line is projected out of the samples over whole revolutions, because
there the spectrum of a short window fails first: at 1000 rpm its lines stand 17 Hz apart. The others are summed up
in the spectrum that is there anyway, each over the main lobe of the Hann taper.

There is no cepstrum. Its line at one revolution answers the same question as the lines and ASYNCHRONOUS together,
"how much is in step", but of logarithms: hundreds of bins of background noise outvote a few lines, it has no unit,
and transforming back costs more (6 µs for 5120 samples) than all of this module (1 µs).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

N_ORDERS = 7
REV_1, REV_2, REV_3, TOOTH_1, TOOTH_2, TOOTH_3, ASYNCHRONOUS = range(N_ORDERS)

LOBE = 2
"""Bins to either side of a line that hold its power: the main lobe of a Hann taper."""
LEAST_SPACING = 2 * LOBE + 1
"""Bins from line to line below which their lobes overlap."""
LEAST_CLEARING = LEAST_SPACING + 3
"""Bins from line to line that leave three between the lobes: as many as a tone fills that lies midway."""

_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
}
_F = types.float64
_ROWS = types.Array(types.float32, 2, "C", readonly=True)
_PER_ROW = types.Array(types.float64, 1, "A", readonly=True)

_BLOCK = 64  # samples that share a table of phasors


def revolution_line(
    rows: NDArray[np.float32],
    n_samples: int,
    fs: float,
    rpm: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Root mean square of the line at the spindle's speed, over the newest whole revolutions in the window.

    Unbalance, run-out, and a tool that has lost an edge. Over whole revolutions harmonics do not touch the line.
    Anything else does: without a taper, a tone that is no harmonic leaks into it with 1 / (π x) of its size, where
    x is its distance in lines of the window (5 Hz for 0.2 s). A speed that is wrong by half such a line loses a
    third, and a spindle that speeds up within the window smears it.

    Parameters
    ----------
    rows : float32[>= n_rows, >= n_samples]
        Samples without taper and about free of their mean; C-contiguous; may be read-only.
    n_samples : int
        In a window; what lies beyond is not read.
    fs : float
        Samples per second.
    rpm : float64[n_rows]
        Speed; any stride. NaN if unknown.
    out : float64[n_rows]
        Written, in the channel's unit; any stride. NaN where the speed is unknown or not above 0, no whole
        revolution fits into the window, the line lies above the Nyquist frequency, or a sample is not finite.

    Notes
    -----
    About 0.6 µs per row of 5120 samples; sums are float64. A revolution is no whole number of samples: the sum is
    the trapezoidal rule with a fractional interval at its old end. A harmonic as strong as the line itself
    changes it by less than 0.02 % wherever it lies; one a hundred times as strong by less than 1.5 %, and by less
    than 0.02 % below a tenth of the sampling rate.

    Examples
    --------
    >>> t = np.arange(5120) / 25_600
    >>> sine = (3 * np.sin(2 * np.pi * 1234 / 60 * t)).astype(np.float32)
    >>> rms = np.empty(1)
    >>> revolution_line(sine[None], 5120, 25_600.0, np.array([1234.0]), rms)
    >>> rms.round(4).tolist()
    [2.1213]
    """
    _project(rows, n_samples, fs, rpm, np.empty((2, _BLOCK)), out)


@njit(forceinline=True, **_OPTIONS)
def _fill_phasors(angle: float, phasors: NDArray[np.float64]) -> None:
    """Cosines and sines of 0, 1, 2 ... times the angle."""
    c, s = math.cos(angle), math.sin(angle)
    re, im = 1.0, 0.0
    for j in range(phasors.shape[1]):
        phasors[0, j], phasors[1, j] = re, im
        re, im = re * c - im * s, re * s + im * c


@njit(forceinline=True, **_OPTIONS)
def _project_row(x: NDArray[np.float32], phasors: NDArray[np.float64], angle: float) -> tuple[float, float]:
    """Sum of samples times phasors. The table is turned from block to block, so that it can be short."""
    c, s = math.cos(angle * _BLOCK), math.sin(angle * _BLOCK)
    turn_re, turn_im = 1.0, 0.0
    re = im = 0.0
    for start in range(0, x.size, _BLOCK):
        y = x[start : start + _BLOCK]
        u = v = 0.0
        for j in range(y.size):
            u += y[j] * phasors[0, j]
            v += y[j] * phasors[1, j]
        re += u * turn_re - v * turn_im
        im += u * turn_im + v * turn_re
        turn_re, turn_im = turn_re * c - turn_im * s, turn_re * s + turn_im * c
    return re, im


@njit(
    types.void(_ROWS, types.int64, _F, _PER_ROW, types.float64[:, ::1], types.float64[:]),
    cache=True,
    **_OPTIONS,
)
def _project(
    rows: NDArray[np.float32],
    n_samples: int,
    fs: float,
    rpm: NDArray[np.float64],
    phasors: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """`revolution_line`, with room for a table of phasors."""
    for row in range(rpm.size):
        out[row] = math.nan
        if not 0.0 < rpm[row] <= 30.0 * fs:
            continue
        period = fs * 60.0 / rpm[row]
        length = math.floor((n_samples - 1) / period) * period
        if length == 0.0:
            continue
        n_whole = np.int64(length)
        part = length - n_whole
        first = n_samples - 1 - n_whole
        angle = 2.0 * math.pi / period
        _fill_phasors(angle, phasors)
        re, im = _project_row(rows[row, first:n_samples], phasors, angle)
        # Ends of the trapezoidal rule: half a newest sample too much, and the part interval before the oldest.
        newest, oldest = 0.5 * rows[row, n_samples - 1], (0.5 - part * (1.0 - 0.5 * part)) * rows[row, first]
        before = 0.5 * part * part * rows[row, first - 1] if part > 0.0 else 0.0
        re += before * phasors[0, 1] - newest * math.cos(angle * n_whole) - oldest
        im -= before * phasors[1, 1] + newest * math.sin(angle * n_whole)
        square = re * re + im * im
        out[row] = math.sqrt(2.0 * square) / length if square < math.inf else math.nan


@njit(forceinline=True, **_OPTIONS)
def _lobe_power(p: NDArray[np.float32], centre: int) -> float:
    total = 0.0
    for k in range(centre - LOBE, centre + LOBE + 1):
        total += p[k]
    return total


@njit(forceinline=True, **_OPTIONS)
def _line_rms(p: NDArray[np.float32], position: float) -> float:
    """RMS of a line, given in bins; NaN if its lobe does not end below the Nyquist frequency."""
    # Also false for a NaN: a position that is unknown.
    if not position + 0.5 < p.size - LOBE:
        return math.nan
    total = _lobe_power(p, np.int64(position + 0.5))
    return math.sqrt(total) if total < math.inf else math.nan


@njit(forceinline=True, **_OPTIONS)
def _asynchronous_share(p: NDArray[np.float32], spacing: float) -> float:
    """Share of the power from the first line up that lies in no line's lobe."""
    n_lines = np.int64((p.size - LOBE - 0.5) / spacing)
    if n_lines < 1:
        return math.nan
    total = in_step = 0.0
    counted = p[np.int64(spacing + 0.5) - LOBE :]
    for k in range(counted.size):
        total += counted[k]
    for line in range(1, n_lines + 1):
        in_step += _lobe_power(p, min(np.int64(line * spacing + 0.5), p.size - LOBE - 1))
    return min(max(1.0 - in_step / total, 0.0), 1.0) if 0.0 < total < math.inf else math.nan


@njit(types.void(_ROWS, _F, _PER_ROW, _PER_ROW, types.float64[:, :]), cache=True, **_OPTIONS)
def order_lines(
    power: NDArray[np.float32],
    bin_hz: float,
    rpm: NDArray[np.float64],
    n_teeth: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Lines at multiples of the spindle's speed and of its tooth passing, and the share that is in no such line.

    Teeth that cut alike make the tooth lines; one that is worn, chipped or runs out makes those of the revolution.
    Chatter sings between the lines: ASYNCHRONOUS grows while the level may hardly change. So do a coolant pump, a
    neighbouring machine and mere noise of a spindle that does not cut: compare it with the same cut when it was
    well, not with a number from a book.

    All of it depends on the speed. The k-th line is off by k times the error of the speed; one bin off costs it
    1 %, two bins 30 %. At 5 Hz per bin, a speed that is wrong by 0.1 % misses the lines from 10 kHz up, and what
    slips out of its lobe counts as asynchronous, always equally much at one speed. The commanded speed of an
    induction motor, with its slip of some percent, will not do.

    Parameters
    ----------
    power : float32[n_rows, n_bins]
        From `operators.kernels.spectral.power_spectra` with a Hann taper; not padded much.
    bin_hz : float
        Distance between bins.
    rpm, n_teeth : float64[n_rows]
        Speed, and teeth of the tool; any strides. NaN if unknown.
    out : float64[n_rows, 7]
        Written but for the column REV_1, which is `revolution_line`'s; any strides. REV_2, REV_3: root mean
        square of the second and third harmonic of the revolution. TOOTH_1 to TOOTH_3: the same of tooth passing.
        All in the channel's unit. ASYNCHRONOUS: 0 to 1, the share of the power, from the first line up, that lies
        in no line's main lobe. NaN, and `why_order_missing` says why: unknown speed or teeth, a line that does
        not end two bins below the Nyquist frequency, lines less than 5 bins apart (8 for ASYNCHRONOUS). NaN too
        where the power is NaN or infinite, and ASYNCHRONOUS for a silent row.

    Notes
    -----
    No allocation. About 0.3 µs per row of 2561 bins with a line every 20. A lone tone is told to 0.05 % wherever
    it lies between bins. Lines that stand close share the skirts of their lobes: one that is 5 bins from a
    neighbour ten times as strong is told to 1 %, a hundred times to 30 %. Noise within the five bins adds its
    power.

    References
    ----------
    T. Insperger, G. Stépán, P. V. Bayly, B. P. Mann, "Multiple chatter frequencies in milling processes", J. Sound
    and Vibration 262 (2003): chatter lies between the multiples of tooth passing.
    """
    for row in range(power.shape[0]):
        p = power[row]
        spacing = rpm[row] / (60.0 * bin_hz)
        out[row, REV_2:] = math.nan
        # Also false for a NaN.
        if spacing >= LEAST_SPACING:
            teeth = n_teeth[row] if n_teeth[row] >= 1.0 else math.nan
            out[row, REV_2] = _line_rms(p, 2.0 * spacing)
            out[row, REV_3] = _line_rms(p, 3.0 * spacing)
            for k in range(3):
                out[row, TOOTH_1 + k] = _line_rms(p, (k + 1) * teeth * spacing)
        if LEAST_CLEARING <= spacing < p.size:
            out[row, ASYNCHRONOUS] = _asynchronous_share(p, spacing)


_FACTORS = {REV_1: 1, REV_2: 2, REV_3: 3, TOOTH_1: 1, TOOTH_2: 2, TOOTH_3: 3, ASYNCHRONOUS: 1}


def why_order_missing(
    column: int, window_s: float, bin_hz: float, nyquist_hz: float, rpm: float, n_teeth: float
) -> str | None:
    """What keeps an order column from being said, if it is not the samples.

    Parameters
    ----------
    column : int
        REV_1 to ASYNCHRONOUS.
    window_s : float
        From the first to the last sample of the window, in seconds; for REV_1.
    bin_hz, nyquist_hz : float
        Distance between bins, and where they end; for the others.
    rpm, n_teeth : float
        As for `order_lines`.

    Returns
    -------
    str or None
        ``rpm unknown``, ``spindle not turning``, ``tooth count unknown``, ``rate too low`` or
        ``lines not resolved``. None: nothing but samples that are not finite, or no vibration at all.

    Examples
    --------
    >>> why_order_missing(TOOTH_1, 0.2, 5.0, 12_800.0, 6000.0, float("nan"))
    'tooth count unknown'
    """
    if math.isnan(rpm):
        return "rpm unknown"
    if not rpm > 0.0:
        return "spindle not turning"
    in_teeth = TOOTH_1 <= column <= TOOTH_3
    if in_teeth and not n_teeth >= 1.0:
        return "tooth count unknown"
    line_hz = rpm / 60.0 * _FACTORS[column] * (n_teeth if in_teeth else 1.0)
    if column == REV_1:
        if line_hz > nyquist_hz:
            return "rate too low"
        return "lines not resolved" if window_s * line_hz < 1.0 else None
    if not line_hz / bin_hz + 0.5 < math.floor(nyquist_hz / bin_hz + 1e-9) + 1 - LOBE:
        return "rate too low"
    least = LEAST_CLEARING if column == ASYNCHRONOUS else LEAST_SPACING
    return "lines not resolved" if rpm / (60.0 * bin_hz) < least else None
