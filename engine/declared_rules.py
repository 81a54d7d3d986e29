"""What no spindle can be, though every single key of its declaration may."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from engine.declared import SensorGroup, TeachIn

# Group names become file names, channel names become columns and feature names.
_GROUP_NAME = re.compile(r"\w[\w-]*")
_CHANNEL_NAME = re.compile(r"\w+")
_NOT_GROUPS = frozenset({"context"})
_NOT_CHANNELS = frozenset({"t_ns"})


def impossible(groups: Sequence[SensorGroup], teach_in: TeachIn | None) -> str | None:
    """Find what no spindle can have.

    Parameters
    ----------
    groups : sequence of SensorGroup
        Of one spindle.
    teach_in : TeachIn or None
        Its protocol.

    Returns
    -------
    str or None
        What was got, wanted, and where; None if all is well.
    """
    if not groups:
        return "Expected at least one sensor group, got none - at `$.groups`"
    seen: set[str] = set()
    for index, group in enumerate(groups):
        wrong = _impossible_group(group, seen)
        if wrong:
            return f"{wrong} - at `$.groups[{index}]`"
    for name in ("skip_s", "n_vectors", "duration_s"):
        value = getattr(teach_in, name, None)
        if value is not None and not (math.isfinite(value) and value >= 0):
            return f"Expected 0 or more, got {value} - at `$.teach_in.{name}`"
    return None


def _impossible_group(group: SensorGroup, seen: set[str]) -> str | None:
    """Check one group; ``seen`` collects the names of groups and channels so far."""
    if not _GROUP_NAME.fullmatch(group.name) or group.name in _NOT_GROUPS:
        return f"Expected a name of letters, digits, _ and - other than 'context', got {group.name!r}"
    if f"group {group.name}" in seen:
        return f"Expected a name of its own, got {group.name!r} twice"
    seen.add(f"group {group.name}")
    if not group.channels:
        return "Expected at least one channel, got none"
    for name in group.channel_names:
        if not _CHANNEL_NAME.fullmatch(name) or name in _NOT_CHANNELS:
            return f"Expected a channel name of letters, digits and _ other than 't_ns', got {name!r}"
        if f"channel {name}" in seen:
            return f"Expected a channel name unique within the spindle, got {name!r} twice"
        seen.add(f"channel {name}")
    positive = {"sample_rate_hz": group.sample_rate_hz, "max_gap_s": group.max_gap_s}
    if group.duty_cycle is not None:
        burst_s, period_s = group.duty_cycle.burst_s, group.duty_cycle.period_s
        positive |= {"duty_cycle.burst_s": burst_s, "duty_cycle.period_s": period_s}
        if burst_s > period_s:
            return f"Expected a burst no longer than its period of {period_s} s, got {burst_s} s"
    for key, value in positive.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            return f"Expected {key} above 0, got {value}"
    return None
