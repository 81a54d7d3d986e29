"""Which features of a spindle's vectors measure its cuts: broadband noise, and what follows the cutting force."""

from __future__ import annotations

from collections.abc import Mapping

from engine.clock import NS_PER_S
from engine.config import Config
from engine.declared import Channel, SensorGroup, Spindle
from operators.features import FeatureSet

TRUST_TEETH = 0.08
"""Error of the line of the teeth as a measure of force, relative: it follows the force's ripple, too."""

# With two teeth the first falls on the second order of the imbalance, the second on nothing.
_TEETH = ("tooth_1", "tooth_2")
_POWERS = frozenset({"W", "kW", "Nm", "N·m", "N*m", "N", "kN"})
_CURRENTS = frozenset({"A", "mA"})
_ACCELERATIONS = frozenset({"g", "m/s²", "m/s2", "m/s^2"})
# A load meter follows the torque; a motor's current takes little notice of light loads.
_TRUST_LOAD, _TRUST_CURRENT = 0.03, 0.081


class CutColumns:
    """Which features of a spindle's vectors are read, and what they measure.

    ``noise`` is the mean square of the broadband noise (`noise_floor`), summed over accelerometers. Loads are the means
    of load, power, torque or force channels, of currents, and the lines of the teeth of every accelerometer.

    Parameters
    ----------
    spindle : Spindle
        Declared.
    features : Mapping[tuple[str, str], FeatureSet]
        By spindle and group.
    config : Config
        Window lengths.
    """

    __slots__ = ("groups", "loads")

    def __init__(
        self, spindle: Spindle, features: Mapping[tuple[str, str], FeatureSet], config: Config
    ) -> None:
        self.loads: dict[str, tuple[str, float]] = {}  # unit and trust of each
        # For each group and kind of window: its length, columns of noise, columns of loads.
        self.groups: dict[tuple[str, bool], tuple[int, list[int], list[tuple[str, int]]]] = {}
        for group in spindle.groups:
            found = features[spindle.name, group.name]
            wanted = [(False, found)] if found.long is None else [(False, found), (True, found.long)]
            for long, one in wanted:
                noises, loads = self._of(group, one, long)
                if noises or loads:
                    length_s = config.diagnosis.window_s if long else config.waveform.window_s
                    if group.kind == "scalar":
                        length_s = 1.0 / group.sample_rate_hz
                    self.groups[group.name, long] = round(length_s * NS_PER_S), noises, loads

    def _of(
        self, group: SensorGroup, features: FeatureSet, long: bool
    ) -> tuple[list[int], list[tuple[str, int]]]:
        index = {name: column for column, name in enumerate(features.names)}
        noises: list[int] = []
        loads: list[tuple[str, int]] = []
        for channel in group.channels:
            level = f"{channel.name}.{'value' if group.kind == 'scalar' else 'mean'}"
            if not long and level in index and (trust := _trust(channel)) is not None:
                loads.append((level, index[level]))
                self.loads[level] = channel.unit, trust
            if long and not channel.dc_coupled and channel.unit in _ACCELERATIONS:
                noises.append(index[f"{channel.name}.noise_floor"])
                for teeth in (f"{channel.name}.{line}" for line in _TEETH):
                    loads.append((teeth, index[teeth]))
                    self.loads[teeth] = channel.unit, TRUST_TEETH
        return noises, loads


def _trust(channel: Channel) -> float | None:
    """How well a channel's level follows the cutting force; None if it is something else."""
    if channel.unit in _POWERS or (channel.unit == "%" and "load" in channel.name.lower()):
        return _TRUST_LOAD
    return _TRUST_CURRENT if channel.unit in _CURRENTS else None
