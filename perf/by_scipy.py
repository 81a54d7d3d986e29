"""The full set of features as it is usually written: one channel after the other, with SciPy's ready-made functions.

Welch's spectrum, a Butterworth band-pass, forwards and backwards, and a Hilbert transform for each envelope band,
``scipy.stats`` for moments and entropy. What depends on the shape of a window alone (filters, masks) is prepared
once. Numbers differ from `perf.by_hand` where the methods do: filters' slopes overlap, and no taper shapes the bands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
import scipy.signal
import scipy.stats
from numpy.typing import NDArray

from perf.by_hand import FULL_SET, G_IN_MM_S2, N_ENVELOPE_BANDS, N_HARMONICS, VELOCITY_HZ, ByHand, Floats


@dataclass(frozen=True)
class ByScipy:
    """What can be prepared for windows of one shape, on one spindle.

    Parameters
    ----------
    like : ByHand
        For the same windows, bands and bearing.
    """

    like: ByHand = field(default_factory=ByHand)

    @cached_property
    def envelope_edges_hz(self) -> Floats:
        """Edges of the envelope bands."""
        first, n_band = self.like.envelope_bins
        return (first + np.arange(N_ENVELOPE_BANDS + 1) * n_band) * self.like.bin_hz

    @cached_property
    def filters(self) -> list[Floats]:
        """Band-pass of each envelope band, second-order sections."""
        return [
            scipy.signal.butter(4, (low, high), "bandpass", fs=self.like.fs, output="sos")
            for low, high in pairwise(self.envelope_edges_hz)
        ]

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
            In the order of `perf.by_hand.FULL_SET`.
        """
        return np.array([self.of_channel(row, rpm) for row in x])

    def of_channel(self, x: NDArray[np.float32], rpm: float) -> list[float]:
        """Compute everything of one channel.

        Parameters
        ----------
        x : float32[n_samples]
            In g.
        rpm : float
            Speed of the spindle.

        Returns
        -------
        list of float
            In the order of `perf.by_hand.FULL_SET`.
        """
        hz, density = scipy.signal.welch(x, self.like.fs, "hann", nperseg=x.size)
        power = density * self.like.bin_hz
        features = [
            *self._time_domain(x),
            *self._bands(hz, power),
            *self._shape(hz, power),
            *self._envelope(x, rpm),
            *self._orders(hz, power, rpm),
        ]
        assert len(features) == len(FULL_SET)
        return features

    def _time_domain(self, x: NDArray[np.float32]) -> list[float]:
        centred = x - np.mean(x)
        distance = np.abs(centred)
        rms, peak = np.sqrt(np.mean(centred**2)), np.max(distance)
        crossings = np.count_nonzero(np.diff(np.signbit(centred)))
        return [
            np.mean(x),
            np.std(x),
            rms,
            peak,
            np.ptp(x),
            peak / rms,
            scipy.stats.kurtosis(x, fisher=False),
            scipy.stats.skew(x),
            rms / np.mean(distance),
            peak / np.mean(distance),
            peak / np.mean(np.sqrt(distance)) ** 2,
            crossings * self.like.fs / (x.size - 1),
        ]

    def _bands(self, hz: Floats, power: Floats) -> list[float]:
        edges = self.like.band_edges_hz.copy()
        edges[-1] += self.like.bin_hz  # the last band takes in the Nyquist frequency
        return [np.sqrt(np.sum(power[(hz >= low) & (hz < high)])) for low, high in pairwise(edges)]

    def _shape(self, hz: Floats, power: Floats) -> list[float]:
        used = hz >= self.like.band_edges_hz[0]
        f, p = hz[used], power[used]
        centroid = np.average(f, weights=p)
        spread = np.sqrt(np.average((f - centroid) ** 2, weights=p))
        entropy = scipy.stats.entropy(p) / np.log(p.size)
        inside = (hz >= VELOCITY_HZ[0]) & (hz <= VELOCITY_HZ[1])
        velocity = np.sqrt(np.sum(power[inside] * (G_IN_MM_S2 / (2 * np.pi * hz[inside])) ** 2))
        return [centroid, spread, entropy, f[np.argmax(p)], velocity]

    def _envelope(self, x: NDArray[np.float32], rpm: float) -> list[float]:
        squared = [
            np.abs(scipy.signal.hilbert(scipy.signal.sosfiltfilt(band, x))) ** 2 for band in self.filters
        ]
        kurtosis = [np.mean(band**2) / np.mean(band) ** 2 - 2 for band in squared]
        best = int(np.argmax(kurtosis))
        hz, power = scipy.signal.periodogram(
            squared[best], self.like.fs, "hann", detrend="constant", scaling="density"
        )
        level = np.mean(squared[best])
        depths = []
        for line in self.like.bearing:
            harmonics = line * rpm / 60 * np.arange(1, N_HARMONICS + 1)
            energy = sum(np.sum(power[np.abs(hz - f) <= 2.5 * self.like.bin_hz]) for f in harmonics)
            depths.append(np.sqrt(2 * energy * self.like.bin_hz) / level)
        centre_hz = np.mean(self.envelope_edges_hz[best : best + 2])
        # The analytic signal has twice the power of the signal.
        return [kurtosis[best], centre_hz, np.sqrt(level / 2), *depths]

    def _orders(self, hz: Floats, power: Floats, rpm: float) -> list[float]:
        f_rev, reach_hz = rpm / 60, 2.5 * self.like.bin_hz
        orders = [*range(1, N_HARMONICS + 1), *(self.like.n_teeth * k for k in range(1, N_HARMONICS + 1))]
        lines = [np.sqrt(np.sum(power[np.abs(hz - k * f_rev) <= reach_hz])) for k in orders]
        used = hz >= f_rev - reach_hz
        beside = np.abs(hz - np.rint(hz / f_rev) * f_rev) > reach_hz
        return [*lines, np.sum(power[used & beside]) / np.sum(power[used])]
