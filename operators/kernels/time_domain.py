"""Twelve time-domain features of every channel, incrementally: each sample is looked at once, in its own hop.

A hop becomes *partials* (`hop_partials`: sums about the hop's own mean, extremes, crossings); a window's features
come from the partials of its hops (`merge_partials`), so a window of ten hops costs no more per new sample than a
window of one. Loops are one per quantity over slices that fit the L1 cache, because each then vectorises on its own.

Vibration is summed in float32 lanes that are emptied into float64 every 1024 samples, about the hop's mean, so
neither a bias nor the length of the hop costs accuracy; currents (``from_zero``), and signals so large or small
that a fourth power would leave float32, take float64 lanes. ``fastmath`` may reorder sums but never assumes that
there is no NaN or infinity. Signatures are explicit, so compiling happens at import, never on the first window.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

N_TIME = 12
(
    MEAN,
    STD,
    RMS,
    PEAK,
    PEAK_TO_PEAK,
    CREST_FACTOR,
    KURTOSIS,
    SKEWNESS,
    SHAPE_FACTOR,
    IMPULSE_FACTOR,
    CLEARANCE_FACTOR,
    ZERO_CROSSING_RATE_HZ,
) = range(N_TIME)

N_PARTIALS = 12
(
    P_COUNT,
    P_MEAN,
    P_SUM2,
    P_SUM3,
    P_SUM4,
    P_LOW,
    P_HIGH,
    P_DISTANCE,
    P_ROOT,
    P_CROSSINGS,
    P_FIRST_BELOW,
    P_LAST_BELOW,
) = range(N_PARTIALS)

_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
}
_F = types.float64
# Read-only arrays: what the flow hands around is. Writeable ones are accepted too.
_HOP = types.Array(types.float32, 2, "C", readonly=True)
_PARTIALS = types.Array(types.float64, 4, "C", readonly=True)
_CHOICE = types.Array(types.boolean, 1, "C", readonly=True)
_OUT = types.Array(types.float64, 3, "A")

# Orders the bit patterns of float32 as integers; min and max of integers vectorise, of floats they do not.
_MAGNITUDE_BITS = 0x7FFFFFFF
_INFINITY_KEY = 0x7F800000
_LEAST_KEY = -(2**31)
_GREATEST_KEY = 2**31 - 1

_LANE = 1024  # samples summed in float32 before they go into float64: 4 kB, and errors of a few 1e-7
# Beyond these a fourth power, summed over a lane, leaves the normal range of float32.
_LEAST_SPREAD, _GREATEST_SPREAD = 1e-8, 1e8


@njit(forceinline=True, **_OPTIONS)
def _value_of_key(key: np.int32) -> np.float32:
    return np.int32(key ^ ((key >> 31) & _MAGNITUDE_BITS)).view(np.float32)


@njit(forceinline=True, **_OPTIONS)
def _extreme_keys(x: NDArray[np.float32]) -> tuple[np.int32, np.int32]:
    """Smallest and largest sample as ordered integers: NaN of either sign lies beyond the infinities."""
    bits = x.view(np.int32)
    low, high = np.int32(_GREATEST_KEY), np.int32(_LEAST_KEY)
    for i in range(bits.size):
        key = np.int32(bits[i] ^ ((bits[i] >> 31) & _MAGNITUDE_BITS))
        low = min(low, key)
        high = max(high, key)
    return low, high


@njit(forceinline=True, **_OPTIONS)
def _mean32(x: NDArray[np.float32]) -> np.float32:
    """Mean to float32, of what exceeds the first sample."""
    shift = x[0]
    total = 0.0
    for start in range(0, x.size, _LANE):
        y = x[start : start + _LANE]
        lane = np.float32(0.0)
        for i in range(y.size):
            lane += y[i] - shift
        total += np.float64(lane)
    return np.float32(shift + total / x.size)


@njit(forceinline=True, **_OPTIONS)
def _mean64(x: NDArray[np.float32]) -> float:
    shift = np.float64(x[0])
    total = 0.0
    for i in range(x.size):
        total += np.float64(x[i]) - shift
    return shift + total / x.size


@njit(forceinline=True, **_OPTIONS)
def _power_sums32(x: NDArray[np.float32], origin: np.float32) -> tuple[float, float, float, float]:
    s1 = s2 = s3 = s4 = 0.0
    for start in range(0, x.size, _LANE):
        y = x[start : start + _LANE]
        a1 = a2 = a3 = a4 = np.float32(0.0)
        for i in range(y.size):
            d = y[i] - origin
            square = d * d
            a1 += d
            a2 += square
            a3 += square * d
            a4 += square * square
        s1 += np.float64(a1)
        s2 += np.float64(a2)
        s3 += np.float64(a3)
        s4 += np.float64(a4)
    return s1, s2, s3, s4


@njit(forceinline=True, **_OPTIONS)
def _power_sums64(x: NDArray[np.float32], origin: float) -> tuple[float, float, float, float]:
    s1 = s2 = s3 = s4 = 0.0
    for i in range(x.size):
        d = np.float64(x[i]) - origin
        square = d * d
        s1 += d
        s2 += square
        s3 += square * d
        s4 += square * square
    return s1, s2, s3, s4


@njit(forceinline=True, **_OPTIONS)
def _distances32(x: NDArray[np.float32], origin: np.float32) -> tuple[float, float]:
    """Sum of the distance from the origin, and of its square root."""
    total = total_root = 0.0
    for start in range(0, x.size, _LANE):
        y = x[start : start + _LANE]
        a = b = np.float32(0.0)
        for i in range(y.size):
            distance = abs(y[i] - origin)
            a += distance
            b += np.sqrt(distance)
        total += np.float64(a)
        total_root += np.float64(b)
    return total, total_root


@njit(forceinline=True, **_OPTIONS)
def _distances64(x: NDArray[np.float32], origin: float) -> tuple[float, float]:
    total = total_root = 0.0
    for i in range(x.size):
        distance = abs(np.float64(x[i]) - origin)
        total += distance
        total_root += math.sqrt(distance)
    return total, total_root


@njit(forceinline=True, **_OPTIONS)
def _n_crossings(x: NDArray[np.float32], origin: np.float32) -> np.int32:
    """How often neighbours lie on different sides of the origin; on it counts as above."""
    count = np.int32(0)
    for i in range(1, x.size):
        count += np.int32((x[i] < origin) != (x[i - 1] < origin))
    return count


@njit(forceinline=True, **_OPTIONS)
def _partials_of_row(x: NDArray[np.float32], from_zero: bool, out: NDArray[np.float64]) -> None:
    """`hop_partials` of one channel."""
    n = x.size
    low_key, high_key = _extreme_keys(x)
    if n == 0 or high_key >= _INFINITY_KEY or low_key < -_INFINITY_KEY:
        out[:] = math.nan
        out[P_COUNT] = n
        return
    low, high = np.float64(_value_of_key(low_key)), np.float64(_value_of_key(high_key))
    spread = high - low
    if from_zero or not _LEAST_SPREAD < spread < _GREATEST_SPREAD:
        origin = np.float32(_mean64(x))
        s1, s2, s3, s4 = _power_sums64(x, np.float64(origin))
        distance, root = _distances64(x, 0.0 if from_zero else np.float64(origin))
    else:
        origin = _mean32(x)
        s1, s2, s3, s4 = _power_sums32(x, origin)
        distance, root = _distances32(x, origin)
    zero = np.float32(0.0) if from_zero else origin
    # The sums are about the mean rounded to float32; this moves them to the mean itself.
    rest = s1 / n
    out[P_COUNT] = n
    out[P_MEAN] = np.float64(origin) + rest
    if spread > 0.0:
        out[P_SUM2] = max(s2 - rest * s1, 0.0)
        out[P_SUM3] = s3 - rest * (3.0 * s2 - 2.0 * rest * s1)
        out[P_SUM4] = max(s4 - rest * (4.0 * s3 - rest * (6.0 * s2 - 3.0 * rest * s1)), 0.0)
    else:
        out[P_MEAN] = low
        out[P_SUM2] = out[P_SUM3] = out[P_SUM4] = 0.0
    out[P_LOW], out[P_HIGH] = low, high
    out[P_DISTANCE], out[P_ROOT] = distance, root
    out[P_CROSSINGS] = _n_crossings(x, zero)
    out[P_FIRST_BELOW], out[P_LAST_BELOW] = x[0] < zero, x[n - 1] < zero


@njit(types.void(_HOP, _CHOICE, types.float64[:, ::1]), cache=True, **_OPTIONS)
def hop_partials(
    samples: NDArray[np.float32], from_zero: NDArray[np.bool_], out: NDArray[np.float64]
) -> None:
    """Sum up one hop of every channel, for `merge_partials`.

    Parameters
    ----------
    samples : float32[n_channels, n_samples]
        One hop; C-contiguous; may be read-only.
    from_zero : bool[n_channels]
        Origin of amplitudes. False: the hop's mean, for AC-coupled signals, whose mean is the sensor's bias.
        True: zero, for signals whose mean is information; sums are then kept in float64.
    out : float64[n_channels, 12]
        Written, in the order of this module's ``P_`` constants: number of samples; mean; sums of the second,
        third and fourth power of deviations from it; smallest and largest sample; sums of the distance from
        the origin and of its square root; crossings of the origin; whether the first and the last sample lie
        below it. All but the number are NaN for a channel that holds a NaN or an infinity, or no sample.

    Notes
    -----
    No allocation. About 0.25 ns per sample (AMD Zen 4, AVX-512), float64 lanes 0.5. That no sample is NaN or
    infinite is read off the extremes, which are needed anyway.
    """
    for channel in range(samples.shape[0]):
        _partials_of_row(samples[channel], from_zero[channel], out[channel])


@njit(forceinline=True, **_OPTIONS)
def _merge_moments(hops: NDArray[np.float64]) -> tuple[float, float, float, float, float]:
    """Count, mean and second to fourth power sum of contiguous hops, by Pébay's pairwise update."""
    n, mean = hops[0, P_COUNT], hops[0, P_MEAN]
    s2, s3, s4 = hops[0, P_SUM2], hops[0, P_SUM3], hops[0, P_SUM4]
    for hop in range(1, hops.shape[0]):
        m, t2, t3, t4 = hops[hop, P_COUNT], hops[hop, P_SUM2], hops[hop, P_SUM3], hops[hop, P_SUM4]
        both = n + m
        step = (hops[hop, P_MEAN] - mean) / both
        across = step * step * n * m
        s4 += (
            t4
            + across * step * step * (n * n - n * m + m * m) * both
            + 6.0 * step * step * (n * n * t2 + m * m * s2)
            + 4.0 * step * (n * t3 - m * s3)
        )
        s3 += t3 + across * step * both * (n - m) + 3.0 * step * (n * t2 - m * s2)
        s2 += t2 + across * both
        mean += step * m
        n = both
    return n, mean, s2, s3, s4


