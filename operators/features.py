"""What is measured of a sensor group: which features, in which order, from which configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.config import Config, WaveformConfig
from engine.declared import Channel, SensorGroup, Spindle
from engine.errors import ConfigError
from engine.records import Context, Feature, Window
from operators.columns import (
    SCALAR_FEATURES,
    SPECTRAL_FEATURES,
    TIME_FEATURES,
    Column,
    HistoryColumns,
    Slices,
    WaveformColumns,
)
from operators.kernels.spectral import bins_of_edges, log_band_edges
from operators.kernels.time_domain import N_TIME
from operators.spectrum import Spectrum
from operators.windows import hops_per_window, samples_per_hop

LEAST_SAMPLES = 16
"""Shortest window of a waveform group: fourth moments of fewer samples say nothing."""


def check_config(config: Config) -> None:
    """See that every configured feature exists and comes once.

    Parameters
    ----------
    config : Config
        ``[waveform]`` and ``[scalar]``.

    Raises
    ------
    ConfigError
        Names the key, what was got and what there is.
    """
    waveform = config.waveform
    for key, names, table in (
        ("waveform.time_features", waveform.time_features, TIME_FEATURES),
        ("waveform.dc_features", waveform.dc_features, TIME_FEATURES),
        ("waveform.spectral_features", waveform.spectral_features, SPECTRAL_FEATURES),
        ("scalar.features", config.scalar.features, SCALAR_FEATURES),
    ):
        for index, name in enumerate(names):
            if name not in table:
                raise ConfigError(f"Expected one of {', '.join(table)}, got {name!r} - at `$.{key}[{index}]`")
            if name in names[:index]:
                raise ConfigError(f"Expected each feature once, got {name!r} again - at `$.{key}[{index}]`")


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSet:
    """The features of one sensor group: frozen, stateless, equal only to itself.

    Attributes
    ----------
    features : tuple[Feature, ...]
        Channel by channel; within one: time domain (or history), bands, spectrum.
    """

    features: tuple[Feature, ...]
    _source: WaveformColumns | HistoryColumns
    _indices: NDArray[np.intp]

    @classmethod
    def for_group(cls, group: SensorGroup, config: Config) -> FeatureSet:
        """Work out what to measure of a sensor group.

        Waveform: ``time_features`` of every channel, or ``dc_features`` where it is ``dc_coupled``, then
        ``n_bands`` bands and the ``spectral_features`` of every channel without its mean: the ripple of a
        motor current tells of the cut too. Scalar: ``[scalar] features`` of every channel.

        Parameters
        ----------
        group : SensorGroup
            Declared.
        config : Config
            ``[waveform]`` or ``[scalar]``.

        Returns
        -------
        FeatureSet
            At least one feature.

        Raises
        ------
        ConfigError
            A feature that does not exist or comes twice; no feature at all; a window too short for the
            features, or for the frequency resolution that its bands need; a first band above the Nyquist
            frequency. Names the key.
        """
        check_config(config)
        source: WaveformColumns | HistoryColumns
        if group.kind == "scalar":
            source = HistoryColumns(group.sample_rate_hz)
            chosen = [(name, SCALAR_FEATURES[name]) for name in config.scalar.features]
            return cls._lay_out(group, [chosen] * len(group.channels), source)
        waveform = config.waveform
        source, bands = _plan_waveform(group, waveform)
        everywhere = [(name, Column(N_TIME + i, "{unit}", True)) for i, name in enumerate(bands)]
        for name in waveform.spectral_features:
            column = SPECTRAL_FEATURES[name]
            everywhere.append((name, column._replace(position=N_TIME + len(bands) + column.position)))
        per_channel = [
            [(name, TIME_FEATURES[name]) for name in _time_features(channel, waveform)] + everywhere
            for channel in group.channels
        ]
        return cls._lay_out(group, per_channel, source)

    @classmethod
    def for_shop(cls, spindles: Sequence[Spindle], config: Config) -> dict[tuple[str, str], FeatureSet]:
        """Feature sets of every sensor group; groups declared alike share one.

        Parameters
        ----------
        spindles : sequence of Spindle
            Names are unique.
        config : Config
            As for `for_group`.

        Returns
        -------
        dict[tuple[str, str], FeatureSet]
            By spindle and group.

        Raises
        ------
        ConfigError
            As `for_group`.
        """
        built: dict[SensorGroup, FeatureSet] = {}
        shop: dict[tuple[str, str], FeatureSet] = {}
        for spindle in spindles:
            for group in spindle.groups:
                if group not in built:
                    built[group] = cls.for_group(group, config)
                shop[spindle.name, group.name] = built[group]
        return shop

    @classmethod
    def _lay_out(
        cls,
        group: SensorGroup,
        per_channel: Sequence[Sequence[tuple[str, Column]]],
        source: WaveformColumns | HistoryColumns,
    ) -> FeatureSet:
        """Name every feature and note where its number stands among all channels' columns."""
        features, indices = [], []
        for row, (channel, columns) in enumerate(zip(group.channels, per_channel, strict=True)):
            for name, column in columns:
                unit = column.unit.format(unit=channel.unit) if channel.unit or "{" not in column.unit else ""
                features.append(Feature(f"{channel.name}.{name}", unit, column.log, column.floor))
                indices.append(row * source.width + column.position)
        if not features:
            raise ConfigError(
                f"Expected at least one feature for sensor group {group.name!r}, got none - at `$.waveform`"
            )
        return cls(tuple(features), source, np.array(indices, dtype=np.intp))

    @property
    def names(self) -> tuple[str, ...]:
        """``channel.feature``, in the order of the vector."""
        return tuple(feature.name for feature in self.features)

    def extract(
        self, samples: NDArray[np.float32], contexts: Sequence[Context] | None = None
    ) -> NDArray[np.float64]:
        """Compute the features of windows given as arrays: offline, where there is no flow.

        Parameters
        ----------
        samples : float32[n_windows, n_channels, n_samples]
            May be read-only. Waveform groups: exactly one window long. Scalar groups: any length, oldest first.
        contexts : sequence of Context, optional
            One for each window: speed and teeth, for the features that want them.

        Returns
        -------
        float64[n_windows, n_features]
            As `extract_windows`.

        Raises
        ------
        ValueError
            Windows of another shape than declared.
        """
        contexts = contexts or [Context("", 0)] * samples.shape[0]
        return self._extract(self.cut(samples), contexts)

    def cut(self, samples: NDArray[np.float32]) -> list[Slices]:
        """Whole windows as their hops and the hops' partials: what `engine.records.Window` holds.

        Parameters
        ----------
        samples : float32[n_windows, n_channels, n_samples]
            As for `extract`.

        Returns
        -------
        list of Slices
            One for each window.

        Raises
        ------
        ValueError
            As `extract`.
        """
        return self._source.cut(np.require(samples, np.float32, ["C", "A"]))

    def extract_windows(self, windows: Sequence[Window]) -> NDArray[np.float64]:
        """Compute the features of windows.

        A window's features do not depend on the others, to the last bit.

        Parameters
        ----------
        windows : sequence of Window
            Of groups declared alike; scalar groups: of histories equally long.

        Returns
        -------
        float64[n_windows, n_features]
            NaN where a feature cannot be said (`why` says why): a NaN or infinite sample makes all of its
            channel's features NaN (but not the latest ``value`` of a scalar channel).
        """
        slices = [(window.hops, window.partials) for window in windows]
        return self._extract(slices, [window.context for window in windows])

    def _extract(self, slices: Sequence[Slices], contexts: Sequence[Context]) -> NDArray[np.float64]:
        out = np.empty((len(slices), len(self.features)))
        n_stack = self._source.n_stack
        for first in range(0, len(slices), n_stack):
            last = first + n_stack
            columns = self._source.compute(slices[first:last], contexts[first:last])
            flat = columns.reshape(columns.shape[0], -1)
            # "clip" only because the default mode fills a copy of `out` first; every index is in range.
            np.take(flat, self._indices, axis=1, out=out[first:last], mode="clip")
        return out


