"""How the columns of a waveform group are computed: lengths, spectrum, bands, families wanted."""

from __future__ import annotations

import math

import numpy as np

from engine.config import WaveformConfig
from engine.declared import SensorGroup
from engine.errors import ConfigError
from operators.bands import band_edges, band_names
from operators.columns import WIDTHS, WaveformColumns
from operators.envelope import Envelope
from operators.feature_registry import FEATURES, Family
from operators.kernels.spectral import bins_of_edges
from operators.kernels.time_domain import N_TIME
from operators.spectrum import Spectrum
from operators.white_envelope import WhiteEnvelope
from operators.windows import hops_per_window, samples_per_hop

LEAST_SAMPLES = 16
"""Shortest window of a waveform group: fourth moments of fewer samples say nothing."""


def plan_waveform(group: SensorGroup, config: WaveformConfig) -> tuple[WaveformColumns, list[str]]:
    """Work out how a waveform group's columns are computed.

    Parameters
    ----------
    group : SensorGroup
        Of kind ``waveform``.
    config : WaveformConfig
        Its features are known to exist.

    Returns
    -------
    WaveformColumns
        The plan.
    list of str
        Names of its bands.

    Raises
    ------
    ConfigError
        A window too short for the features, or bands that do not fit the group.
    """
    fs, n_hop, n_hops = group.sample_rate_hz, samples_per_hop(group, config), hops_per_window(group, config)
    n_samples = n_hop * n_hops
    if n_samples < LEAST_SAMPLES:
        raise ConfigError(
            f"Expected windows of at least {LEAST_SAMPLES} samples, got {n_samples} of sensor group "
            f"{group.name!r} at {fs:g} Hz - at `$.waveform.window_s`"
        )
    edges = band_edges(group, config, n_samples)
    spectrum = Spectrum.for_windows(n_samples, fs)
    names = (*config.spectral_features, *config.envelope_features, *config.order_features)
    wanted = {FEATURES[name].family for name in names}
    first, width = {}, N_TIME + edges.size - 1
    for family in (family for family in WIDTHS if family in wanted):
        first[family] = width
        width += WIDTHS[family]
    envelope = None
    if Family.ENVELOPE in wanted:
        envelope = Envelope.for_spectrum(spectrum, config.envelope_n_bands, config.envelope_low_hz)
    white = None
    if Family.BEARING in wanted:
        white = WhiteEnvelope.for_spectrum(spectrum, config.envelope_low_hz)
    source = WaveformColumns(
        sample_rate_hz=fs,
        n_hop=n_hop,
        n_hops=n_hops,
        from_zero=np.array([channel.dc_coupled for channel in group.channels]),
        to_mm_s2=np.array([channel.to_mm_s2 for channel in group.channels]),
        spectrum=spectrum,
        band_bins=bins_of_edges(edges, spectrum.n_fft, fs),
        envelope=envelope,
        white=white,
        bearing_orders=np.array(
            [channel.bearing.orders if channel.bearing else [math.nan] * 4 for channel in group.channels]
        ),
        first=first,
        width=width,
    )
    return source, band_names(edges)
