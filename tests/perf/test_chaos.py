"""What the figures of a disturbed service rest on."""

import orjson
from told import alert

from engine import redis_keys
from perf.bench_service import Told, compare
from perf.live_shop import LiveShop
from perf.real_redis import wait_until
from sinks.alert_json import alert_as_dict


def message(number, **changes):
    return orjson.dumps(alert_as_dict(alert(number)) | changes)


def test_a_message_that_stream_or_journal_lack_is_missing_and_one_that_comes_again_is_there_twice():
    wanted = [message(1), message(2), message(3)]
    stream, journal = [message(1), message(3), message(3)], [message(2), message(1)]

    assert compare(wanted, stream, journal) == Told(n_alerts=3, n_missing=2, n_twice=1, n_other=0)


def test_when_a_message_was_judged_does_not_count_and_what_it_says_does():
    later, other, unknown = message(1, judged_ns=7, received_ns=5), message(1, score=99.0), message(2)

    assert compare([message(1)], [later]).n_other == 0
    assert compare([message(1)], [other]).n_other == 1
    assert compare([message(1)], [later, unknown]).n_other == 1


def test_what_a_shop_sends_is_in_redis_once_and_in_order_though_redis_was_killed(redis_server):
    shop = LiveShop(redis_server, "p", n_spindles=2, seed=1, speed=20.0)
    shop.start()
    for _ in range(2):
        reached_s = shop.until_s
        wait_until(lambda reached_s=reached_s: shop.until_s > reached_s + 5.0)
        redis_server.stop()
        redis_server.start()
    reached_s = shop.until_s
    wait_until(lambda: shop.until_s > reached_s)
    shop.end()

    with redis_server.client() as redis:
        for name, n_sent in shop.n_sent.items():
            entries = redis.xrange(redis_keys.stream_in("p", name))
            assert [int(fields[b"n"]) for _id, fields in entries] == list(range(1, n_sent + 1))
