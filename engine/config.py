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

from engine.errors import ConfigError
from engine.verdicts import FaultClass

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1)]
Kind = Literal["waveform", "scalar"]
Direction = Literal["above", "below", "both"]

_WHOLE = "space"
"""The one table of which a site states all or nothing: what it does not want searched cannot be named."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration: frozen, and no key it does not know."""


class CheckConfig(_Table, frozen=True):
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


class WaveformConfig(_Table, frozen=True):
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


class ScalarConfig(_Table, frozen=True):
    """``[scalar]``."""

    n_history: Annotated[int, Meta(ge=2, le=10_000)]
    features: Annotated[tuple[str, ...], Meta(min_length=1)]


class LearnConfig(_Table, frozen=True):
    """``[learn]``."""

    n_vectors_waveform: Count
    n_vectors_scalar: Count
    n_cuts: Annotated[int, Meta(ge=3, le=100)]
    max_regimes: Count
    settle_s: NotNegative
    limit: Fraction
    false_alerts_per_day: NotNegative
    direction: dict[str, Direction] = {}


class DetectorConfig(_Table, frozen=True):
    """One entry of ``[[detectors]]``; ``parameters`` are decoded by the detector itself."""

    name: str
    kinds: tuple[Kind, ...] = ("waveform", "scalar")
    margin: Annotated[float, Meta(ge=1)] | None = None
    parameters: dict[str, Any] = {}


class EnsembleConfig(_Table, frozen=True):
    """``[ensemble]``."""

    rule: Literal["max", "mean", "agree"] = "max"
    agree: Count = 2


class DynamicConfig(_Table, frozen=True):
    """``[dynamic]``."""

    enabled: bool


class LimitConfig(_Table, frozen=True):
    """One entry of ``[[limits]]``."""

    feature: str
    above: float | None = None
    below: float | None = None
    spindles: tuple[str, ...] = ()


class SeverityConfig(_Table, frozen=True):
    """One entry of ``[[severity]]``: zones of a standard, or one's own."""

    standard: Literal["iso_20816_3"] | None = None
    group: Literal[1, 2] | None = None
    support: Literal["rigid", "flexible"] | None = None
    zones_mm_s: tuple[Positive, Positive, Positive] | None = None
    name: str = ""
    spindles: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


class DiagnosisConfig(_Table, frozen=True):
    """``[diagnosis]``."""

    enabled: bool
    window_s: Positive
    hop_s: Positive
    off: tuple[FaultClass, ...]
    sensitivity: dict[FaultClass, Positive] = {}


class ToolLifeConfig(_Table, frozen=True):
    """``[tool_life]``."""

    enabled: bool
    fresh_cuts: Annotated[int, Meta(ge=3, le=100)]
    noise_rise: Positive
    load_rise: Positive
    max_tools: Annotated[int, Meta(ge=1, le=1000)]


class JudgeConfig(_Table, frozen=True):
    """``[judge]``."""

    on: Positive
    off: Positive
    on_delay_vectors: Count
    immediate: Positive
    off_delay_s: NotNegative
    coincide_s: NotNegative


class HubConfig(_Table, frozen=True):
    """``[hub]``."""

    host: str
    port: Annotated[int, Meta(ge=0, le=65535)]
    write_buffer_bytes: Count
    page_size: Count


class JournalConfig(_Table, frozen=True):
    """``[journal]``."""

    path: str


class RingConfig(_Table, frozen=True):
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


class SearchConfig(_Table, frozen=True):
    """One entry of ``[tune.space]``: a range, whole numbers where the key is one, or choices."""

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()


class CostConfig(_Table, frozen=True):
    """``[tune.cost]``: weights in ``unit``."""

    unit: str
    missed_fault: NotNegative
    delay_hour: NotNegative
    false_alert: NotNegative
    false_alert_hour: NotNegative


class TuneConfig(_Table, frozen=True):
    """``[tune]``."""

    folds: Annotated[int, Meta(ge=2, le=20)]
    cost: CostConfig
    space: dict[str, SearchConfig]


