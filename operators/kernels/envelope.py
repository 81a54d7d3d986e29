"""How a vibration's loudness is modulated: kurtosis of frequency bands, and lines in the squared envelope.

The transforms stand between the kernels and are the caller's, `operators.envelope`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

N_ENVELOPE = 7
KURTOSIS, BAND_HZ, RMS, BPFO, BPFI, BSF, FTF = range(N_ENVELOPE)
N_BEARING_LINES = 4

LOBE = 2
"""Bins to either side of a line that hold 99.9 % of its power, of which a squared Hann taper has a little beyond."""
LEAST_POSITION = 2 * LOBE + 1
"""Bins from 0 to the nearest line that the mean does not hide."""
N_HARMONICS = 3
"""Harmonics of a bearing's frequency that are added up, the first included."""

_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
}
_F = types.float64
_PER_ROW = types.Array(types.float64, 1, "A", readonly=True)
_ORDERS = types.Array(types.float64, 2, "A", readonly=True)


@njit(forceinline=True, **_OPTIONS)
def _kurtosis(z: NDArray[np.float32], mean2: float, mean4: float) -> tuple[float, float]:
    """Spectral kurtosis of a band, and the mean square of its tapered samples (real and imaginary in turn)."""
    n = z.size // 2
    m2 = m4 = 0.0
    for i in range(n):
        square = np.float64(z[2 * i] * z[2 * i] + z[2 * i + 1] * z[2 * i + 1])
        m2 += square
        m4 += square * square
    m2 /= n
    return (m4 / n / mean4) * (mean2 / m2) * (mean2 / m2) - 2.0, m2


@njit(
    types.void(types.complex64[:, :, ::1], _F, _F, _F, _F, _F, types.float32[:, ::1], types.float64[:, :]),
    cache=True,
    **_OPTIONS,
)
def choose_band(
    bands: NDArray[np.complex64],
    first_bin: float,
    bin_hz: float,
    mean2: float,
    mean4: float,
    to_square: float,
    squared: NDArray[np.float32],
    out: NDArray[np.float64],
) -> None:
    """Find the most impulsive band of every row, and square its envelope.

    Impacts ring a structure at its own frequencies, which nobody knows beforehand. There the loudness comes in
    bursts and the spectral kurtosis is large, however faint the band: this is one level of a fast kurtogram. By
    chance it scatters by about ``sqrt(8 / n_inside)`` for noise, and the largest of several bands is above 0 even
    then. Any impact counts: teeth that enter the work, chips, a knock at the machine. Read it without cutting, or
    beside how it was in the same cut. The band may change from window to window; RMS then changes with it.

    Parameters
    ----------
    bands : complex64[>= n_rows, n_bands, n_inside]
        Inverse transforms of neighbouring slices, ``n_inside`` bins each, of a row's one-sided spectrum.
    first_bin : float
        Bin at which the first slice begins.
    bin_hz : float
        Distance between bins.
    mean2, mean4 : float
        Means of the taper's second and fourth power over the length of the transform.
    to_square : float
        Mean square of the signal within a band for a mean square of 1 of its tapered ``bands``.
    squared : float32[>= n_rows, n_inside]
        Written: squared magnitude of the chosen band; NaN where there is none, 0 in further rows.
    out : float64[n_rows, 7]
        Written: KURTOSIS, spectral kurtosis of the chosen band: -1 for a steady tone, 0 for steady noise, large
        for impacts. BAND_HZ, its centre. RMS, of the signal within it, in the channel's unit. NaN for a row
        without power or with samples that are not finite. The other columns stay.

    Notes
    -----
    No allocation.

    References
    ----------
    J. Antoni, "Fast computation of the kurtogram for the detection of transient faults", Mechanical Systems and
    Signal Processing 21 (2007).
    """
    n_bands, n_inside = bands.shape[1:]
    for row in range(out.shape[0]):
        best, best_kurtosis, best_square = -1, -math.inf, 0.0
        for band in range(n_bands):
            kurtosis, square = _kurtosis(bands[row, band].view(np.float32), mean2, mean4)
            # False for a NaN, that is for a band without power.
            if kurtosis > best_kurtosis and kurtosis < math.inf:
                best, best_kurtosis, best_square = band, kurtosis, square
        if best < 0:
            out[row, KURTOSIS] = out[row, BAND_HZ] = out[row, RMS] = math.nan
            squared[row] = math.nan
            continue
        out[row, KURTOSIS] = best_kurtosis
        out[row, BAND_HZ] = (first_bin + best * n_inside + 0.5 * (n_inside - 1)) * bin_hz
        out[row, RMS] = math.sqrt(best_square * to_square)
        z = bands[row, best].view(np.float32)
        for i in range(n_inside):
            squared[row, i] = z[2 * i] * z[2 * i] + z[2 * i + 1] * z[2 * i + 1]
    squared[out.shape[0] :] = 0.0


