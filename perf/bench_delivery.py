"""From an alert in Redis to people: is each told to each subscriber once, whatever dies, and how soon."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine import redis_keys
from engine.clock import monotonic_s
from engine.verdicts import Alert, AlertState, Tier
from perf.figures import Bench, FailedError, Measured, figure
from perf.gateway_process import Gateway
from perf.real_redis import RedisServer, wait_until
from sinks.streams import RedisAlerts
from sinks.watch import Subscription

_N_SUBSCRIBERS, _N_KILLS, _REDIS_EVERY, _N_RECONNECTS = 32, 8, 4, 500
_N_BETWEEN = 60  # alerts between a subscriber's hearing of them and the next kill
_BREAK_AFTER = 5, 12  # alerts that a connection lasts
_PERIOD_S = 0.02
_N_TIMED = 500
_LONG_S = 120.0


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What subscribers of a gateway that was killed again and again were told."""

    n_alerts: int
    n_reconnects: int
    n_missing: int
    n_twice: int


class _Sender(threading.Thread):
    """Adds an alert to Redis every so often, as an engine does."""

    def __init__(self, out: RedisAlerts) -> None:
        super().__init__()
        self.n_sent, self.enough = 0, threading.Event()
        self._out = out
        self.start()

    def run(self) -> None:
        while not self.enough.wait(_PERIOD_S):
            self.n_sent += 1
            self._out.write([_alert(self.n_sent)])


class _Subscriber(threading.Thread):
    """Notes what it is told; its connection breaks now and then."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.subscription = Subscription(url, types=["alert"])
        self.got: list[str] = []
        self.n_connections = 0
        self._chance = random.Random(seed)
        self.start()

    def run(self) -> None:
        left = self._chance.randint(*_BREAK_AFTER)
        for message in self.subscription:
            self.n_connections += message["type"] == "hello"
            if message["type"] != "alert":
                continue
            self.got.append(message["alert"]["id"])
            left -= 1
            if left == 0:
                left = self._chance.randint(*_BREAK_AFTER)
                self._break()

    def _break(self) -> None:
        connection = self.subscription._connection
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)


def _delivery(bench: Bench) -> _Delivery:
    def measure() -> _Delivery:
        with _parts() as (server, gateway, out):
            gateway.start()
            gateway.wait_until_ready()
            subscribers = [_Subscriber(gateway.address.stream_url, seed) for seed in range(_N_SUBSCRIBERS)]
            wait_until(lambda: gateway.beats[-1].gauges["subscribers"] == _N_SUBSCRIBERS, _LONG_S)
            sender = _Sender(out)
            _kill_often(server, gateway, subscribers)
            wait_until(lambda: _n_reconnects(subscribers) >= _N_RECONNECTS, _LONG_S)
            sender.enough.set()
            sender.join()
            for subscriber in subscribers:
                with contextlib.suppress(TimeoutError):  # then some are missing
                    wait_until(lambda one=subscriber: len(one.got) >= sender.n_sent, _LONG_S)  # type: ignore[misc]
                subscriber.subscription.close()
            return _judged(sender.n_sent, subscribers)

    return bench.once("delivery", measure)


def _kill_often(server: RedisServer, gateway: Gateway, subscribers: list[_Subscriber]) -> None:
    """Kill the gateway at odd moments while alerts come; Redis, too, at times."""
    chance = random.Random(1)
    for n_kills in range(1, _N_KILLS + 1):
        before = len(subscribers[0].got)
        wait_until(lambda before=before: len(subscribers[0].got) > before + _N_BETWEEN, _LONG_S)  # type: ignore[misc]
        threading.Event().wait(chance.uniform(0.0, 0.2))
        if n_kills % _REDIS_EVERY == 0:
            server.stop()
            server.start()
        gateway.end(signal.SIGKILL)
        gateway.start()


def _judged(n_sent: int, subscribers: list[_Subscriber]) -> _Delivery:
    wanted = [_alert(number).id for number in range(1, n_sent + 1)]
    n_missing = n_twice = 0
    for subscriber in subscribers:
        counts = Counter(subscriber.got)
        n_missing += len(set(wanted) - set(counts))
        n_twice += sum(counts.values()) - len(counts)
        if list(dict.fromkeys(subscriber.got)) != [one for one in wanted if one in counts]:
            raise FailedError("alerts came in another order than they were told in")
    return _Delivery(n_sent, _n_reconnects(subscribers), n_missing, n_twice)


def _n_reconnects(subscribers: list[_Subscriber]) -> int:
    return sum(subscriber.n_connections - 1 for subscriber in subscribers)


@figure("delivery_missing", unit="")
def delivery_missing(bench: Bench) -> Measured:
    found = _delivery(bench)
    note = (
        f"of {found.n_alerts} alert messages to each of {_N_SUBSCRIBERS} subscribers, which reconnected "
        f"{found.n_reconnects} times; {_N_KILLS} x kill -9 of the gateway, of Redis {_N_KILLS // _REDIS_EVERY} x"
    )
    return Measured(found.n_missing, note=note)


@figure("delivery_duplicates", unit="")
def delivery_duplicates(bench: Bench) -> Measured:
    return Measured(_delivery(bench).n_twice, note="the same message twice to the same subscriber")


@figure("delivery_p99_ms", unit="ms")
def delivery_p99(_bench: Bench) -> Measured:
    heard_s: dict[str, float] = {}
    sent_s: dict[str, float] = {}
    with _parts() as (_server, gateway, out):
        gateway.start()
        gateway.wait_until_ready()
        subscription = Subscription(gateway.address.stream_url, types=["alert"])

        def listen() -> None:
            for message in subscription:
                if message["type"] == "alert":
                    heard_s[message["alert"]["id"]] = monotonic_s()

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        wait_until(lambda: gateway.beats[-1].gauges["subscribers"] == 1, _LONG_S)
        for number in range(1, _N_TIMED + 1):
            alert = _alert(number)
            sent_s[alert.id] = monotonic_s()
            out.write([alert])
            threading.Event().wait(_PERIOD_S)
        wait_until(lambda: len(heard_s) == _N_TIMED, _LONG_S)
        subscription.close()
        listener.join()
    took_ms = 1e3 * np.array([heard_s[name] - told_s for name, told_s in sent_s.items()])
    p50, p99 = np.percentile(took_ms, (50, 99))
    note = f"from the engine's hands through Redis and the journal (fsync) to a subscriber; half within {p50:.1f} ms"
    return Measured(float(p99), note=note)


@contextmanager
def _parts() -> Iterator[tuple[RedisServer, Gateway, RedisAlerts]]:
    """A Redis, a gateway that is not started, and an engine's way of telling."""
    if shutil.which("redis-server") is None:
        raise FailedError("redis-server is not on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        server.start()
        gateway = Gateway(server, Path(folder) / "gateway")
        out = RedisAlerts(server.url, redis_keys.alerts("shop"))
        try:
            yield server, gateway, out
        finally:
            out.close()
            gateway.kill_all()
            server.stop()


def _alert(number: int) -> Alert:
    """An alert that opens, of some 1 kB."""
    return Alert(
        id=f"M1:process:{number}",
        spindle="M1",
        group="vib",
        fault="process",
        state=AlertState.OPENED,
        tier=Tier.LEARNED,
        regime="T3/O1001/rough/cutting",
        onset_ns=number,
        t_ns=number,
        score=2.5,
        detail="mewma",
        reasons=(),
        text_en="vibration of M1 is unusual for this cut " * 5,
        text_ko="진동이 이 절삭에서는 이례적입니다 " * 5,
        config_hash="0123456789ab",
    )
