"""Which channels show a blow, and how much is too much for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from engine.declared import Channel, SensorGroup
from engine.records import Feature

_LOAD_UNITS = frozenset({"A", "mA", "%", "W", "kW", "Nm", "N·m"})
_LOAD_WORDS = ("current", "power", "load", "torque")
_OTHER_DRIVES = ("x1_", "y1_", "z1_")  # feed axes


class Factors(NamedTuple):
    """How much is too much, as logarithms of ratios."""

    spindle: float  # over the loudest of its kind: 1.0
    regime: float  # over the regime's own loudest: 1.0
    new: float  # over the loudest of its kind, in a regime never seen before: 1.0
    abrupt: float  # over the window before
    unmistakable: float  # over the loudest of its kind: certain
    unmistakable_in_regime: float
    full_scale: float  # of the converter's range, before anything is known


_VIBRATION = Factors(*(math.log(factor) for factor in (3.0, 5.0, 8.0, 4.0, 10.0, 15.0, 0.8)))
_DRIVE = Factors(*(math.log(factor) for factor in (2.0, 2.0, 8.0, 2.0, 2.5, 4.0, math.inf)))


class ShockChannel(NamedTuple):
    """What is known of one channel."""

    feature: str
    unit: str
    vibration: bool
    factors: Factors
    full_scale: float  # logarithm; inf if unknown


def shock_channels(features: Sequence[Feature], group: SensorGroup) -> tuple[list[ShockChannel], list[int]]:
    """Choose the channels of a group that show a blow: vibration, and what the spindle's drive gives.

    Parameters
    ----------
    features : sequence of Feature
        Of its short windows.
    group : SensorGroup
        Declared; one of slow values has none.

    Returns
    -------
    list of ShockChannel, list of int
        The second: where the vector has their peaks (vibration's peak, a drive's peak-to-peak value), then their levels
        (rms, mean).
    """
    index = {feature.name: i for i, feature in enumerate(features)}
    chosen, peaks, levels = [], [], []
    for channel in group.channels if group.kind == "waveform" else ():
        if channel.dc_coupled and not _is_load(channel):
            continue
        factors = _DRIVE if channel.dc_coupled else _VIBRATION
        kinds = ("peak_to_peak", "mean") if channel.dc_coupled else ("peak", "rms")
        peak, level = (f"{channel.name}.{kind}" for kind in kinds)
        if peak not in index or level not in index:
            continue
        full = factors.full_scale + math.log(channel.full_scale) if channel.full_scale else math.inf
        chosen.append(ShockChannel(peak, channel.unit, not channel.dc_coupled, factors, full))
        peaks.append(index[peak])
        levels.append(index[level])
    return chosen, [*peaks, *levels]


def _is_load(channel: Channel) -> bool:
    """Whether a dc-coupled channel tells what a drive gives: by its unit, or its name where that says nothing."""
    name = channel.name.lower()
    if any(word in name for word in _OTHER_DRIVES) or "sub" in name.split("_"):
        return False
    return channel.unit in _LOAD_UNITS or any(word in name for word in _LOAD_WORDS)
