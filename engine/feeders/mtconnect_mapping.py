"""What an MTConnect agent's data items mean to a spindle. No input or output.

A data item is named by its ``dataItemId``, by its name, or by its kind and sub-kind as in ``RotaryVelocity/ACTUAL``; a
kind alone, ``ToolNumber``, is one without a sub-kind, so that a commanded speed is never taken for an actual one. A
name that several data items share, as on a machine with two spindles, stands for none of them: it is told, and is
unknown.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from engine.declared import Spindle
from engine.errors import ConfigError
from engine.feeders.mtconnect_documents import UNAVAILABLE, Document, Observation, finite
from engine.feeders.mtconnect_table import DEFAULT_VALUES, AgentTable, SectionRule
from engine.feeders.settings import Slot, find_slots
from engine.feeders.spindle_feed import Reading
from engine.records import samples_to_ns

_EXECUTION, _MODE, _ROTARY = "Execution", "ControllerMode", "RotaryMode"
_IDLE = frozenset({"READY", "PROGRAM_COMPLETED"})
_TURNING_RPM = 1.0
_SECTION, _CUTTING = (Slot(None, 0, field, 1.0) for field in ("section", "cutting"))

_log = logging.getLogger(__name__)


class Taken(NamedTuple):
    """Readings of one moment, and the rate of their time series; None = as declared."""

    readings: list[Reading]
    rate_hz: float | None


class Meaning:
    """Turns an agent's documents into readings of one spindle.

    Which data items are meant is found anew in each snapshot, for it holds every data item that the agent has.

    Parameters
    ----------
    table : AgentTable
        As configured.
    spindle : Spindle
        As declared.
    path : str
        Where the table stands, for errors.

    Raises
    ------
    ConfigError
        A channel that the spindle has not, or a rule that is none.
    """

    def __init__(self, table: AgentTable, spindle: Spindle, path: str) -> None:
        given = find_slots(table.values, spindle, f"{path}.values")
        told = {slot.context for slot in given.values() if slot.group is None}
        own = {name: target for name, target in DEFAULT_VALUES.items() if target.context not in told}
        self._slots = given | (find_slots(own, spindle, path) if table.defaults else {})
        self._rules = [_Rule(rule, f"{path}.sections[{i}]") for i, rule in enumerate(table.sections)]
        self._ruling = {rule.of for rule in self._rules}
        self._idle = table.idle and "cutting" not in told
        self._who = f"mtconnect: {table.url}: {spindle.name}"
        self._bound: dict[tuple[tuple[str, str], str], list[str]] = {}
        self._latest: dict[str, str | None] = {}  # by name: of what more than one value decides
        self._section: str | None = None
        self._told: set[str] = set()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """All that is ever told."""
        return (
            *self._slots.values(),
            *([_SECTION] if self._rules else []),
            *([_CUTTING] if self._idle else []),
        )

    def readings(self, document: Document, snapshot: bool) -> Iterator[Taken]:
        """Make readings of a document, moment by moment.

        Parameters
        ----------
        document : Document
            In the order of the stream.
        snapshot : bool
            What it says holds when it was made, however long ago it changed.

        Yields
        ------
        Taken
            Of one time stamp.
        """
        if snapshot:
            self._bind(document.observations)
            self._latest.clear()
            self._section = None
        since_ns = (document.created_ns or 0) if snapshot else 0
        if snapshot:
            moments: Iterable[tuple[int, Iterable[Observation]]] = [
                (max([since_ns, *(one.t_ns for one in document.observations)]), document.observations)
            ]
        else:
            moments = groupby(document.observations, key=lambda one: one.t_ns)
        for t_ns, observations in moments:
            taken = self._moment(t_ns, observations)
            if taken.readings:
                yield taken

    def _moment(self, t_ns: int, observations: Iterable[Observation]) -> Taken:
        readings: list[Reading] = []
        rate_hz = None
        decides = False
        for one in observations:
            for name in self._bound.get((one.device, one.item), ()):
                slot = self._slots.get(name)
                value = None if one.value == UNAVAILABLE else one.value
                if slot is None or slot.context in ("rpm", "program") or name in self._ruling:
                    decides |= self._latest.get(name) != value or name not in self._latest
                    self._follow(name, slot, value)
                if slot is None:
                    continue
                if one.is_series and value is not None:
                    series, first_ns, rate_hz = _series(one, slot)
                    readings.append(Reading(name, slot, series, first_ns))
                elif slot.group is None or slot.group.kind == "scalar":
                    readings.append(Reading(name, slot, value, t_ns))
        if decides:
            readings += self._concluded(t_ns)
        return Taken(readings, rate_hz)

    def _follow(self, name: str, slot: Slot | None, value: str | None) -> None:
        """Note a value from which something else is concluded."""
        if slot is not None and slot.context == "program" and self._latest.get(name) != value:
            self._section = None
        self._latest[name] = value
        if name in self._ruling:
            self._section = self._section_by(name)

    def _section_by(self, name: str) -> str | None:
        """Section, now that a data item was told: a text counts when it is told, a line number while it stands."""
        for rule in self._rules:
            if (rule.is_range or rule.of == name) and rule.holds(self._latest.get(rule.of)):
                return rule.name
        unknown = all(self._latest.get(rule.of) is None for rule in self._rules)
        return None if unknown or all(rule.is_range for rule in self._rules) else self._section

    def _concluded(self, t_ns: int) -> list[Reading]:
        """Section and idling, from all that is known now."""
        out = []
        if self._rules:
            out.append(Reading("sections", _SECTION, self._section, t_ns))
        if self._idle:
            cutting = False if self._is_idle() else None
            out.append(Reading("idle", _CUTTING, cutting, t_ns))
        return out

    def _is_idle(self) -> bool:
        """Whether it is certain that the tool does not cut.

        ``ACTIVE`` says that a program runs, not that the tool cuts; ``FEED_HOLD``, ``INTERRUPTED`` and the stops leave
        the tool where it is; by hand it may cut with no program at all; a spindle that indexes or contours holds a
        workpiece that another tool may cut. So only a spindle that stands, and a finished or not yet begun program in
        automatic mode, are certain. Nothing is ever said to cut.
        """
        if self._latest.get(_ROTARY) not in (None, "SPINDLE"):
            return False
        speeds = (name for name in self._latest if (slot := self._slots.get(name)) and slot.context == "rpm")
        rpm = next((finite(self._latest[name] or "") for name in speeds), math.nan)
        if not math.isnan(rpm):
            return abs(rpm) < _TURNING_RPM
        return self._latest.get(_MODE) == "AUTOMATIC" and self._latest.get(_EXECUTION) in _IDLE

    def _bind(self, observations: Iterable[Observation]) -> None:
        """Find which data items the names stand for."""
        found: dict[str, set[tuple[tuple[str, str], str]]] = {}
        for one in observations:
            for name in _names(one):
                found.setdefault(name, set()).add((one.device, one.item))
        self._bound.clear()
        filled: set[str] = set()
        wanted = dict.fromkeys([*self._slots, *(rule.of for rule in self._rules)])
        if self._idle:
            wanted |= dict.fromkeys([_EXECUTION, _MODE, _ROTARY])
        for name in wanted:
            slot = self._slots.get(name)
            items = found.get(name, set())
            is_spare = slot is not None and slot.group is None and slot.context in filled
            if not items or is_spare:
                if slot is not None and name not in DEFAULT_VALUES and not is_spare:
                    self._tell(name, "the agent has no such data item")
                continue
            if slot is not None and slot.group is None:
                filled.add(slot.context)
            if len(items) > 1:
                which = ", ".join(sorted(item for _device, item in items)[:8])
                self._tell(name, f"several data items have it, name one by its dataItemId: {which}")
                continue
            self._bound.setdefault(items.pop(), []).append(name)

    def _tell(self, name: str, what: str) -> None:
        if name not in self._told:
            self._told.add(name)
            _log.warning("%s: %s: %.300s", self._who, name, what)


class _Rule:
    """A `SectionRule`, made ready."""

    def __init__(self, rule: SectionRule, path: str) -> None:
        self.of, self.name = rule.of, rule.name
        self.is_range = rule.first is not None or rule.last is not None
        if self.is_range == bool(rule.matches):
            raise ConfigError(f"Expected `from` and `to`, or `matches`, one of them - at `$.{path}`")
        self._first = -math.inf if rule.first is None else rule.first
        self._last = math.inf if rule.last is None else rule.last
        try:
            self._pattern = re.compile(rule.matches)
        except re.error as error:
            raise ConfigError(f"Expected a regular expression: {error} - at `$.{path}.matches`") from error

    def holds(self, value: str | None) -> bool:
        """Whether a value says so; unknown says nothing."""
        if value is None:
            return False
        if self.is_range:
            return bool(self._first <= finite(value) <= self._last)
        return self._pattern.search(value[:255]) is not None


def _names(one: Observation) -> set[str]:
    """Every name by which a data item may be meant."""
    kind = f"{one.kind}/{one.sub_kind}" if one.sub_kind else one.kind
    return {one.item, kind} | ({one.name} if one.name else set())


def _series(one: Observation, slot: Slot) -> tuple[Any, int, float | None]:
    """Numbers of a time series, the time of the first, and their rate; the time stamp is the last one's."""
    try:
        numbers = np.array(one.value.split(), np.float64)
    except ValueError:
        return one.value, one.t_ns, None  # refused as any text is
    declared = None if slot.group is None else slot.group.sample_rate_hz
    rate_hz = one.rate_hz if one.rate_hz > 0 else declared
    first_ns = one.t_ns - (samples_to_ns(len(numbers) - 1, rate_hz) if rate_hz else 0)
    return numbers, first_ns, rate_hz