@njit(forceinline=True, **_OPTIONS)
def _squared_depth(spectrum: NDArray[np.complex64], centre: int, lobe_power: float) -> float:
    total = 0.0
    for k in range(centre - LOBE, centre + LOBE + 1):
        re, im = np.float64(spectrum[k].real), np.float64(spectrum[k].imag)
        total += re * re + im * im
    mean = np.float64(spectrum[0].real)
    return 4.0 * total / (lobe_power * mean * mean)


@njit(
    types.void(
        types.Array(types.complex64, 2, "C", readonly=True), _F, _F, _PER_ROW, _ORDERS, types.float64[:, :]
    ),
    cache=True,
    **_OPTIONS,
)
def bearing_lines(
    spectra: NDArray[np.complex64],
    bin_hz: float,
    lobe_power: float,
    rpm: NDArray[np.float64],
    orders: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """How deeply the chosen band is modulated at the frequencies of a bearing.

    A spall on a race is struck by every ball that passes, so the loudness rises and falls with BPFO (outer race),
    BPFI (inner) or twice BSF (a ball; its cage carries it around: FTF). Misleading where something else is
    modulated alike: any harmonic of the revolution or of tooth passing within four bins of a bearing's line,
    which strong unbalance, run-out or a cut puts there. Where the speed is less than some ten bins, the lines of
    one fault and their sidebands touch those of the others: all of them rise and none is to be named. Bearings
    slip by a percent or two; beyond some 50 bins that leads out of the lobe. Noise alone has a depth of about
    ``sqrt(20 / n_inside)`` per harmonic: 0.2 for 600 bins, 0.3 for three together.

    Parameters
    ----------
    spectra : complex64[>= n_rows, n_bins]
        Real FFT of squared envelopes from `choose_band`, not tapered again.
    bin_hz : float
        Distance between bins, the same as of the vibration's spectrum.
    lobe_power : float
        Power of a line over its lobe for one of amplitude 1: ``mean4 / mean2²`` of the taper (35/18 for Hann).
    rpm : float64[n_rows]
        Speed; any stride. NaN if unknown.
    orders : float64[n_rows, 4]
        BPFO, BPFI, BSF and FTF per revolution; any strides. NaN if unknown.
    out : float64[n_rows, 7]
        Written: BPFO to FTF, depth of modulation: root of the sum of squares over the first three harmonics, as
        far as the spectrum goes. 0 for none, 1 for a loudness that swings sinusoidally down to 0 once per
        period; up to 3.5 for ever sharper impacts. NaN, and `why_bearing_missing` says why: unknown speed or
        bearing, a line beyond the spectrum, or one less than 5 bins from 0, where the mean hides it. NaN for a
        row that is not finite. The other columns stay.

    Notes
    -----
    No allocation.

    References
    ----------
    R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", Mechanical Systems and Signal
    Processing 25 (2011). P. Borghesani et al., "The relationship between kurtosis- and envelope-based indexes for
    the diagnostic of rolling element bearings", ibid. 43 (2014).
    """
    n_bins = spectra.shape[1]
    for row in range(out.shape[0]):
        for line in range(N_BEARING_LINES):
            position = orders[row, line] * rpm[row] / (60.0 * bin_hz)
            # Also false for a NaN.
            known = position + 0.5 >= LEAST_POSITION and position + 0.5 < n_bins - LOBE
            total = 0.0 if known else math.nan
            for harmonic in range(1, N_HARMONICS + 1):
                if known and harmonic * position + 0.5 < n_bins - LOBE:
                    total += _squared_depth(spectra[row], np.int64(harmonic * position + 0.5), lobe_power)
            out[row, BPFO + line] = math.sqrt(total) if total < math.inf else math.nan


def why_bearing_missing(rpm: float, order: float, bin_hz: float, n_bins: int) -> str | None:
    """What keeps a bearing's line from being said, if it is not the samples.

    Parameters
    ----------
    rpm, order : float
        Speed, and the line's frequency per revolution; NaN if unknown.
    bin_hz : float
        Distance between bins.
    n_bins : int
        Of the squared envelope's spectrum.

    Returns
    -------
    str or None
        ``bearing geometry unknown``, ``rpm unknown``, ``spindle not turning``, ``rate too low`` or
        ``lines not resolved``. None: nothing but samples that are not finite, or no vibration at all.

    Examples
    --------
    >>> why_bearing_missing(3000.0, 0.4, 5.0, 301)
    'lines not resolved'
    """
    if not order > 0.0:
        return "bearing geometry unknown"
    if math.isnan(rpm):
        return "rpm unknown"
    if not rpm > 0.0:
        return "spindle not turning"
    position = order * rpm / (60.0 * bin_hz)
    if not position + 0.5 < n_bins - LOBE:
        return "rate too low"
    return None if position + 0.5 >= LEAST_POSITION else "lines not resolved"
