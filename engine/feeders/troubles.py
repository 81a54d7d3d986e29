"""What the log is told of a source that comes and goes: that it is in trouble, and that it is well again."""

from __future__ import annotations

import logging
from collections.abc import Callable

from engine.clock import monotonic_s

_SELDOM_S = 10.0

_log = logging.getLogger(__name__)


class Troubles:
    """Logs one source's troubles once each, and those of a source that flaps every ten seconds at most.

    Parameters
    ----------
    who : str
        The source, as the log names it.
    now_s : callable
        Seconds of a clock that only goes on.
    """

    def __init__(self, who: str, now_s: Callable[[], float] = monotonic_s) -> None:
        self._who, self._now_s = who, now_s
        self._trouble = ""
        self._is_said = False
        self._said_s: dict[str, float] = {}
        self._n_unsaid = 0

    def trouble(self, what: str) -> None:
        """Say that it is in trouble, unless it is in the same already."""
        if what != self._trouble:
            self._trouble = what
            self._is_said |= self._say("trouble", f"trying again: {what}")

    def well(self) -> None:
        """Say that it is well again, if it was said that it is not."""
        if self._is_said:
            _log.info("%s: well again", self._who)
        self._trouble, self._is_said = "", False

    def note(self, what: str) -> None:
        """Say something that happened."""
        self._say("note", what)

    def _say(self, kind: str, what: str) -> bool:
        now_s = self._now_s()
        if kind in self._said_s and now_s - self._said_s[kind] < _SELDOM_S:
            self._n_unsaid += 1
            return False
        self._said_s[kind] = now_s
        more = f" ({self._n_unsaid} more troubles were not told)" if self._n_unsaid else ""
        self._n_unsaid = 0
        _log.warning("%s: %.300s%s", self._who, what, more)
        return True
