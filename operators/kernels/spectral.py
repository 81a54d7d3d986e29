"""Power spectra of tapered windows, energies of frequency bands, and the shape of a spectrum.

The FFT itself stands between `apply_taper` and `power_spectra` and is the caller's: a library's batched transform
is faster than any that could be compiled here. Power is kept in float32, which halves what the kernels have to
read; sums over it are float64. Signatures are explicit, so compiling happens at import. ``fastmath`` may reorder
sums but never assumes that there is no NaN or infinity. Its reordering can cancel the ``x - x`` by which Numba's
``math.isfinite`` finds them, so they are found by comparison instead.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

N_SHAPE = 4
CENTROID_HZ, SPREAD_HZ, ENTROPY, PEAK_HZ = range(N_SHAPE)

_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
}
_F = types.float64
_TAPER = types.Array(types.float32, 1, "C", readonly=True)
_POWERS = types.Array(types.float32, 2, "C", readonly=True)
_EDGES = types.Array(types.int64, 1, "C", readonly=True)

_LANE = 1024  # bins summed in float32 before they go into float64
_LEAST_TOTAL = 1.1754944e-38  # smallest normal float32: below it there are no digits to take shares of
_ROOT_HALF_BITS = 0x3F3504F3  # sqrt(1/2) as float32


def hann_taper(n_samples: int) -> NDArray[np.float32]:
    """Periodic Hann taper.

    Parameters
    ----------
    n_samples : int
        At least 1.

    Returns
    -------
    float32[n_samples]
        0 to 1, starting at 0; read-only.

    References
    ----------
    F. J. Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform",
    Proc. IEEE 66 (1978).
    """
    taper = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_samples) / n_samples)).astype(np.float32)
    taper.flags.writeable = False
    return taper


def log_band_edges(low_hz: float, high_hz: float, n_bands: int) -> NDArray[np.float64]:
    """Edges of bands that are equally wide on a logarithmic frequency axis.

    Parameters
    ----------
    low_hz, high_hz : float
        ``0 < low_hz < high_hz``.
    n_bands : int
        At least 1.

    Returns
    -------
    float64[n_bands + 1]
        Ascending; first and last are exactly ``low_hz`` and ``high_hz``.

    Examples
    --------
    >>> log_band_edges(10.0, 1000.0, 2).round(6).tolist()
    [10.0, 100.0, 1000.0]
    """
    edges = np.geomspace(low_hz, high_hz, n_bands + 1)
    edges[0], edges[-1] = low_hz, high_hz
    return edges


def bins_of_edges(edges_hz: NDArray[np.float64], n_fft: int, fs: float) -> NDArray[np.int64]:
    """First spectral bin at or above each band edge; a last edge at the Nyquist frequency takes in its bin.

    Parameters
    ----------
    edges_hz : float64[n_bands + 1]
        Ascending, 0 to ``fs / 2``.
    n_fft : int
        Length of the transform.
    fs : float
        Samples per second.

    Returns
    -------
    int64[n_bands + 1]
        Band ``b`` holds the bins from entry ``b`` up to, not including, entry ``b + 1``. Read-only.

    Examples
    --------
    >>> bins_of_edges(np.array([20.0, 100.0, 500.0]), 100, 1000.0).tolist()
    [2, 10, 51]
    """
    # An edge that rounding has put a hair above its bin still takes it in.
    bins = np.ceil(edges_hz * n_fft / fs - 1e-9).astype(np.int64)
    if edges_hz[-1] >= 0.5 * fs:
        bins[-1] = n_fft // 2 + 1
    bins.flags.writeable = False
    return bins


@njit(types.void(types.float32[:, ::1], _TAPER), cache=True, **_OPTIONS)
def apply_taper(rows: NDArray[np.float32], taper: NDArray[np.float32]) -> None:
    """Multiply every row by the taper, in place.

    Parameters
    ----------
    rows : float32[n_rows, n_fft]
        Changed: the first ``n_samples`` of each row. ``n_fft >= n_samples``; what lies beyond stays.
    taper : float32[n_samples]
        Weights.

    Notes
    -----
    No allocation.
    """
    for row in range(rows.shape[0]):
        x = rows[row]
        for i in range(taper.size):
            x[i] *= taper[i]


@njit(types.void(types.complex64[:, ::1], types.int64, _F, types.float32[:, ::1]), cache=True, **_OPTIONS)
def power_spectra(
    spectra: NDArray[np.complex64], n_fft: int, taper_power: float, out: NDArray[np.float32]
) -> None:
    """One-sided power per bin, scaled so that a row sums to the tapered signal's mean square.

    Parameters
    ----------
    spectra : complex64[>= n_rows, n_fft // 2 + 1]
        Real FFT of tapered rows.
    n_fft : int
        Length of the transform.
    taper_power : float
        Sum of the squared taper. Dividing by it instead of by ``n_fft`` corrects for the taper's noise
        bandwidth: the sum over all bins estimates the variance of a stationary signal, of noise as of tones.
    out : float32[n_rows, n_fft // 2 + 1]
        Written, in unit²; NaN where the spectrum is, and infinite beyond 3e38 unit².

    Notes
    -----
    No allocation. Parseval: the sum of a row is ``sum((taper * x)²) / sum(taper²)`` to float32 accuracy. Weights
    differ over the window, so for one window of noise that differs from its variance by chance.
    """
    n_rows, n_bins = out.shape
    # Amplitudes are scaled before they are squared: a square of what the FFT sums up could leave float32.
    both_sides = np.float32(math.sqrt(2.0 / (n_fft * taper_power)))
    for row in range(n_rows):
        z = spectra[row].view(np.float32)
        power = out[row]
        for k in range(n_bins):
            re, im = z[2 * k] * both_sides, z[2 * k + 1] * both_sides
            power[k] = re * re + im * im
        power[0] *= np.float32(0.5)
        if n_fft % 2 == 0:
            power[n_bins - 1] *= np.float32(0.5)


@njit(types.void(_POWERS, _EDGES, types.float64[:, :]), cache=True, **_OPTIONS)
def band_rms(power: NDArray[np.float32], bins: NDArray[np.int64], out: NDArray[np.float64]) -> None:
    """Root mean square of the signal within each frequency band.

    A tone near a band's edge leaks into the neighbour: about 1.5 bins to either side with a Hann taper.

    Parameters
    ----------
    power : float32[n_rows, n_bins]
        From `power_spectra`.
    bins : int64[n_bands + 1]
        From `bins_of_edges`.
    out : float64[n_rows, n_bands]
        Written, in the channel's unit; any strides. 0 for a silent band or one without a bin; NaN where the
        power is NaN or infinite.

    Notes
    -----
    No allocation.
    """
    for row in range(power.shape[0]):
        for band in range(bins.size - 1):
            total = 0.0
            p = power[row, bins[band] : bins[band + 1]]
            for k in range(p.size):
                total += p[k]
            out[row, band] = math.sqrt(total) if total < math.inf else math.nan


@njit(forceinline=True, **_OPTIONS)
def _log2(share: np.float32) -> np.float32:
    """Binary logarithm by exponent and polynomial, which vectorises; off by less than 1e-6, -126 for 0."""
    bits = np.float32(share).view(np.int32)
    exponent = np.int32((bits - np.int32(_ROOT_HALF_BITS)) >> 23)
    mantissa = np.int32(bits - (exponent << 23)).view(np.float32)
    r = mantissa - np.float32(1.0)
    y = np.float32(-0.14620353)
    y = y * r + np.float32(0.23420985)
    y = y * r + np.float32(-0.24882181)
    y = y * r + np.float32(0.28707561)
    y = y * r + np.float32(-0.36024199)
    y = y * r + np.float32(0.48092404)
    y = y * r + np.float32(-0.72135276)
    y = y * r + np.float32(1.442695)
    return np.float32(exponent) + r * y


@njit(forceinline=True, **_OPTIONS)
def _surprise(p: NDArray[np.float32], total: float) -> np.float64:
    """Shannon's entropy in bits of shares of ``total``."""
    per_total = np.float32(1.0 / total)
    surprise = np.float64(0.0)
    for start in range(0, p.size, _LANE):
        q = p[start : start + _LANE]
        lane = np.float32(0.0)
        for k in range(q.size):
            share = q[k] * per_total
            lane += share * _log2(share)
        surprise -= lane
    return surprise


@njit(forceinline=True, **_OPTIONS)
def _strongest(p: NDArray[np.float32]) -> np.int64:
    """First bin of the largest power. The bits of floats that are not negative are ordered like them."""
    bits = p.view(np.int32)
    best = np.int64(-1)
    for k in range(bits.size):
        best = max(best, (np.int64(bits[k]) << 32) | np.int64(0x7FFFFFFF - k))
    return 0x7FFFFFFF - (best & 0x7FFFFFFF)


@njit(forceinline=True, **_OPTIONS)
def _summit(p: NDArray[np.float32], peak: int) -> float:
    """Where, within half a bin of ``peak``, a parabola through three logarithms is highest; 0 at the borders."""
    # The first and last bin are one-sided, so they are no neighbours to compare with.
    if peak < 2 or peak > p.size - 3 or not (p[peak - 1] > 0.0 and p[peak + 1] > 0.0):
        return 0.0
    left, middle = math.log(np.float64(p[peak - 1])), math.log(np.float64(p[peak]))
    right = math.log(np.float64(p[peak + 1]))
    bend = left - 2.0 * middle + right
    return min(max(0.5 * (left - right) / bend, -0.5), 0.5) if bend < 0.0 else 0.0


@njit(types.void(_POWERS, types.int64, _F, types.float64[:, :]), cache=True, **_OPTIONS)
def spectral_shape(
    power: NDArray[np.float32], first_bin: int, bin_hz: float, out: NDArray[np.float64]
) -> None:
    """Where a spectrum's power lies and how it is spread.

    All four describe the mixture of everything in the window: a second tone moves the centroid although the
    first one has not changed. Read them beside the band energies.

    Parameters
    ----------
    power : float32[n_rows, n_bins]
        From `power_spectra`.
    first_bin : int
        Bins below it are left out: trend and what leaks from it.
    bin_hz : float
        Distance between bins.
    out : float64[n_rows, 4]
        Written; any strides. CENTROID_HZ: mean frequency, weighted by power. SPREAD_HZ: standard deviation
        about it. ENTROPY: 0 (all power in one bin) to 1 (equal power in all), Shannon's, normalised, to 1e-6.
        PEAK_HZ: frequency of the strongest bin, refined by a parabola through the logarithms of it and its
        neighbours, to about 0.05 bins for a lone tone. All NaN for a row without power (less than float32 can
        tell from nothing), or with NaN or infinite power.

    Notes
    -----
    No allocation.
    """
    n_bins = power.shape[1]
    n_used = n_bins - first_bin
    for row in range(power.shape[0]):
        p = power[row, first_bin:]
        total = moment = 0.0
        for k in range(n_used):
            total += p[k]
            moment += np.float64(k) * p[k]
        if not _LEAST_TOTAL < total < math.inf:
            out[row, :] = math.nan
            continue
        middle = moment / total
        spread = 0.0
        for k in range(n_used):
            distance = np.float64(k) - middle
            spread += distance * distance * p[k]
        entropy = _surprise(p, total) / math.log2(n_used) if n_used > 1 else math.nan
        peak = first_bin + _strongest(p)
        out[row, CENTROID_HZ] = (first_bin + middle) * bin_hz
        out[row, SPREAD_HZ] = math.sqrt(spread / total) * bin_hz
        out[row, ENTROPY] = min(max(entropy, 0.0), 1.0) if n_used > 1 else entropy
        out[row, PEAK_HZ] = (peak + _summit(power[row], peak)) * bin_hz
