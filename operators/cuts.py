"""Cuts: where one begins and ends, and what it measured beyond what idling at the same speed measures."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from statistics import median, stdev
from typing import Any

from detectors.cut_parts import CutPart, Load
from engine.clock import NS_PER_S
from engine.records import FeatureVector, Regime
from operators.cut_columns import TRUST_TEETH, CutColumns
from operators.open_cut import OpenCut, OpenPart, Sums, work_of

_NOISE = "noise"
_SPEED_STEP = 0.02  # logarithmic; speeds so near to each other idle alike
_MAX_SPEEDS = 32  # whose idling is remembered
# Stretches in the air that a level is taken from: the mean of many for noise, in whose level a fine cut's share is
# small, the median of some for loads, which a spindle that was just accelerated spoils.
_N_NOISE, _N_LOAD = 40, 9
_ONE_STRETCH = 0.05  # relative error of a level in the air that was met once
_SPIN_UP_S = 1.2  # a spindle that was told another speed may take so long to reach it
_N_LAST = 3  # windows at the end of a stretch in the air: the tool has left, the spindle is up to speed
_LOST_S = 5.0  # without any vector a cut is over


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch in which one edge of one tool was in the material without a break.

    Parameters
    ----------
    tool : str
        As the controller names it.
    edge : str or None
        As the context names it; None: it does not.
    began_ns, ended_ns : int
        Stream time.
    cutting_s : float
        In between.
    sound : bool
        False: a fault was in it, or a sensor's trouble began, so it says nothing about wear.
    parts : tuple[CutPart, ...]
        Its sections that were long enough to be measured, in order.
    work : float
        Area under the load that follows the force best (a load meter before a current): its mean without idling, times
        the seconds, over all sections that measured it. In that load's unit times seconds; NaN if none did.
    """

    tool: str
    edge: str | None
    began_ns: int
    ended_ns: int
    cutting_s: float
    sound: bool
    parts: tuple[CutPart, ...]
    work: float


