"""Who is told what: filters, snapshot and resume, and what happens to a subscriber that is too slow. No I/O.

The promises, each held by a test without sockets:

* An alert that passes a subscriber's filter reaches it once, in order, also across a reconnection with ``since`` and
  ``epoch``: a subscriber goes live in the very call in which the journal has nothing more for it.
* A subscriber with more unsent bytes than allowed is dropped; nobody waits for it. It resumes from the journal.
* Scores and waveforms are only sent to a subscriber that has nothing unsent: the newest wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from engine.config import HubConfig
from engine.declared import Spindle
from engine.records import Block
from engine.verdicts import SpindleState
from sinks import messages
from sinks.access import LOCAL, Principal
from sinks.journal import Entry
from sinks.mailbox import Mail, ShownScore, put_worse
from sinks.requests import Command, Wish
from sinks.tokens import Role

# Often enough for an eye, rare enough for a shop of a hundred spindles.
_SCORE_PERIOD_S = 0.1
_WAVEFORM_PERIOD_S = 0.05


class Link(Protocol):
    """A subscriber's connection, as the hub sees it. No method waits."""

    def send(self, message: bytes, *, binary: bool) -> None:
        """Hand over a message; it is buffered if the peer does not read."""
        ...

    def unsent_bytes(self) -> int:
        """Bytes buffered in this process."""
        ...

    def drop(self) -> None:
        """End the connection at once, whatever is unsent."""
        ...


class History(Protocol):
    """What the hub asks of a journal."""

    @property
    def epoch(self) -> str: ...  # noqa: D102 - as documented at `sinks.journal.Journal`
    def head(self) -> int: ...  # noqa: D102
    def oldest(self) -> int: ...  # noqa: D102
    def snapshot(self) -> tuple[int, list[Entry]]: ...  # noqa: D102
    def page(self, after_seq: int, limit: int) -> list[Entry]: ...  # noqa: D102


class Subscriber:
    """One connection and how far it has been told.

    Parameters
    ----------
    link : Link
        Its connection.
    wish : Wish
        What it asked for.
    principal : Principal
        Whose it is.
    """

    def __init__(self, link: Link, wish: Wish, principal: Principal = LOCAL) -> None:
        self.link = link
        self.wish = wish
        self.principal = principal
        self.seq = 0  # everything up to here was sent or filtered out
        self.waveform: tuple[str, str] | None = None  # spindle and group; one at a time
        self.n_states_told = -1


