"""Sensors that lie, in one channel. Severity 1.0 is what a loose cable or a wrong gain does."""

from __future__ import annotations

import numpy as np

from replay.inject.models import Here
from replay.inject.shapes import Samples

_DRIFT_GAIN, _DRIFT_OF_LEVEL = 0.6, 0.3


def flat_line(t_s: Samples, x: Samples, here: Here) -> Samples:
    """The channel repeats one value, its level around the onset; severity does not matter."""
    return (
        np.full_like(x, here.levels.onset.mean) if np.isfinite(here.levels.onset.mean) else np.zeros_like(t_s)
    )


def drift(t_s: Samples, x: Samples, here: Here) -> Samples:
    """Gain and zero wander from the onset to the end: by 60 % and by 30 % of the level at severity 1.0."""
    share = here.severity * np.clip((t_s - here.start_s) / (here.end_s - here.start_s), 0.0, 1.0)
    return x * (1.0 + _DRIFT_GAIN * share) + _DRIFT_OF_LEVEL * share * here.levels.onset.mean


def clipping(t_s: Samples, x: Samples, here: Here) -> Samples:  # noqa: ARG001 - every model takes the times
    """The gain is too high: the converter's limit cuts the signal off at its own RMS, divided by the severity.

    Where the full scale is declared, the signal is blown up until it meets it; else it is cut off where it is.
    """
    middle, rms = here.levels.onset.mean, here.levels.onset.rms
    if here.channel.full_scale is not None:
        blown_up = middle + (x - middle) * here.severity * here.channel.full_scale / rms
        return np.clip(blown_up, -here.channel.full_scale, here.channel.full_scale)
    return np.clip(x, middle - rms / here.severity, middle + rms / here.severity)
