"""The nouns that are declared once: spindles, their sensor groups, channels, and how they are taught.

They are ``msgspec.Struct``s because they are read from TOML; unknown keys are refused.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Bearing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Geometry of a rolling bearing, from which the frequencies of its defects follow.

    Tables disagree about the same bearing by a percent, so measure or ask the maker. Slip lowers the true
    frequencies by up to two percent.

    Parameters
    ----------
    n_elements : int
        Balls or rollers.
    element_mm : float
        Their diameter.
    pitch_mm : float
        Diameter of the circle on which their centres run.
    contact_deg : float
        Contact angle: 0 for a deep-groove bearing, 15 to 40 for the angular-contact bearings of spindles.
    """

    n_elements: Annotated[int, Meta(ge=2)]
    element_mm: Annotated[float, Meta(gt=0)]
    pitch_mm: Annotated[float, Meta(gt=0)]
    contact_deg: Annotated[float, Meta(ge=0, lt=90)] = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot turn."""
        if not self.element_mm < self.pitch_mm:
            raise ValueError(f"Expected element_mm below pitch_mm = {self.pitch_mm}, got {self.element_mm}")

    @property
    def orders(self) -> tuple[float, float, float, float]:
        """BPFO, BPFI, BSF and FTF as multiples of the speed.

        Examples
        --------
        >>> [round(order * 1797 / 60, 2) for order in Bearing(9, 7.94, 39.04).orders]
        [107.36, 162.19, 70.58, 11.93]
        """
        ratio = self.element_mm / self.pitch_mm
        along = ratio * math.cos(math.radians(self.contact_deg))
        half = self.n_elements / 2
        return half * (1 - along), half * (1 + along), (1 - along**2) / (2 * ratio), (1 - along) / 2


_MM_S2 = {"g": 9806.65, "m/s²": 1000.0, "m/s2": 1000.0, "m/s^2": 1000.0}


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
    bearing : Bearing, optional
        The bearing that this accelerometer listens to.
    """

    name: str
    unit: str = ""
    full_scale: float | None = None
    dc_coupled: bool = False
    bearing: Bearing | None = None

    @property
    def to_mm_s2(self) -> float:
        """Millimetres per second squared in one unit; NaN if the channel measures no acceleration.

        Examples
        --------
        >>> Channel("vib_x", "g").to_mm_s2
        9806.65
        """
        return _MM_S2.get(self.unit, math.nan)


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
