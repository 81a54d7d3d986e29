"""Signals as something that can be waited for beside other things, one after the other."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

_ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """Collects what a process is asked by signals; a context, in the main thread only.

    The end of a child wakes it, too, but is not told: there may have been several.
    """

    def __init__(self) -> None:
        self._asked: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._theirs, self._ours = os.pipe()
        os.set_blocking(self._theirs, False)
        os.set_blocking(self._ours, False)
        self._before_fd = signal.set_wakeup_fd(self._ours, warn_on_full_buffer=False)
        for number in (*_ASKING, signal.SIGCHLD):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._before_fd)
        os.close(self._theirs)
        os.close(self._ours)

    def wait(self, files: Iterable[int], long_s: float) -> list[int]:
        """Wait for a signal, for something to read, or for some time.

        Parameters
        ----------
        files : iterable of int
            File descriptors that may have something to read.
        long_s : float
            Longest wait.

        Returns
        -------
        list of int
            Numbers of SIGTERM, SIGINT and SIGHUP since the last time, in order.
        """
        with selectors.DefaultSelector() as selector:
            for file in (self._theirs, *files):
                selector.register(file, selectors.EVENT_READ)
            selector.select(long_s)
        with suppress(BlockingIOError):
            os.read(self._theirs, 4096)
        asked, self._asked = self._asked, []
        return asked

    def _note(self, number: int, _frame: object) -> None:
        if number in _ASKING:
            self._asked.append(number)
