from __future__ import annotations

import msgspec
import numpy as np
import orjson
import pytest
from redis.exceptions import RedisError
from told import block, state, verdict

from engine import redis_keys
from engine.config import load_config
from engine.records import Tick
from engine.wire import encode
from perf.real_redis import wait_until
from sinks.live_channel import LiveChannel
from sinks.live_intake import LiveIntake, WatchedBlocks
from sinks.mailbox import shown
from sinks.messages import state as state_message

PREFIX = "shop"


@pytest.fixture
def site(redis_server):
    return msgspec.structs.replace(load_config().redis, url=redis_server.url, prefix=PREFIX)


@pytest.fixture
def redis(redis_server):
    with redis_server.client() as redis:
        yield redis


@pytest.fixture
def told():
    return []


@pytest.fixture
def live(site, told):
    live = LiveIntake(site, ["M1"], told.extend)
    yield live
    live.close()


@pytest.fixture
def watched(site, told):
    watched = WatchedBlocks(site, told.extend)
    yield watched
    watched.close()


def heard(live, told, n):
    """Rounds until so much has been told."""

    def enough():
        live.round()
        return len(told) >= n

    wait_until(enough)


def test_what_an_engine_publishes_is_told_and_what_it_said_before_comes_first(site, redis_server, live, told):
    early = LiveChannel(site, PREFIX)
    early.write([state("learning")])
    early.close()
    live.round()

    channel = LiveChannel(site, PREFIX)
    channel.write([state("alerting"), verdict(1.5), state("ok", "M2")])
    channel.close()
    heard(live, told, 3)

    assert told == [state("learning"), state("alerting"), shown(verdict(1.5))]


def test_after_redis_was_away_the_newest_states_come_again(redis_server, redis, live, told):
    redis.hset(redis_keys.states(PREFIX), "M1", state_message(state("ok")))
    live.round()
    redis_server.stop()

    def away():
        try:
            live.round()
        except RedisError:
            return True
        return False

    wait_until(away)
    redis_server.start()
    live.round()

    assert told == [state("ok"), state("ok")]


def test_what_cannot_be_read_is_counted_and_passed_over(redis, live, told):
    redis.hset(redis_keys.states(PREFIX), "M1", b"{broken")
    redis.hset(redis_keys.states(PREFIX), "M3", orjson.dumps({"type": "weather"}))
    live.round()
    redis.publish(redis_keys.live(PREFIX), state_message(state()))
    heard(live, told, 1)

    assert live.counts["unreadable"] == 2
    assert told == [state()]


def send(redis, *items):
    for item in items:
        redis.xadd(redis_keys.stream_in(PREFIX, item.spindle), {"d": encode(item)})


def samples(value):
    return np.full((2, 4), value, np.float32)


def values(told):
    return [(one.spindle, one.group, float(one.samples[0, 0])) for one in told]


def test_the_newest_block_of_what_is_watched_is_told_and_nothing_else(redis, watched, told):
    send(redis, block(samples(0)))
    watched.watch(frozenset({("M1", "vib")}))
    watched.round()

    send(redis, block(samples(1)), block(samples(2)), block(samples(3), group="current"), Tick("M1", 10**9))
    send(redis, block(samples(4), spindle="M2"))
    redis.xadd(redis_keys.stream_in(PREFIX, "M1"), {"d": b"SPWB broken"})
    watched.round()
    watched.round()

    assert values(told) == [("M1", "vib", 2.0)]


def test_nothing_is_read_while_nobody_watches(redis, watched, told):
    before = redis.info("commandstats")
    send(redis, block(samples(1)))

    watched.round()
    watched.watch(frozenset({("M1", "vib")}))
    watched.watch(frozenset())
    watched.round()

    after = redis.info("commandstats")
    assert after.keys() - before.keys() == {"cmdstat_xadd", "cmdstat_info"} - before.keys()
    assert told == []


def test_who_falls_behind_goes_on_with_the_newest(redis, watched, told):
    watched.watch(frozenset({("M1", "vib")}))
    watched.round()
    send(redis, *(block(samples(n)) for n in range(150)))

    watched.round()
    watched.round()
    send(redis, block(samples(1000)))
    watched.round()

    assert values(told) == [("M1", "vib", 99.0), ("M1", "vib", 1000.0)]
    assert watched.counts["behind"] == 1


def test_a_stream_begun_anew_with_older_ids_is_found_again(redis, watched, told):
    key = redis_keys.stream_in(PREFIX, "M1")
    redis.xadd(key, {"d": encode(block(samples(1)))}, id="100-0")
    watched.watch(frozenset({("M1", "vib")}))
    watched.round()
    redis.delete(key)
    redis.xadd(key, {"d": encode(block(samples(2)))}, id="1-0")

    for _ in range(20):
        watched.round()
    redis.xadd(key, {"d": encode(block(samples(3)))}, id="2-0")
    watched.round()

    assert values(told) == [("M1", "vib", 3.0)]