@njit(forceinline=True, **_OPTIONS)
def _features_of_channel(
    hops: NDArray[np.float64], from_zero: bool, fs: float, out: NDArray[np.float64]
) -> None:
    """`merge_partials` of one channel of one window."""
    n, mean, s2, s3, s4 = _merge_moments(hops)
    # Not math.isfinite: Numba asks whether x - x is NaN, and reordering of sums may cancel that to 0.
    if not (n > 0.0 and -math.inf < mean < math.inf):
        out[:] = math.nan
        return
    low, high = math.inf, -math.inf
    distance = root = crossings = 0.0
    for hop in range(hops.shape[0]):
        low, high = min(low, hops[hop, P_LOW]), max(high, hops[hop, P_HIGH])
        distance += hops[hop, P_DISTANCE]
        root += hops[hop, P_ROOT]
        crossings += hops[hop, P_CROSSINGS]
        if hop > 0:
            crossings += hops[hop, P_FIRST_BELOW] != hops[hop - 1, P_LAST_BELOW]
    m2 = s2 / n
    std = math.sqrt(m2)
    rms = math.sqrt(m2 + mean * mean) if from_zero else std
    origin = 0.0 if from_zero else mean
    peak = max(high - origin, origin - low)
    out[MEAN] = mean
    out[STD] = std
    out[RMS] = rms
    out[PEAK] = peak
    out[PEAK_TO_PEAK] = high - low
    out[ZERO_CROSSING_RATE_HZ] = crossings * fs / (n - 1.0) if n > 1.0 else math.nan
    if not (high > low and m2 > 0.0):
        out[CREST_FACTOR : CLEARANCE_FACTOR + 1] = math.nan
        return
    out[CREST_FACTOR] = peak / rms
    out[KURTOSIS] = s4 / n / (m2 * m2)
    out[SKEWNESS] = s3 / n / (m2 * std)
    known = distance > 0.0  # hops that are constant each, at different levels, have no distance of their own
    out[SHAPE_FACTOR] = rms * n / distance if known else math.nan
    out[IMPULSE_FACTOR] = peak * n / distance if known else math.nan
    out[CLEARANCE_FACTOR] = peak * (n / root) * (n / root) if known else math.nan


