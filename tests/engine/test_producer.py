import subprocess
import sys
from dataclasses import replace

import numpy as np
from redis.client import Pipeline
from redis.exceptions import ConnectionError

from engine import redis_keys, stream_end
from engine.config import load_config
from engine.producer import Producer
from engine.records import Block, Tick
from engine.wire import decode
from perf.real_redis import RedisServer, wait_until

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


# --- with a spool ---


def test_what_waits_on_disk_is_sent_first_by_the_next_process_and_once(redis_server, tmp_path):
    redis_server.stop()
    first = spooling(redis_server, tmp_path)
    for number in range(500):
        first.send(block(number))
    first.close(0.0)
    assert (first.counts["spooled"], first.counts["dropped"]) == (500, 0)
    redis_server.start()
    second = spooling(redis_server, tmp_path)
    for number in range(500, 600):
        second.send(block(number))
    assert second.flush(20.0)
    second.close()
    assert stored(redis_server) == (list(range(600)), list(range(1, 601)))
    assert list((tmp_path / "spool").iterdir()) == []


def test_an_answer_that_is_lost_with_the_sender_makes_nothing_come_twice(redis_server, tmp_path, monkeypatch):
    """The worst moment: Redis has all that was sent, the sender dies before it knows."""
    first = spooling(redis_server, tmp_path)
    first.send(block(0))
    assert first.flush(20.0)
    monkeypatch.setattr(Pipeline, "execute", _answer_lost(Pipeline.execute))
    for number in range(1, 300):
        first.send(block(number))
    wait_until(lambda: first.counts["spooled"] == 299)
    monkeypatch.undo()
    first._way._retry_s = float("inf")  # from here on it is dead
    first.close(0.0)
    assert 1 < len(stored(redis_server)[0]) < 300  # those on disk are in Redis in part

    second = spooling(redis_server, tmp_path)
    assert second.flush(20.0)
    second.close()
    assert stored(redis_server) == (list(range(300)), list(range(1, 301)))
    assert second.counts["repeated"] > 0


def _answer_lost(execute):
    def lost(pipe, *args, **kwargs):
        execute(pipe, *args, **kwargs)
        raise ConnectionError("lost")

    return lost


def test_a_sender_that_is_killed_again_and_again_while_redis_comes_and_goes_loses_nothing_that_was_on_disk(
    redis_server, tmp_path
):
    told = tmp_path / "told"
    for turn in range(4):
        redis_server.stop()
        command = [
            sys.executable,
            "-c",
            SENDER,
            redis_server.url,
            str(tmp_path / "spool"),
            str(told),
            str(turn),
        ]
        child = subprocess.Popen(command)
        wait_until(lambda turn=turn: told.exists() and len(told.read_text().split()) > turn)
        redis_server.start()
        with redis_server.client() as redis:
            wait_until(lambda redis=redis, turn=turn: redis.xlen(STREAM) > 1000 * turn)
        child.kill()
        child.wait()
    last = spooling(redis_server, tmp_path)
    assert last.flush(20.0)
    last.close()
    assert stored(redis_server) == (list(range(4000)), list(range(1, 4001)))


SENDER = """
import sys
from pathlib import Path
import numpy as np
from engine.config import load_config
from engine.producer import Producer
from engine.records import Block
from perf.real_redis import RedisServer, wait_until

url, spool, told, turn = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
producer = Producer(url, "M1", "shop", n_kept=100_000, spool=spool)
for number in range(turn * 1000, turn * 1000 + 1000):
    samples = np.full((1, 64), number, np.float32)
    producer.send(Block("M1", "vib", 1_700_000_000_000_000_000 + number * 1_000_000, 1000.0, samples))
wait_until(lambda: producer.counts["spooled"] == 1000)
with told.open("a") as file:
    file.write(f"{turn}\\n")
wait_until(lambda: False, 60.0)
"""


def test_what_somebody_else_sent_meanwhile_is_not_taken_for_ours(redis_server, tmp_path):
    first = spooling(redis_server, tmp_path)
    first.send(block(0))
    assert first.flush(20.0)
    redis_server.stop()
    for number in range(1, 50):
        first.send(block(number))
    wait_until(lambda: first.counts["spooled"] == 49)
    first.close(0.0)
    redis_server.start()
    other = Producer(redis_server.url, "M1", "shop")
    for number in range(1000, 1020):
        other.send(block(number))
    other.close()
    second = spooling(redis_server, tmp_path)
    assert second.flush(20.0)
    second.close()
    assert stored(redis_server)[0] == [0, *range(1000, 1020), *range(1, 50)]
    assert stored(redis_server)[1] == list(range(1, 71))


def test_a_disk_that_refuses_is_told_of_and_what_waits_stays_in_memory(redis_server, tmp_path, caplog):
    (tmp_path / "spool").write_text("no folder")
    redis_server.stop()
    producer = spooling(redis_server, tmp_path)
    for number in range(300):
        producer.send(block(number))
    wait_until(lambda: "kept in memory only" in caplog.text)
    redis_server.start()
    assert producer.flush(20.0)
    producer.close()
    assert stored(redis_server) == (list(range(300)), list(range(1, 301)))
    assert producer.counts["dropped"] == 0
    assert caplog.text.count("kept in memory only") == 1


