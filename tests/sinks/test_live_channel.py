from __future__ import annotations

import orjson
from told import alert, state, verdict

from engine import redis_keys
from perf.real_redis import wait_until
from sinks.live_channel import LiveChannel


def heard(listener, n):
    """The next messages, which must be so many."""
    found = []

    def listen():
        message = listener.get_message(ignore_subscribe_messages=True)
        if message is not None:
            found.append(orjson.loads(message["data"]))
        return len(found) == n

    wait_until(listen)
    assert listener.get_message() is None
    return found


def test_states_and_scores_reach_who_listens_and_nothing_else_does(redis_server):
    channel = LiveChannel(redis_server.url, "shop")
    with redis_server.client() as redis, redis.pubsub() as listener:
        listener.subscribe(redis_keys.live("shop"))
        wait_until(lambda: listener.get_message() is not None)

        channel.write([state(), verdict(score=0.5), verdict(score=1.5), alert(1)])
        channel.close()
        told = heard(listener, 2)

    assert [message["type"] for message in told] == ["state", "scores"]
    assert [score["score"] for score in told[1]["scores"]] == [1.5]


def test_the_newest_state_is_kept_for_who_comes_later(redis_server):
    channel = LiveChannel(redis_server.url, "shop")
    channel.write([state(), state()])
    channel.close()

    with redis_server.client() as redis:
        kept = redis.hgetall(redis_keys.states("shop"))
    assert [orjson.loads(message)["type"] for message in kept.values()] == ["state"]


def test_a_redis_that_was_away_is_told_the_newest_state(redis_server):
    channel = LiveChannel(redis_server.url, "shop")
    redis_server.stop()
    channel.write([state()])
    wait_until(lambda: channel.counts["errors"] > 1)
    redis_server.start()
    wait_until(lambda: channel.counts["sent"] == 1)
    channel.close()
