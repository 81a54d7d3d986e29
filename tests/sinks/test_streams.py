from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from redis import Redis
from redis.exceptions import RedisError
from told import alert, state

from engine.errors import UsageError
from sinks.streams import RedisAlerts

_LONG_S = 20.0
_DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")


class RedisServer:
    """A real redis-server on a unix socket."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._folder = folder

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self._folder, *_DURABLE],
            stdout=subprocess.DEVNULL,
        )
        wait_until(self._answers)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """End it."""
        self.process.send_signal(number)
        self.process.wait(_LONG_S)

    def keys(self) -> list[str]:
        """Keys of the alerts in the stream, oldest first."""
        with Redis.from_url(self.url, protocol=2) as redis:
            return [fields[b"key"].decode() for _id, fields in redis.xrange("alerts")]

    def _answers(self) -> bool:
        with Redis.from_url(self.url, protocol=2) as redis:
            try:
                return bool(redis.ping())
            except RedisError:
                return False


@pytest.fixture
def redis_server(tmp_path) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on the PATH")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


def wait_until(holds) -> None:
    deadline_s = time.monotonic() + _LONG_S
    while not holds():
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.01)


def key(number: int, state_: str = "opened") -> str:
    one = alert(number, state_)
    return f"{one.id}|{one.state}|{one.t_ns}"


def test_alerts_arrive_in_order_as_json(redis_server):
    sink = RedisAlerts(redis_server.url, "alerts")

    sink.write([alert(1), state(), alert(2), alert(1, "closed")])
    sink.close()

    assert redis_server.keys() == [key(1), key(2), key(1, "closed")]
    with Redis.from_url(redis_server.url, protocol=2) as redis:
        ((_, fields), *_) = redis.xrange("alerts")
    assert orjson.loads(fields[b"alert"])["id"] == "M1:process:1"


def test_alert_that_comes_again_is_added_once_even_by_another_process(redis_server):
    for _ in range(2):
        sink = RedisAlerts(redis_server.url, "alerts")
        sink.write([alert(1), alert(1), alert(2)])
        sink.close()

    assert redis_server.keys() == [key(1), key(2)]
    assert sink.counts == {"repeated": 3}


def test_alerts_wait_for_a_redis_that_is_away_and_come_once(redis_server):
    sink = RedisAlerts(redis_server.url, "alerts")
    sink.write([alert(1)])
    wait_until(lambda: sink.counts["added"] == 1)
    redis_server.stop()

    sink.write([alert(2), alert(3)])
    wait_until(lambda: sink.counts["errors"] > 0)
    redis_server.start()
    wait_until(lambda: sink.counts["added"] == 3)
    sink.close()

    assert redis_server.keys() == [key(1), key(2), key(3)]


def test_redis_that_hangs_does_not_hold_up_the_flow(redis_server):
    sink = RedisAlerts(redis_server.url, "alerts")
    sink.write([alert(0)])
    wait_until(lambda: sink.counts["added"] == 1)
    redis_server.process.send_signal(signal.SIGSTOP)

    began_s = time.monotonic()
    for n in range(1, 101):
        sink.write([alert(n)])
    took_s = time.monotonic() - began_s

    redis_server.process.send_signal(signal.SIGCONT)
    sink.close()
    assert took_s < 1.0
    assert redis_server.keys() == [key(n) for n in range(101)]


def test_full_queue_drops_the_oldest_and_counts(tmp_path):
    sink = RedisAlerts(f"unix://{tmp_path}/nobody.sock", "alerts", max_waiting=3)

    for n in range(5):
        sink.write([alert(n)])

    assert sink.counts["dropped"] == 2
    sink.close()


def test_close_gives_up_on_a_redis_that_never_comes(tmp_path):
    sink = RedisAlerts(f"unix://{tmp_path}/nobody.sock", "alerts")
    sink.write([alert(1)])

    began_s = time.monotonic()
    sink.close()

    assert time.monotonic() - began_s < 5.0
    assert sink.counts["errors"] > 0
    assert sink.counts["added"] == 0


def test_alert_refused_by_redis_is_not_taken_for_a_repetition(redis_server):
    with Redis.from_url(redis_server.url, protocol=2) as redis:
        redis.set("alerts", "no stream")
        sink = RedisAlerts(redis_server.url, "alerts")
        sink.write([alert(1)])
        wait_until(lambda: sink.counts["errors"] > 0)

        redis.delete("alerts")
        wait_until(lambda: sink.counts["added"] == 1)

    sink.close()
    assert redis_server.keys() == [key(1)]


def test_address_that_is_none_is_one_clear_error():
    with pytest.raises(UsageError, match="localhost:6379"):
        RedisAlerts("localhost:6379", "alerts")
