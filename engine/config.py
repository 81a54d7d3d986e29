"""The configuration: decoded once, at the edge, into frozen typed objects.

``default.toml`` beside this file holds and explains every key. A site file is laid over it table by table;
``[[detectors]]``, ``[[limits]]`` and ``[tune.space]`` replace the default as a whole.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.declared import Spindle
from engine.errors import ConfigError
from engine.relations import impossible
from engine.site import (
    AccessConfig,
    ClusterConfig,
    LogConfig,
    Port,
    Positive,
    RedisConfig,
    ServiceConfig,
    Table,
)
from engine.targets import MAX_TARGETS, Target
from engine.verdicts import FaultClass

NotNegative = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1)]
Kind = Literal["waveform", "scalar"]
Direction = Literal["above", "below", "both"]

_BESIDE = ("ring", "access", "redis", "service", "cluster", "log", "feeds", "notify", "tune", "spindles")
"""Tables that decide nothing."""

_WHOLE = "space"
"""The one table of which a site states all or nothing: what it does not want searched cannot be named."""


class CheckConfig(Table, frozen=True):
    """``[check]``."""

    max_block_s: Positive
    silent_s: Positive
    max_clock_jump_s: Positive
    alert_gap_s: NotNegative
    rate_tolerance: Positive
    flat_line_s: Positive
    flat_line_dc_s: Positive
    flat_line_samples: Annotated[int, Meta(ge=0)]
    clipped_fraction: Fraction
    nan_fraction: Fraction
    recover_s: NotNegative


class WaveformConfig(Table, frozen=True):
    """``[waveform]``."""

    window_s: Positive
    hop_s: Positive
    time_features: tuple[str, ...]
    dc_features: tuple[str, ...]
    spectral_features: tuple[str, ...]
    envelope_features: tuple[str, ...]
    envelope_low_hz: Positive
    envelope_n_bands: Annotated[int, Meta(ge=1, le=64)]
    order_features: tuple[str, ...]
    n_bands: Annotated[int, Meta(ge=0, le=64)]
    band_low_hz: Positive


class ScalarConfig(Table, frozen=True):
    """``[scalar]``."""

    n_history: Annotated[int, Meta(ge=2, le=10_000)]
    features: Annotated[tuple[str, ...], Meta(min_length=1)]


class LearnConfig(Table, frozen=True):
    """``[learn]``."""

    n_vectors_waveform: Count
    n_vectors_scalar: Count
    n_cuts: Annotated[int, Meta(ge=3, le=100)]
    max_regimes: Count
    settle_s: NotNegative
    limit: Fraction
    false_alerts_per_day: NotNegative
    direction: dict[str, Direction] = msgspec.field(default_factory=dict)


class DetectorConfig(Table, frozen=True):
    """One entry of ``[[detectors]]``; ``parameters`` are decoded by the detector itself."""

    name: str
    kinds: tuple[Kind, ...] = ("waveform", "scalar")
    margin: Annotated[float, Meta(ge=1)] | None = None
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


class EnsembleConfig(Table, frozen=True):
    """``[ensemble]``."""

    rule: Literal["max", "mean", "agree"] = "max"
    agree: Count = 2


class DynamicConfig(Table, frozen=True):
    """``[dynamic]``."""

    enabled: bool


class LimitConfig(Table, frozen=True):
    """One entry of ``[[limits]]``."""

    feature: str
    above: float | None = None
    below: float | None = None
    spindles: tuple[str, ...] = ()


class SeverityConfig(Table, frozen=True):
    """One entry of ``[[severity]]``: zones of a standard, or one's own."""

    standard: Literal["iso_20816_3"] | None = None
    group: Literal[1, 2] | None = None
    support: Literal["rigid", "flexible"] | None = None
    zones_mm_s: tuple[Positive, Positive, Positive] | None = None
    name: str = ""
    spindles: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


class DiagnosisConfig(Table, frozen=True):
    """``[diagnosis]``."""

    enabled: bool
    window_s: Positive
    hop_s: Positive
    off: tuple[FaultClass, ...]
    sensitivity: dict[FaultClass, Positive] = msgspec.field(default_factory=dict)


class ToolLifeConfig(Table, frozen=True):
    """``[tool_life]``."""

    enabled: bool
    fresh_cuts: Annotated[int, Meta(ge=3, le=100)]
    noise_rise: Positive
    load_rise: Positive
    max_tools: Annotated[int, Meta(ge=1, le=1000)]


class JudgeConfig(Table, frozen=True):
    """``[judge]``."""

    on: Positive
    off: Positive
    on_delay_vectors: Count
    immediate: Positive
    off_delay_s: NotNegative
    coincide_s: NotNegative


class HubConfig(Table, frozen=True):
    """``[hub]``."""

    host: str
    port: Port
    write_buffer_bytes: Count
    page_size: Count


class JournalConfig(Table, frozen=True):
    """``[journal]``."""

    path: str


class RingConfig(Table, frozen=True):
    """``[ring]``."""

    enabled: bool
    path: str
    hours: Positive
    max_gib: Positive
    segment_s: Annotated[float, Meta(ge=0.5, le=120)]
    incidents: Count
    incidents_gib: Positive
    before_s: NotNegative
    after_s: NotNegative


class SearchConfig(Table, frozen=True):
    """One entry of ``[tune.space]``: a range, whole numbers where the key is one, or choices."""

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()


class CostConfig(Table, frozen=True):
    """``[tune.cost]``: weights in ``unit``."""

    unit: str
    missed_fault: NotNegative
    delay_hour: NotNegative
    false_alert: NotNegative
    false_alert_hour: NotNegative


