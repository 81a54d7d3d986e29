"""Several feeds of one spindle, one stream: what they say is put together, for a stream has one writer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

from engine.clock import monotonic_s
from engine.feeders.spindle_feed import Item
from engine.records import Context, Tick

_FIELDS = tuple(
    field.name for field in fields(Context) if field.name not in ("spindle", "t_ns", "received_ns")
)
_QUIET_S = 5.0  # a feed that has not ticked for so long is waited for no more


class Merge:
    """Takes the records of several feeds, each from a thread of its own, and passes on what one feed would have made.

    Blocks pass. A context is put together from what each feed said last: a field is that of the first feed that knows
    it. A tick promises for all, so it is the earliest of what the feeds promised. The clocks of sources that share
    a spindle have to agree; where one is behind, silence is told as much later.

    State: the latest context and tick of each feed and spindle.

    Parameters
    ----------
    send : callable
        Takes each record; one at a time.
    names : sequence of str
        Of the feeds; those that know better come first.
    now_s : callable
        Seconds of a clock that only goes on.
    """

    def __init__(
        self, send: Callable[[Item], None], names: Sequence[str], now_s: Callable[[], float] = monotonic_s
    ) -> None:
        self._send, self._names, self._now_s = send, tuple(names), now_s
        self._lock = threading.Lock()
        self._said: dict[str, dict[str, Context]] = {}
        self._merged: dict[str, Context] = {}
        self._ticks: dict[str, dict[str, tuple[int, float]]] = {}
        self._ticked_ns: dict[str, int] = {}

    def sender(self, name: str) -> Callable[[Item], None]:
        """Return what one feed sends with.

        Parameters
        ----------
        name : str
            One of ``names``.
        """

        def send(item: Item) -> None:
            with self._lock:
                self._take(name, item)

        return send

    def _take(self, name: str, item: Item) -> None:
        if isinstance(item, Context):
            self._context(name, item)
        elif isinstance(item, Tick):
            self._tick(name, item)
        else:
            self._send(item)

    def _context(self, name: str, context: Context) -> None:
        said = self._said.setdefault(context.spindle, {})
        said[name] = context
        known = {
            field: next(
                (
                    value
                    for one in self._names
                    if one in said and (value := getattr(said[one], field)) is not None
                ),
                None,
            )
            for field in _FIELDS
        }
        before = self._merged.get(context.spindle)
        t_ns = context.t_ns if before is None else max(before.t_ns, context.t_ns)
        merged = Context(context.spindle, t_ns, **known)
        if before is None or replace(before, t_ns=t_ns) != merged:
            self._merged[context.spindle] = merged
            self._send(merged)

    def _tick(self, name: str, tick: Tick) -> None:
        ticks, now_s = self._ticks.setdefault(tick.spindle, {}), self._now_s()
        ticks[name] = tick.t_ns, now_s
        t_ns = min(t_ns for t_ns, heard_s in ticks.values() if now_s - heard_s < _QUIET_S)
        if t_ns != self._ticked_ns.get(tick.spindle):
            self._ticked_ns[tick.spindle] = t_ns
            self._send(Tick(tick.spindle, t_ns))
