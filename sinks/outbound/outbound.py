"""All targets of a site at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from engine.clock import Clock, monotonic_s
from engine.config import Config
from engine.targets import AlertmanagerTarget, AppriseTarget, MqttTarget, Target, WebhookTarget
from sinks.journal import Journal
from sinks.outbound.base import Courier
from sinks.outbound.sender import Sender
from sinks.outbound.store import PositionFile, beside

_END_S = 0.5


class Outbound:
    """Tells every target what is in the journal; none waits for another, and nobody waits for any.

    Parameters
    ----------
    config : Config
        With its ``[[notify]]``.
    journal : Journal
        What to tell.
    clock : Clock
        Wall time.

    Raises
    ------
    SpindlewatchError
        A secret, certificate or library is missing, or the file of positions cannot be used.
    """

    def __init__(self, config: Config, journal: Journal, clock: Clock) -> None:
        self._senders: Sequence[Sender] = ()
        if not config.notify:  # no file, no thread, nothing imported
            return
        with ExitStack() as stack:
            couriers = []
            for target in config.notify:
                couriers.append(courier_to(target, config.redis.prefix, clock))
                stack.callback(couriers[-1].close)
            positions = stack.enter_context(closing(PositionFile(beside(Path(config.journal.path)))))
            self._senders = [
                Sender(target, courier, journal, positions, clock)
                for target, courier in zip(config.notify, couriers, strict=True)
            ]
            self._stack = stack.pop_all()

    def start(self) -> None:
        """Begin to tell."""
        for sender in self._senders:
            sender.start()

    def wake(self) -> None:
        """There is something new in the journal. Never waits."""
        for sender in self._senders:
            sender.wake()

    def close(self) -> None:
        """End: whoever is telling something has half a second to finish; the rest is told after the next start."""
        if not self._senders:
            return
        for sender in self._senders:
            sender.ask_to_end()
        deadline_s = monotonic_s() + _END_S
        late = [sender for sender in self._senders if not sender.join(max(deadline_s - monotonic_s(), 0.0))]
        for sender in late:
            sender.abort()
        deadline_s = monotonic_s() + _END_S
        for sender in late:  # one that waits for a resolver cannot be cut off; it ends with the process
            sender.join(max(deadline_s - monotonic_s(), 0.0))
        self._stack.close()

    def counts(self, what: str) -> Mapping[str, float]:
        """How many alert messages each target was ``sent``, ``failed`` to be sent and so on: as `Sender.counts`."""
        return {sender.name: float(sender.counts[what]) for sender in self._senders}

    @property
    def age_s(self) -> float:
        """For how long the alert has waited that waits for longest; 0 = none waits."""
        return max((sender.age_s for sender in self._senders), default=0.0)

    @property
    def trouble(self) -> str:
        """Which targets cannot be told, and why; empty = all can."""
        return "; ".join(
            f"notify {sender.name}: {sender.trouble}" for sender in self._senders if sender.trouble
        )


def courier_to(target: Target, prefix: str, clock: Clock) -> Courier:
    """Set up who brings alerts to a target.

    Parameters
    ----------
    target : Target
        As configured.
    prefix : str
        Of the service's keys in Redis: which shop it is.
    clock : Clock
        Wall time.

    Returns
    -------
    Courier
        Nothing is connected yet.

    Raises
    ------
    ConfigError, UsageError
        A secret, a certificate or a library is missing.
    """
    match target:
        case WebhookTarget():
            from sinks.outbound.webhook import Webhook

            return Webhook(target, prefix, clock)
        case AlertmanagerTarget():
            from sinks.outbound.alertmanager import Alertmanager

            return Alertmanager(target, clock)
        case MqttTarget():
            from sinks.outbound.mqtt import Mqtt

            return Mqtt(target, prefix)
        case AppriseTarget():
            from sinks.outbound.chat import Chat

            return Chat(target)
