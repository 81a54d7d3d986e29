"""How a process of a service says how it is: a line of JSON down a pipe once a second, read by its supervisor.

The child counts and measures in `Metrics` and sends them by a `HealthPipe`; `Heart` does so from a thread of its own,
for as long as the work shows that it goes on. The supervisor puts the lines together with `Lines`.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Callable

import msgspec

from engine.clock import monotonic_s
from engine.service.beats import Beat, Buckets, Lines, parse_line
from engine.service.meters import Metrics

__all__ = ["Beat", "Buckets", "HealthPipe", "Heart", "Lines", "Metrics", "parse_line"]

_BEAT_S = 1.0

_log = logging.getLogger(__name__)


class HealthPipe:
    """The child's end of the pipe. It never waits: a supervisor that does not read misses lines, whole ones.

    Parameters
    ----------
    fd : int or None
        Inherited; None: nobody listens.
    process : str
        Who this is.
    """

    def __init__(self, fd: int | None, process: str) -> None:
        self._fd, self._process = fd, process
        self._left = b""
        self._lock = threading.Lock()
        self.gone = False
        """Nobody reads any more: the supervisor has died, and the child should end."""
        if fd is not None:
            os.set_blocking(fd, False)
            os.set_inheritable(fd, False)

    def beat(self, metrics: Metrics, ready: bool, detail: str = "", reloaded: int = 0) -> bool:
        """Say how the process is.

        Parameters
        ----------
        metrics : Metrics
            What it counted.
        ready : bool
            Whether it does its work.
        detail : str
            Why not, or what it is at.
        reloaded : int
            Configurations taken over since it began.

        Returns
        -------
        bool
            False: nobody is there to be told, and never will be.
        """
        if self._fd is None:
            return True
        with self._lock:
            if not self.gone and self._write(self._fd):
                self._left = msgspec.json.encode(metrics.beat(self._process, ready, detail, reloaded)) + b"\n"
                self._write(self._fd)
            return not self.gone

    def _write(self, fd: int) -> bool:
        """Write what is left of a line; whether nothing is left."""
        try:
            while self._left:
                self._left = self._left[os.write(fd, self._left) :]
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EBADF):
                raise
            self.gone = True
            return False
        return True


class Heart:
    """Beats once a second from a thread of its own, as long as the work goes on.

    Parameters
    ----------
    pipe : HealthPipe
        Where to.
    metrics : Metrics
        What to tell.
    stale_s : float
        After so long without `touch` it stops beating, and so its process is going to be killed; it goes on if the work
        does. Before the first touch it beats in any case: getting ready may take long.
    on_gone : callable
        Called once, from the thread, when the supervisor has died.
    """

    def __init__(
        self, pipe: HealthPipe, metrics: Metrics, stale_s: float, on_gone: Callable[[], None] = lambda: None
    ) -> None:
        self._pipe, self._metrics, self._stale_s, self._on_gone = pipe, metrics, stale_s, on_gone
        self._touched_s: float | None = None
        self._told: tuple[bool, str, int] = False, "starting", 0
        self._changed = threading.Condition()
        self._new = self._ending = False
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Begin to beat: at once, and then once a second."""
        self._thread.start()

    def touch(self) -> None:
        """Show that the work goes on; costs next to nothing."""
        self._touched_s = monotonic_s()

    def tell(self, ready: bool, detail: str = "", reloaded: int = 0) -> None:
        """Say how the process is from now on; the next beat comes at once if that is new."""
        told = ready, detail, reloaded
        if told == self._told:  # no lock for what is said again and again
            return
        with self._changed:
            self._told, self._new = told, True
            self._changed.notify_all()

    def close(self) -> None:
        """Say a last time what was counted, and beat no more."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(_BEAT_S)
            if self._is_alive():
                self._pipe.beat(self._metrics, False, "ending", self._told[2])

    def _is_alive(self) -> bool:
        touched_s = self._touched_s
        return touched_s is None or monotonic_s() - touched_s <= self._stale_s

    def _run(self) -> None:
        while True:
            if self._is_alive() and not self._pipe.beat(self._metrics, *self._told):
                _log.error("the supervisor is gone")
                self._on_gone()
                return
            with self._changed:
                self._changed.wait_for(lambda: self._new or self._ending, _BEAT_S)
                self._new = False
                if self._ending:
                    return