def test_a_disk_that_fills_up_keeps_the_order_and_loses_nothing(redis_server, tmp_path, monkeypatch):
    """What is on disk goes out though nothing can be taken out of the file, and what came after it waited in memory."""
    redis_server.stop()
    producer = spooling(redis_server, tmp_path)
    for number in range(300):
        producer.send(block(number))
    wait_until(lambda: producer.counts["spooled"] == 300)
    disk = producer._way._disk
    disk._db.execute("PRAGMA max_page_count = 1")  # = as large as it is
    disk._db.execute("PRAGMA query_only = 1")
    for number in range(300, 600):
        producer.send(block(number))
    redis_server.start()
    assert producer.flush(20.0)
    producer.close()
    assert stored(redis_server) == (list(range(600)), list(range(1, 601)))
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_full_spool_drops_its_oldest_and_says_how_many(redis_server, tmp_path, caplog):
    redis_server.stop()
    producer = spooling(redis_server, tmp_path, spool_mib=0.1)
    for number in range(2000):
        producer.send(block(number))
    wait_until(lambda: producer.counts["spooled"] == 2000)
    n_dropped = producer.counts["dropped"]
    redis_server.start()
    assert producer.flush(20.0)
    producer.close()
    assert 1500 < n_dropped < 1800
    kept = [*range(128), *range(128 + n_dropped, 2000)]  # the first may be under way
    assert stored(redis_server) == (kept, list(range(1, 2001 - n_dropped)))
    assert caplog.text.count("messages are dropped") == 1


def spooling(server, folder, **more):
    return Producer(server.url, "M1", "shop", n_kept=100_000, spool=folder / "spool", **more)


def test_what_comes_from_disk_comes_no_faster_than_an_engine_reads_it(redis_server, tmp_path):
    redis_server.stop()
    producer = Producer(redis_server.url, "M1", "shop", n_kept=500, spool=tmp_path / "spool")
    for number in range(3000):
        producer.send(block(number))
    wait_until(lambda: producer.counts["spooled"] == 3000)
    redis_server.start()
    n_read = 0
    with redis_server.client() as redis:
        while n_read < 3000:  # an engine, and its checkpoints
            wait_until(lambda n_read=n_read: producer.counts["sent"] == min(n_read + 500, 3000))
            oldest = int(redis.xrange(STREAM, count=1)[0][1][b"n"])
            assert oldest <= n_read + 1  # nothing was trimmed before it was read
            n_read += 500
            redis.hset(redis_keys.positions("shop"), "M1", n_read)
    assert producer.flush(20.0)
    producer.close()
    assert producer.counts["dropped"] == 0


def test_an_engine_that_reads_nothing_for_a_minute_is_waited_for_no_more(redis_server, tmp_path, monkeypatch):
    redis_server.stop()
    producer = Producer(redis_server.url, "M1", "shop", n_kept=500, spool=tmp_path / "spool")
    for number in range(2000):
        producer.send(block(number))
    wait_until(lambda: producer.counts["spooled"] == 2000)
    redis_server.start()
    wait_until(lambda: producer.counts["sent"] == 500)
    assert not producer.flush(0.5)
    monkeypatch.setattr(stream_end, "_GONE_S", 0.0)
    assert producer.flush(20.0)
    producer.close()


def test_a_site_says_where_samples_go_where_they_wait_and_who_knows_what_was_read(redis_server, tmp_path):
    (tmp_path / "samples").mkdir()
    samples = RedisServer(tmp_path / "samples")
    (tmp_path / "site.toml").write_text(
        f'[redis]\nprefix = "shop"\nurl = "{redis_server.url}"\nsamples_url = "{samples.url}"\n'
        f'spool_folder = "{tmp_path}/spool"\nspool_mib = 1\n'
    )
    producer = Producer.of_site(load_config(tmp_path / "site.toml").redis, "M1")
    for number in range(4000):
        producer.send(Tick("M1", T0 + number))
    wait_until(lambda: producer.counts["spooled"] == 4000)
    samples.start()
    try:
        wait_until(lambda: producer.counts["sent"] == 3000)
        assert not producer.flush(0.3)
        with redis_server.client() as redis:
            assert redis.exists(STREAM) == 0
            redis.hset(redis_keys.positions("shop"), "M1", 2000)
        assert producer.flush(20.0)
        producer.close()
    finally:
        samples.stop()


def test_a_small_disk_that_is_full_keeps_what_it_holds_and_the_rest_waits_in_memory(
    redis_server, tmp_path, small_disk, caplog
):
    redis_server.stop()
    producer = Producer(redis_server.url, "M1", "shop", n_kept=100_000, spool=small_disk / "spool")
    sent = [replace(block(number), samples=np.full((1, 16_384), number, np.float32)) for number in range(400)]
    for item in sent:  # 26 MB
        producer.send(item)
    wait_until(lambda: "kept in memory only" in caplog.text)
    n_spooled = producer.counts["spooled"]
    redis_server.start()
    assert producer.flush(30.0)
    producer.close()
    assert 0 < n_spooled < 300
    assert stored(redis_server) == (list(range(400)), list(range(1, 401)))
    assert producer.counts["dropped"] == 0
    assert list((small_disk / "spool").iterdir()) == []
