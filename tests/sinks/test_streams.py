from __future__ import annotations

import signal
import time

import orjson
import pytest
from redis import Redis
from told import LIFE, alert, state

from engine.errors import UsageError
from perf.real_redis import RedisServer, wait_until
from sinks.streams import RedisAlerts


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


def test_tool_lives_go_to_a_stream_of_their_own_where_one_is_named(redis_server):
    for lives in (None, "lives"):
        sink = RedisAlerts(redis_server.url, "alerts", lives)
        sink.write([LIFE, alert(1)])
        sink.close()

    with redis_server.client() as redis:
        ((_, fields),) = redis.xrange("lives")
    assert orjson.loads(fields[b"life"])["edge"] == "T2#1"
    assert redis_server.keys() == [key(1)]


@pytest.mark.parametrize("noticed", [True, False])
def test_what_a_redis_forgot_when_its_power_went_is_stored_again_in_its_order(tmp_path, noticed):
    server = RedisServer(tmp_path, durable=False)
    server.start()
    sink = RedisAlerts(server.url, "alerts", "lives")
    sink.write([alert(1), LIFE, alert(1, "closed")])
    wait_until(lambda: sink.n_waiting == 0)
    server.stop()
    if noticed:
        sink.write([alert(2)])
        wait_until(lambda: sink.counts["errors"])
    server.start()
    sink.write([alert(3)])
    sink.close()

    told = server.keys()
    with server.client() as redis:
        n_lives = redis.xlen("lives")
    server.stop()
    assert told == [key(1), key(1, "closed"), *([key(2)] if noticed else []), key(3)]
    assert n_lives == 1


def test_a_new_connection_to_a_redis_that_forgot_nothing_adds_nothing_twice(redis_server):
    sink = RedisAlerts(redis_server.url, "alerts")
    sink.write([alert(1), alert(2)])
    wait_until(lambda: sink.n_waiting == 0)
    redis_server.stop()
    redis_server.start()
    sink.write([alert(3)])
    sink.close()

    assert redis_server.keys() == [key(1), key(2), key(3)]
    assert sink.counts == {"added": 3, "repeated": 2}


def test_what_cannot_be_stored_again_yet_is_not_passed_over(tmp_path):
    server = RedisServer(tmp_path, durable=False)
    server.start()
    sink = RedisAlerts(server.url, "alerts")
    sink.write([alert(1), alert(2)])
    wait_until(lambda: sink.n_waiting == 0)
    server.stop()
    server.start()
    with server.client() as redis:
        redis.set("alerts", "no stream")
        sink.write([alert(3)])
        wait_until(lambda: sink.counts["errors"])
        redis.delete("alerts")
    sink.close()

    told = server.keys()
    server.stop()
    assert told == [key(1), key(2), key(3)]