class Config(_Table, frozen=True):
    """Everything a flow, its sinks and its gateway may ask about settings."""

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
    journal: JournalConfig
    ring: RingConfig
    tune: TuneConfig
    limits: tuple[LimitConfig, ...] = ()
    severity: tuple[SeverityConfig, ...] = ()

    @property
    def hash(self) -> str:
        """First 12 hex digits of SHA-256 over what decides alerts; hub, journal, ring and tune do not."""
        deciding = msgspec.structs.replace(self, hub=_DEFAULTS().hub, journal=_DEFAULTS().journal)
        tables = msgspec.to_builtins(deciding)
        del tables["ring"], tables["tune"]
        return hashlib.sha256(msgspec.json.encode(tables, order="sorted")).hexdigest()[:12]


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


def _overlay(base: Mapping[str, Any], site: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the site's tables over the base's; lists, plain values and the space to search replace."""
    merged = dict(base)
    for key, value in site.items():
        below = merged.get(key)
        whole = key == _WHOLE or not (isinstance(below, dict) and isinstance(value, dict))
        merged[key] = value if whole else _overlay(below, value)
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
    for path, wrong in _impossible(config):
        raise ConfigError(f"{name}: {wrong} - at `$.{path}`")
    return config


def _impossible(config: Config) -> list[tuple[str, str]]:
    """Relations between keys that no single type can state."""
    found = []
    check, waveform, judge = config.check, config.waveform, config.judge
    if not check.silent_s > check.max_block_s:
        found.append(
            (
                "check.silent_s",
                f"Expected more than max_block_s = {check.max_block_s}, got {check.silent_s}",
            )
        )
    if not waveform.window_s >= waveform.hop_s:
        found.append(
            (
                "waveform.window_s",
                f"Expected at least hop_s = {waveform.hop_s}, got {waveform.window_s}",
            )
        )
    elif abs(waveform.window_s / waveform.hop_s - round(waveform.window_s / waveform.hop_s)) > 1e-6:
        found.append(
            (
                "waveform.window_s",
                f"Expected a whole multiple of hop_s = {waveform.hop_s}, got {waveform.window_s}",
            )
        )
    for key in ("window_s", "hop_s"):
        length_s = getattr(config.diagnosis, key)
        if (
            abs(length_s / waveform.hop_s - round(length_s / waveform.hop_s)) > 1e-6
            or length_s < waveform.hop_s
        ):
            found.append(
                (
                    f"diagnosis.{key}",
                    f"Expected a whole multiple of waveform.hop_s = {waveform.hop_s}, got {length_s}",
                )
            )
    if not judge.off <= judge.on:
        found.append(("judge.off", f"Expected at most on = {judge.on}, got {judge.off}"))
    if not config.detectors:
        found.append(("detectors", "Expected at least one detector, got none"))
    if config.ensemble.rule == "agree" and config.ensemble.agree > max(1, len(config.detectors)):
        found.append(
            (
                "ensemble.agree",
                f"Expected at most the number of [[detectors]] = {len(config.detectors)}, "
                f"got {config.ensemble.agree}",
            )
        )
    for index, limit in enumerate(config.limits):
        if limit.above is None and limit.below is None:
            found.append(
                (f"limits[{index}]", f"Expected `above` or `below` for {limit.feature!r}, got neither")
            )
    return found + _impossible_severity(config.severity)


def _impossible_severity(entries: tuple[SeverityConfig, ...]) -> list[tuple[str, str]]:
    found = []
    for index, entry in enumerate(entries):
        path, zones = f"severity[{index}]", entry.zones_mm_s
        of_standard = (entry.standard, entry.group, entry.support)
        if zones is None and None in of_standard:
            wrong = "Expected `standard`, `group` and `support`, or `zones_mm_s`, got neither"
            found.append((path, wrong))
        elif zones is not None and of_standard != (None, None, None):
            wrong = "Expected `zones_mm_s` or a standard with `group` and `support`, got both"
            found.append((path, wrong))
        elif zones is not None and not zones[0] < zones[1] < zones[2]:
            found.append((f"{path}.zones_mm_s", f"Expected three rising boundaries, got {list(zones)}"))
    return found