class CutMeter:
    """Follows one spindle's vectors and hands out each cut when it is over.

    Only windows that lie wholly within one section, or wholly in the air at one commanded speed, are measured, and both
    only from ``[learn] settle_s`` after it began. A level in the air is kept per speed, of the last windows before the
    tool goes in again; without one at the speed of a cut nothing can be taken off it, and its noise and loads are NaN
    (but for the teeth: there are none in the air).

    State: the open cut, and the levels in the air at 32 speeds.

    Parameters
    ----------
    columns : CutColumns
        What to read.
    settle_s : float
        ``[learn] settle_s``.
    """

    __slots__ = (
        "_air",
        "_air_last",
        "_air_rpm",
        "_air_since_ns",
        "_columns",
        "_cut",
        "_cut_rpm",
        "_latest_ns",
        "_settle_ns",
    )

    def __init__(self, columns: CutColumns, settle_s: float) -> None:
        self._columns = columns
        self._settle_ns = round(settle_s * NS_PER_S)
        self._cut: OpenCut | None = None
        self._latest_ns = -(2**62)
        self._air: OrderedDict[int, dict[str, list[float]]] = OrderedDict()
        self._air_rpm: float | None = None
        self._air_since_ns = 0
        self._cut_rpm: float | None = None  # of the cut that is just over
        self._air_last: dict[str, list[float]] = {}

    @property
    def cutting(self) -> bool:
        """Whether a cut is open."""
        return self._cut is not None

    def disturb(self) -> None:
        """Say that the open cut, if there is one, is not sound."""
        if self._cut is not None:
            self._cut.sound = False

    def take(self, vector: FeatureVector) -> Cut | None:
        """Take the next vector of any group.

        Parameters
        ----------
        vector : FeatureVector
            In stream time, but for groups that lag a little.

        Returns
        -------
        Cut or None
            The one that this vector shows to be over.
        """
        over = self._follow(vector) if vector.t_ns >= self._latest_ns else None
        found = self._columns.groups.get((vector.group, vector.long))
        if found is not None:
            self._measure(vector, *found)
        return over

    def _follow(self, vector: FeatureVector) -> Cut | None:
        """Begin and end what the context says has begun and ended."""
        before_ns, self._latest_ns = self._latest_ns, vector.t_ns
        over = None
        cut, regime = self._cut, vector.regime
        if cut is not None:
            lost = vector.t_ns - before_ns > _LOST_S * NS_PER_S
            same = regime.cutting and regime.tool == cut.tool and vector.context.tool_edge == cut.edge
            if lost or not same:
                over = self._close(before_ns if lost else _since(vector))
        if regime.cutting:
            self._go_in(vector)
        else:
            self._go_out(vector)
        return over

    def _go_in(self, vector: FeatureVector) -> None:
        regime, cut = vector.regime, self._cut
        if regime.tool is None:
            return
        rpm, since_ns = vector.context.rpm, _since(vector)
        if cut is None:
            self._keep_air()
            parts = [OpenPart(regime, rpm, since_ns)]
            self._cut = OpenCut(regime.tool, vector.context.tool_edge, since_ns, parts)
        elif cut.parts[-1].regime != regime:
            last = cut.parts[-1]
            last.cutting_s = (since_ns - last.since_ns) / NS_PER_S
            cut.parts.append(OpenPart(regime, rpm, since_ns))

    def _go_out(self, vector: FeatureVector) -> None:
        rpm = vector.context.rpm if vector.regime.cutting is False else None
        if rpm != self._air_rpm:
            # A tool that has just left the cut turns at the speed that it cut with.
            turned = self._cut_rpm if self._air_rpm is None else None
            spin_up_ns = 0 if rpm is not None and rpm == turned else round(_SPIN_UP_S * NS_PER_S)
            self._air_rpm, self._air_since_ns = rpm, _since(vector) + spin_up_ns
            self._air_last, self._cut_rpm = {}, None

    def _keep_air(self) -> None:
        """Average what was measured in the air just now into what this speed has shown before."""
        if self._air_rpm and self._air_last:
            known = self._air.setdefault(_speed(self._air_rpm), {})
            self._air.move_to_end(_speed(self._air_rpm))
            if len(self._air) > _MAX_SPEEDS:
                self._air.popitem(last=False)
            for name, values in self._air_last.items():
                kept = known.setdefault(name, [])
                kept.append(sum(values) / len(values))
                del kept[: -(_N_NOISE if name == _NOISE else _N_LOAD)]
        self._air_rpm, self._air_last = None, {}

    def _measure(
        self, vector: FeatureVector, length_ns: int, noises: list[int], loads: list[tuple[str, int]]
    ) -> None:
        cut = self._cut
        start_ns = vector.t_ns - length_ns - self._settle_ns
        if not vector.usable:
            if cut is not None:
                cut.parts[-1].sums.spoiled.update(name for name, _ in loads)
                cut.parts[-1].sums.spoiled.update((_NOISE,) if noises else ())
            return
        if cut is not None:
            part = cut.parts[-1]
            if start_ns < part.since_ns or vector.regime != part.regime:
                return
            values = vector.values
            if noises:
                part.sums.add(_NOISE, sum(float(values[column]) ** 2 for column in noises))
            for name, column in loads:
                part.sums.add(name, float(values[column]))
        elif self._air_rpm and start_ns >= self._air_since_ns and vector.regime.cutting is False:
            values = vector.values
            if noises:
                self._note_air(_NOISE, sum(float(values[column]) ** 2 for column in noises))
            for name, column in loads:
                self._note_air(name, float(values[column]))

    def _note_air(self, name: str, value: float) -> None:
        if value == value:
            last = self._air_last.setdefault(name, [])
            last.append(value)
            del last[:-_N_LAST]

    def _close(self, end_ns: int) -> Cut:
        cut = self._cut
        assert cut is not None
        self._cut = None
        last = cut.parts[-1]
        self._cut_rpm = last.rpm
        last.cutting_s = max(end_ns - last.since_ns, 0) / NS_PER_S
        parts = tuple(self._part(part) for part in cut.parts)
        measured = tuple(part for part in parts if part is not None)
        cutting_s = sum(part.cutting_s for part in cut.parts)
        work = work_of(measured)
        return Cut(cut.tool, cut.edge, cut.began_ns, end_ns, cutting_s, cut.sound, measured, work)

    def _part(self, part: OpenPart) -> CutPart | None:
        """What one section measured; None if no window lay within it."""
        if not part.sums.n:
            return None
        air = self._air.get(_speed(part.rpm), {}) if part.rpm else {}
        loads = tuple(
            _load(name, unit, part.sums.mean(name), trust, air.get(name, []))
            for name, (unit, trust) in self._columns.loads.items()
        )
        noise, quiet = part.sums.mean(_NOISE), _mean(air.get(_NOISE))
        return CutPart(tuple(part.regime), part.cutting_s, noise, quiet, loads)

    def save(self) -> Any:
        """State for recovery."""
        cut = self._cut
        open_cut = None
        if cut is not None:
            parts = [
                (tuple(p.regime), p.rpm, p.since_ns, p.sums.total, p.sums.n, p.sums.spoiled, p.cutting_s)
                for p in cut.parts
            ]
            open_cut = cut.tool, cut.edge, cut.began_ns, parts, cut.sound
        air = self._air_rpm, self._air_since_ns, self._air_last, self._cut_rpm
        return open_cut, self._latest_ns, list(self._air.items()), air

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        open_cut, self._latest_ns, known, air = state
        self._air = OrderedDict(
            (speed, {name: list(kept) for name, kept in levels.items()}) for speed, levels in known
        )
        self._air_rpm, self._air_since_ns, last, self._cut_rpm = air
        self._air_last = {name: list(values) for name, values in last.items()}
        self._cut = None
        if open_cut is not None:
            tool, edge, began_ns, parts, sound = open_cut
            restored = [
                OpenPart(Regime(*regime), rpm, since_ns, Sums(dict(total), dict(n), set(spoiled)), cutting_s)
                for regime, rpm, since_ns, total, n, spoiled, cutting_s in parts
            ]
            self._cut = OpenCut(tool, edge, began_ns, restored, sound)


def _since(vector: FeatureVector) -> int:
    """When what the vector's context says began: the context's own time where it tells it, else the newest hop's."""
    context = vector.context
    if context.cutting is not None and vector.onset_ns <= context.t_ns <= vector.t_ns:
        return context.t_ns
    return vector.onset_ns


def _speed(rpm: float) -> int:
    """Class of speeds that idle alike."""
    return round(math.log(abs(rpm)) / _SPEED_STEP)


def _mean(values: list[float] | None) -> float:
    return sum(values) / len(values) if values else math.nan


def _load(name: str, unit: str, level: float, trust: float, idle: list[float]) -> Load:
    """A load beside what was measured of it in the air, in one stretch after the other."""
    if trust == TRUST_TEETH:
        # There are no teeth in the air; what is there, a harmonic of the imbalance, adds in some phase or other.
        return Load(name, unit, level, 0.0, trust, median(idle) if idle else 0.0)
    if not idle:
        return Load(name, unit, level, math.nan, trust)
    error = stdev(idle) / math.sqrt(len(idle)) if len(idle) > 1 else _ONE_STRETCH * abs(idle[0])
    return Load(name, unit, level, median(idle), trust, error)
