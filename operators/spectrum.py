"""Power spectra of stacks of windows: the kernels around a batched FFT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from operators.kernels.orders import why_order_missing
from operators.kernels.spectral import apply_taper, hann_taper, power_spectra

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

    @property
    def n_samples(self) -> int:
        """In a window."""
        return self.taper.size

    def rows(self, n_rows: int) -> NDArray[np.float32]:
        """Room for a stack of windows, to be filled and handed to `transform`.

        Parameters
        ----------
        n_rows : int
            Windows times channels.

        Returns
        -------
        float32[n_padded, n_fft]
            The next multiple of four rows, zero beyond the ``n_samples`` of each of the first ``n_rows``. What
            is to be filled is not initialised.
        """
        padded = np.empty((-(-n_rows // _ROWS_AT_ONCE) * _ROWS_AT_ONCE, self.n_fft), np.float32)
        padded[:, self.n_samples :] = 0.0
        padded[n_rows:] = 0.0
        return padded

    def transform(self, rows: NDArray[np.float32]) -> NDArray[np.complex64]:
        """Taper the rows, in place, and transform them.

        Parameters
        ----------
        rows : float32[n_padded, n_fft]
            From `rows`, filled with samples about free of their mean. Changed.

        Returns
        -------
        complex64[n_padded, n_fft // 2 + 1]
            A row with a sample that is not finite is finite nowhere.
        """
        apply_taper(rows, self.taper)
        spectra: NDArray[np.complex64] = scipy.fft.rfft(rows, axis=1)
        return spectra

    def power_of(self, spectra: NDArray[np.complex64], n_rows: int) -> NDArray[np.float32]:
        """One-sided power per bin, in the channel's unit squared.

        Parameters
        ----------
        spectra : complex64[n_padded, n_fft // 2 + 1]
            From `transform`.
        n_rows : int
            That are wanted, from the first.

        Returns
        -------
        float32[n_rows, n_fft // 2 + 1]
            See `operators.kernels.spectral.power_spectra`.
        """
        power = np.empty((n_rows, spectra.shape[1]), np.float32)
        power_spectra(spectra, self.n_fft, self.taper_power, power)
        return power

    def why_order_missing(self, column: int, rpm: float, n_teeth: float) -> str | None:
        """What keeps a line that belongs to the spindle's speed from being said.

        Parameters
        ----------
        column : int
            Of `operators.kernels.orders`.
        rpm, n_teeth : float
            NaN if unknown.

        Returns
        -------
        str or None
            See `operators.kernels.orders.why_order_missing`.
        """
        fs = self.bin_hz * self.n_fft
        window_s = (self.n_samples - 1) / fs
        return why_order_missing(column, window_s, self.bin_hz, fs / 2, rpm, n_teeth)
