"""Envelopes of the whitened spectrum, whole and in halves: the kernels around more batched transforms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from operators.kernels.bearing_evidence import bearing_evidence, why_evidence_missing
from operators.kernels.whitening import drop_orders, square, whiten
from operators.spectrum import Spectrum

_LEAST_BINS = 128  # in fewer, surroundings of a line cannot be told from the rest
_HALF_WIDTH_HZ = (
    100.0  # resonances of housings and bearings are wider than twice that, lines of a shaft narrower
)


@dataclass(frozen=True, slots=True, eq=False)
class WhiteEnvelope:
    """How a window's spectrum is whitened and demodulated.

    As a whole, and in three halves that overlap by half: where impacts ring one resonance only, the rest of the
    spectrum adds nothing but noise. Narrower bands would not hold the lines of a fast spindle.

    Attributes
    ----------
    spectrum : Spectrum
        Whose windows these are.
    first_bin : int
        Where the band begins.
    n_inside : int
        Bins in it: a fast length for a transform, so a few bins below the Nyquist frequency are left over.
    n_half : int
        Bins in a half of it.
    half_width : int
        Bins to either side over which the power is averaged that a bin is divided by.
    """

    spectrum: Spectrum
    first_bin: int
    n_inside: int
    n_half: int
    half_width: int

    @classmethod
    def for_spectrum(cls, spectrum: Spectrum, low_hz: float = 500.0) -> WhiteEnvelope | None:
        """Take the spectrum from ``low_hz`` up to the Nyquist frequency.

        Parameters
        ----------
        spectrum : Spectrum
            Of the windows.
        low_hz : float
            Below it are the lines of the revolution and the teeth. At least 0.

        Returns
        -------
        WhiteEnvelope or None
            None if the rate is too low: less than 128 bins.
        """
        first_bin = int(np.ceil(low_hz / spectrum.bin_hz - 1e-9))
        room = spectrum.n_fft // 2 - first_bin  # neither the bin at the Nyquist frequency, which is one-sided
        if room < _LEAST_BINS:
            return None
        n_inside = int(scipy.fft.prev_fast_len(room, real=True))
        n_half = int(scipy.fft.prev_fast_len(n_inside // 2, real=True))
        half_width = max(1, math.ceil(_HALF_WIDTH_HZ / spectrum.bin_hz))
        return cls(spectrum, first_bin, n_inside, n_half, half_width)

    @property
    def n_bins(self) -> int:
        """Bins of the whole squared envelope's spectrum; as far apart as those of the window's."""
        return self.n_inside // 2 + 1

    def evidence(
        self,
        spectra: NDArray[np.complex64],
        rpm: NDArray[np.float64],
        orders: NDArray[np.float64],
        out: NDArray[np.float64],
    ) -> None:
        """How surely each row's bearing shows its lines.

        Parameters
        ----------
        spectra : complex64[n_padded, n_fft // 2 + 1]
            From `Spectrum.transform`: a whole number of fours, so that a row does not depend on the others.
        rpm : float64[n_rows]
            ``n_rows <= n_padded``. NaN if unknown.
        orders : float64[n_rows, 4]
            `engine.declared.Bearing.orders`. NaN if unknown: nothing is computed if they all are.
        out : float64[n_rows, 3]
            Written; see `operators.kernels.bearing_evidence.bearing_evidence`. The largest of all bands, less what
            the largest of so many is larger than one.
        """
        if np.isnan(orders[:, 0] * rpm).all():
            out[:] = math.nan
            return
        left = np.empty((spectra.shape[0], self.n_inside), np.complex64)
        drop_orders(spectra, self.first_bin, self.spectrum.bin_hz, rpm, left)
        white = np.empty_like(left)
        whiten(left, self.half_width, white)
        half, quarter, end = self.n_half, self.n_half // 2, self.n_inside
        bands = [slice(0, end), slice(0, half), slice(quarter, quarter + half), slice(end - half, end)]
        out[:] = math.nan
        found = np.empty(out.shape)
        for band in bands:
            analytic = scipy.fft.ifft(white[:, band], axis=1)
            squared = np.empty(analytic.shape, np.float32)
            square(analytic, squared)
            squared[out.shape[0] :] = 0.0
            envelopes: NDArray[np.complex64] = scipy.fft.rfft(squared, axis=1)
            bearing_evidence(envelopes, self.spectrum.bin_hz, rpm, orders, found)
            np.fmax(out, found, out=out)
        np.maximum(out - math.log(len(bands)), 0.0, out=out)

    def why_missing(self, line: int, rpm: float, order: float) -> str | None:
        """What keeps the evidence for a bearing's line from being said.

        Parameters
        ----------
        line : int
            Of `operators.kernels.bearing_evidence`.
        rpm, order : float
            Speed, and the line's frequency per revolution; NaN if unknown.

        Returns
        -------
        str or None
            See `operators.kernels.bearing_evidence.why_evidence_missing`.
        """
        return why_evidence_missing(line, rpm, order, self.spectrum.bin_hz, self.n_bins)