def _time_features(channel: Channel, config: WaveformConfig) -> tuple[str, ...]:
    return config.dc_features if channel.dc_coupled else config.time_features


def _plan_waveform(group: SensorGroup, config: WaveformConfig) -> tuple[WaveformColumns, list[str]]:
    """How a waveform group's columns are computed, and its bands' names."""
    fs, n_hop, n_hops = group.sample_rate_hz, samples_per_hop(group, config), hops_per_window(group, config)
    n_samples = n_hop * n_hops
    if n_samples < LEAST_SAMPLES:
        raise ConfigError(
            f"Expected windows of at least {LEAST_SAMPLES} samples, got {n_samples} of sensor group "
            f"{group.name!r} at {fs:g} Hz - at `$.waveform.window_s`"
        )
    edges = _band_edges(group, config, n_samples)
    spectrum = Spectrum.for_windows(n_samples, fs)
    source = WaveformColumns(
        sample_rate_hz=fs,
        n_hop=n_hop,
        n_hops=n_hops,
        from_zero=np.array([channel.dc_coupled for channel in group.channels]),
        spectrum=spectrum,
        band_bins=bins_of_edges(edges, spectrum.n_fft, fs),
        shape_wanted=bool(config.spectral_features),
    )
    return source, _band_names(edges)


def _band_edges(group: SensorGroup, config: WaveformConfig, n_samples: int) -> NDArray[np.float64]:
    """Edges of the bands; a single one, where the spectrum begins to count, if no bands are wanted."""
    nyquist_hz, low_hz = group.sample_rate_hz / 2, config.band_low_hz
    if not (config.n_bands or config.spectral_features):
        return np.array([low_hz])
    if not low_hz < nyquist_hz:
        raise ConfigError(
            f"Expected less than the Nyquist frequency of sensor group {group.name!r}, {nyquist_hz:g} Hz, "
            f"got {low_hz:g} - at `$.waveform.band_low_hz`"
        )
    if not config.n_bands:
        return np.array([low_hz])
    edges = log_band_edges(low_hz, nyquist_hz, config.n_bands)
    resolution_hz = group.sample_rate_hz / n_samples
    if edges[1] - edges[0] < resolution_hz * (1 - 1e-9):
        raise ConfigError(
            f"Expected bands no narrower than the {resolution_hz:.3g} Hz that {n_samples} samples of sensor "
            f"group {group.name!r} at {group.sample_rate_hz:g} Hz resolve, got {config.n_bands} bands from "
            f"{edges[0]:.3g} to {edges[1]:.3g} Hz and up: fewer bands, a higher band_low_hz or a longer "
            "window_s - at `$.waveform.n_bands`"
        )
    return edges


def _band_names(edges_hz: NDArray[np.float64]) -> list[str]:
    """``band_20_45_hz`` and so on, with as many decimals as keep the edges apart; ``p`` is the decimal point."""
    decimals = 0
    while len({f"{edge:.{decimals}f}" for edge in edges_hz}) < edges_hz.size:
        decimals += 1
    texts = [f"{edge:.{decimals}f}".replace(".", "p") for edge in edges_hz]
    return [f"band_{low}_{high}_hz" for low, high in pairwise(texts)]
