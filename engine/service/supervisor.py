"""The process that keeps the others running: it starts them, hears them, and ends them in order.

It does no work of its own and loads none of what the work needs, so that it outlives whatever happens there. One thread
waits for signals and for what the children say, and decides; others only ask `Supervisor.seen`.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.clock import monotonic_s
from engine.errors import SpindlewatchError, UsageError
from engine.service import metrics
from engine.service.children import Child, Spec, how
from engine.service.notify import notify, reloading, watchdog_s
from engine.service.signals import Signals
from engine.service.site_file import SiteFile, some, told

_TURN_S = 0.2  # how late a hang or a due start is noticed, at most
_STATUS_S = 2.0
_LAST_S = 2.0  # what those need that end last
_MAX_TOLD = 100  # changes
_REFUSALS = (1, 2)
"""Exit status of a child that cannot use what it was given, as of the command line: no further try would help."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a service ended.

    Parameters
    ----------
    drained : bool
        Whether every process ended by itself, and well.
    refused : int
        Exit status of a process that could not use what it was given, so that nothing was kept running; 0: none.
    processes : dict
        By name: ``restarts`` by reason, and ``counters`` and ``by_reason`` as last told.
    """

    drained: bool
    refused: int
    processes: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"drained": self.drained, "processes": self.processes}

    def check(self) -> None:
        """Make sure that it ended well.

        Raises
        ------
        SpindlewatchError
            A process could not use what it was given (`UsageError` if it said so), had to be killed, or failed.
        """
        if self.refused:
            kind = UsageError if self.refused == UsageError.exit_code else SpindlewatchError
            raise kind("a process could not use what it was given, so nothing is run: see the log")
        if not self.drained:
            raise SpindlewatchError("not every process came to rest by itself: see the log")


class Supervisor:
    """Keeps processes running until it is asked to end.

    Parameters
    ----------
    site : SiteFile
        Entered.
    specs : sequence of Spec
        What to run.
    doubts : sequence of str
        What should not stay as it is; `systemctl status` shows it.
    """

    def __init__(self, site: SiteFile, specs: Sequence[Spec], doubts: Sequence[str] = ()) -> None:
        self._site, self._service = site, site.config.service
        self.children = [Child(spec, self._service.hang_s) for spec in specs]
        self._drain_from_s: float | None = None
        self._answers_until_s: float | None = None
        self._reload_ok, self._n_reloads, self._n_refused = True, 0, 0
        self._drained, self._refused, self._last_asked = True, 0, False
        self._announced, self._was_whole = False, False
        self._doubts, self._watchdog_s = tuple(doubts), watchdog_s()
        self._ping_s = self._status_s = 0.0
        # Replaced as a whole, so that other threads may read it.
        self._looked = metrics.Seen({}), monotonic_s()

    def seen(self) -> metrics.Seen:
        """How the service is; for whoever asks, in any thread."""
        seen, looked_s = self._looked
        return replace(seen, loop_age_s=monotonic_s() - looked_s)

    def run(self) -> Outcome:
        """Run until SIGTERM or SIGINT, or until a process refuses to begin. Main thread only.

        Returns
        -------
        Outcome
            How it ended.
        """
        with Signals() as signals:
            try:
                now_s = monotonic_s()
                for child in self.children:
                    child.start(now_s)
                self._look(now_s)
                while self._drain_from_s is None or any(child.runs for child in self.children):
                    heard = [child.fileno for child in self.children if child.fileno is not None]
                    asked = signals.wait(heard, _TURN_S)
                    self._turn(asked, monotonic_s())
            finally:
                for child in self.children:
                    child.kill()
        drained = self._drained and not self._refused
        return Outcome(drained, self._refused, {c.spec.name: _last(c) for c in self.children})

    # --- a turn ---

    def _turn(self, asked: Iterable[int], now_s: float) -> None:
        for number in asked:
            if number == signal.SIGHUP:
                self._reload(now_s)
            else:
                self._drain(now_s)
        for child in self.children:
            child.listen(now_s)
            status = child.ended(now_s)
            if status is not None:
                self._has_ended(child, status, now_s)
            elif self._drain_from_s is None:
                self._keep(child, now_s)
        self._drain_on(now_s)
        self._hear_answers(now_s)
        self._look(now_s)
        self._report(now_s)

    def _keep(self, child: Child, now_s: float) -> None:
        """Let a child run."""
        if child.hangs(now_s):
            _log.error("%s: no sign of life for %.1f s, killed", child.spec.name, child.silent_s(now_s))
            child.kill()
            self._has_ended(child, child.ended(now_s), now_s, "hung")
        elif child.due(now_s):
            child.start(now_s)

    def _has_ended(self, child: Child, status: int | None, now_s: float, why: str = "died") -> None:
        name = child.spec.name
        if status is None:
            return  # the kernel holds it; it is waited for
        if self._drain_from_s is not None:
            # One that had not even begun to listen has nothing to keep.
            well = status == 0 or (status == -signal.SIGTERM and not child.spoke)
            self._drained = self._drained and well
            _log.log(logging.INFO if well else logging.ERROR, "%s: ended, %s", name, how(status))
            return
        if status in _REFUSALS and not self._was_whole:
            _log.error("%s: ended, %s: it cannot use what it was given, so nothing is run", name, how(status))
            self._refused = status
            self._drain(now_s)
            return
        delay_s = child.wait_to_start(now_s, why)
        _log.error("%s: ended, %s; started again in %.1f s", name, how(status), delay_s)
        if child.spec.together:
            others = [one for one in self.children if one.spec.together and one is not child and one.runs]
            for other in others:
                other.kill()
                other.ended(now_s)
                other.wait_to_start(now_s, why, delay_s)
            names = ", ".join(other.spec.name for other in others)
            _log.warning("with it, of its cluster, are started again: %s", names or "none")

    # --- the end ---

    def _drain(self, now_s: float) -> None:
        """Ask all to end: first those that work, then those that bring on what these still say."""
        if self._drain_from_s is not None:
            _log.warning("asked again to end: not waited for any longer")
            self._drain_from_s = now_s - self._service.drain_s
            return
        _log.info("ending: %d processes have %.1f s", len(self.children), self._service.drain_s)
        notify("STOPPING=1")
        self._drain_from_s = now_s
        for child in self.children:
            if not child.spec.last:
                child.signal(signal.SIGTERM)

    def _drain_on(self, now_s: float) -> None:
        if self._drain_from_s is None:
            return
        first = [child for child in self.children if not child.spec.last and child.runs]
        last_s = now_s - self._drain_from_s
        drain_s = self._service.drain_s
        if not self._last_asked and (not first or last_s >= max(drain_s / 2, drain_s - _LAST_S)):
            self._last_asked = True
            for child in self.children:
                if child.spec.last:
                    child.signal(signal.SIGTERM)
        if last_s >= drain_s:
            for child in self.children:
                if child.runs:
                    _log.error("%s: not at rest after %.1f s, killed", child.spec.name, last_s)
                    child.kill()

    # --- another configuration ---

    def _reload(self, now_s: float) -> None:
        if self._drain_from_s is not None:
            return
        reloading()
        try:
            changed = self._site.reload()
        except SpindlewatchError as error:
            self._has_reloaded(False)
            _log.error("configuration not reloaded, all stays as it was: %s", error)
        else:
            fields = {"changed": [told(change) for change in changed[:_MAX_TOLD]]}
            _log.info(
                "configuration reloaded: %s", some(fields["changed"]) or "the same", extra={"fields": fields}
            )
            self._answers_until_s = now_s + self._service.hang_s
            for child in self.children:
                child.ask_to_reload()
        if self._announced:
            notify("READY=1")

    def _hear_answers(self, now_s: float) -> None:
        """Find out whether all went over to the new configuration; if not, none shall have."""
        if self._answers_until_s is None:
            return
        mute = [child.spec.name for child in self.children if not child.reloaded]
        if not mute:
            self._has_reloaded(True)
            self._site.prove()
        elif now_s > self._answers_until_s:
            self._has_reloaded(False)
            _log.error(
                "configuration not taken over by %s, so all go back to the one before", ", ".join(mute)
            )
            try:
                self._site.revert()
            except SpindlewatchError as error:
                _log.error("%s", error)
            for child in self.children:
                child.ask_to_reload()

    def _has_reloaded(self, well: bool) -> None:
        self._reload_ok, self._answers_until_s = well, None
        self._n_reloads += well
        self._n_refused += not well

    # --- what others are told ---

    def _look(self, now_s: float) -> None:
        children = {
            child.spec.name: metrics.Child(
                child.runs, child.beat, child.silent_s(now_s), dict(child.restarts)
            )
            for child in self.children
        }
        self._was_whole = self._was_whole or all(child.ready for child in self.children)
        seen = metrics.Seen(
            children,
            stopping=self._drain_from_s is not None,
            n_reloads=self._n_reloads,
            n_failed_reloads=self._n_refused,
            last_reload_ok=self._reload_ok,
        )
        self._looked = seen, now_s

    def _report(self, now_s: float) -> None:
        """Tell the service manager: that all were started, that this process and any other live, how things are."""
        if self._drain_from_s is not None:
            return
        if not self._announced and all(child.was_heard for child in self.children):
            self._announced = True
            notify("READY=1")
            _log.info("%d processes run", len(self.children))
        if self._watchdog_s is not None and now_s >= self._ping_s and any(c.speaks for c in self.children):
            self._ping_s = now_s + self._watchdog_s
            notify("WATCHDOG=1")
        if now_s >= self._status_s:
            self._status_s = now_s + _STATUS_S
            n_ready = sum(child.ready for child in self.children)
            notify(
                "STATUS=" + "; ".join((f"{n_ready} of {len(self.children)} processes ready", *self._doubts))
            )


def _last(child: Child) -> dict[str, Any]:
    """What is known of a child at the end."""
    counters, by_reason = ({}, {}) if child.beat is None else (child.beat.counters, child.beat.by_reason)
    return {"restarts": dict(child.restarts), "counters": counters, "by_reason": by_reason}
