"""The gateway as its subscribers meet it: a real Redis, a real process, real signals."""

import contextlib
import json
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import orjson
import pytest
from told import LIFE, alert, block, state, verdict
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from engine import redis_keys
from engine.config import load_config
from engine.wire import encode
from perf.gateway_process import Gateway
from perf.real_redis import wait_until
from sinks.alert_json import alert_as_dict
from sinks.live_channel import LiveChannel
from sinks.streams import RedisAlerts
from sinks.watch import Subscription, decode

LONG_S = 20.0


@pytest.fixture
def gateway(redis_server, tmp_path):
    gateway = Gateway(redis_server, tmp_path / "gateway")
    yield gateway
    gateway.kill_all()


def add(redis, numbers):
    pipe = redis.pipeline(transaction=False)
    for number in numbers:
        pipe.xadd(redis_keys.alerts("shop"), {"alert": orjson.dumps(alert_as_dict(alert(number)))})
    pipe.execute()


class Listener(threading.Thread):
    """A subscriber that notes every alert; its connection breaks after every so many."""

    def __init__(self, url, break_every):
        super().__init__(daemon=True)
        self.subscription = Subscription(url, types=["alert"])
        self.break_every = break_every
        self.got = []
        self.start()

    def run(self):
        for message in self.subscription:
            if message["type"] == "alert":
                self.got.append((message["seq"], message["alert"]["id"]))
                if len(self.got) % self.break_every == 0:
                    with contextlib.suppress(OSError):  # it was cut before and this message was buffered
                        self.subscription._connection.socket.shutdown(socket.SHUT_RDWR)


def test_a_gateway_killed_again_and_again_loses_no_alert_and_tells_none_twice(gateway, redis_server):
    n_sent, enough = 0, threading.Event()

    def pour():
        nonlocal n_sent
        with redis_server.client() as redis:
            while not enough.wait(0.01):
                add(redis, range(n_sent + 1, n_sent + 4))
                n_sent += 3

    gateway.start()
    gateway.wait_until_ready()
    listeners = [Listener(gateway.address.stream_url, every) for every in (37, 101, 1_000_000)]
    wait_until(lambda: gateway.beats[-1].gauges["subscribers"] == 3)
    pouring = threading.Thread(target=pour)
    pouring.start()
    for _ in range(6):
        before = len(listeners[2].got)
        wait_until(lambda before=before: len(listeners[2].got) > before + 20)
        gateway.end(signal.SIGKILL)
        gateway.start()
    enough.set()
    pouring.join()
    for listener in listeners:
        wait_until(lambda listener=listener: len(listener.got) >= n_sent)
        listener.subscription.close()

    wanted = [(n, f"M1:process:{n}") for n in range(1, n_sent + 1)]
    for listener in listeners:
        assert listener.got == wanted
    assert gateway.end()["received"].get("repeated", 0) == 0


def until_closed(subscriber):
    with contextlib.suppress(ConnectionClosed):
        for message in subscriber:
            yield decode(message)


def test_asked_to_end_it_brings_on_what_is_left_and_tells_subscribers_to_come_back(gateway, redis_server):
    process = gateway.start()
    gateway.wait_until_ready()
    with connect(gateway.address.stream_url, proxy=None) as subscriber, redis_server.client() as redis:
        wait_until(lambda: gateway.beats[-1].gauges["subscribers"] == 1)
        process.send_signal(signal.SIGSTOP)
        add(redis, range(1, 1001))
        process.send_signal(signal.SIGTERM)
        began_s = time.monotonic()
        process.send_signal(signal.SIGCONT)

        told = list(until_closed(subscriber))
        closed = subscriber.close_code
    result = gateway.end()

    assert time.monotonic() - began_s < 4.0  # two seconds, and a machine that is busy
    assert closed == 1012
    assert [message["seq"] for message in told if message["type"] == "alert"] == list(range(1, 1001))
    assert result["received"]["journaled"] == 1000
    assert process.returncode == 0
    assert gateway.beats[-1].detail == "ending"


def test_what_an_engine_tells_reaches_journal_and_subscribers(gateway, redis_server):
    site = load_config(gateway.config).redis
    out, channel = (
        RedisAlerts(site, redis_keys.alerts("shop"), redis_keys.lives("shop")),
        LiveChannel(site, "shop"),
    )
    channel.write([state("learning")])
    wait_until(lambda: channel.counts["sent"])
    gateway.start()
    gateway.wait_until_ready()
    with connect(gateway.address.stream_url, proxy=None) as subscriber, redis_server.client() as redis:

        def heard(kind):
            while (message := decode(subscriber.recv(timeout=LONG_S)))["type"] != kind:
                pass
            return message

        if not heard("snapshot")["states"]:  # it was not read yet
            assert heard("state")["state"]["condition"] == "learning"
        subscriber.send('{"op": "subscribe", "waveform": "M1/vib", "id": 1}')
        heard("result")
        out.write([alert(1), LIFE])
        channel.write([verdict(1.5)])

        assert heard("alert")["alert"]["id"] == "M1:process:1"
        channel.write([verdict(1.5)])
        assert heard("scores")["scores"][0]["score"] == 1.5
        samples = np.full((2, 8), 3.0, np.float32)
        listening = threading.Event()

        def measure():
            while not listening.wait(0.05):
                redis.xadd(redis_keys.stream_in("shop", "M1"), {"d": encode(block(samples))})

        measuring = threading.Thread(target=measure)
        measuring.start()
        np.testing.assert_array_equal(heard("waveform")["points"], samples)
        listening.set()
        measuring.join()
    out.close()
    channel.close()
    wait_until(lambda: gateway.beats[-1].counters["lives_total"] == 1)
    beat = gateway.beats[-1]
    assert (beat.counters["journaled_total"], sum(beat.histograms["journal_lag_s"].counts)) == (1, 1)


