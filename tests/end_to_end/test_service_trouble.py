"""What full disks, a full Redis and wrong clocks do to a service: a real Redis, real processes, a real small disk."""

import os
import subprocess
from contextlib import ExitStack, closing, suppress

import orjson
import pytest

from engine.config import load_config
from engine.producer import Producer
from perf.real_redis import RedisServer, wait_until
from perf.service_process import Service, send, shop_items

END_S = 40.0


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


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 16 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "spindlewatch-test", folder]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


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
        wait_until(lambda: is_told(service, "redis: cannot") or is_told(service, "cannot store"), 30.0)
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
