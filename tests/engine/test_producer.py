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
    assert producer.counts == {"sent": 300}


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


def test_entries_that_redis_forgot_leave_a_gap_in_the_numbers(redis_server):
    producer = Producer(redis_server.url, "M1", "shop")
    for number in range(10):
        producer.send(block(number))
    assert producer.flush(20.0)
    with redis_server.client() as redis:
        redis.xtrim(STREAM, maxlen=0)
        redis.delete(STREAM)
    redis_server.stop()
    redis_server.start()
    producer.send(block(10))
    assert producer.flush(20.0)
    producer.close()
    assert stored(redis_server) == ([10], [11])


def test_the_same_message_twice_is_stored_twice_and_no_more_whenever_redis_dies(redis_server):
    producer = Producer(redis_server.url, "M1", "shop", n_kept=100_000)
    tick = Tick("M1", T0)
    for kill in range(4):
        for _ in range(1000):
            producer.send(tick)
        wait_until(lambda kill=kill: producer.counts["sent"] > 1000 * kill)
        redis_server.stop()
        redis_server.start()
    assert producer.flush(20.0)
    producer.close()
    with redis_server.client() as redis:
        assert [int(fields[b"n"]) for _id, fields in redis.xrange(STREAM)] == list(range(1, 4001))


def test_what_somebody_else_left_in_the_stream_stops_nobody(redis_server):
    with redis_server.client() as redis:
        redis.xadd(STREAM, {"n": "many", "x": b"\xff"}, id=f"{2**63}-7")  # far ahead, too
    producer = Producer(redis_server.url, "M1", "shop")
    producer.send(block(0))
    producer.send(block(1))
    assert producer.flush(20.0)
    producer.close()
    with redis_server.client() as redis:
        assert [entry for entry, _fields in redis.xrange(STREAM)][1:] == [
            f"{2**63}-8".encode(),
            f"{2**63}-9".encode(),
        ]


def test_what_cannot_be_sent_before_closing_is_counted_and_closing_takes_no_longer_than_asked(
    tmp_path, caplog
):
    producer = Producer(f"unix://{tmp_path}/nobody.sock", "M1", "shop")
    producer.send(block(0))
    producer.close(0.0)
    producer.send(block(1))
    assert producer.counts["dropped"] == 2
    assert "items are dropped" in caplog.text


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
    producer = Producer(redis_server.url, "M1", "shop", max_waiting_mib=0.02)
    for number in range(100):
        producer.send(block(number))
    n_dropped = producer.counts["dropped"]
    redis_server.start()
    assert producer.flush(20.0)
    producer.close()
    assert 0 < n_dropped < 36
    kept = [*range(64), *range(64 + n_dropped, 100)]  # the first batch may be under way
    assert stored(redis_server) == (kept, list(range(1, 101 - n_dropped)))


def test_the_stream_keeps_about_as_many_entries_as_asked(redis_server):
    producer = Producer(redis_server.url, "M1", "shop", n_kept=200)
    for number in range(3000):
        producer.send(Tick("M1", T0 + number))
    assert producer.flush(20.0)
    producer.close()
    with redis_server.client() as redis:
        assert 200 <= redis.xlen(STREAM) <= 400
