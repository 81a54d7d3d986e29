"""What full disks, a full Redis and wrong clocks do to a service: a real Redis, real processes, a real small disk."""

import time
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

import orjson
import pytest

from engine import redis_keys
from engine.config import load_config
from engine.producer import Producer
from engine.records import Block
from perf.real_redis import RedisServer, wait_until
from perf.service_process import START_NS, Service, send, shop_items

END_S = 40.0
HOUR_NS = 3600 * 10**9


@pytest.fixture(scope="module")
def shop():
    """Two spindles, and what they send in 40 seconds with faults among them."""
    return shop_items(END_S, 2)


@pytest.fixture(scope="module")
def undisturbed(shop, tmp_path_factory):
    """Keys of the alerts if nothing is wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    server = RedisServer(folder)
    server.start()
    service = Service(server, folder / "run", shop[0], "shop")
    with server.client() as redis:
        send(redis, "shop", shop[1])
    service.start()
    service.wait_until_all_is_read()
    service.end()
    alerts = service.alerts(END_S)
    server.stop()
    return sorted(alerts)


@pytest.fixture
def running():
    """Takes what is to be ended whatever happens."""
    with ExitStack() as stack:
        yield stack


def begin(running, server, folder, shop):
    """A service that has begun to analyse the first three quarters, and senders for the rest, with spools."""
    service = Service(server, folder / "run", shop[0], "shop", batch=20)
    producers = {}
    redis = load_config(service.folder / "site.toml").redis
    for spindle in shop[0]:
        producer = Producer(redis, spindle.name, redis.prefix, spool=folder / "spool")
        producers[spindle.name] = running.enter_context(closing(producer))
    for item in shop[1][: len(shop[1]) * 3 // 4]:
        producers[item.spindle].send(item)
    assert all(producer.flush(20.0) for producer in producers.values())
    service.start()
    running.callback(_end, service)
    wait_until(service.n_checkpoints, 30.0)
    return service, producers


def _end(service):
    for process in service.processes:
        process.kill()
        process.communicate()


def send_rest(producers, shop):
    for item in shop[1][len(shop[1]) * 3 // 4 :]:
        producers[item.spindle].send(item)


def finish(service, producers):
    """Let all be sent and read, and the service end; what it says of itself."""
    assert all(producer.flush(30.0) for producer in producers.values())
    service.wait_until_all_is_read()
    return orjson.loads(service.end())


def is_told(service, words):
    return any(words in line["message"] for line in service.log())


def test_a_redis_that_is_full_loses_nothing_and_goes_on_by_itself_once_there_is_room(
    redis_server, tmp_path, shop, undisturbed, running
):
    service, producers = begin(running, redis_server, tmp_path, shop)
    with redis_server.client() as redis:
        redis.config_set("maxmemory", 1)
        send_rest(producers, shop)
        wait_until(lambda: all(producer.counts["spooled"] for producer in producers.values()))
        wait_until(lambda: is_told(service, "used memory > 'maxmemory'"))
        n_told = len(service.alerts())
        assert len(redis.keys("*in:*")) == 2  # nothing was evicted
        redis.config_set("maxmemory", 0)
    told = finish(service, producers)

    assert len(service.alerts()) > n_told
    assert sorted(service.alerts(END_S)) == undisturbed
    assert told["received"]["missing"] == 0
    assert sum(producer.counts["dropped"] for producer in producers.values()) == 0


@pytest.mark.parametrize("policy", ["everysec", "always"])
def test_a_disk_that_is_full_under_redis_loses_nothing_and_all_goes_on_once_there_is_room(
    policy, small_disk, tmp_path, shop, undisturbed, running
):
    """With ``always`` Redis ends by itself when the disk is full; with ``everysec`` it refuses to write."""
    server = RedisServer(small_disk)
    server.start()
    running.callback(server.stop)
    with server.client() as redis:
        redis.config_set("appendfsync", policy)
        service, producers = begin(running, server, tmp_path, shop)
        fill(small_disk)
        send_rest(producers, shop)
        wait_until(lambda: all(producer.counts["spooled"] for producer in producers.values()), 30.0)
        wait_until(lambda: any(line["level"] == "warning" for line in service.log()), 30.0)
        n_told = len(service.alerts()) if policy == "everysec" else 0
        (small_disk / "filler").unlink()
        if policy == "always":
            assert server.process.wait(20.0) == 1
            server.start()
    told = finish(service, producers)

    assert len(service.alerts()) > n_told
    assert sorted(service.alerts(END_S)) == undisturbed
    assert told["received"]["missing"] == 0
    assert sum(producer.counts["dropped"] for producer in producers.values()) == 0


def fill(disk):
    with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


# --- wrong clocks ---


def stamped(items, from_s, until_s, by_ns):
    """What was sent in a stretch of the shop's time, stamped so much later."""
    stretch = [item for item in items if from_s <= (item.t_ns - START_NS) / 1e9 < until_s]
    return [replace(item, t_ns=item.t_ns + by_ns) for item in stretch]


