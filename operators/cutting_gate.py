"""Whether the tool cuts, concluded from the loads where no controller says so.

One threshold on one load cannot tell: a roughing cut at 1500 rpm may be quieter than an air cut at 6000. So standstill
is told from turning first, and then what exceeds the air cut of the same run of the spindle (`operators.channel_gate`).

What it cannot know it does not say: before standstill, air cut and cut have been seen, in a run whose beginning was
not seen, after a gap, on sensors too slow to see an air cut, and without a vibration that knows the cut, for a current
alone takes acceleration for a cut. It misleads where the speed changes while the spindle turns (the faster air cut
looks like a cut until the next standstill), and a cut that takes no more than air is air to it. Entry, exit and braking
belong to the cut or not by a few tenths of a second.

What is inferred is for signatures, which look for some faults only in a cut and for others only outside. Baselines are
not split by it (`engine.records.Regime.baseline`): the answer comes some tenths of a second late, and a baseline of
standstill alone would take every start for a fault.

Sections are not inferred. They would have to be told apart by their level, and a level that chooses its own baseline is
never judged: a breakage would be another section. For the same reason an inferred end of a cut cannot be told from
a missing tool.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from engine.clock import NS_PER_S
from engine.declared import Channel, SensorGroup
from operators.channel_gate import ChannelGate
from operators.group_check import Hop
from operators.kernels.time_domain import P_COUNT, P_MEAN, P_SUM2

_LOAD_UNITS = frozenset({"A", "mA", "kW", "W", "Nm", "N", "kN", "%", "g", "m/s²", "m/s2"})
_LOAD_WORDS = ("current", "power", "load", "torque", "force", "vib")
_SPINDLE_WORDS = frozenset({"spindle", "s1"})
_LEAST_RATE_HZ = 5.0  # an air cut lasts about a second
_LOST_NS = NS_PER_S  # a longer gap may hide a start or a stop


class CuttingGate:
    """All loads of one spindle that say whether it cuts. State: one `ChannelGate` each.

    The hops of the first group that has loads are its clock: with each, it answers from what every channel said last.

    Parameters
    ----------
    groups : sequence of SensorGroup
        Of the spindle. Waveform groups count; scalar ones of 5 Hz or more only where there is none.
    """

    __slots__ = ("_channels", "_clock", "_gates", "_seen_ns", "cutting", "guess")

    def __init__(self, groups: Sequence[SensorGroup]) -> None:
        found = {group.name: load_channels(group) for group in groups}
        kinds = {group.name: group.kind for group in groups}
        names = [name for name, channels in found.items() if channels]
        fast = [name for name in names if kinds[name] == "waveform"]
        self._channels = {name: found[name] for name in fast or names}
        self._clock = next(iter(self._channels), None)
        declared = {group.name: group.channels for group in groups}
        self._gates = {
            name: [ChannelGate(dc_coupled=declared[name][index].dc_coupled) for index in indices]
            for name, indices in self._channels.items()
        }
        self._seen_ns = dict.fromkeys(self._channels, 0)
        self.cutting: bool | None = None
        """The latest answer; None: cannot say."""
        self.guess: bool | None = None
        """What the loads alone would say; `cutting` only if a vibration knows the cut, too."""

    def observe(self, hop: Hop) -> bool | None:
        """Take the next hop of any group.

        Parameters
        ----------
        hop : Hop
            In stream time.

        Returns
        -------
        bool or None
            `cutting`.
        """
        if hop.group in self._channels:
            self._add(hop)
        if hop.group == self._clock:
            self._answer(hop.end_ns)
        elif self._clock is not None and hop.end_ns - self._seen_ns[self._clock] > _LOST_NS:
            self.cutting = self.guess = None
        return self.cutting

    def save(self) -> Any:
        """State for recovery."""
        gates = {name: [gate.save() for gate in gates] for name, gates in self._gates.items()}
        return gates, dict(self._seen_ns), self.cutting, self.guess

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        gates, self._seen_ns, self.cutting, self.guess = state
        for name, saved in gates.items():
            for gate, of_channel in zip(self._gates[name], saved, strict=True):
                gate.restore(of_channel)

    def _add(self, hop: Hop) -> None:
        """Let every load of a group take its level."""
        elapsed_ns = hop.end_ns - self._seen_ns[hop.group]
        self._seen_ns[hop.group] = hop.end_ns
        for gate, index in zip(self._gates[hop.group], self._channels[hop.group], strict=True):
            level = _level(hop, index, mean_counts=gate.dc_coupled)
            if not 0 <= elapsed_ns <= _LOST_NS or level != level:
                gate.lose()
            if level == level:
                gate.add(level)

    def _answer(self, now_ns: int) -> None:
        """Make one answer of all: any may show the cut, but a vibration below the air cut's rules it out."""
        alive = [gates for name, gates in self._gates.items() if now_ns - self._seen_ns[name] <= _LOST_NS]
        able = [gate for gates in alive for gate in gates if gate.cutting is not None]
        cuts = any(gate.cutting for gate in able) and not any(gate.slow for gate in able)
        self.guess = cuts if able else None
        self.cutting = None if all(gate.dc_coupled for gate in able) else cuts


def load_channels(group: SensorGroup) -> list[int]:
    """Say which channels of a group tell by their level how hard the spindle works.

    Parameters
    ----------
    group : SensorGroup
        Any.

    Returns
    -------
    list of int
        Indices of loads and vibrations, by unit or name; of these the spindle's own, if names tell them from other
        drives. None of a duty-cycled group, or of one slower than 5 Hz.
    """
    if group.duty_cycle is not None or group.sample_rate_hz < _LEAST_RATE_HZ:
        return []
    loads = [index for index, channel in enumerate(group.channels) if _is_load(channel)]
    own = [i for i in loads if _SPINDLE_WORDS & set(group.channels[i].name.lower().split("_"))]
    return own or loads


def _is_load(channel: Channel) -> bool:
    name = channel.name.lower()
    return channel.unit in _LOAD_UNITS or any(word in name for word in _LOAD_WORDS)


def _level(hop: Hop, index: int, *, mean_counts: bool) -> float:
    """Root mean square of a channel in one hop, of a vibration about its mean; NaN if it cannot be judged."""
    if hop.partials is None:
        return abs(float(hop.samples[index, -1]))
    partials = hop.partials[index]
    mean = float(partials[P_MEAN]) if mean_counts else 0.0
    return math.sqrt(mean * mean + float(partials[P_SUM2]) / float(partials[P_COUNT]))