class Hub:
    """All subscribers of this process. Not thread-safe: it belongs to the server's event loop.

    Parameters
    ----------
    config : HubConfig
        Limits.
    history : History
        Where alerts were stored before they come here.
    spindles : sequence of Spindle
        As declared: told to subscribers, and the names and units of waveforms.
    on_watch : callable
        Told whenever that changes which waveforms are wanted: pairs of spindle and sensor group that are declared.
    on_command : callable
        Told whose command it was, what, and what became of it, for the audit trail: whatever not every viewer may do.
    """

    def __init__(
        self,
        config: HubConfig,
        history: History,
        spindles: Sequence[Spindle] = (),
        on_watch: Callable[[frozenset[tuple[str, str]]], None] = lambda _: None,
        on_command: Callable[[Subscriber, Command, str], None] = lambda *_: None,
    ) -> None:
        self.config = config
        self._on_command = on_command
        self._history = history
        self._live: set[Subscriber] = set()
        self._spindles = {spindle.name: spindle for spindle in spindles}
        self._states: dict[str, SpindleState] = {}
        self._n_states = 0
        self._scores: dict[tuple[str, str], ShownScore] = {}
        self._told_s: dict[tuple[str, ...], float] = {}
        self._on_watch, self._watched = on_watch, frozenset[tuple[str, str]]()
        self.counts: Counter[str] = Counter()
        """``dropped_subscribers``; messages ``sent`` live, and ``skipped``; ``refused_role`` of commands."""

    @property
    def n_live(self) -> int:
        """Subscribers that have caught up."""
        return len(self._live)

    def greet(self, subscriber: Subscriber) -> list[bytes]:
        """Say hello and what holds now, and decide where the subscriber goes on.

        Parameters
        ----------
        subscriber : Subscriber
            Just connected.

        Returns
        -------
        list of bytes
            ``hello`` and ``snapshot``; then call `catch_up` until it returns None.
        """
        history, wish = self._history, subscriber.wish
        (head, active), oldest = history.snapshot(), history.oldest()
        known = wish.epoch is None or wish.epoch == history.epoch
        recovered = wish.since is not None and known and oldest - 1 <= wish.since <= head
        subscriber.seq = wish.since if recovered and wish.since is not None else head
        subscriber.n_states_told = self._n_states
        return [
            messages.hello(history.epoch, head, oldest, recovered),
            messages.snapshot(
                subscriber.seq,
                [entry for entry in active if _wants(subscriber, entry)],
                self._states_for(wish),
                [spindle for name, spindle in self._spindles.items() if wish.wants_spindle(name)],
            ),
        ]

    def catch_up(self, subscriber: Subscriber) -> list[bytes] | None:
        """Give the next page of what a subscriber missed; when there is none, it is live.

        Parameters
        ----------
        subscriber : Subscriber
            Greeted.

        Returns
        -------
        list of bytes or None
            Messages, perhaps none (filtered out); None: from now on it is told by `publish`.
        """
        page = self._history.page(subscriber.seq, self.config.page_size)
        if not page:
            self._live.add(subscriber)
            if subscriber.n_states_told != self._n_states:
                for state in self._states_for(subscriber.wish):
                    self._send(subscriber, messages.state(state))
            return None
        subscriber.seq = page[-1].seq
        wanted = [entry for entry in page if _wants(subscriber, entry)]
        return [messages.alert(entry, None) for entry in wanted]

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a subscriber whose connection has ended."""
        self._live.discard(subscriber)
        self._note_watched()

    def command(self, subscriber: Subscriber, command: Command) -> bytes:
        """Do what a subscriber asks; repeating a command changes nothing.

        Returns
        -------
        bytes
            The ``result`` to send.
        """
        role = subscriber.principal.role
        if not role.includes(command.needs):
            self.counts["refused_role"] += 1
            self._on_command(subscriber, command, f"needs the role {command.needs}")
            return messages.result(command.id, f"{command.op} needs the role {command.needs}, got {role}")
        subscriber.waveform = command.source
        self._note_watched()
        if command.needs is not Role.VIEWER:
            self._on_command(subscriber, command, "ok")
        return messages.result(command.id)

    def publish(self, mail: Mail, now_s: float, now_ns: int | None) -> None:
        """Tell live subscribers what has happened: alerts first.

        Parameters
        ----------
        mail : Mail
            Alerts in it are in the journal.
        now_s : float
            Monotonic seconds, for the pace of scores and waveforms.
        now_ns : int or None
            Wall time, if it means anything.
        """
        for entry in mail.alerts:
            self._tell_alert(entry, messages.alert(entry, now_ns))
        for state in mail.states.values():
            self._tell_state(state)
        for score in mail.scores.values():
            put_worse(self._scores, score)
        for spindle in sorted({spindle for spindle, _ in self._scores}):
            if self._due(now_s, _SCORE_PERIOD_S, spindle):
                self._tell_scores(spindle)
        for source, block in mail.blocks.items():
            self._tell_waveform(source, block, now_s)

    def beat(self, now_ns: int | None) -> None:
        """Tell everybody that the link is alive."""
        self._send_all(self._live, messages.heartbeat(self._history.head(), now_ns))

    def _note_watched(self) -> None:
        """Say it if other waveforms are wanted now."""
        wanted = {subscriber.waveform for subscriber in self._live}
        declared = ((one.name, group.name) for one in self._spindles.values() for group in one.groups)
        watched = frozenset(source for source in declared if source in wanted) if any(wanted) else frozenset()
        if watched != self._watched:
            self._watched = watched
            self._on_watch(watched)

    def _tell_alert(self, entry: Entry, message: bytes) -> None:
        # A subscriber that went live after this entry was stored but before it came here has it from the journal.
        behind = [subscriber for subscriber in self._live if subscriber.seq < entry.seq]
        for subscriber in behind:
            subscriber.seq = entry.seq
        self._send_all([subscriber for subscriber in behind if _wants(subscriber, entry)], message)

    def _tell_state(self, state: SpindleState) -> None:
        self._states[state.spindle] = state
        self._n_states += 1
        self._send_all(self._interested("state", state.spindle), messages.state(state))

    def _tell_scores(self, spindle: str) -> None:
        groups = sorted(key for key in self._scores if key[0] == spindle)
        scores = [self._scores.pop(key) for key in groups]
        self._send_idle(self._interested("score", spindle), lambda: messages.scores(scores), binary=False)

    def _tell_waveform(self, source: tuple[str, str], block: Block, now_s: float) -> None:
        interested = [subscriber for subscriber in self._live if subscriber.waveform == source]
        if interested and self._due(now_s, _WAVEFORM_PERIOD_S, *source):
            spindle = self._spindles.get(block.spindle)
            group = spindle.group(block.group) if spindle else None
            channels = group.channels if group else ()
            self._send_idle(interested, lambda: messages.waveform(block, channels), binary=True)

    def _interested(self, kind: str, spindle: str) -> list[Subscriber]:
        wishes = ((subscriber, subscriber.wish) for subscriber in self._live)
        return [who for who, wish in wishes if kind in wish.types and wish.wants_spindle(spindle)]

    def _states_for(self, wish: Wish) -> list[SpindleState]:
        wanted = "state" in wish.types
        return [state for name, state in self._states.items() if wanted and wish.wants_spindle(name)]

    def _due(self, now_s: float, period_s: float, *what: str) -> bool:
        """Whether the pace allows another one; if so, it counts as told."""
        due = now_s - self._told_s.get(what, -period_s) >= period_s
        if due:
            self._told_s[what] = now_s
        return due

    def _send_idle(self, to: Iterable[Subscriber], encode: Callable[[], bytes], *, binary: bool) -> None:
        """Send what may be skipped to those who keep up; it is encoded only if there are any."""
        idle = []
        for subscriber in to:
            if subscriber.link.unsent_bytes():
                self.counts["skipped"] += 1
            else:
                idle.append(subscriber)
        if idle:
            message = encode()
            self.counts["sent"] += len(idle)
            for subscriber in idle:
                subscriber.link.send(message, binary=binary)

    def _send_all(self, to: Iterable[Subscriber], message: bytes) -> None:
        for subscriber in list(to):
            self._send(subscriber, message)

    def _send(self, subscriber: Subscriber, message: bytes) -> None:
        """Send what must not be skipped; who does not read is dropped instead."""
        if subscriber.link.unsent_bytes() > self.config.write_buffer_bytes:
            self.counts["dropped_subscribers"] += 1
            self.leave(subscriber)
            subscriber.link.drop()
        else:
            self.counts["sent"] += 1
            subscriber.link.send(message, binary=False)


def _wants(subscriber: Subscriber, entry: Entry) -> bool:
    wish = subscriber.wish
    return "alert" in wish.types and wish.wants_alert(entry.spindle, entry.fault)
