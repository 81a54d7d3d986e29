"""From what was asked for to what will be injected: when it begins and ends, and what a recording cannot carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.declared import Channel, SensorGroup, Spindle
from engine.errors import UsageError
from replay.faults import Fault
from replay.inject import bearing, models, sensors
from replay.inject.channels import Role, role_of
from replay.inject.models import Here
from replay.inject.orders import BEARINGS, IN_THE_CUT, Injection, Order
from replay.inject.shapes import Samples, chatter_hz, chatter_needs_hz, ring_hz
from replay.inject.story import Story
from replay.wording import listed

Model = Callable[[Samples, Samples, Here], Samples]

MODELS: dict[Injection, Model] = {
    Injection.COLLISION: models.collision,
    Injection.TOOL_BREAKAGE: models.tool_breakage,
    Injection.MISSING_TOOL: models.missing_tool,
    Injection.CHATTER: models.chatter,
    Injection.BEARING: bearing.bearing_outer,
    Injection.BEARING_INNER: bearing.bearing_inner,
    Injection.IMBALANCE: models.imbalance,
    Injection.TOOL_WEAR: models.tool_wear,
    Injection.SENSOR_FLAT_LINE: sensors.flat_line,
    Injection.SENSOR_DRIFT: sensors.drift,
    Injection.SENSOR_CLIPPING: sensors.clipping,
}
"""By kind; a dropout has none, for its samples are not there."""

_BRIEF_S = 1.0  # a collision with its bounces, until the control has stopped
_SENSOR_S = 6.0  # longer than it takes to be sure that a dc_coupled channel is dead
_SENSOR_SAMPLES = 700  # the same for polled values
_RINGS_HZ = 1000.0  # a resonance that impacts of a bearing are told apart by
_ROLES = {
    Injection.CHATTER: (Role.VIBRATION, Role.ENVELOPE),
    Injection.IMBALANCE: (Role.VIBRATION,),
    Injection.BEARING: (Role.VIBRATION,),
    Injection.BEARING_INNER: (Role.VIBRATION,),
}
_ABRUPT = frozenset({Injection.COLLISION, Injection.TOOL_BREAKAGE})
_ANY_ROLE = (Role.VIBRATION, Role.ENVELOPE, Role.LOAD)


@dataclass(frozen=True, slots=True)
class Placed:
    """A fault with its place.

    Parameters
    ----------
    kind : Injection
        What.
    start_s, end_s : float
        Seconds from the recording's start.
    severity : float
        1.0 = moderate.
    channels : frozenset of str
        Names of the channels in which it shows; of a dropout, all of a group.
    tool : str or None
        In the spindle when it begins.
    section : str or None
        Of the program, then.
    """

    kind: Injection
    start_s: float
    end_s: float
    severity: float
    channels: frozenset[str]
    tool: str | None
    section: str | None

    def labels(self, story: Story, seed: int) -> list[Fault]:
        """Rows of ``faults.csv``: the fault, and of wear also when it reaches its limit."""
        where = [f"tool {self.tool}" if self.tool else "", f"section {self.section}" if self.section else ""]
        note = ", ".join(["injected", f"severity {self.severity:g}", *filter(None, where), f"seed {seed}"])
        rows = [Fault(self.start_s, min(self.end_s, story.end_s), str(self.kind), note)]
        if self.kind is Injection.TOOL_WEAR and self.severity >= 1.0:
            limit_s = self._worn_s(story)
            rows.append(Fault(limit_s, limit_s, "wear_limit", f"tool={self.tool or ''} edge="))
        return rows

    def _worn_s(self, story: Story) -> float:
        """When wear reaches 1.0: so much of the cutting time has passed."""
        cuts = [
            (max(cut.start_s, self.start_s), min(cut.end_s, self.end_s))
            for cut in story.cuts()
            if cut.tool == self.tool and cut.end_s > self.start_s and cut.start_s < self.end_s
        ] or [(self.start_s, self.end_s)]
        left_s = sum(end_s - start_s for start_s, end_s in cuts) / self.severity
        for start_s, end_s in cuts:
            if left_s <= end_s - start_s:
                return start_s + left_s
            left_s -= end_s - start_s
        return self.end_s


def place(orders: Sequence[Order], spindle: Spindle, story: Story) -> tuple[Placed, ...]:
    """Fix when faults begin and end.

    Parameters
    ----------
    orders : sequence of Order
        Any order.
    spindle : Spindle
        Of the recording.
    story : Story
        Its contexts.

    Returns
    -------
    tuple of Placed
        In order of time. What needs a cut begins at START if that is in a cut, else with the next one; a
        missing tool always with the next one. A missing or broken tool ends when it leaves the spindle (with
        its cut, if the tool is unknown), chatter with its cut, wear and faults of the spindle with the
        recording, the others after their usual time; or all at END.

    Raises
    ------
    UsageError
        What the recording cannot carry, and why; two faults at once.
    """
    placed = sorted((_place(order, spindle, story) for order in orders), key=lambda fault: fault.start_s)
    for one, other in pairwise(placed):
        if other.start_s < one.end_s:
            raise UsageError(
                f"{other.kind} at {other.start_s:g} s begins before {one.kind} ends at {one.end_s:g} s; "
                "wanted one fault at a time"
            )
    return tuple(placed)


def _place(order: Order, spindle: Spindle, story: Story) -> Placed:
    if order.start_s >= story.end_s:
        raise UsageError(f"{order.kind} at {order.start_s:g} s: the recording ends at {story.end_s:g} s")
    channels = _channels(order.kind, spindle)
    start_s = _start_s(order, story)
    here = story.at(start_s)
    rpm = float(here.rpm or 0.0) if here is not None else 0.0
    if order.kind in BEARINGS | {Injection.IMBALANCE} and rpm <= 0.0:
        raise UsageError(f"{order.kind} at {start_s:g} s needs a known speed above 0 there, got none")
    if order.kind is Injection.MISSING_TOOL and not story.idle_spans(rpm):
        raise UsageError(
            f"{order.kind} at {start_s:g} s needs a stretch without cutting at {rpm:g} rpm, got none: the recording "
            "does not say how the tool sounds in air"
        )
    end_s = order.end_s if order.end_s is not None else _end_s(order.kind, start_s, spindle, story)
    return Placed(
        order.kind,
        start_s,
        end_s,
        order.severity,
        channels,
        here.tool if here is not None else None,
        here.section if here is not None else None,
    )


def _start_s(order: Order, story: Story) -> float:
    if order.kind not in IN_THE_CUT:
        return order.start_s
    missing = order.kind is Injection.MISSING_TOOL
    if not story.knows_cuts:
        if missing or story.knows_idle:
            raise UsageError(f"{order.kind} needs contexts that say when the tool cuts, got none")
        return order.start_s
    until_s = order.end_s if order.end_s is not None else story.end_s
    for cut in story.cuts():
        start_s = cut.start_s if missing else max(cut.start_s, order.start_s)
        if start_s >= order.start_s and start_s < min(cut.end_s, until_s):
            return start_s
    raise UsageError(f"{order.kind}: no cut between {order.start_s:g} s and {until_s:g} s")


def _end_s(kind: Injection, start_s: float, spindle: Spindle, story: Story) -> float:
    here = story.at(start_s)
    lost = kind in (Injection.TOOL_BREAKAGE, Injection.MISSING_TOOL)
    if lost and here is not None and here.tool is not None:
        return story.tool_leaves_s(start_s)
    if lost or kind is Injection.CHATTER:
        return next((cut.end_s for cut in story.cuts() if cut.start_s <= start_s < cut.end_s), story.end_s)
    if kind is Injection.COLLISION:
        return start_s + _BRIEF_S
    if kind in BEARINGS or kind in (Injection.IMBALANCE, Injection.TOOL_WEAR, Injection.SENSOR_DRIFT):
        return story.end_s
    first = spindle.groups[0]
    long_s = _SENSOR_SAMPLES / first.sample_rate_hz if first.kind == "scalar" else 0.0
    return start_s + max(_SENSOR_S, long_s)


def _channels(kind: Injection, spindle: Spindle) -> frozenset[str]:
    """Channels in which a fault shows; a UsageError if there is none."""
    if kind is Injection.SENSOR_DROPOUT:
        return frozenset(spindle.groups[0].channel_names)
    if kind.startswith("sensor"):
        group = spindle.groups[0]
        known = [channel for channel in group.channels if role_of(channel, group) is not Role.OTHER]
        return frozenset([(known or group.channels)[0].name])
    wanted = _ROLES.get(kind, _ANY_ROLE)
    found = [
        (group, channel)
        for group in spindle.groups
        for channel in group.channels
        if role_of(channel, group) in wanted
    ]
    if not found:
        words = {Role.VIBRATION: "vibration", Role.ENVELOPE: "the level of vibration", Role.LOAD: "load"}
        every = listed(channel.name for group in spindle.groups for channel in group.channels)
        raise UsageError(
            f"{kind} needs a channel of {' or '.join(words[role] for role in wanted)}, got {every}"
        )
    carrying = [(group, channel) for group, channel in found if _carries(kind, group, channel)]
    if not carrying:
        raise UsageError(_too_little(kind, found))
    # What waveforms show, polled values of the same machine show too.
    return frozenset(channel.name for _, channel in (found if kind in _ABRUPT else carrying))


def _carries(kind: Injection, group: SensorGroup, channel: Channel) -> bool:
    if kind is Injection.CHATTER and role_of(channel, group) is Role.VIBRATION:
        return chatter_hz(0.0, group.sample_rate_hz) > 0.0
    if kind is Injection.CHATTER:
        return (
            group.sample_rate_hz >= chatter_needs_hz()
        )  # an envelope alone cannot tell a tone from anything else
    if kind in _ABRUPT:
        return group.kind == "waveform"
    if kind in BEARINGS:
        return channel.bearing is not None and ring_hz(group.sample_rate_hz) >= _RINGS_HZ
    return True


def _too_little(kind: Injection, found: Sequence[tuple[SensorGroup, Channel]]) -> str:
    rate_hz = max(group.sample_rate_hz for group, _ in found)
    if kind is Injection.CHATTER:
        return f"{kind} needs at least {chatter_needs_hz():.0f} Hz, got {rate_hz:g} Hz"
    if kind in _ABRUPT:
        return f"{kind} needs waveforms: values polled at {rate_hz:g} Hz miss a blow"
    if not any(channel.bearing is not None for _, channel in found):
        names = listed(channel.name for _, channel in found)
        return f"{kind} needs the geometry of a bearing: none is declared for {names}"
    return f"{kind} needs at least {_RINGS_HZ / ring_hz(1.0):.0f} Hz, got {rate_hz:g} Hz"
