"""What a bearing's signature reads of one channel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from detectors.signatures.bearing_level import LOW_HZ
from detectors.signatures.bearing_lines import FEATURES

_BAND = re.compile(r"band_(\d+)_\d+_hz")


@dataclass(frozen=True, slots=True)
class BearingChannel:
    """Where one channel's numbers stand in a vector.

    Parameters
    ----------
    name : str
        The channel's.
    lines : tuple of int
        Evidence, in the order of `bearing_lines.FEATURES`; empty if the channel knows no bearing.
    bands : tuple of int
        From 500 Hz up.
    """

    name: str
    lines: tuple[int, ...]
    bands: tuple[int, ...]


def bearing_channel(name: str, knows_bearing: bool, index: Mapping[str, int]) -> BearingChannel:
    """Look up the columns of one channel.

    Parameters
    ----------
    name : str
        The channel's.
    knows_bearing : bool
        Whether it is declared to listen to one.
    index : Mapping[str, int]
        Columns of the vectors by ``channel.feature``.

    Returns
    -------
    BearingChannel
        Both may be empty: too low a rate, or bands are off.
    """
    wanted = [f"{name}.{feature}" for feature in FEATURES]
    lines = tuple(index[one] for one in wanted) if knows_bearing and set(wanted) <= index.keys() else ()
    bands = []
    for feature, at in index.items():
        channel, _, own = feature.partition(".")
        if channel == name and (match := _BAND.fullmatch(own)) and int(match.group(1)) >= LOW_HZ:
            bands.append(at)
    return BearingChannel(name, lines, tuple(bands))
