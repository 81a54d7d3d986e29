"""Every feature there is: which kernel's column it stands in, its unit, and how detectors take it.

To add one: a kernel, or a column of one, in `operators.kernels` with its oracle and tests, and a line here. Names
are permanent.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from operators.kernels import asynchronous, bearing_evidence, envelope, history, orders, spectral, time_domain


class Family(StrEnum):
    """Features that one kernel computes together; a family that nobody asked for is not computed."""

    TIME = "time"
    BANDS = "bands"
    SHAPE = "shape"
    VELOCITY = "velocity"
    FLOOR = "floor"
    ENVELOPE = "envelope"
    BEARING = "bearing"
    ORDERS = "orders"
    ASYNCHRONOUS = "asynchronous"
    HISTORY = "history"


class Kind(NamedTuple):
    """What a feature is, whatever its channel.

    Parameters
    ----------
    family : Family
        Whose kernel computes it.
    position : int
        Among the family's columns.
    unit : str
        ``{unit}`` stands for the channel's.
    log : bool
        As in `engine.records.Feature`. False where a healthy value may be 0 or negative.
    floor : float, optional
        As in `engine.records.Feature`.
    """

    family: Family
    position: int
    unit: str
    log: bool
    floor: float | None = None


class FeatureSpec(NamedTuple):
    """The recipe of one number: which feature of which channel, over which slices.

    Parameters
    ----------
    channel : str
        Of the sensor group.
    feature : str
        One of `FEATURES`, or a band's name.
    window_s, hop_s : float
        Length of the slice, and from one to the next. Scalar groups: of the longest history; one sample.
    """

    channel: str
    feature: str
    window_s: float
    hop_s: float

    @property
    def name(self) -> str:
        """``channel.feature``: stable, and the same for every window length."""
        return f"{self.channel}.{self.feature}"


FEATURES: Mapping[str, Kind] = {
    # Hardness of the stock and friction move the cutting load by a few percent from cut to cut, which a teach-in of
    # few cuts cannot show; shops warn at 15 to 20 % over the fresh tool's load.
    "mean": Kind(Family.TIME, time_domain.MEAN, "{unit}", False, floor=0.05),
    "std": Kind(Family.TIME, time_domain.STD, "{unit}", True),
    "rms": Kind(Family.TIME, time_domain.RMS, "{unit}", True),
    "peak": Kind(Family.TIME, time_domain.PEAK, "{unit}", True),
    "peak_to_peak": Kind(Family.TIME, time_domain.PEAK_TO_PEAK, "{unit}", True),
    "crest_factor": Kind(Family.TIME, time_domain.CREST_FACTOR, "", True),
    "kurtosis": Kind(Family.TIME, time_domain.KURTOSIS, "", True),
    "skewness": Kind(Family.TIME, time_domain.SKEWNESS, "", False),
    "shape_factor": Kind(Family.TIME, time_domain.SHAPE_FACTOR, "", True),
    "impulse_factor": Kind(Family.TIME, time_domain.IMPULSE_FACTOR, "", True),
    "clearance_factor": Kind(Family.TIME, time_domain.CLEARANCE_FACTOR, "", True),
    "zero_crossing_rate_hz": Kind(Family.TIME, time_domain.ZERO_CROSSING_RATE_HZ, "Hz", False),
    "centroid_hz": Kind(Family.SHAPE, spectral.CENTROID_HZ, "Hz", True),
    "spread_hz": Kind(Family.SHAPE, spectral.SPREAD_HZ, "Hz", True),
    "entropy": Kind(Family.SHAPE, spectral.ENTROPY, "", False),
    "peak_hz": Kind(Family.SHAPE, spectral.PEAK_HZ, "Hz", True),
    "velocity_rms": Kind(Family.VELOCITY, 0, "mm/s", True),
    "noise_floor": Kind(Family.FLOOR, 0, "{unit}", True),
    # How impulsive the most impulsive band is may be 0 or less. Which band that is jumps about while all is well.
    "envelope_kurtosis": Kind(Family.ENVELOPE, envelope.KURTOSIS, "", False),
    "envelope_band_hz": Kind(Family.ENVELOPE, envelope.BAND_HZ, "Hz", False),
    "envelope_rms": Kind(Family.ENVELOPE, envelope.RMS, "{unit}", True),
    "bpfo": Kind(Family.ENVELOPE, envelope.BPFO, "", True),
    "bpfi": Kind(Family.ENVELOPE, envelope.BPFI, "", True),
    "bsf": Kind(Family.ENVELOPE, envelope.BSF, "", True),
    "ftf": Kind(Family.ENVELOPE, envelope.FTF, "", True),
    "bpfo_evidence": Kind(Family.BEARING, bearing_evidence.BPFO, "nat", False),
    "bpfi_evidence": Kind(Family.BEARING, bearing_evidence.BPFI, "nat", False),
    "bsf_evidence": Kind(Family.BEARING, bearing_evidence.BSF, "nat", False),
    "rev_1": Kind(Family.ORDERS, orders.REV_1, "{unit}", True),
    "rev_2": Kind(Family.ORDERS, orders.REV_2, "{unit}", True),
    "rev_3": Kind(Family.ORDERS, orders.REV_3, "{unit}", True),
    "tooth_1": Kind(Family.ORDERS, orders.TOOTH_1, "{unit}", True),
    "tooth_2": Kind(Family.ORDERS, orders.TOOTH_2, "{unit}", True),
    "tooth_3": Kind(Family.ORDERS, orders.TOOTH_3, "{unit}", True),
    "asynchronous_share": Kind(Family.ORDERS, orders.ASYNCHRONOUS, "", False),
    # Which line is the strongest jumps about while all is well.
    "asynchronous_hz": Kind(Family.ASYNCHRONOUS, asynchronous.LINE_HZ, "Hz", False),
    "asynchronous_line": Kind(Family.ASYNCHRONOUS, asynchronous.LINE_RMS, "{unit}", True),
    "asynchronous_contrast": Kind(Family.ASYNCHRONOUS, asynchronous.CONTRAST, "", True),
}
# A slow value that is quantised may well stand still for a while: no logarithms here.
SCALAR_FEATURES: Mapping[str, Kind] = {
    "value": Kind(Family.HISTORY, history.VALUE, "{unit}", False),
    "slope": Kind(Family.HISTORY, history.SLOPE, "{unit}/s", False),
    "std": Kind(Family.HISTORY, history.STD, "{unit}", False),
}

BAND = Kind(Family.BANDS, 0, "{unit}", True)
"""A spectral band's: as many as configured, named by their edges."""


def features_of(*families: Family) -> list[str]:
    """Names of the waveform features of some families.

    Parameters
    ----------
    *families : Family
        At least one.

    Returns
    -------
    list of str
        In the order of `FEATURES`.
    """
    return [name for name, kind in FEATURES.items() if kind.family in families]
