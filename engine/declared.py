"""The nouns that are declared once: spindles, their sensor groups, channels, and how they are taught.

They are ``msgspec.Struct``s because they are read from TOML; unknown keys are refused.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured quantity of one sensor, such as ``vib_x`` in g.

    Parameters
    ----------
    name : str
        Unique within its spindle: letters, digits and underscores.
    unit : str
        As printed beside values: ``g``, ``A``, ``%``, ``°C``; empty when unknown.
    full_scale : float, optional
        Largest absolute value the converter can deliver, in ``unit``. With it, clipping is exact; without it,
        clipping is inferred from repeated extremes.
    dc_coupled : bool
        True for channels whose mean is information (current, load, temperature); False for accelerometers.
    """

    name: str
    unit: str = ""
    full_scale: float | None = None
    dc_coupled: bool = False


class DutyCycle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sensor that sleeps between bursts; its pauses are not gaps, and no window spans them.

    Parameters
    ----------
    burst_s : float
        Length of one burst in seconds.
    period_s : float
        Start of one burst to the start of the next, in seconds.
    """

    burst_s: float
    period_s: float


class TeachIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which data the learned baseline is built from, where a recording's protocol prescribes it.

    Parameters
    ----------
    skip_s : float
        Seconds from the group's first sample that are not learnt (run-in).
    n_vectors : int, optional
        Feature vectors to learn from after that; then the baseline is frozen.
    duration_s : float, optional
        Seconds to learn from, instead of ``n_vectors``.
    """

    skip_s: float = 0.0
    n_vectors: int | None = None
    duration_s: float | None = None


class SensorGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Channels that share one clock and one rate.

    Parameters
    ----------
    name : str
        Unique within its spindle.
    kind : {"waveform", "scalar"}
        ``waveform``: kHz samples, analysed in windows. ``scalar``: 0.0001-100 Hz values that are features
        themselves (load, temperature, power, another system's features).
    sample_rate_hz : float
        Samples per second; for a duty-cycled group, within a burst. Nominal for scalar groups.
    channels : tuple[Channel, ...]
        In the order of the block's rows.
    duty_cycle : DutyCycle, optional
        Present if the sensor sleeps between bursts.
    max_gap_s : float, optional
        For scalar groups: the longest pause between samples that is still normal. Default: 3 periods.
    """

    name: str
    kind: Literal["waveform", "scalar"]
    sample_rate_hz: float
    channels: tuple[Channel, ...]
    duty_cycle: DutyCycle | None = None
    max_gap_s: float | None = None

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names in row order."""
        return tuple(channel.name for channel in self.channels)


class Spindle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A monitored unit and the key of every stream.

    Parameters
    ----------
    name : str
        Unique in the shop.
    groups : tuple[SensorGroup, ...]
        At least one.
    teach_in : TeachIn, optional
        Overrides the configured learning schedule for this spindle.
    """

    name: str
    groups: tuple[SensorGroup, ...]
    teach_in: TeachIn | None = None

    def group(self, name: str) -> SensorGroup | None:
        """Find a sensor group by name; None if the spindle has no such group."""
        return next((group for group in self.groups if group.name == name), None)
