"""Which regime holds: derived from the latest context, remembered with the time since when."""

from __future__ import annotations

from typing import Any

from engine.records import Context, Regime

# Before any context a spindle has always been in the one unknown regime.
_ALWAYS_NS = -(2**62)


class RegimeTracker:
    """The latest context of one spindle and since when its regime has held.

    A context that changes only speed or feed keeps the regime: the section's baseline covers them.
    """

    __slots__ = (
        "_context",
        "_regime",
        "_since_ns",
    )

    def __init__(self) -> None:
        self._context: Context | None = None
        self._regime = Regime()
        self._since_ns = _ALWAYS_NS

    def update(self, context: Context) -> None:
        """Take the next context.

        Parameters
        ----------
        context : Context
            Complete: None in a field means unknown, not unchanged. One older than the last is ignored.
        """
        if self._context is not None and context.t_ns < self._context.t_ns:
            return
        regime = Regime(context.tool, context.program, context.section, context.cutting)
        if regime != self._regime:
            self._regime, self._since_ns = regime, context.t_ns
        self._context = context

    def current(self, spindle: str) -> tuple[Context, Regime, int]:
        """Latest context, regime, and since when the regime has held.

        Parameters
        ----------
        spindle : str
            Names the unknown context that holds before the first one.

        Returns
        -------
        tuple of Context, Regime and int
            Nanoseconds.
        """
        return self._context or Context(spindle, _ALWAYS_NS), self._regime, self._since_ns

    def save(self) -> Any:
        """State for recovery."""
        return self._context, tuple(self._regime), self._since_ns

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        self._context, regime, self._since_ns = state
        self._regime = Regime(*regime)
