"""The numbers that features are picked from: how the columns of `operators.feature_registry` are filled."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.records import Context
from operators.envelope import Envelope
from operators.feature_registry import Family, Kind
from operators.kernels import time_domain
from operators.kernels.asynchronous import N_ASYNCHRONOUS, asynchronous_line
from operators.kernels.bearing_evidence import N_EVIDENCE
from operators.kernels.envelope import BPFO, N_ENVELOPE
from operators.kernels.history import N_HISTORY, history_features
from operators.kernels.noise_floor import noise_floor
from operators.kernels.orders import (
    ASYNCHRONOUS,
    LEAST_CLEARING,
    N_ORDERS,
    REV_1,
    order_lines,
    revolution_line,
)
from operators.kernels.spectral import N_SHAPE, band_rms, spectral_shape
from operators.kernels.stack import place_hop
from operators.kernels.time_domain import N_PARTIALS, N_TIME, hop_partials, merge_partials
from operators.kernels.velocity import velocity_rms
from operators.spectrum import Spectrum
from operators.white_envelope import WhiteEnvelope

Slices = tuple[tuple[NDArray[np.float32], ...], tuple[NDArray[np.float64], ...]]
"""A window's hops, and their partials if it is a waveform's: as in `engine.records.Window`."""

WIDTHS: Mapping[Family, int] = {
    Family.SHAPE: N_SHAPE,
    Family.VELOCITY: 1,
    Family.FLOOR: 1,
    Family.ENVELOPE: N_ENVELOPE,
    Family.BEARING: N_EVIDENCE,
    Family.ORDERS: N_ORDERS,
    Family.ASYNCHRONOUS: N_ASYNCHRONOUS,
}
"""Columns of the families that stand behind time domain and bands, in this order, where they are wanted."""

# ISO 20816 and its predecessors judge severity in this range.
_VELOCITY_LOW_HZ, _VELOCITY_HIGH_HZ = 10.0, 1000.0
# Lines of shaft and teeth are crowded below; an octave above it is the least that makes a level.
_FLOOR_LOW_HZ = 1000.0
# Windows are taken in stacks of about so many samples: more do not get faster, but leave the L2 cache.
_STACK_SAMPLES = 81_920


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

    def why_missing(self, channel: int, kind: Kind, context: Context) -> None:
        """Nothing but the samples keeps a feature of a slow channel from being said."""

    def compute(
        self,
        windows: Sequence[Slices],
        contexts: Sequence[Context],  # noqa: ARG002 - slow values need none
        apart: bool,  # noqa: ARG002 - nothing of theirs is costly
    ) -> NDArray[np.float64]:
        """Fill the columns.

        Parameters
        ----------
        windows : sequence of Slices
            Equally long.
        contexts : sequence of Context
            One for each window; not read.
        apart : bool
            As `WaveformColumns.compute`; not read.

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
    """Columns of a waveform group: time domain, bands, then the families of `WIDTHS` that are wanted.

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
    to_mm_s2 : float64[n_channels]
        Millimetres per second squared in a channel's unit; NaN if that is no acceleration.
    spectrum : Spectrum
        Of such windows.
    band_bins : int64[n_bands + 1]
        See `operators.kernels.spectral.bins_of_edges`; the spectrum's shape counts from the first one up.
    envelope : Envelope or None
        None if the family is not wanted, or the rate too low for it.
    white : WhiteEnvelope or None
        None if evidence for bearings is not wanted, or the rate too low for it.
    bearing_orders : float64[n_channels, 4]
        Frequencies of each channel's bearing as multiples of the speed; NaN if it has none.
    first : Mapping[Family, int]
        First column of each family of `WIDTHS` that is wanted.
    width : int
        Columns per channel.
    """

    sample_rate_hz: float
    n_hop: int
    n_hops: int
    from_zero: NDArray[np.bool_]
    to_mm_s2: NDArray[np.float64]
    spectrum: Spectrum
    band_bins: NDArray[np.int64]
    envelope: Envelope | None
    white: WhiteEnvelope | None
    bearing_orders: NDArray[np.float64]
    first: Mapping[Family, int]
    width: int

    @property
    def n_bands(self) -> int:
        """Frequency bands."""
        return self.band_bins.size - 1

    @property
    def n_window(self) -> int:
        """Samples in a window."""
        return self.n_hop * self.n_hops

    @property
    def n_stack(self) -> int:
        """Windows to compute at once."""
        return max(1, _STACK_SAMPLES // (self.from_zero.size * self.n_window))

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
        n_channels = self.from_zero.size
        if samples.shape[1:] != (n_channels, self.n_window):
            raise ValueError(
                f"Expected windows of {n_channels} channels x {self.n_window} samples, got {samples.shape[1:]}"
            )
        cut = samples.reshape(-1, n_channels, self.n_hops, self.n_hop)
        windows = []
        for window in np.ascontiguousarray(np.swapaxes(cut, 1, 2)):
            partials = np.empty((self.n_hops, n_channels, N_PARTIALS))
            for hop, sums in zip(window, partials, strict=True):
                hop_partials(hop, self.from_zero, sums)
            windows.append((tuple(window), tuple(partials)))
        return windows

    def why_missing(self, channel: int, kind: Kind, context: Context) -> str | None:
        """What keeps a feature from being said, if it is not the samples.

        Parameters
        ----------
        channel : int
            Its row.
        kind : Kind
            The feature.
        context : Context
            Of the window.

        Returns
        -------
        str or None
            A few words; None if a NaN must come from the samples.
        """
        rpm = math.nan if context.rpm is None else context.rpm
        if kind.family is Family.VELOCITY:
            if math.isnan(self.to_mm_s2[channel]):
                return "unit is no acceleration"
            too_slow = self.sample_rate_hz < 2 * _VELOCITY_HIGH_HZ
            return "rate too low" if too_slow or self.spectrum.bin_hz > _VELOCITY_LOW_HZ else None
        if kind.family is Family.FLOOR:
            return "rate too low" if self.sample_rate_hz < 4 * _FLOOR_LOW_HZ else None
        if kind.family is Family.ORDERS:
            n_teeth = math.nan if context.n_teeth is None else context.n_teeth
            return self.spectrum.why_order_missing(kind.position, rpm, n_teeth)
        if kind.family is Family.ASYNCHRONOUS:
            notched = _notched_rpm(rpm, context.n_teeth, self.spectrum.bin_hz)
            return self.spectrum.why_order_missing(ASYNCHRONOUS, notched, math.nan)
        if kind.family is Family.BEARING:
            if self.white is None:
                return "rate too low"
            return self.white.why_missing(kind.position, rpm, self.bearing_orders[channel, kind.position])
        if kind.family is Family.ENVELOPE:
            if self.envelope is None:
                return "rate too low"
            if kind.position >= BPFO:
                return self.envelope.why_missing(rpm, self.bearing_orders[channel, kind.position - BPFO])
        return None

    def compute(
        self, windows: Sequence[Slices], contexts: Sequence[Context], apart: bool
    ) -> NDArray[np.float64]:
        """Fill the columns.

        Parameters
        ----------
        windows : sequence of Slices
            Of declared length.
        contexts : sequence of Context
            One for each window.
        apart : bool
            False: evidence of bearings is NaN; see `engine.records.Window.apart`.

        Returns
        -------
        float64[n_windows, n_channels, width]
            NaN where a feature cannot be said.
        """
        out = np.empty((len(windows), self.from_zero.size, self.width))
        merge_partials(np.array([sums for _, sums in windows]), self.from_zero, self.sample_rate_hz, out)
        if self.n_bands or self.first:
            rows = self._rows(windows, out[:, :, time_domain.MEAN])
            self._fill_spectral(rows, contexts, out, apart)
        return out

    def _rows(self, windows: Sequence[Slices], means: NDArray[np.float64]) -> NDArray[np.float32]:
        """Rows for the FFT: every channel of every window, without its mean."""
        n_channels, n_hop = self.from_zero.size, self.n_hop
        rows = self.spectrum.rows(len(windows) * n_channels)
        for index, (hops, _) in enumerate(windows):
            own = rows[index * n_channels : (index + 1) * n_channels]
            for position, hop in enumerate(hops):
                place_hop(hop, means[index], own[:, position * n_hop : (position + 1) * n_hop])
        return rows

    def _fill_spectral(
        self, rows: NDArray[np.float32], contexts: Sequence[Context], out: NDArray[np.float64], apart: bool
    ) -> None:
        """Fill what comes from the spectrum; rows are tapered in place on the way."""
        n_windows, n_channels, _ = out.shape
        table = out.reshape(n_windows * n_channels, self.width)
        bin_hz, orders = self.spectrum.bin_hz, self.first.get(Family.ORDERS)
        rpm = _per_row([context.rpm for context in contexts], n_channels)
        n_teeth = _per_row([context.n_teeth for context in contexts], n_channels)
        if orders is not None:
            revolution_line(rows, self.n_window, self.sample_rate_hz, rpm, table[:, orders + REV_1])
        spectra = self.spectrum.transform(rows)
        power = self.spectrum.power_of(spectra, table.shape[0])
        band_rms(power, self.band_bins, table[:, N_TIME : N_TIME + self.n_bands])
        if orders is not None:
            order_lines(power, bin_hz, rpm, n_teeth, table[:, orders : orders + N_ORDERS])
        if (line := self.first.get(Family.ASYNCHRONOUS)) is not None:
            notched = [_notched_rpm(context.rpm, context.n_teeth, bin_hz) for context in contexts]
            asynchronous_line(
                power, bin_hz, _per_row(notched, n_channels), table[:, line : line + N_ASYNCHRONOUS]
            )
        if (shape := self.first.get(Family.SHAPE)) is not None:
            spectral_shape(power, self.band_bins[0], bin_hz, table[:, shape : shape + N_SHAPE])
        if (velocity := self.first.get(Family.VELOCITY)) is not None:
            velocity_rms(power, bin_hz, _VELOCITY_LOW_HZ, _VELOCITY_HIGH_HZ, 1.0, table[:, velocity])
            out[:, :, velocity] *= self.to_mm_s2
        if (floor := self.first.get(Family.FLOOR)) is not None:
            high_enough = self.sample_rate_hz >= 4 * _FLOOR_LOW_HZ
            first_bin = math.ceil(_FLOOR_LOW_HZ / bin_hz) if high_enough else power.shape[1]
            noise_floor(power, first_bin, bin_hz, rpm, table[:, floor])
        if (first := self.first.get(Family.ENVELOPE)) is not None:
            self._fill_envelope(spectra, rpm, table[:, first : first + N_ENVELOPE])
        if (first := self.first.get(Family.BEARING)) is not None:
            if apart:
                self._fill_evidence(spectra, rpm, table[:, first : first + N_EVIDENCE])
            else:
                table[:, first : first + N_EVIDENCE] = np.nan

    def _fill_envelope(
        self, spectra: NDArray[np.complex64], rpm: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        if self.envelope is None:
            out[:] = np.nan
            return
        envelopes = self.envelope.demodulate(spectra, out)
        n_windows = out.shape[0] // self.from_zero.size
        self.envelope.lines(envelopes, rpm, np.tile(self.bearing_orders, (n_windows, 1)), out)

    def _fill_evidence(
        self, spectra: NDArray[np.complex64], rpm: NDArray[np.float64], out: NDArray[np.float64]
    ) -> None:
        if self.white is None:
            out[:] = np.nan
            return
        n_windows = out.shape[0] // self.from_zero.size
        self.white.evidence(spectra, rpm, np.tile(self.bearing_orders, (n_windows, 1)), out)


def _notched_rpm(rpm: float | None, n_teeth: int | None, bin_hz: float) -> float:
    """Speed whose multiples hold what is forced: the spindle's; where those are not told apart, that of its teeth.

    A slow cutter's teeth force more than its run-out does, and their lines stand as far apart as a fast spindle's.
    """
    if rpm is None:
        return math.nan
    crowded = rpm / (60.0 * bin_hz) < LEAST_CLEARING
    return rpm * n_teeth if crowded and n_teeth is not None and n_teeth >= 2 else rpm


def _per_row(values: Sequence[float | None], n_channels: int) -> NDArray[np.float64]:
    """One value a window, None if unknown, as one a row, NaN if unknown."""
    return np.repeat(np.array(values, dtype=np.float64), n_channels)
