"""What a channel measures, so that a fault shows in it as it would: by its unit and its name."""

from __future__ import annotations

from enum import StrEnum

from engine.declared import Channel, SensorGroup

G_M_S2 = 9.80665
_ACCELERATION = {"g": 1.0, "m/s²": G_M_S2, "m/s2": G_M_S2}
_LOAD_UNITS = frozenset({"A", "%", "W", "kW", "Nm", "N·m", "N", "kN"})
_LOAD_WORDS = ("current", "power", "load", "torque")
_ENVELOPE_WORDS = ("vib", "ae_", "acoustic")
# Feed axes and counter spindles do not turn the tool.
_OTHER_DRIVES = ("x1_", "y1_", "z1_", "sub_")


class Role(StrEnum):
    """What a fault of the machine does to a channel."""

    VIBRATION = "vibration"  # a waveform around zero
    ENVELOPE = "envelope"  # the level of a vibration, rectified before it was sampled
    LOAD = "load"  # current, power, torque of the spindle's drive
    OTHER = "other"  # temperature, position: not touched


def role_of(channel: Channel, group: SensorGroup) -> Role:
    """Say what a channel measures.

    Parameters
    ----------
    channel : Channel
        As declared.
    group : SensorGroup
        Its group.

    Returns
    -------
    Role
        `Role.OTHER` where neither unit nor name tells.

    Examples
    --------
    >>> group = SensorGroup("drive", "waveform", 1000.0, ())
    >>> told = [("vib_x", "g", False), ("vib_table", "V", True), ("load_pct", "%", True), ("x1_current", "A", True)]
    >>> [role_of(Channel(name, unit, dc_coupled=dc), group).value for name, unit, dc in told]
    ['vibration', 'envelope', 'load', 'other']
    """
    name = channel.name.lower()
    if not channel.dc_coupled:
        is_vibration = channel.unit in _ACCELERATION or any(word in name for word in _ENVELOPE_WORDS)
        return Role.VIBRATION if group.kind == "waveform" and is_vibration else Role.OTHER
    if any(word in name for word in _ENVELOPE_WORDS):
        return Role.ENVELOPE
    if any(word in name for word in _OTHER_DRIVES) or "sub" in name.split("_"):
        return Role.OTHER
    if channel.unit in _LOAD_UNITS or any(word in name for word in _LOAD_WORDS):
        return Role.LOAD
    return Role.OTHER


def per_g(channel: Channel) -> float | None:
    """One g in the channel's unit; None if that is no acceleration."""
    return _ACCELERATION.get(channel.unit)
