"""Which regime holds: derived from the latest context, remembered with the time since when."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from engine.records import Context, Regime

_SAME_SPEED = 0.05
"""Speeds so near to each other share a baseline: half a step of an override switch. Residual imbalance, which grows
with the square of speed, changes by a tenth over it; no feature's floor is lower."""
_STANDSTILL_RPM = 15.0  # what an encoder reads of a spindle that holds its position
_N_SPEEDS = 8
"""Speed classes of one section: the positions of an override switch from 50 to 120 %. Who needs more sweeps the speed
by design (constant cutting speed), and one baseline covers the sweep."""
_N_KEYS = 256  # sections whose speeds are remembered; four times as many as have baselines by default

# Before any context a spindle has always been in the one unknown regime.
_ALWAYS_NS = -(2**62)
_VARIES = "varies"

_Key = tuple[str | None, str | None, str | None, bool | None]


class RegimeTracker:
    """The latest context of one spindle, its regime, and since when that has held.

    A regime is tool, program, section, cutting, and a speed class. A speed that departs by more than 5 % from the one
    held begins anew: until `settle_ns` later nothing is compared with a baseline (while a spindle accelerates, every
    further 5 % begin anew again), and from then on the baseline of the new speed counts. So idling, air cuts
    and overridden cuts have baselines of their own even where a controller tells nothing but the speed.

    Where the speed varies by design (facing at constant cutting speed), one baseline covers the sweep, and only a fast
    change is a change. A section is taken for one of these when its speed creeps while it cuts (by 5 % in no step, in
    not less than ``settle_ns``), or when it was run at more than eight speeds.

    A context that changes only the feed keeps the regime.

    State: at most 256 sections with eight speeds each.

    Parameters
    ----------
    settle_ns : int
        How long a speed must be held before its class is made.
    """

    __slots__ = (
        "_context",
        "_held_ns",
        "_held_rpm",
        "_inferred",
        "_pending",
        "_ramps",
        "_regime",
        "_settle_ns",
        "_since_ns",
        "_speeds",
        "n_late",
    )

    def __init__(self, settle_ns: int) -> None:
        self._settle_ns = settle_ns
        self._context: Context | None = None
        self._inferred: bool | None = None
        self._regime = Regime()
        self._since_ns = _ALWAYS_NS
        self._held_rpm: float | None = None
        self._held_ns = _ALWAYS_NS
        self._pending = False  # the speed held is not yet the regime's
        self._ramps = False  # it was reached gradually: the spindle may still be accelerating
        self._speeds: OrderedDict[_Key, list[int] | str] = OrderedDict()
        self.n_late = 0
        """Contexts in a row that were older than the latest."""

    @property
    def told(self) -> bool:
        """Whether the controller says if the tool cuts."""
        return self._context is not None and self._context.cutting is not None

    @property
    def latest_ns(self) -> int:
        """Time of the latest context."""
        return _ALWAYS_NS if self._context is None else self._context.t_ns

    def update(self, context: Context) -> bool:
        """Take the next context.

        Parameters
        ----------
        context : Context
            Complete: None in a field means unknown, not unchanged.

        Returns
        -------
        bool
            False if it is older than the latest one: it is counted and changes nothing, for what it tells has been
            superseded. A context that is merely late but newer than the latest counts from its own time on.
        """
        if self._context is not None and context.t_ns < self._context.t_ns:
            self.n_late += 1
            return False
        self.n_late = 0
        self._settle(context.t_ns)
        before, self._context = self._context, context
        if context.cutting is not None:
            self._inferred = None
        self._hold_speed(context, None if before is None else before.rpm)
        self._enter(context.t_ns)
        return True

    def infer(self, cutting: bool | None, t_ns: int) -> None:
        """Take what the loads say, where the controller does not say whether the tool cuts.

        Parameters
        ----------
        cutting : bool or None
            None: they do not say either.
        t_ns : int
            When it became known: the end of the hop that decided.
        """
        if cutting is not self._inferred and not self.told:
            self._inferred = cutting
            self._enter(t_ns)

    def current(self, spindle: str, t_ns: int) -> tuple[Context, Regime, int]:
        """Latest context, regime, and since when the regime has held.

        Parameters
        ----------
        spindle : str
            Names the unknown context that holds before the first one.
        t_ns : int
            Now: the end of a hop. Never decreases.

        Returns
        -------
        tuple of Context, Regime and int
            Nanoseconds.
        """
        self._settle(t_ns)
        return self._context or Context(spindle, _ALWAYS_NS), self._regime, self._since_ns

    def save(self) -> Any:
        """State for recovery."""
        speeds = [
            (key, list(found) if isinstance(found, list) else found) for key, found in self._speeds.items()
        ]
        held = self._held_rpm, self._held_ns, self._pending, self._ramps
        return self._context, self._inferred, tuple(self._regime), self._since_ns, held, speeds, self.n_late

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        self._context, self._inferred, regime, self._since_ns, held, speeds, self.n_late = state
        self._held_rpm, self._held_ns, self._pending, self._ramps = held
        self._regime = Regime(*regime)
        self._speeds = OrderedDict(
            (key, list(found) if isinstance(found, list) else found) for key, found in speeds
        )

    def _hold_speed(self, context: Context, told_rpm: float | None) -> None:
        """Notice a speed that is no longer the one held."""
        rpm, held = _without_sign(context.rpm), self._held_rpm
        if rpm == held or _same(rpm, held):
            return
        stepped = not _same(rpm, _without_sign(told_rpm))
        creeps = not stepped and context.t_ns - self._held_ns >= self._settle_ns
        key = self._section
        if creeps and self._regime.cutting and not self._regime.inferred:
            self._speeds[key] = _VARIES
        if not (creeps and self._speeds.get(key) == _VARIES):
            self._since_ns = context.t_ns
        self._held_rpm, self._held_ns, self._pending = rpm, context.t_ns, True
        self._ramps = not stepped and not creeps

    def _settle(self, t_ns: int) -> None:
        """Let a speed that has been held for long enough decide the class."""
        if self._pending and t_ns >= self._held_ns + self._settle_ns:
            self._regime = self._regime._replace(rpm=self._class_now())

    def _enter(self, t_ns: int) -> None:
        """Change to the regime of the latest context, if it is another."""
        context = self._context or Context("", _ALWAYS_NS)
        cutting = context.cutting if self.told else self._inferred
        inferred = cutting is not None and not self.told
        entered = Regime(context.tool, context.program, context.section, cutting, self._regime.rpm, inferred)
        if entered == self._regime:
            return
        self._regime, self._since_ns = entered, t_ns
        self._held_rpm = _without_sign(context.rpm)
        if self._ramps and t_ns < self._held_ns + self._settle_ns:
            self._pending, rpm = True, self._last_class()  # it will be another when the spindle has got there
        else:
            rpm = self._class_now()
        self._regime = entered._replace(rpm=rpm)

    @property
    def _section(self) -> _Key:
        """What speeds are remembered for: tool, program, section, and cutting where that is told."""
        return self._regime.baseline[:4]

    def _last_class(self) -> int | None:
        """Class that was made last under the present tool, program, section and cutting."""
        known = self._speeds.get(self._section)
        return known[-1] if isinstance(known, list) and known else None

    def _class_now(self) -> int | None:
        """Class of the speed held, under the present tool, program, section and cutting; made if there is none."""
        self._pending, rpm = False, self._held_rpm
        if rpm is None:
            return None
        key = self._section
        known = self._speeds.setdefault(key, [])
        self._speeds.move_to_end(key)
        if len(self._speeds) > _N_KEYS:
            self._speeds.popitem(last=False)
        if isinstance(known, str):
            return None
        for speed in known:
            if _same(rpm, speed):
                return speed
        if len(known) == _N_SPEEDS:
            self._speeds[key] = _VARIES
            return None
        speed = round(rpm) if rpm > _STANDSTILL_RPM else 0
        known.append(speed)
        return speed


def _same(rpm: float | None, held: float | None) -> bool:
    """Whether a speed is the one held, both known and without sign."""
    return (
        rpm is not None and held is not None and abs(rpm - held) <= max(_SAME_SPEED * held, _STANDSTILL_RPM)
    )


def _without_sign(rpm: float | None) -> float | None:
    return None if rpm is None else abs(rpm)
