"""The numbers that features are picked from: what each kernel's columns are, and how they are filled.

To add a feature: a kernel (or a column of one) in `operators.kernels` with its oracle and tests, and a line in
one of the three tables below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.kernels import history, spectral, time_domain
from operators.kernels.history import N_HISTORY, history_features
from operators.kernels.spectral import N_SHAPE, band_rms, spectral_shape
from operators.kernels.time_domain import N_TIME, time_features
from operators.spectrum import Spectrum


class Column(NamedTuple):
    """Where a kernel writes a feature, and what it is.

    Parameters
    ----------
    position : int
        Among the kernel's columns.
    unit : str
        ``{unit}`` stands for the channel's.
    log : bool
        As in `engine.records.Feature`. False where a healthy value may be 0 or negative.
    floor : float, optional
        As in `engine.records.Feature`.
    """

    position: int
    unit: str
    log: bool
    floor: float | None = None


TIME_FEATURES: Mapping[str, Column] = {
    # Hardness of the stock and friction move the cutting load by a few percent from cut to cut, which a teach-in of
    # few cuts cannot show; shops warn at 15 to 20 % over the fresh tool's load.
    "mean": Column(time_domain.MEAN, "{unit}", False, floor=0.05),
    "std": Column(time_domain.STD, "{unit}", True),
    "rms": Column(time_domain.RMS, "{unit}", True),
    "peak": Column(time_domain.PEAK, "{unit}", True),
    "peak_to_peak": Column(time_domain.PEAK_TO_PEAK, "{unit}", True),
    "crest_factor": Column(time_domain.CREST_FACTOR, "", True),
    "kurtosis": Column(time_domain.KURTOSIS, "", True),
    "skewness": Column(time_domain.SKEWNESS, "", False),
    "shape_factor": Column(time_domain.SHAPE_FACTOR, "", True),
    "impulse_factor": Column(time_domain.IMPULSE_FACTOR, "", True),
    "clearance_factor": Column(time_domain.CLEARANCE_FACTOR, "", True),
    "zero_crossing_rate_hz": Column(time_domain.ZERO_CROSSING_RATE_HZ, "Hz", False),
}
SPECTRAL_FEATURES: Mapping[str, Column] = {
    "centroid_hz": Column(spectral.CENTROID_HZ, "Hz", True),
    "spread_hz": Column(spectral.SPREAD_HZ, "Hz", True),
    "entropy": Column(spectral.ENTROPY, "", False),
    "peak_hz": Column(spectral.PEAK_HZ, "Hz", True),
}
# A slow value that is quantised may well stand still for a while: no logarithms here.
SCALAR_FEATURES: Mapping[str, Column] = {
    "value": Column(history.VALUE, "{unit}", False),
    "slope": Column(history.SLOPE, "{unit}/s", False),
    "std": Column(history.STD, "{unit}", False),
}


@dataclass(frozen=True, slots=True, eq=False)
class HistoryColumns:
    """Columns of a scalar group.

    Attributes
    ----------
    sample_rate_hz : float
        Nominal.
    """

    sample_rate_hz: float

    @property
    def width(self) -> int:
        """Columns per channel."""
        return N_HISTORY

    def compute(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Fill the columns.

        Parameters
        ----------
        samples : float32[n_windows, n_channels, n_samples]
            C-contiguous.

        Returns
        -------
        float64[n_windows, n_channels, width]
            See `operators.kernels.history`.
        """
        out = np.empty((*samples.shape[:2], N_HISTORY))
        history_features(samples, self.sample_rate_hz, out)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class WaveformColumns:
    """Columns of a waveform group: time domain, then bands, then the spectrum's shape if it is wanted.

    Attributes
    ----------
    sample_rate_hz : float
        Declared.
    n_samples : int
        In a window.
    from_zero : bool[n_channels]
        True for ``dc_coupled`` channels; see `operators.kernels.time_domain.time_features`.
    spectrum : Spectrum
        Of such windows.
    band_bins : int64[n_bands + 1]
        See `operators.kernels.spectral.bins_of_edges`; the spectrum's shape counts from the first one up.
    shape_wanted : bool
        Whether the columns of `SPECTRAL_FEATURES` are there.
    """

    sample_rate_hz: float
    n_samples: int
    from_zero: NDArray[np.bool_]
    spectrum: Spectrum
    band_bins: NDArray[np.int64]
    shape_wanted: bool

    @property
    def n_bands(self) -> int:
        """Frequency bands."""
        return self.band_bins.size - 1

    @property
    def width(self) -> int:
        """Columns per channel."""
        return N_TIME + self.n_bands + N_SHAPE * self.shape_wanted

    def compute(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Fill the columns.

        Parameters
        ----------
        samples : float32[n_windows, n_channels, n_samples]
            C-contiguous.

        Returns
        -------
        float64[n_windows, n_channels, width]
            NaN where a feature cannot be said.

        Raises
        ------
        ValueError
            Windows of another shape than declared.
        """
        if samples.shape[1:] != (self.from_zero.size, self.n_samples):
            raise ValueError(
                f"Expected windows of {self.from_zero.size} channels x {self.n_samples} samples, "
                f"got {samples.shape[1:]}"
            )
        out = np.empty((*samples.shape[:2], self.width))
        time_features(samples, self.from_zero, self.sample_rate_hz, out)
        if self.n_bands or self.shape_wanted:
            shape_from = N_TIME + self.n_bands
            power = self.spectrum.power(samples, out[:, :, time_domain.MEAN])
            rows = out.reshape(-1, out.shape[2])
            band_rms(power, self.band_bins, rows[:, N_TIME:shape_from])
            if self.shape_wanted:
                spectral_shape(power, self.band_bins[0], self.spectrum.bin_hz, rows[:, shape_from:])
        return out
