"""Power spectra of stacks of windows: the kernels around a batched FFT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from operators.kernels.spectral import hann_taper, power_spectra, taper_rows

# SciPy transforms so many float32 rows at once and the rest one by one. With whole groups only, every row takes
# the same path, so a spectrum cannot depend on what else is in the stack; and three or four rows cost as much
# as two.
_ROWS_AT_ONCE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """How windows of one length become power spectra.

    Attributes
    ----------
    taper : float32[n_samples]
        Hann.
    taper_power : float
        Sum of the squared taper.
    n_fft : int
        Length of the transform: ``n_samples``, or a little more where that is much faster.
    bin_hz : float
        Distance between bins.
    """

    taper: NDArray[np.float32]
    taper_power: float
    n_fft: int
    bin_hz: float

    @classmethod
    def for_windows(cls, n_samples: int, sample_rate_hz: float) -> Spectrum:
        """Prepare for windows of one length.

        Parameters
        ----------
        n_samples : int
            In a window, at least 1.
        sample_rate_hz : float
            Greater than 0.

        Returns
        -------
        Spectrum
            Ready.
        """
        taper = hann_taper(n_samples)
        n_fft = int(scipy.fft.next_fast_len(n_samples, real=True))
        taper_power = float(np.sum(taper.astype(np.float64) ** 2))
        return cls(taper, taper_power, n_fft, sample_rate_hz / n_fft)

    def power(self, samples: NDArray[np.float32], means: NDArray[np.float64]) -> NDArray[np.float64]:
        """One-sided power per bin, in the channel's unit squared.

        Parameters
        ----------
        samples : float32[n_windows, n_channels, n_samples]
            C-contiguous.
        means : float64[n_windows, n_channels]
            Subtracted first; NaN makes the row NaN.

        Returns
        -------
        float64[n_windows * n_channels, n_fft // 2 + 1]
            See `operators.kernels.spectral.power_spectra`.
        """
        n_rows = samples.shape[0] * samples.shape[1]
        padded = -(-n_rows // _ROWS_AT_ONCE) * _ROWS_AT_ONCE
        rows = np.empty((padded, self.n_fft), np.float32)
        taper_rows(samples, means, self.taper, rows)
        spectra = scipy.fft.rfft(rows, axis=1)
        power = np.empty((n_rows, spectra.shape[1]))
        power_spectra(spectra, self.n_fft, self.taper_power, power)
        return power
