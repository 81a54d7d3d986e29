"""One target's thread: follows the journal, and goes on only behind what has arrived or was given up."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Sequence

from engine.clock import NS_PER_S, Clock, monotonic_s
from engine.errors import SpindlewatchError, WireError
from engine.targets import Target
from engine.verdicts import AlertState
from sinks.alert_json import alert_from_json
from sinks.journal import Entry, Journal
from sinks.outbound.base import AwayError, Courier, Delivery, RefusedError
from sinks.outbound.choice import is_wanted
from sinks.outbound.store import DeadLetter, PositionFile, Told

_PAGE = 100
_LOOK_S = 5.0  # it is told of new entries; this is for what it was not told of
_FIRST_DELAY_S = 0.5
_ERROR_LENGTH = 300

_log = logging.getLogger(__name__)


class Sender:
    """Tells one target, in the order of the journal, each alert message at least once.

    Killed at any moment, it goes on behind what arrived; what may have arrived is brought again. While the target is
    away it waits, at most `Target.max_delay_s` between two tries. Nothing that goes wrong here ends anything else.

    Parameters
    ----------
    target : Target
        As configured.
    courier : Courier
        Who brings it there.
    journal : Journal
        What to tell.
    positions : PositionFile
        How far it was told.
    clock : Clock
        Wall time.
    """

    def __init__(
        self, target: Target, courier: Courier, journal: Journal, positions: PositionFile, clock: Clock
    ) -> None:
        self._target, self._courier, self._clock = target, courier, clock
        self._journal, self._positions = journal, positions
        self._random = random.Random(f"{target.name} {journal.epoch}")  # spreads tries, decides nothing
        self._seq = self._begin()
        self._told = positions.told(target.name)
        self._newest: set[int] | None = None
        self._waits_ns: int | None = None
        self._repeat_at_s = 0.0  # at once: what is open may have been given up there while nobody told
        self._changed, self._new, self._closing = threading.Condition(), False, threading.Event()
        self.counts: Counter[str] = Counter()
        """``sent``, ``failed`` tries, ``given_up`` and ``left_out`` alert messages, since it began."""
        self.trouble = ""
        """Why what is waiting does not arrive; empty if nothing waits."""
        self._thread = threading.Thread(target=self._run, name=f"notify {target.name}", daemon=True)

    @property
    def name(self) -> str:
        """Of the target."""
        return self._target.name

    @property
    def age_s(self) -> float:
        """For how long the oldest message has waited, by the clock of who made it; 0 = nothing waits."""
        since_ns, now_ns = self._waits_ns, self._clock.now_ns()
        return 0.0 if since_ns is None or now_ns is None else max((now_ns - since_ns) / NS_PER_S, 0.0)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new in the journal. Never waits."""
        with self._changed:
            self._new = True
            self._changed.notify_all()

    def ask_to_end(self) -> None:
        """End after what is under way. Never waits."""
        self._closing.set()
        self.wake()

    def join(self, timeout_s: float) -> bool:
        """Wait until it has ended; False: after so long it had not."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def abort(self) -> None:
        """Cut off what is under way; it is brought again after the next start. Never waits."""
        self._courier.abort()

    def _run(self) -> None:
        delay_s = _FIRST_DELAY_S
        while not self._closing.is_set():
            try:
                self._round()
                delay_s = _FIRST_DELAY_S
            except SpindlewatchError as error:  # the journal's, the positions' or that of files with secrets
                self._complain(str(error))
                delay_s = self._pause(delay_s)
            except Exception as error:  # a fault of ours, or of a library; others must not hear less for it
                if not self.trouble:
                    _log.exception("notify %s: trying again", self.name)
                self._complain(f"{type(error).__name__}: {error}")
                delay_s = self._pause(delay_s)
        self._courier.close()

    def _begin(self) -> int:
        """Find where to go on: a new target where the journal ends, in another journal at its beginning."""
        epoch = self._journal.epoch
        position = self._positions.position(self.name)
        if position is not None and position.epoch == epoch:
            return min(position.seq, self._journal.head())  # which an older copy of the journal may be behind
        seq = self._journal.head() if position is None else 0
        if position is not None:
            _log.warning("notify %s: another journal than before; told from its beginning", self.name)
        self._positions.begin(self.name, epoch, seq)
        return seq

    def _round(self) -> None:
        """Tell what is in the journal, or wait until something is."""
        with self._changed:
            self._new = False
        entries = self._journal.page(self._seq, _PAGE)
        if entries:
            self._tell(entries)
            return
        self._waits_ns, wait_s = None, _LOOK_S
        if self._courier.repeat_s is None:
            self._recover()
        else:
            wait_s = self._repeat(self._courier.repeat_s)
        with self._changed:
            self._changed.wait_for(lambda: self._new or self._closing.is_set(), wait_s)

    def _tell(self, entries: Sequence[Entry]) -> None:
        n_left_out, self._newest = 0, None
        for entry in entries:
            if self._closing.is_set():
                break
            n_left_out += self._deal(entry)
        self._positions.pass_over(self.name, self._seq, n_left_out)
        if n_left_out:
            self.counts["left_out"] += n_left_out
            hours = self._target.max_age_s / 3600
            _log.error("notify %s: %d alerts left out: older than %g h", self.name, n_left_out, hours)

    def _deal(self, entry: Entry) -> bool:
        """Deal with one message; whether it was left out because it had waited for too long."""
        try:
            alert = alert_from_json(entry.json)
        except WireError as error:
            self._give_up(entry, str(error))
            return False
        told = self._told.get(alert.id)
        is_over = told is not None and alert.state is AlertState.CLOSED
        is_left_out = False
        if is_wanted(self._target, alert, told is not None):
            self._waits_ns = alert.t_ns if alert.judged_ns is None else alert.judged_ns
            is_left_out = self._is_too_old() and not (is_over or self._is_newest(entry))
            if not is_left_out:
                is_left_out = self._bring(Delivery(entry, alert, self._journal.epoch), told, is_over)
                if self._closing.is_set():  # it may not have arrived
                    return is_left_out
        self._seq = entry.seq
        if is_over and alert.id in self._told:  # it was not brought: not wanted, refused or too old
            del self._told[alert.id]
            self._positions.pass_over(self.name, self._seq, ended=alert.id)
        return is_left_out

    def _bring(self, delivery: Delivery, told: Told | None, is_over: bool) -> bool:
        """Try until it arrives, is refused for good, or is too old; whether it was that."""
        delay_s, n_refused = _FIRST_DELAY_S, 0
        while not self._closing.is_set():
            after_s = 0.0
            try:
                note = self._courier.bring(delivery, told.note if told else None)
            except RefusedError as error:
                n_refused += 1
                if n_refused >= self._target.max_tries:
                    self._fail(str(error))
                    self._give_up(delivery.entry, str(error))
                    return False
                self._fail(str(error))
            except AwayError as error:
                self._fail(str(error))
                after_s = error.after_s
                self._newest = None  # the alert may have ended meanwhile
                if self._is_too_old() and not (is_over or self._is_newest(delivery.entry)):
                    return True
            else:
                self._arrived(delivery, note)
                return False
            delay_s = self._pause(delay_s, after_s)
        return False

    def _arrived(self, delivery: Delivery, note: str) -> None:
        alert, seq = delivery.alert, delivery.entry.seq
        told = None if alert.state is AlertState.CLOSED else Told(seq, note)
        if told is None:
            self._told.pop(alert.id, None)
        else:
            self._told[alert.id] = told
        self._seq = seq  # before it is stored: a full disk is no reason to tell the same again and again
        self.counts["sent"] += 1
        self._recover()
        self._positions.arrived(self.name, alert.id, told, seq)

    def _give_up(self, entry: Entry, error: str) -> None:
        letter = DeadLetter(entry.seq, self._clock.now_ns() or 0, error[:_ERROR_LENGTH], entry.json)
        self._seq = entry.seq
        self.counts["given_up"] += 1
        _log.error("notify %s: alert number %d given up: %s", self.name, entry.seq, letter.error)
        self._positions.give_up(self.name, letter)

    def _repeat(self, repeat_s: float) -> float:
        """Bring what is open again if it is time; how long until it is."""
        left_s = self._repeat_at_s - monotonic_s()
        if left_s > 0:
            return min(left_s, _LOOK_S)
        self._repeat_at_s = monotonic_s() + repeat_s
        found = []
        for entry in self._journal.active() if self._told else ():
            alert = alert_from_json(entry.json)
            if alert.id in self._told:
                found.append((Delivery(entry, alert, self._journal.epoch), self._told[alert.id].note))
        try:
            for start in range(0, len(found), _PAGE):
                self._courier.repeat(found[start : start + _PAGE])
            self._recover()
        except (AwayError, RefusedError) as error:
            self._fail(str(error))
        return min(repeat_s, _LOOK_S)

    def _is_newest(self, entry: Entry) -> bool:
        """Whether a message is the last word on an alert that is open."""
        if self._newest is None:
            self._newest = {one.seq for one in self._journal.active()}
        return entry.seq in self._newest

    def _is_too_old(self) -> bool:
        return self.age_s > self._target.max_age_s

    def _recover(self) -> None:
        if self.trouble:
            _log.info("notify %s: at work again", self.name)
        self.trouble = ""

    def _fail(self, trouble: str) -> None:
        self.counts["failed"] += 1
        self._complain(trouble)

    def _complain(self, trouble: str) -> None:
        """Log trouble once, however often it is tried again."""
        if not self.trouble:
            _log.warning("notify %s: trying again: %s", self.name, trouble[:_ERROR_LENGTH])
        self.trouble = trouble[:_ERROR_LENGTH]

    def _pause(self, delay_s: float, after_s: float = 0.0) -> float:
        """Wait, a little less or more than told; for how long the next time."""
        most_s = self._target.max_delay_s
        self._closing.wait(max(min(delay_s, most_s) * self._random.uniform(0.75, 1.25), after_s))
        return min(2.0 * delay_s, most_s)
