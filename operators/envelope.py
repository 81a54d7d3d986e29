"""Envelopes of stacks of windows: the kernels around two more batched transforms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from operators.kernels.envelope import bearing_lines, choose_band, why_bearing_missing
from operators.spectrum import Spectrum

_LEAST_BINS = 32  # in a band; in fewer, neither a kurtosis nor a line says anything


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """How the spectrum of a window is cut into bands, and the most impulsive of them demodulated.

    Bands lie side by side and are equally wide. All of a bearing's frequencies must fit into half a band, and its
    ringing should fill one: fewer bands see faster bearings, more bands see fainter ones.

    Attributes
    ----------
    spectrum : Spectrum
        Whose windows these are.
    first_bin : int
        Where the first band begins.
    n_bands : int
        Side by side.
    n_inside : int
        Bins in a band: a fast length for a transform, so a few bins below the Nyquist frequency are left over.
    mean2, mean4 : float
        Means of the taper's second and fourth power over ``n_fft``.
    """

    spectrum: Spectrum
    first_bin: int
    n_bands: int
    n_inside: int
    mean2: float
    mean4: float

    @classmethod
    def for_spectrum(cls, spectrum: Spectrum, n_bands: int = 4, low_hz: float = 500.0) -> Envelope | None:
        """Cut the spectrum from ``low_hz`` up to the Nyquist frequency into bands.

        Parameters
        ----------
        spectrum : Spectrum
            Of the windows.
        n_bands : int
            At least 1.
        low_hz : float
            Below it are the lines of the revolution and the teeth, which would be demodulated instead of the
            ringing that they cause. At least 0.

        Returns
        -------
        Envelope or None
            None if the rate is too low: less than 32 bins per band.
        """
        first_bin = int(np.ceil(low_hz / spectrum.bin_hz - 1e-9))
        # Neither the bin at the Nyquist frequency, which is one-sided.
        room = (spectrum.n_fft // 2 - first_bin) // n_bands
        if room < _LEAST_BINS:
            return None
        n_inside = int(scipy.fft.prev_fast_len(room, real=True))  # 5-smooth: factors of 7 and 11 are slower
        taper = spectrum.taper.astype(np.float64)
        mean2, mean4 = (float(np.sum(taper**power)) / spectrum.n_fft for power in (2, 4))
        return cls(spectrum, first_bin, n_bands, n_inside, mean2, mean4)

    @property
    def n_bins(self) -> int:
        """Bins of the squared envelope's spectrum; as far apart as those of the window's."""
        return self.n_inside // 2 + 1

    def demodulate(self, spectra: NDArray[np.complex64], out: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Choose every row's most impulsive band and transform its squared envelope.

        Parameters
        ----------
        spectra : complex64[n_padded, n_fft // 2 + 1]
            From `Spectrum.transform`: a whole number of fours, so that a row does not depend on the others.
        out : float64[n_rows, 7]
            ``n_rows <= n_padded``; the columns KURTOSIS, BAND_HZ and RMS are written.

        Returns
        -------
        complex64[n_padded, n_bins]
            Spectra of squared envelopes, for `lines`.
        """
        n_padded, last = spectra.shape[0], self.first_bin + self.n_bands * self.n_inside
        slices = spectra[:, self.first_bin : last].reshape(n_padded, self.n_bands, self.n_inside)
        bands = scipy.fft.ifft(slices, axis=2)
        squared = np.empty((n_padded, self.n_inside), np.float32)
        to_square = 2.0 * self.n_inside**2 / (self.spectrum.n_fft * self.spectrum.taper_power)
        choose_band(
            bands,
            self.first_bin,
            self.spectrum.bin_hz,
            self.mean2,
            self.mean4,
            to_square,
            squared,
            out,
        )
        envelopes: NDArray[np.complex64] = scipy.fft.rfft(squared, axis=1)
        return envelopes

    def lines(
        self,
        envelopes: NDArray[np.complex64],
        rpm: NDArray[np.float64],
        orders: NDArray[np.float64],
        out: NDArray[np.float64],
    ) -> None:
        """Depth of modulation at the frequencies of each row's bearing.

        Parameters
        ----------
        envelopes : complex64[n_padded, n_bins]
            From `demodulate`.
        rpm : float64[n_rows]
            NaN if unknown.
        orders : float64[n_rows, 4]
            BPFO, BPFI, BSF and FTF per revolution: `engine.declared.Bearing.orders`. NaN if unknown.
        out : float64[n_rows, 7]
            The columns BPFO, BPFI, BSF and FTF are written; see `operators.kernels.envelope.bearing_lines`.
        """
        bearing_lines(envelopes, self.spectrum.bin_hz, self.mean4 / self.mean2**2, rpm, orders, out)

    def why_missing(self, rpm: float, order: float) -> str | None:
        """What keeps a bearing's line from being said.

        Parameters
        ----------
        rpm, order : float
            Speed, and the line's frequency per revolution; NaN if unknown.

        Returns
        -------
        str or None
            See `operators.kernels.envelope.why_bearing_missing`.
        """
        return why_bearing_missing(rpm, order, self.spectrum.bin_hz, self.n_bins)
