"""A child process of the supervisor: started, listened to, killed if it hangs, started again with a growing delay."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass

from engine.service.beats import Beat, Lines

FIRST_DELAY_S, MAX_DELAY_S = 0.2, 5.0
"""Before a child that died is started again: doubled from one to the other."""
HEALTHY_S = 60.0
"""Having run for so long, a child that dies is started again as if for the first time."""
_FIRST_SIGN_S = 120.0  # what a process may take to load its libraries, on a machine where many do so at once
_KILL_S = 2.0
# A process that hangs again and again may only be slow, on a machine that has too much to do: killed each time, it
# would find more to catch up with at each start, and never get through.
_IMPATIENT, _MAX_PATIENCE = 2, 8
_PIPE_BYTES = 64 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Spec:
    """What a child is.

    Parameters
    ----------
    name : str
        As it calls itself in its beats: ``shard-0``, ``gateway``.
    command : tuple of str
        Its program and arguments; ``--health-fd N`` is added.
    at_first : tuple of str
        Further arguments until it was ready once: what must not be done again after a crash.
    together : bool
        It cannot go on without its like: if one dies, all of them are started again.
    last : bool
        On request it ends after those that are not so, for it brings on what they still say.
    """

    name: str
    command: tuple[str, ...]
    at_first: tuple[str, ...] = ()
    together: bool = False
    last: bool = False


def module_command(module: str, *arguments: str) -> tuple[str, ...]:
    """Command that runs a module of ours as a child of this process, and lets it die with it."""
    return (sys.executable, "-m", "engine.service.launch", str(os.getpid()), module, *arguments)


class Child:
    """A process, or the wait for the next one of its kind.

    Parameters
    ----------
    spec : Spec
        What it is.
    hang_s : float
        After so long without a sign of life it hangs.
    """

    def __init__(self, spec: Spec, hang_s: float) -> None:
        self.spec = spec
        self.beat: Beat | None = None
        """What the process that runs, or ran last, said last."""
        self.restarts: Counter[str] = Counter()
        """How often it was started again, because it ``died`` or ``hung``; or another of its cluster did."""
        self.was_heard = False
        self.was_ready = False
        self.reload_due = False
        self._hang_s = hang_s
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: int | None = None
        self._lines = Lines()
        self._started_s = self._heard_s = 0.0
        self._delay_s, self._due_s = FIRST_DELAY_S, 0.0
        self._reload_wanted = 0
        self._n_hung = 0  # in a row, none of them having run for long

    @property
    def runs(self) -> bool:
        """Whether there is a process whose end has not been seen."""
        return self._process is not None

    @property
    def spoke(self) -> bool:
        """Whether the process that runs, or ran last, has given a sign of life."""
        return self.beat is not None

    @property
    def speaks(self) -> bool:
        """Whether the process that runs has given a sign of life: from then on it understands signals."""
        return self.runs and self.spoke

    @property
    def ready(self) -> bool:
        """Whether it does its work, by its own account."""
        return self.runs and self.beat is not None and self.beat.ready

    @property
    def pid(self) -> int | None:
        """Process id; None if there is none."""
        return None if self._process is None else self._process.pid

    @property
    def fileno(self) -> int | None:
        """Where its beats come from."""
        return self._pipe

    @property
    def reloaded(self) -> bool:
        """Whether it goes by the configuration that it was last asked to read."""
        heard = 0 if self.beat is None else self.beat.reloaded
        return not self.reload_due and heard >= self._reload_wanted

    def due(self, now_s: float) -> bool:
        """Whether it is time to start it."""
        return not self.runs and now_s >= self._due_s

    def start(self, now_s: float) -> None:
        """Start a process.

        Parameters
        ----------
        now_s : float
            `engine.clock.monotonic_s`.
        """
        try:
            self._process = self._popen()
        except OSError as error:  # too many processes or files, say: that may pass
            self._close_pipe()
            self.wait_to_start(now_s, "died")
            _log.error("%s: cannot be started, trying again: %s", self.spec.name, error)
            return
        self._lines, self.beat = Lines(), None
        self._started_s = self._heard_s = now_s
        self.reload_due, self._reload_wanted = False, 0
        _log.info("%s: started as process %d", self.spec.name, self._process.pid)

    def listen(self, now_s: float) -> None:
        """Take what it said since the last time."""
        while self._pipe is not None:
            try:
                data = os.read(self._pipe, _PIPE_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._close_pipe()
                return
            for beat in self._lines.feed(data):
                self.beat, self._heard_s, self.was_heard = beat, now_s, True
                self.was_ready = self.was_ready or beat.ready
            if self.spoke and self.reload_due:
                self.ask_to_reload()

    def silent_s(self, now_s: float) -> float:
        """Seconds since its last sign of life, or its start."""
        return now_s - self._heard_s

    def hangs(self, now_s: float) -> bool:
        """Whether it has given no sign of life for too long, which is longer for one that did so again and again."""
        factor = min(2 ** max(self._n_hung - _IMPATIENT, 0), _MAX_PATIENCE)
        patience_s = factor * self._hang_s if self.spoke else max(self._hang_s, _FIRST_SIGN_S)
        return self.runs and now_s - self._heard_s > patience_s

    def ended(self, now_s: float) -> int | None:
        """Notice its end.

        Returns
        -------
        int or None
            Its exit status, a negative number if it died by a signal; once. None: it runs, or there is none.
        """
        if self._process is None:
            return None
        status = self._process.poll()
        if status is not None:
            self.listen(now_s)  # its last words
            self._close_pipe()
            self._process = None
        return status

    def wait_to_start(self, now_s: float, why: str, at_least_s: float = 0.0) -> float:
        """Let some time pass before it is started again, the longer the more often it died.

        Parameters
        ----------
        now_s : float
            `engine.clock.monotonic_s`.
        why : str
            It is to be started again: ``died`` or ``hung``.
        at_least_s : float
            Not earlier than this from now.

        Returns
        -------
        float
            Seconds from now.
        """
        self.restarts[why] += 1
        if now_s - self._started_s >= HEALTHY_S:
            self._delay_s, self._n_hung = FIRST_DELAY_S, 0
        self._n_hung += why == "hung"
        delay_s = max(self._delay_s, at_least_s)
        self._due_s, self._delay_s = now_s + delay_s, min(2 * delay_s, MAX_DELAY_S)
        return delay_s

    def ask_to_reload(self) -> None:
        """Ask it to read its configuration again; one that is still starting, once it understands."""
        self.reload_due = self.runs and not self.spoke
        if self.speaks:
            self._reload_wanted = (0 if self.beat is None else self.beat.reloaded) + 1
            self.signal(signal.SIGHUP)

    def signal(self, number: int) -> None:
        """Send a signal, if there is a process."""
        if self._process is not None:
            self._process.send_signal(number)  # which asks first whether it still runs

    def kill(self) -> None:
        """Kill it, and whatever it has started, and wait for its end; not for long, if the kernel holds it."""
        if self._process is None or self._process.poll() is not None:
            return
        os.killpg(self._process.pid, signal.SIGKILL)
        try:
            self._process.wait(_KILL_S)
        except subprocess.TimeoutExpired:
            _log.error("%s: process %d does not die", self.spec.name, self._process.pid)

    def _popen(self) -> subprocess.Popen[bytes]:
        self._pipe, theirs = os.pipe()
        os.set_blocking(self._pipe, False)
        first = () if self.was_ready else self.spec.at_first
        try:
            return subprocess.Popen(
                [*self.spec.command, *first, "--health-fd", str(theirs)],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what it prints is for people: the supervisor's own output may be a JSON result
                pass_fds=(theirs,),
                process_group=0,  # Ctrl-C at a terminal reaches the supervisor alone, which ends them in order
            )
        finally:
            os.close(theirs)

    def _close_pipe(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None


def how(status: int) -> str:
    """Say how a process ended.

    Examples
    --------
    >>> how(-9), how(2)
    ('killed by signal 9 (Killed)', 'exit status 2')
    """
    if status >= 0:
        return f"exit status {status}"
    return f"killed by signal {-status} ({signal.strsignal(-status)})"
