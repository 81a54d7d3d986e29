"""Relations between keys of the configuration that no single type can state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.declared_rules import impossible as impossible_spindle
from engine.site import impossible_access, impossible_site
from engine.targets import impossible_targets

if TYPE_CHECKING:
    from engine.config import Config, SeverityConfig
    from engine.declared import Spindle

Wrong = tuple[str, str]
"""Path of the key, and what was expected and got."""


def impossible(config: Config) -> Iterator[Wrong]:
    """Find what each key by itself allows and all together do not.

    Parameters
    ----------
    config : Config
        Of valid types and ranges.

    Yields
    ------
    tuple of str
        Path and message; nothing if all fits.
    """
    check, judge = config.check, config.judge
    if not check.silent_s > check.max_block_s:
        yield (
            "check.silent_s",
            f"Expected more than max_block_s = {check.max_block_s}, got {check.silent_s}",
        )
    yield from _of_windows(config)
    if not judge.off <= judge.on:
        yield "judge.off", f"Expected at most on = {judge.on}, got {judge.off}"
    yield from _of_detectors(config)
    for index, limit in enumerate(config.limits):
        if limit.above is None and limit.below is None:
            yield f"limits[{index}]", f"Expected `above` or `below` for {limit.feature!r}, got neither"
    yield from _of_severity(config.severity)
    yield from _of_spindles(config.spindles)
    yield from impossible_site(config.redis, config.service, config.cluster)
    yield from impossible_access(config.hub.host, config.access)
    yield from impossible_targets(config.notify, {spindle.name for spindle in config.spindles})


def _of_windows(config: Config) -> Iterator[Wrong]:
    waveform, diagnosis = config.waveform, config.diagnosis
    lengths_s = {
        "waveform.window_s": waveform.window_s,
        "diagnosis.window_s": diagnosis.window_s,
        "diagnosis.hop_s": diagnosis.hop_s,
    }
    for path, length_s in lengths_s.items():
        n_hops = length_s / waveform.hop_s
        if abs(n_hops - round(n_hops)) > 1e-6 or n_hops < 1.0 - 1e-6:
            yield path, f"Expected a whole multiple of waveform.hop_s = {waveform.hop_s}, got {length_s}"


def _of_detectors(config: Config) -> Iterator[Wrong]:
    ensemble, n_detectors = config.ensemble, len(config.detectors)
    if not n_detectors:
        yield "detectors", "Expected at least one detector, got none"
    if ensemble.rule == "agree" and ensemble.agree > max(1, n_detectors):
        yield (
            "ensemble.agree",
            f"Expected at most the number of [[detectors]] = {n_detectors}, got {ensemble.agree}",
        )


def _of_severity(entries: tuple[SeverityConfig, ...]) -> Iterator[Wrong]:
    for index, entry in enumerate(entries):
        path, zones = f"severity[{index}]", entry.zones_mm_s
        of_standard = (entry.standard, entry.group, entry.support)
        if zones is None and None in of_standard:
            yield path, "Expected `standard`, `group` and `support`, or `zones_mm_s`, got neither"
        elif zones is not None and of_standard != (None, None, None):
            yield path, "Expected `zones_mm_s` or a standard with `group` and `support`, got both"
        elif zones is not None and not zones[0] < zones[1] < zones[2]:
            yield f"{path}.zones_mm_s", f"Expected three rising boundaries, got {list(zones)}"


def _of_spindles(spindles: tuple[Spindle, ...]) -> Iterator[Wrong]:
    seen: set[str] = set()
    for index, spindle in enumerate(spindles):
        if not spindle.name or not spindle.name.isprintable() or len(spindle.name.encode()) > 255:
            yield f"spindles[{index}].name", f"Expected 1 to 255 printable bytes, got {spindle.name!r}"
        if spindle.name in seen:
            yield f"spindles[{index}].name", f"Expected a name of its own, got {spindle.name!r} twice"
        seen.add(spindle.name)
        wrong = impossible_spindle(spindle.groups, spindle.teach_in)
        if wrong is not None:
            what, _, where = wrong.rpartition(" - at `$.")
            yield f"spindles[{index}].{where.rstrip('`')}", what