@njit(types.void(_PARTIALS, _CHOICE, _F, _OUT), cache=True, **_OPTIONS)
def merge_partials(
    partials: NDArray[np.float64],
    from_zero: NDArray[np.bool_],
    fs: float,
    out: NDArray[np.float64],
) -> None:
    """Time-domain features of every channel of every window, from the partials of its hops.

    A feature is trustworthy only if the window holds several periods of what it is to describe; kurtosis and
    the factors built on the peak scatter widely from window to window by chance alone.

    Parameters
    ----------
    partials : float64[n_windows, n_hops, n_channels, 12]
        From `hop_partials`, oldest hop first; ``n_hops >= 1``.
    from_zero : bool[n_channels]
        As for `hop_partials`.
    fs : float
        Samples per second.
    out : float64[n_windows, n_channels, 12]
        Written; any strides. With ``a`` = distance from the origin, in the order of this module's constants:

        ==================  =======  ========================================================================
        MEAN                unit     arithmetic mean
        STD                 unit     population standard deviation
        RMS                 unit     root mean square of ``a``: equal to STD where the origin is the mean
        PEAK                unit     largest ``a``
        PEAK_TO_PEAK        unit     largest minus smallest sample
        CREST_FACTOR        1..      PEAK / RMS; sqrt(2) for a sine, about 4 for noise
        KURTOSIS            1..      fourth central moment / STD⁴ (not excess): sine 1.5, normal noise 3
        SKEWNESS            any      third central moment / STD³: 0 if symmetric
        SHAPE_FACTOR        1..      RMS / mean of ``a``
        IMPULSE_FACTOR      1..      PEAK / mean of ``a``
        CLEARANCE_FACTOR    1..      PEAK / (mean of sqrt(``a``))²
        ZERO_CROSSING_...   Hz       crossings of the origin per second: 2 f for a sine of f Hz
        ==================  =======  ========================================================================

        Where the origin is the mean, MEAN to SKEWNESS take the window's; the means of ``a`` and of its root
        and the crossings take each hop's own, which is what lets hops be summed up once.
        All NaN for a channel that holds a NaN or an infinity. Ratios (CREST_FACTOR to CLEARANCE_FACTOR) are
        NaN where all samples are equal; the crossing rate is NaN below two samples. No samples: all NaN.

    Notes
    -----
    No allocation. About 0.1 µs per channel of a window of two hops; in proportion to the hops of a window.
    Errors against extended precision: 1e-7 of STD, 1e-6 of KURTOSIS (float32 lanes), 1e-12 (float64 lanes).

    References
    ----------
    P. Pébay: Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
    moments, Sandia report SAND2008-6212 (2008).

    Examples
    --------
    >>> import numpy as np
    >>> sine = np.sin(2 * np.pi * np.arange(1000) / 200).astype(np.float32)
    >>> origin, partials, out = np.array([False]), np.empty((1, 2, 1, N_PARTIALS)), np.empty((1, 1, N_TIME))
    >>> hop_partials(sine[None, :600], origin, partials[0, 0])
    >>> hop_partials(sine[None, 600:], origin, partials[0, 1])
    >>> merge_partials(partials, origin, 1000.0, out)
    >>> out[0, 0, [RMS, CREST_FACTOR, KURTOSIS]].round(3).tolist()
    [0.707, 1.414, 1.5]
    """
    for window in range(partials.shape[0]):
        for channel in range(partials.shape[2]):
            _features_of_channel(partials[window, :, channel], from_zero[channel], fs, out[window, channel])
