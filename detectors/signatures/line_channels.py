"""Which channels show the line at the spindle's speed, and what it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.declared import SensorGroup
from engine.records import Feature


class LineChannel(NamedTuple):
    """A line, and what it is beside: vibration's or current's level, or what a current's mean has above air."""

    feature: str
    unit: str
    vibration: bool
    mean: str  # of which air's is taken off; empty if the level is no mean


def line_channels(
    features: Sequence[Feature], group: SensorGroup
) -> tuple[list[LineChannel], list[list[int]]]:
    """Choose the lines of a group; a current's comes twice, beside its swing and beside its mean.

    Parameters
    ----------
    features : sequence of Feature
        Of its short windows.
    group : SensorGroup
        Declared; one of slow values has none.

    Returns
    -------
    list of LineChannel, list of list of int
        The second: where the vector has each one's line, level and peak.
    """
    index = {feature.name: i for i, feature in enumerate(features)}
    chosen, places = [], []
    for channel in group.channels if group.kind == "waveform" else ():
        peak = "peak_to_peak" if channel.dc_coupled else "peak"
        for level in ("std", "mean") if channel.dc_coupled else ("rms",):
            names = [f"{channel.name}.{kind}" for kind in ("rev_1", level, peak)]
            if all(name in index for name in names):
                mean = names[1] if level == "mean" else ""
                chosen.append(LineChannel(names[0], channel.unit, not channel.dc_coupled, mean))
                places.append([index[name] for name in names])
    return chosen, places