def test_while_redis_is_away_the_page_is_served_and_health_says_why(gateway, redis_server):
    with redis_server.client() as redis:
        add(redis, [1])
    redis_server.stop()
    gateway.start()

    beat = gateway.wait_until_ready(False)
    wait_until(lambda: "redis:" in gateway.beats[-1].detail)
    with urllib.request.urlopen(f"{gateway.address.page_url}healthz", timeout=LONG_S) as answer:
        assert json.loads(answer.read())["status"] == "ok"
    redis_server.start()
    gateway.wait_until_ready()
    wait_until(lambda: gateway.beats[-1].counters["journaled_total"] == 1)
    redis_server.process.send_signal(signal.SIGSTOP)
    gateway.wait_until_ready(False)
    redis_server.process.send_signal(signal.SIGCONT)
    beat = gateway.wait_until_ready()

    assert beat.gauges["redis_connected"] == 1
    assert beat.counters["redis_errors_total"] >= 2


def test_other_limits_are_taken_over_and_what_needs_a_restart_is_refused(gateway):
    process = gateway.start()
    gateway.wait_until_ready()

    gateway.configure("[hub]\npage_size = 7")
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: gateway.beats[-1].reloaded == 1)
    gateway.configure("[hub]\nport = 9")
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "not reloaded" in gateway.log())

    assert "needs a restart" in gateway.log()
    gateway.end()
    assert gateway.beats[-1].reloaded == 1


def test_a_gateway_whose_supervisor_died_ends(gateway):
    process = gateway.start()
    gateway.wait_until_ready()

    gateway.listen_no_more()

    process.communicate(timeout=LONG_S)
    assert process.returncode == 0
    assert "supervisor is gone" in gateway.log()


@pytest.mark.parametrize(
    ("prepare", "code", "told"),
    [
        (lambda gateway: gateway.config.write_text(""), 2, "[[spindles]]"),
        (lambda gateway: gateway.configure("[hub]\nhost = '0.0.0.0'"), 2, "hub.host"),
        (lambda gateway: gateway.journal.write_text("Dear Sir, " * 100), 1, "journal"),
    ],
)
def test_what_it_cannot_work_with_is_one_line(gateway, prepare, code, told):
    prepare(gateway)

    process = gateway.start()
    process.communicate(timeout=LONG_S)

    assert process.returncode == code
    (line,) = gateway.log().splitlines()
    assert told in orjson.loads(line)["message"]


def test_a_full_disk_is_told_and_what_could_not_be_stored_is_stored_when_there_is_room(gateway, redis_server):
    process = gateway.start()
    gateway.wait_until_ready()
    limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (64 * 1024, limits[1]))
    with redis_server.client() as redis:
        add(redis, range(1, 201))

        beat = gateway.wait_until_ready(False)
        with connect(gateway.address.stream_url, proxy=None) as subscriber:
            assert decode(subscriber.recv(timeout=LONG_S))["type"] == "hello"
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
        gateway.wait_until_ready()
        wait_until(lambda: gateway.beats[-1].counters["journaled_total"] == 200)

    assert "cannot store 200 alerts" in beat.detail
    assert gateway.beats[-1].counters["journal_errors_total"] >= 1


def test_a_redis_that_was_emptied_or_is_full_costs_no_alert(gateway, redis_server):
    gateway.start()
    gateway.wait_until_ready()
    with redis_server.client() as redis:
        add(redis, range(1, 11))
        wait_until(lambda: gateway.beats[-1].counters["journaled_total"] == 10)
        redis.flushall()
        add(redis, range(6, 21))
        redis.config_set("maxmemory", 1)
        wait_until(lambda: gateway.beats[-1].counters["journaled_total"] == 20)

    beat = gateway.beats[-1]
    assert beat.ready
    assert (beat.counters["streams_restarted_total"], beat.counters["missing_total"]) == (1, 0)
    assert beat.counters["alerts_repeated_total"] == 5
    assert "another stream" in gateway.log()


def test_alone_it_is_a_command(gateway):
    command = [
        sys.executable,
        "-m",
        "engine.cli",
        "gateway",
        "--config",
        gateway.config,
        "--port",
        "0",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=LONG_S)

    assert "page at http://127.0.0.1:" in orjson.loads(line)["message"]
    assert orjson.loads(told)["dead_letters"] == {}
    assert process.returncode == 0