def alerts_of(server, prefix):
    """Each alert message: what it is about, its state and its time."""
    for key in server.keys(redis_keys.alerts(prefix)):
        about, state, t_ns = key.split("|")
        yield about.split(":")[1], state, int(t_ns)


def test_a_sender_whose_clock_steps_an_hour_ahead_is_told_as_silent_and_heard_again_once_it_is_right(
    redis_server, tmp_path, running
):
    spindles, items = shop_items(20.0, 1)
    service = Service(redis_server, tmp_path / "run", spindles, "shop")
    redis = running.enter_context(redis_server.client())
    right = stamped(items, 0, 10, time.time_ns() - START_NS - 10 * 10**9)
    send(redis, "shop", right)
    service.start()
    running.callback(_end, service)
    service.wait_until_all_is_read()

    ahead = iter(stamped(items, 10, 20, time.time_ns() - START_NS + HOUR_NS))
    n_ahead = 0

    def is_silent_though_it_sends():
        nonlocal n_ahead
        send(redis, "shop", [next(ahead)], first=len(right) + n_ahead)
        n_ahead += 1
        return any(
            about == "sensor.vib" and state == "opened" for about, state, _ in alerts_of(redis_server, "shop")
        )

    wait_until(is_silent_though_it_sends)
    back = stamped(items, 10, 13, time.time_ns() - START_NS - 9_500_000_000)
    send(redis, "shop", back, first=len(right) + n_ahead)
    service.wait_until_all_is_read()
    received = orjson.loads(service.end())["received"]

    assert received["ahead"] == redis.xlen(redis_keys.dead_letters("shop")) == n_ahead
    assert received["blocks"] == sum(isinstance(item, Block) for item in [*right, *back])
    assert received["missing"] == 0
    assert ("sensor.vib", "closed") in [(about, state) for about, state, _ in alerts_of(redis_server, "shop")]


def test_a_sender_whose_clock_steps_an_hour_back_and_forth_is_heard_again_after_two_seconds(
    redis_server, tmp_path, running
):
    spindles, items = shop_items(END_S, 1)
    sent = [*stamped(items, 0, 10, 0), *stamped(items, 10, 20, -HOUR_NS), *stamped(items, 20, 40, 0)]
    service = Service(redis_server, tmp_path / "run", spindles, "shop")
    with redis_server.client() as redis:
        send(redis, "shop", sent)
    service.start()
    running.callback(_end, service)
    service.wait_until_all_is_read()
    received = orjson.loads(service.end())["received"]

    told = [(about, state, (t_ns - START_NS) / 1e9) for about, state, t_ns in alerts_of(redis_server, "shop")]
    jumps = [t_s for about, state, t_s in told if (about, state) == ("sensor.vib", "opened")]
    faults = [t_s for about, state, t_s in told if state == "opened" and not about.startswith("sensor")]
    assert received["blocks"] == sum(isinstance(item, Block) for item in sent)
    assert received["missing"] == 0
    assert jumps[0] == pytest.approx(12 - 3600, abs=0.5)
    assert jumps[1] == pytest.approx(21.5 - 3600, abs=0.5)  # by the clock from which it steps
    assert [t_s for t_s in faults if 12 - 3600 < t_s < 20 - 3600]  # found by the wrong clock ...
    assert [t_s for t_s in faults if t_s > 20]  # ... and by the right one


def test_what_a_sender_could_not_send_for_a_while_is_told_as_silence_and_analysed_when_it_comes(
    redis_server, tmp_path, shop, undisturbed, running
):
    n_before = len(shop[1]) // 3
    service = Service(redis_server, tmp_path / "run", shop[0], "shop")
    with redis_server.client() as redis:
        send(redis, "shop", shop[1][:n_before])
        service.start()
        running.callback(_end, service)
        wait_until(lambda: any(about == "sensor.vib" for about, _, _ in alerts_of(redis_server, "shop")))
        send(redis, "shop", shop[1][n_before:], first=n_before)
    service.wait_until_all_is_read()
    service.end()

    faults = [key for key in undisturbed if ":sensor" not in key]
    assert len(faults) >= 2
    assert sorted(key for key in service.alerts(END_S) if ":sensor" not in key) == faults
