import numpy as np

from engine import redis_keys
from engine.producer import Producer
from engine.records import Block, Tick
from engine.wire import decode
from perf.real_redis import wait_until

STREAM = redis_keys.stream_in("shop", "M1")
T0 = 1_700_000_000_000_000_000


def block(number: int) -> Block:
    return Block("M1", "vib", T0 + number * 1_000_000, 1000.0, np.full((1, 64), number, np.float32))


def stored(server):
    """What the stream holds: each block's number; each entry's running number."""
    with server.client() as redis:
        entries = redis.xrange(STREAM)
    return [int(decode(fields[b"d"]).samples[0, 0]) for _id, fields in entries], [
        int(fields[b"n"]) for _id, fields in entries
    ]


def test_what_is_sent_is_in_the_stream_in_order_with_running_numbers(redis_server):
    producer = Producer(redis_server.url, "M1", "shop")
    for number in range(300):
        producer.send(block(number))
    assert producer.flush(20.0)
    producer.close()
    assert stored(redis_server) == (list(range(300)), list(range(1, 301)))
    assert producer.counts == {"sent": 300, "dropped": 0}


def test_numbers_go_on_after_a_restart_of_the_sender(redis_server):
    for first in (0, 5):
        producer = Producer(redis_server.url, "M1", "shop")
        for number in range(first, first + 5):
            producer.send(block(number))
        producer.close()
    assert stored(redis_server) == (list(range(10)), list(range(1, 11)))


def test_a_redis_killed_under_load_loses_nothing_and_holds_nothing_twice(redis_server):
    producer = Producer(redis_server.url, "M1", "shop", n_kept=100_000)
    for kill in range(3):
        for number in range(2000 * kill, 2000 * kill + 2000):
            producer.send(block(number))
        wait_until(lambda kill=kill: producer.counts["sent"] > 2000 * kill)
        redis_server.stop()
        redis_server.start()
    assert producer.flush(20.0)
    producer.close()
    assert stored(redis_server) == (list(range(6000)), list(range(1, 6001)))
    assert producer.counts["dropped"] == 0


def test_a_redis_without_memory_is_waited_for(redis_server):
    with redis_server.client() as redis:
        redis.config_set("maxmemory", "1")
        producer = Producer(redis_server.url, "M1", "shop")
        for number in range(100):
            producer.send(block(number))
        wait_until(lambda: producer.counts["errors"])
        assert redis.exists(STREAM) == 0
        redis.config_set("maxmemory", "0")
    assert producer.flush(20.0)
    producer.close()
    assert stored(redis_server)[0] == list(range(100))


def test_a_full_queue_drops_the_oldest_and_says_how_many(redis_server):
    redis_server.stop()
    producer = Producer(redis_server.url, "M1", "shop", max_waiting_mib=0.01)
    for number in range(100):
        producer.send(block(number))
    n_dropped = producer.counts["dropped"]
    redis_server.start()
    assert producer.flush(20.0)
    producer.close()
    assert 0 < n_dropped < 100
    assert stored(redis_server)[0] == list(range(n_dropped, 100))


def test_the_stream_keeps_about_as_many_entries_as_asked(redis_server):
    producer = Producer(redis_server.url, "M1", "shop", n_kept=200)
    for number in range(3000):
        producer.send(Tick("M1", T0 + number))
    assert producer.flush(20.0)
    producer.close()
    with redis_server.client() as redis:
        assert 200 <= redis.xlen(STREAM) <= 400
