"""What a source hands out, asked directly."""

from redis.exceptions import ConnectionError as AwayError

from engine.clock import WallClock, monotonic_s
from engine.config import parse_config
from engine.records import Tick
from engine.sources.redis_streams import RedisStreams
from perf.real_redis import wait_until
from perf.service_process import send, shop_items


def test_what_was_read_goes_on_though_redis_goes_away_before_silence_is_noted(redis_server, monkeypatch):
    spindles, items = shop_items(2.0, 2)
    loud = spindles[0].name
    config = parse_config(f'[redis]\nurl = "{redis_server.url}"\nprefix = "p"\nbatch = 1000\n')
    source = RedisStreams(spindles, config, WallClock())
    part = source.build_part("source", "redis", None)
    assert part.next_batch() == []  # nothing to go on from
    with redis_server.client() as redis:
        send(redis, "p", [item for item in items if item.spindle == loud])

    def away(*_args, **_options):
        raise AwayError("gone")

    part._heard_s = dict.fromkeys(part._heard_s, -1e9)  # the other one has long been silent
    monkeypatch.setattr("redis.client.Pipeline.execute", away)
    batch = part.next_batch()
    part.close()

    assert len(batch) == sum(item.spindle == loud for item in items)
    assert source.counts["redis_errors"] == 1


def test_a_redis_that_is_away_at_the_start_is_waited_for(redis_server):
    spindles, items = shop_items(1.0, 1)
    config = parse_config(f'[redis]\nurl = "{redis_server.url}"\nprefix = "p"\n')
    source = RedisStreams(spindles, config, WallClock())
    part = source.build_part("source", "redis", None)
    redis_server.stop()
    assert part.next_batch() == []
    assert source.counts["redis_errors"] == 1
    redis_server.start()
    with redis_server.client() as redis:
        send(redis, "p", items)
    found: list = []
    wait_until(lambda: found.extend(part.next_batch()) or len(found) >= len(items))
    part.close()
    assert [type(item) for _name, item in found] == [type(item) for item in items]


def test_a_sender_whose_clock_is_wrong_is_ticked_for_in_its_own_time(redis_server, monkeypatch):
    monkeypatch.setattr("engine.sources.redis_streams._GRACE_S", 0.0)
    spindles, items = shop_items(1.0, 1)  # of some years ago
    config = parse_config(f'[redis]\nurl = "{redis_server.url}"\nprefix = "p"\n')
    part = RedisStreams(spindles, config, WallClock()).build_part("source", "redis", None)
    part.next_batch()
    with redis_server.client() as redis:
        send(redis, "p", items)
    found: list = []
    wait_until(lambda: found.extend(part.next_batch()) or len(found) > len(items))
    part.close()
    assert 0.4e9 < found[-1][1].t_ns - items[-1].t_ns < 5e9


def test_a_redis_that_was_away_is_no_silence_of_its_senders(redis_server, monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr("engine.sources.redis_streams.monotonic_s", lambda: now_s[0])
    spindles, items = shop_items(1.0, 1)
    config = parse_config(f'[redis]\nurl = "{redis_server.url}"\nprefix = "p"\n')
    part = RedisStreams(spindles, config, WallClock()).build_part("source", "redis", None)
    part.next_batch()
    with redis_server.client() as redis:
        send(redis, "p", items)

    def read():
        now_s[0] += 0.01
        return part.next_batch()

    found: list = []
    wait_until(lambda: found.extend(read()) or len(found) >= len(items))
    redis_server.stop()
    read()
    redis_server.start()
    ticks = []
    for later_s in (30.0, 5.0, 2.0):
        now_s[0] += later_s
        ticks.append([item.t_ns for _name, item in part.next_batch() if isinstance(item, Tick)])
    part.close()

    assert ticks[:2] == [[], []]  # its senders may not have found it yet
    assert ticks[2] == [items[-1].t_ns + 1_000_000_000]  # from when they should have


def test_what_came_while_the_process_was_stopped_is_no_silence(redis_server, monkeypatch):
    spindles, items = shop_items(1.0, 1)
    config = parse_config(f'[redis]\nurl = "{redis_server.url}"\nprefix = "p"\n')
    part = RedisStreams(spindles, config, WallClock()).build_part("source", "redis", None)
    part.next_batch()
    with redis_server.client() as redis:
        send(redis, "p", items[:-1])
        found: list = []
        wait_until(lambda: found.extend(part.next_batch()) or len(found) >= len(items) - 1)
        real = part._redis.xread

        def stopped(*arguments, **options):
            answer = real(*arguments, **options)
            monkeypatch.setattr("engine.sources.redis_streams.monotonic_s", lambda: monotonic_s() + 3.0)
            send(redis, "p", items[-1:], first=len(items) - 1)
            return answer

        monkeypatch.setattr(part._redis, "xread", stopped)
        before = part.next_batch()
        monkeypatch.setattr(part._redis, "xread", real)
        after = part.next_batch()
    part.close()
    assert [type(item) for _name, item in (*before, *after)] == [type(items[-1])]


def test_nothing_is_read_while_what_came_of_it_cannot_be_stored(redis_server):
    spindles, items = shop_items(1.0, 1)
    config = parse_config(f'[redis]\nurl = "{redis_server.url}"\nprefix = "p"\n')
    paused = [True]
    part = RedisStreams(spindles, config, WallClock(), paused=lambda: paused[0]).build_part(
        "s", "redis", None
    )
    with redis_server.client() as redis:
        send(redis, "p", items)
    assert [part.next_batch() for _ in range(3)] == [[], [], []]
    paused[0] = False
    found: list = []
    wait_until(lambda: found.extend(part.next_batch()) or len(found) >= len(items))
    part.close()


def test_a_stream_that_was_emptied_and_begun_again_is_read_from_its_beginning(redis_server):
    spindles, items = shop_items(1.0, 1)
    config = parse_config(f'[redis]\nurl = "{redis_server.url}"\nprefix = "p"\n')
    source = RedisStreams(spindles, config, WallClock())
    part = source.build_part("source", "redis", None)
    part.next_batch()
    found: list = []
    with redis_server.client() as redis:
        send(redis, "p", items)
        wait_until(lambda: found.extend(part.next_batch()) or len(found) >= len(items))
        redis.flushall()
        send(redis, "p", items[:5])
    wait_until(lambda: part.next_batch() and source.counts["streams_restarted"])
    found.clear()
    wait_until(lambda: found.extend(part.next_batch()) or len(found) >= 5)
    part.close()
    assert [type(item) for _name, item in found[:5]] == [type(item) for item in items[:5]]