class TuneConfig(Table, frozen=True):
    """``[tune]``."""

    folds: Annotated[int, Meta(ge=2, le=20)]
    cost: CostConfig
    space: dict[str, SearchConfig]


class Config(Table, frozen=True):
    """Everything a flow, its sinks and its service may ask about settings; ``feeds`` are decoded by the feeders."""

    check: CheckConfig
    waveform: WaveformConfig
    scalar: ScalarConfig
    learn: LearnConfig
    detectors: tuple[DetectorConfig, ...]
    ensemble: EnsembleConfig
    dynamic: DynamicConfig
    diagnosis: DiagnosisConfig
    tool_life: ToolLifeConfig
    judge: JudgeConfig
    hub: HubConfig
    access: AccessConfig
    journal: JournalConfig
    ring: RingConfig
    redis: RedisConfig
    service: ServiceConfig
    cluster: ClusterConfig
    log: LogConfig
    tune: TuneConfig
    spindles: Annotated[tuple[Spindle, ...], Meta(max_length=10_000)] = ()
    limits: tuple[LimitConfig, ...] = ()
    severity: tuple[SeverityConfig, ...] = ()
    feeds: dict[str, Any] = msgspec.field(default_factory=dict)
    notify: Annotated[tuple[Target, ...], Meta(max_length=MAX_TARGETS)] = ()

    @property
    def hash(self) -> str:
        """First 12 hex digits of SHA-256 over what decides alerts: not who listens, what is kept or where it runs.

        Nor do the declared spindles: a recording brings its own.
        """
        deciding = msgspec.structs.replace(self, hub=_DEFAULTS().hub, journal=_DEFAULTS().journal)
        return _hash_without(deciding, _BESIDE)[:12]

    def learning_hash(self, spindle: Spindle) -> str:
        """Say under what a spindle's learnt state came to be: a state of another is none to go on from.

        Parameters
        ----------
        spindle : Spindle
            As declared.

        Returns
        -------
        str
            First 12 hex digits of SHA-256 over the declaration and all that decides but ``[judge]``, ``[[limits]]`` and
            the budget of false alerts.
        """
        budget = _DEFAULTS().learn.false_alerts_per_day
        learn = msgspec.structs.replace(self.learn, false_alerts_per_day=budget)
        deciding = msgspec.structs.replace(
            self, hub=_DEFAULTS().hub, journal=_DEFAULTS().journal, spindles=(spindle,), learn=learn
        )
        beside = [table for table in _BESIDE if table != "spindles"]
        return _hash_without(deciding, (*beside, "limits", "judge"))[:12]

    @property
    def measuring_hash(self) -> str:
        """First 16 hex digits of SHA-256 over what decides feature vectors: equal ones can be shared."""
        long = self.diagnosis
        windows = long.enabled, long.window_s, long.hop_s
        deciding = self.check, self.waveform, self.scalar, windows, self.learn.settle_s
        return hashlib.sha256(msgspec.json.encode(deciding, order="sorted")).hexdigest()[:16]


def load_config(path: Path | None = None) -> Config:
    """Read the default configuration, overlaid by a site file.

    Parameters
    ----------
    path : Path, optional
        TOML file; None = the defaults.

    Returns
    -------
    Config
        Valid: types, ranges and relations are checked.

    Raises
    ------
    ConfigError
        Unreadable file, TOML syntax, unknown key, wrong type or impossible value; names file and path.
    """
    if path is None:
        return _DEFAULTS()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return parse_config(text, str(path))


def parse_config(text: str, name: str = "<config>") -> Config:
    r"""Decode a site configuration given as TOML text, overlaid on the defaults.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        What to call it in errors.

    Returns
    -------
    Config
        Valid.

    Raises
    ------
    ConfigError
        As `load_config`.

    Examples
    --------
    >>> parse_config("[judge]\non = 1.5\n").judge.on
    1.5
    >>> parse_config("[judge]\nonn = 1.5\n")
    Traceback (most recent call last):
        ...
    engine.errors.ConfigError: <config>: Object contains unknown field `onn` - at `$.judge`
    """
    try:
        site = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: not valid TOML: {error}") from error
    return decode_config(_overlay(_default_tables(), site), name)


def _hash_without(config: Config, tables: tuple[str, ...]) -> str:
    """SHA-256 over a configuration without some of its tables."""
    found = {key: table for key, table in msgspec.to_builtins(config).items() if key not in tables}
    return hashlib.sha256(msgspec.json.encode(found, order="sorted")).hexdigest()


def _overlay(base: Mapping[str, Any], site: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the site's tables over the base's; lists, plain values and the space to search replace."""
    merged = dict(base)
    for key, value in site.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict) and key != _WHOLE:
            merged[key] = _overlay(below, value)
        else:
            merged[key] = value
    return merged


def _default_tables() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("default.toml").read_text(encoding="utf-8"))


@cache
def _DEFAULTS() -> Config:
    return decode_config(_default_tables(), "default.toml")


def decode_config(tables: Mapping[str, Any], name: str) -> Config:
    """Decode a complete configuration given as plain tables.

    Parameters
    ----------
    tables : Mapping[str, Any]
        Every key, as ``default.toml`` holds them.
    name : str
        What to call it in errors.

    Returns
    -------
    Config
        Valid.

    Raises
    ------
    ConfigError
        As `load_config`.
    """
    try:
        config = msgspec.convert(tables, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {error}") from error
    for path, wrong in impossible(config):
        raise ConfigError(f"{name}: {wrong} - at `$.{path}`")
    return config
