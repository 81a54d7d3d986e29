"""The numbers that features are picked from: what each kernel's columns are, and how they are filled.

To add a feature: a kernel (or a column of one) in `operators.kernels` with its oracle and tests, and a line in
one of the three tables below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.records import Context
from operators.kernels import history, spectral, time_domain
from operators.kernels.history import N_HISTORY, history_features
from operators.kernels.spectral import N_SHAPE, band_rms, spectral_shape
from operators.kernels.time_domain import N_PARTIALS, N_TIME, hop_partials, merge_partials
from operators.spectrum import Spectrum

Slices = tuple[tuple[NDArray[np.float32], ...], tuple[NDArray[np.float64], ...]]
"""A window's hops, and their partials if it is a waveform's: as in `engine.records.Window`."""

# Windows are taken in stacks of about so many samples: more do not get faster, but leave the L2 cache.
_STACK_SAMPLES = 65_536


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

    @property
    def n_stack(self) -> int:
        """Windows to compute at once."""
        return _STACK_SAMPLES

    def cut(self, samples: NDArray[np.float32]) -> list[Slices]:
        """Windows as `compute` takes them.

        Parameters
        ----------
        samples : float32[n_windows, n_channels, n_samples]
            C-contiguous.

        Returns
        -------
        list of Slices
            One for each window.
        """
        return [((window,), ()) for window in samples]

    def compute(self, windows: Sequence[Slices], contexts: Sequence[Context]) -> NDArray[np.float64]:  # noqa: ARG002
        """Fill the columns.

        Parameters
        ----------
        windows : sequence of Slices
            Equally long.
        contexts : sequence of Context
            One for each window; slow values need none.

        Returns
        -------
        float64[n_windows, n_channels, width]
            See `operators.kernels.history`.
        """
        samples = np.stack([hops[0] for hops, _ in windows])
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
    n_hop : int
        Samples in a hop.
    n_hops : int
        Hops in a window.
    from_zero : bool[n_channels]
        True for ``dc_coupled`` channels; see `operators.kernels.time_domain.hop_partials`.
    spectrum : Spectrum
        Of such windows.
    band_bins : int64[n_bands + 1]
        See `operators.kernels.spectral.bins_of_edges`; the spectrum's shape counts from the first one up.
    shape_wanted : bool
        Whether the columns of `SPECTRAL_FEATURES` are there.
    """

    sample_rate_hz: float
    n_hop: int
    n_hops: int
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

    @property
    def n_stack(self) -> int:
        """Windows to compute at once."""
        return max(1, _STACK_SAMPLES // (self.from_zero.size * self.n_hop * self.n_hops))

    def cut(self, samples: NDArray[np.float32]) -> list[Slices]:
        """Windows as `compute` takes them: hops and their partials.

        Parameters
        ----------
        samples : float32[n_windows, n_channels, n_samples]
            Each window whole.

        Returns
        -------
        list of Slices
            One for each window.

        Raises
        ------
        ValueError
            Windows of another shape than declared.
        """
        n_channels, n_window = self.from_zero.size, self.n_hop * self.n_hops
        if samples.shape[1:] != (n_channels, n_window):
            raise ValueError(
                f"Expected windows of {n_channels} channels x {n_window} samples, got {samples.shape[1:]}"
            )
        cut = samples.reshape(-1, n_channels, self.n_hops, self.n_hop)
        windows = []
        for window in np.ascontiguousarray(np.swapaxes(cut, 1, 2)):
            partials = np.empty((self.n_hops, n_channels, N_PARTIALS))
            for hop, sums in zip(window, partials, strict=True):
                hop_partials(hop, self.from_zero, sums)
            windows.append((tuple(window), tuple(partials)))
        return windows

    def compute(self, windows: Sequence[Slices], contexts: Sequence[Context]) -> NDArray[np.float64]:  # noqa: ARG002
        """Fill the columns.

        Parameters
        ----------
        windows : sequence of Slices
            Of declared length.
        contexts : sequence of Context
            One for each window.

        Returns
        -------
        float64[n_windows, n_channels, width]
            NaN where a feature cannot be said.
        """
        out = np.empty((len(windows), self.from_zero.size, self.width))
        partials = np.array([sums for _, sums in windows])
        merge_partials(partials, self.from_zero, self.sample_rate_hz, out)
        if self.n_bands or self.shape_wanted:
            shape_from = N_TIME + self.n_bands
            samples = np.stack([np.concatenate(hops, axis=1) for hops, _ in windows])
            power = self.spectrum.power(samples, out[:, :, time_domain.MEAN])
            rows = out.reshape(-1, out.shape[2])
            band_rms(power, self.band_bins, rows[:, N_TIME:shape_from])
            if self.shape_wanted:
                spectral_shape(power, self.band_bins[0], self.spectrum.bin_hz, rows[:, shape_from:])
        return out
