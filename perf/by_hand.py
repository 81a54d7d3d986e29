"""The full set of features as a good NumPy programmer writes it by hand: the peer that has to be beaten honestly.

Everything that depends on the shape of a window alone is prepared once; each window is then computed whole, all
channels at once, in float32 as it comes, with one batched FFT, BLAS products and no loop. What it does not do is
what one does not do by hand: keep sums of hops, or stack the windows of many machines.

Definitions are those of `operators.kernels`; `tests/perf/test_peers.py` holds them against the same oracles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Floats = NDArray[np.floating]

TIME = (
    "mean",
    "std",
    "rms",
    "peak",
    "peak_to_peak",
    "crest_factor",
    "kurtosis",
    "skewness",
    "shape_factor",
    "impulse_factor",
    "clearance_factor",
    "zero_crossing_rate_hz",
)
N_BANDS = 8
BANDS = tuple(f"band_{i}" for i in range(N_BANDS))
SHAPE = ("centroid_hz", "spread_hz", "entropy", "peak_hz", "velocity_rms")
ENVELOPE = ("envelope_kurtosis", "envelope_band_hz", "envelope_rms", "bpfo", "bpfi", "bsf", "ftf")
ORDERS = ("rev_1", "rev_2", "rev_3", "tooth_1", "tooth_2", "tooth_3", "asynchronous_share")
FULL_SET = TIME + BANDS + SHAPE + ENVELOPE + ORDERS
"""Per channel, in the order in which the peers return them."""

N_ENVELOPE_BANDS = 4
N_HARMONICS = 3
ENVELOPE_LOW_HZ = 500.0
VELOCITY_HZ = (10.0, 1000.0)
G_IN_MM_S2 = 9806.65
_LOBE = np.arange(-2, 3)  # bins that hold a line's power under a Hann taper, and under its square
# Mean square and mean fourth power of the Hann taper.
_HANN2, _HANN4 = 3 / 8, 35 / 128


@dataclass(frozen=True)
class ByHand:
    """What can be prepared for windows of one shape, on one spindle.

    Parameters
    ----------
    fs : float
        Samples per second; at least 2000.
    n_samples : int
        In a window, even; at least 0.1 s of them.
    n_teeth : int
        Of the tool.
    bearing : tuple of float
        Multiples of the shaft's speed: BPFO, BPFI, BSF, FTF. Default: a 6205.
    """

    fs: float = 25_600.0
    n_samples: int = 5120
    n_teeth: int = 4
    bearing: tuple[float, float, float, float] = (3.585, 5.415, 2.357, 0.398)

    @cached_property
    def bin_hz(self) -> float:
        """Distance between bins."""
        return self.fs / self.n_samples

    @cached_property
    def n_bins(self) -> int:
        """Of the one-sided spectrum."""
        return self.n_samples // 2 + 1

    @cached_property
    def taper(self) -> NDArray[np.float32]:
        """Periodic Hann, scaled so that a one-sided spectrum's squares are mean squares."""
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.n_samples) / self.n_samples)
        scale = np.sqrt(2.0 / (self.n_samples * np.sum(hann**2)))
        taper: NDArray[np.float32] = (hann * scale).astype(np.float32)
        return taper

    @cached_property
    def band_edges_hz(self) -> Floats:
        """Edges of the logarithmic bands."""
        return np.geomspace(20.0, self.fs / 2, N_BANDS + 1)

    @cached_property
    def band_bins(self) -> NDArray[np.intp]:
        """First bin of each band; the last one ends with the spectrum."""
        bins: NDArray[np.intp] = np.ceil(self.band_edges_hz[:-1] / self.bin_hz - 1e-9).astype(np.intp)
        return bins

    @cached_property
    def used_hz(self) -> NDArray[np.float32]:
        """Frequencies of the bins that the spectrum's shape counts."""
        return (np.arange(self.band_bins[0], self.n_bins) * self.bin_hz).astype(np.float32)

    @cached_property
    def velocity_weights(self) -> NDArray[np.float32]:
        """What integration from g to mm/s makes of each bin's power; 0 outside the range."""
        hz = np.arange(self.n_bins) * self.bin_hz
        inside = (hz >= VELOCITY_HZ[0]) & (hz <= VELOCITY_HZ[1])
        weights = np.zeros(self.n_bins)
        weights[inside] = (G_IN_MM_S2 / (2 * np.pi * hz[inside])) ** 2
        return weights.astype(np.float32)

    @cached_property
    def envelope_bins(self) -> tuple[int, int]:
        """First bin of the lowest envelope band, and bins per band: a fast length."""
        first = int(np.ceil(ENVELOPE_LOW_HZ / self.bin_hz))
        room = (self.n_samples // 2 - first) // N_ENVELOPE_BANDS
        return first, int(scipy.fft.prev_fast_len(room, real=True))

    def features(self, x: NDArray[np.float32], rpm: float) -> NDArray[np.float64]:
        """Compute everything of one window.

        Parameters
        ----------
        x : float32[n_channels, n_samples]
            In g.
        rpm : float
            Speed of the spindle.

        Returns
        -------
        float64[n_channels, len(FULL_SET)]
            In the order of `FULL_SET`. NaN or infinite samples, and constant channels, spoil their channel's
            features with NaN and a warning.
        """
        out = np.empty((x.shape[0], len(FULL_SET)))
        shape_at = len(TIME) + N_BANDS
        envelope_at = shape_at + len(SHAPE)
        centred = self.time_domain(x, out)
        spectrum = scipy.fft.rfft(centred * self.taper, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        power[:, [0, -1]] *= 0.5
        out[:, len(TIME) : shape_at] = np.sqrt(np.add.reduceat(power, self.band_bins, axis=1))
        out[:, shape_at:envelope_at] = self._shape(power)
        out[:, envelope_at : envelope_at + len(ENVELOPE)] = self._envelope(spectrum, rpm)
        out[:, envelope_at + len(ENVELOPE) :] = self._orders(power, rpm)
        return out

    def time_domain(self, x: NDArray[np.float32], out: NDArray[np.float64]) -> NDArray[np.float32]:
        """Compute the twelve features of the time domain.

        Parameters
        ----------
        x : float32[n_channels, n_samples]
            In g.
        out : float64[n_channels, >= 12]
            The first twelve columns are written, in the order of `TIME`.

        Returns
        -------
        float32[n_channels, n_samples]
            The samples without their mean.
        """
        n = x.shape[1]
        mean = x.mean(axis=1, keepdims=True)
        d: NDArray[np.float32] = x - mean
        square = d * d
        distance = np.abs(d)
        below = np.signbit(d)
        var = np.vecdot(d, d) / n
        std = np.sqrt(var)
        peak = distance.max(axis=1)
        mean_distance = distance.mean(axis=1)
        out[:, 0] = mean[:, 0]
        out[:, 1] = out[:, 2] = std
        out[:, 3] = peak
        out[:, 4] = d.max(axis=1) - d.min(axis=1)
        out[:, 5] = peak / std
        out[:, 6] = np.vecdot(square, square) / n / var**2
        out[:, 7] = np.vecdot(square, d) / n / (var * std)
        out[:, 8] = std / mean_distance
        out[:, 9] = peak / mean_distance
        out[:, 10] = peak / np.sqrt(distance).mean(axis=1) ** 2
        out[:, 11] = np.count_nonzero(below[:, 1:] != below[:, :-1], axis=1) * (self.fs / (n - 1))
        return d

    def _shape(self, power: NDArray[np.float32]) -> Floats:
        """Centroid, spread, entropy, strongest frequency and vibration velocity."""
        rows = np.arange(power.shape[0])
        used = power[:, self.band_bins[0] :]
        total = used.sum(axis=1)
        centroid = used @ self.used_hz / total
        spread = np.sqrt(np.vecdot(used, (self.used_hz - centroid[:, None]) ** 2) / total)
        share = used / total[:, None]
        entropy = -np.vecdot(share, np.log(share + np.float32(1e-30))) / np.log(used.shape[1])
        top = np.clip(used.argmax(axis=1), 1, used.shape[1] - 2)
        left, middle, right = (np.log(used[rows, top + step]) for step in (-1, 0, 1))
        summit = 0.5 * (left - right) / (left - 2 * middle + right)
        peak_hz = self.used_hz[top] + np.clip(summit, -0.5, 0.5) * self.bin_hz
        return np.column_stack((centroid, spread, entropy, peak_hz, np.sqrt(power @ self.velocity_weights)))

    def _envelope(self, spectrum: NDArray[np.complex64], rpm: float) -> Floats:
        """Spectral kurtosis of four bands, and the squared envelope of the most impulsive one."""
        first, n_band = self.envelope_bins
        rows = np.arange(spectrum.shape[0])
        bands = spectrum[:, first : first + N_ENVELOPE_BANDS * n_band].reshape(-1, N_ENVELOPE_BANDS, n_band)
        analytic = scipy.fft.ifft(bands, axis=2, norm="forward")
        squared = analytic.real**2 + analytic.imag**2
        m2 = squared.mean(axis=2)
        m4 = np.vecdot(squared, squared) / n_band
        kurtosis = (m4 / _HANN4) / (m2 / _HANN2) ** 2 - 2
        best = kurtosis.argmax(axis=1)
        envelope = scipy.fft.rfft(squared[rows, best], axis=1)
        power = envelope.real**2 + envelope.imag**2
        hz = np.multiply.outer(self.bearing, np.arange(1, N_HARMONICS + 1)) * (rpm / 60)
        bins = np.rint(hz / self.bin_hz).astype(np.intp)
        seen = bins < power.shape[1] - 2
        around = np.where(seen, bins, 2)[..., None] + _LOBE
        energy = (power[:, around].sum(axis=3) * seen).sum(axis=2)
        depth = 2 * np.sqrt(energy / power[:, :1]) * (_HANN2 / np.sqrt(_HANN4))
        centre_hz = (first + best * n_band + 0.5 * (n_band - 1)) * self.bin_hz
        return np.column_stack((kurtosis[rows, best], centre_hz, np.sqrt(m2[rows, best]), depth))

    def _orders(self, power: NDArray[np.float32], rpm: float) -> Floats:
        """RMS of lines at multiples of the speed and of tooth passing, and the share of all other power.

        All from the spectrum, the first revolution's too, which the kernels project out of the samples.
        """
        order_bins = rpm / 60 / self.bin_hz
        harmonics = np.arange(1, N_HARMONICS + 1)
        bins = np.rint(np.concatenate((harmonics, harmonics * self.n_teeth)) * order_bins).astype(np.intp)
        lines = np.sqrt(power[:, bins[:, None] + _LOBE].sum(axis=2))
        n_orders = int((self.n_bins - 2.5) / order_bins)
        every = np.rint(np.arange(1, n_orders + 1) * order_bins).astype(np.intp)
        synchronous = power[:, every[:, None] + _LOBE].sum(axis=(1, 2))
        total = power[:, every[0] + _LOBE[0] :].sum(axis=1)
        return np.column_stack((lines, 1 - synchronous / total))
