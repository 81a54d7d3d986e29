"""What is measured of a sensor group: which features, in which order, from which configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.config import Config, WaveformConfig
from engine.declared import Channel, SensorGroup, Spindle
from engine.errors import ConfigError
from engine.records import Context, Feature, Window
from operators.columns import HistoryColumns, Slices, WaveformColumns
from operators.diagnosis import LONG_DC, SHORT_AC, SHORT_DC, long_config, short_config
from operators.feature_registry import (
    BAND,
    FEATURES,
    SCALAR_FEATURES,
    Family,
    FeatureSpec,
    Kind,
    features_of,
)
from operators.kernels.time_domain import N_TIME
from operators.plan import plan_waveform
from operators.windows import long_hops

NO_USABLE_SAMPLES = "no usable samples, or none that vary"
"""Why a feature is missing that speed, geometry and rate would allow."""

Chosen = tuple[str, Kind, int]
"""A feature's name, what it is, and the column of its channel where it stands."""


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
    waveform, time = config.waveform, features_of(Family.TIME)
    for key, names, known in (
        ("waveform.time_features", waveform.time_features, time),
        ("waveform.dc_features", waveform.dc_features, time),
        (
            "waveform.spectral_features",
            waveform.spectral_features,
            features_of(Family.SHAPE, Family.VELOCITY, Family.FLOOR),
        ),
        (
            "waveform.envelope_features",
            waveform.envelope_features,
            features_of(Family.ENVELOPE, Family.BEARING),
        ),
        (
            "waveform.order_features",
            waveform.order_features,
            features_of(Family.ORDERS, Family.ASYNCHRONOUS),
        ),
        ("scalar.features", config.scalar.features, list(SCALAR_FEATURES)),
    ):
        for index, name in enumerate(names):
            if name not in known:
                raise ConfigError(f"Expected one of {', '.join(known)}, got {name!r} - at `$.{key}[{index}]`")
            if name in names[:index]:
                raise ConfigError(f"Expected each feature once, got {name!r} again - at `$.{key}[{index}]`")


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSet:
    """The features of one sensor group: frozen, stateless, equal only to itself.

    Attributes
    ----------
    specs : tuple[FeatureSpec, ...]
        Channel by channel; within one: time domain (or history), bands, spectrum, envelope, orders.
    features : tuple[Feature, ...]
        The same, as detectors want to know them.
    n_learned : int
        So many, from the first, are the configured ones, which baselines learn; signatures read the others too.
    long : FeatureSet or None
        Of the group's long windows; None if it has none.
    """

    specs: tuple[FeatureSpec, ...]
    features: tuple[Feature, ...]
    _kinds: tuple[Kind, ...]
    _source: WaveformColumns | HistoryColumns
    _indices: NDArray[np.intp]
    n_learned: int
    long: FeatureSet | None = None

    @classmethod
    def for_group(cls, group: SensorGroup, config: Config) -> FeatureSet:
        """Work out what to measure of a sensor group.

        Waveform: ``time_features`` of every channel, or ``dc_features`` where it is ``dc_coupled``, then
        ``n_bands`` bands and the ``spectral_features`` of every channel without its mean: the ripple of a
        motor current tells of the cut too; ``envelope_features`` of those that are not ``dc_coupled``, and
        ``order_features``. Scalar: ``[scalar] features`` of every channel. Behind them stand those that signatures
        read in addition (`operators.diagnosis`), unless ``[diagnosis]`` is off.

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
        if group.kind == "scalar":
            own = [
                (name, SCALAR_FEATURES[name], SCALAR_FEATURES[name].position)
                for name in config.scalar.features
            ]
            hop_s = 1.0 / group.sample_rate_hz
            slices = (config.scalar.n_history * hop_s, hop_s)
            rows = [(row, own) for row in range(len(group.channels))]
            return cls._lay_out(group, rows, HistoryColumns(group.sample_rate_hz), slices)
        _, bands = plan_waveform(group, config.waveform)
        source, _ = plan_waveform(group, short_config(config))
        rows = [
            (row, _choose(channel, config.waveform, source, bands))
            for row, channel in enumerate(group.channels)
        ]
        further: list[tuple[int, list[Chosen]]] = []
        if config.diagnosis.enabled:
            further = [
                (row, [entry for entry in _signatures(group.channels[row], source) if entry not in chosen])
                for row, chosen in rows
            ]
        slices = (source.n_window / group.sample_rate_hz, source.n_hop / group.sample_rate_hz)
        return cls._lay_out(group, rows, source, slices, further, _long_set(group, config))

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
        learned: Sequence[tuple[int, Sequence[Chosen]]],
        source: WaveformColumns | HistoryColumns,
        slices: tuple[float, float],
        further: Sequence[tuple[int, Sequence[Chosen]]] = (),
        long: FeatureSet | None = None,
    ) -> FeatureSet:
        """Name every feature and note where its number stands among all channels' columns."""
        specs, features, kinds, indices = [], [], [], []
        for row, chosen in (*learned, *further):
            channel = group.channels[row]
            for name, kind, position in chosen:
                unit = kind.unit.format(unit=channel.unit) if channel.unit or "{" not in kind.unit else ""
                specs.append(FeatureSpec(channel.name, name, *slices))
                features.append(Feature(specs[-1].name, unit, kind.log, kind.floor))
                kinds.append(kind)
                indices.append(row * source.width + position)
        n_learned = sum(len(chosen) for _, chosen in learned)
        if not n_learned:
            raise ConfigError(
                f"Expected at least one feature for sensor group {group.name!r}, got none - at `$.waveform`"
            )
        columns = np.array(indices, dtype=np.intp)
        return cls(tuple(specs), tuple(features), tuple(kinds), source, columns, n_learned, long)

    @property
    def names(self) -> tuple[str, ...]:
        """``channel.feature``, in the order of the vector."""
        return tuple(feature.name for feature in self.features)

    def why(self, values: NDArray[np.float64], context: Context) -> dict[str, str]:
        """Say why features of a vector are missing.

        Parameters
        ----------
        values : float64[n_features]
            A vector of this set.
        context : Context
            Of its window.

        Returns
        -------
        dict[str, str]
            Feature name to reason, for those that are NaN: what is unknown or does not fit (``rpm unknown``,
            ``tooth count unknown``, ``bearing geometry unknown``, ``rate too low``, ``lines not resolved``,
            ``unit is no acceleration``), else `NO_USABLE_SAMPLES`.
        """
        rows = {name: row for row, name in enumerate(dict.fromkeys(spec.channel for spec in self.specs))}
        return {
            self.specs[index].name: self._source.why_missing(
                rows[self.specs[index].channel], self._kinds[index], context
            )
            or NO_USABLE_SAMPLES
            for index in np.flatnonzero(np.isnan(values)).tolist()
        }

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
        return self._extract(self.cut(samples), contexts, apart=True)

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
            Of groups declared alike, all of them apart or none; scalar groups: of histories equally long.

        Returns
        -------
        float64[n_windows, n_features]
            NaN where a feature cannot be said (`why` says why): a NaN or infinite sample makes all of its
            channel's features NaN (but not the latest ``value`` of a scalar channel).
        """
        slices = [(window.hops, window.partials) for window in windows]
        contexts = [window.context for window in windows]
        return self._extract(slices, contexts, all(window.apart for window in windows))

    def _extract(
        self, slices: Sequence[Slices], contexts: Sequence[Context], apart: bool
    ) -> NDArray[np.float64]:
        out = np.empty((len(slices), len(self.features)))
        n_stack = self._source.n_stack
        for first in range(0, len(slices), n_stack):
            last = first + n_stack
            columns = self._source.compute(slices[first:last], contexts[first:last], apart)
            flat = columns.reshape(columns.shape[0], -1)
            # "clip" only because the default mode fills a copy of `out` first; every index is in range.
            np.take(flat, self._indices, axis=1, out=out[first:last], mode="clip")
        return out


def _long_set(group: SensorGroup, config: Config) -> FeatureSet | None:
    """Features of a group's long windows."""
    n_hops, n_between = long_hops(group, config)
    if not n_hops:
        return None
    waveform = long_config(config)
    source, bands = plan_waveform(group, waveform)
    rows = []
    for row, channel in enumerate(group.channels):
        chosen = _choose(channel, waveform, source, bands)
        rows.append((row, [entry for entry in chosen if not channel.dc_coupled or entry[0] in LONG_DC]))
    slices = (source.n_window / group.sample_rate_hz, n_between * source.n_hop / group.sample_rate_hz)
    return FeatureSet._lay_out(group, rows, source, slices)


def _signatures(channel: Channel, source: WaveformColumns) -> list[Chosen]:
    """What signatures read of one channel in the short window."""
    wanted = [(name, FEATURES[name]) for name in (SHORT_DC if channel.dc_coupled else SHORT_AC)]
    return [
        (name, kind, kind.position + (0 if kind.family is Family.TIME else source.first[kind.family]))
        for name, kind in wanted
    ]


def _choose(
    channel: Channel, config: WaveformConfig, source: WaveformColumns, bands: Sequence[str]
) -> list[Chosen]:
    """Features of one channel, and the columns where they stand."""
    own = config.dc_features if channel.dc_coupled else config.time_features
    chosen = [(name, FEATURES[name], FEATURES[name].position) for name in own]
    chosen += [(name, BAND, N_TIME + index) for index, name in enumerate(bands)]
    further = (*config.spectral_features, *config.envelope_features, *config.order_features)
    for name in further:
        kind = FEATURES[name]
        if kind.family in source.first and not (
            channel.dc_coupled and kind.family in (Family.ENVELOPE, Family.BEARING)
        ):
            chosen.append((name, kind, source.first[kind.family] + kind.position))
    return chosen
