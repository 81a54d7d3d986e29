"""Alerts on their way out of a gateway: a real Redis, a real process, real signals, receivers that misbehave."""

from __future__ import annotations

import signal
import threading
import time

import orjson
import pytest
from mosquitto import Mosquitto
from receiver import OK, Receiver, close_early, hang, status
from told import alert

from engine import redis_keys
from perf.gateway_process import Gateway
from perf.real_redis import wait_until
from sinks.alert_json import alert_as_dict


@pytest.fixture
def gateway(redis_server, tmp_path):
    gateway = Gateway(redis_server, tmp_path / "gateway")
    yield gateway
    gateway.kill_all()


def add(redis, numbers, **changed):
    pipe = redis.pipeline(transaction=False)
    for number in numbers:
        pipe.xadd(redis_keys.alerts("shop"), {"alert": orjson.dumps(alert_as_dict(alert(number, **changed)))})
    pipe.execute()


def webhook(name, receiver, **settings):
    more = "".join(f"{key} = {value}\n" for key, value in settings.items())
    return f'[[notify]]\nname = "{name}"\nkind = "webhook"\nurl = "{receiver.url}"\n{more}'


def key(number):
    return f"M1:process:{number}|opened|{number}000000000"


def test_a_gateway_killed_while_it_delivers_delivers_all_and_again_only_with_the_same_id(
    gateway, redis_server
):
    n_sent, enough = 0, threading.Event()

    def pour():
        nonlocal n_sent
        with redis_server.client() as redis:
            while not enough.wait(0.01):
                add(redis, range(n_sent + 1, n_sent + 3))
                n_sent += 2

    with Receiver(OK) as receiver:
        receiver.scripts = [OK, close_early] * 50 + [OK]
        gateway.configure(webhook("shop", receiver, max_delay_s=0.1))
        gateway.start()
        gateway.wait_until_ready()
        pouring = threading.Thread(target=pour)
        pouring.start()
        for _ in range(5):
            before = len(receiver.requests)
            receiver.wait(before + 20)
            gateway.end(signal.SIGKILL)
            gateway.start()
        enough.set()
        pouring.join()
        wait_until(lambda: key(n_sent) in {request.event["id"] for request in receiver.requests[-3:]})
        wait_until(lambda: gateway.beats and gateway.beats[-1].by_reason.get("notify_sent", {}).get("shop"))
        gateway.end()

    came = [request.event["id"] for request in receiver.requests]
    assert list(dict.fromkeys(came)) == [key(number) for number in range(1, n_sent + 1)]
    assert len(came) - n_sent <= 50 + 5  # what was answered with nothing, and what a kill took the answer of
    seqs = {request.event["id"]: request.event["seq"] for request in receiver.requests}
    assert list(seqs.values()) == list(range(1, n_sent + 1))


def test_one_that_hangs_and_one_that_refuses_delay_neither_the_others_nor_the_page(
    gateway, redis_server, tmp_path
):
    broker = Mosquitto(tmp_path)
    broker.start()
    with (
        Receiver(hang) as hanging,
        Receiver(status(500, b"not today")) as refusing,
        Receiver(OK) as good,
        broker.client("spindlewatch/alerts/#") as client,
        redis_server.client() as redis,
    ):
        secret = tmp_path / "chat"
        secret.write_text(f"json://127.0.0.1:{hanging.port}/chat?rto=60\n")
        gateway.configure(
            webhook("hanging", hanging, timeout_s=60)
            + webhook("refusing", refusing, max_tries=2, max_delay_s=0.1)
            + webhook("good", good)
            + f'[[notify]]\nname = "chat"\nkind = "apprise"\nsecret_file = "{secret}"\ntimeout_s = 60\n'
            + f'[[notify]]\nname = "broker"\nkind = "mqtt"\nhost = "127.0.0.1"\nport = {broker.port}\n'
        )
        gateway.start()
        gateway.wait_until_ready()
        add(redis, [1])
        hanging.wait(2)
        add(redis, range(2, 21))
        good.wait(20)
        wait_until(lambda: len(client.came) == 20)
        wait_until(lambda: gateway.beats[-1].by_reason["notify_given_up"]["refusing"] == 20)
        beat = gateway.beats[-1]

        assert len(hanging.requests) == 2
        assert beat.ready
        assert beat.counters["journaled_total"] == 20
        assert beat.by_reason["notify_sent"] == {
            "hanging": 0,
            "refusing": 0,
            "good": 20,
            "chat": 0,
            "broker": 20,
        }
        assert beat.gauges["notify_age_s"] > 0
        process, began_s = gateway.processes[-1], time.monotonic()
        gateway.end()
        took_s = time.monotonic() - began_s
    broker.stop()

    assert took_s < 4.0  # a second for what is in Redis, one for these, and a machine that is busy

    assert process.returncode == 0
    assert "not today" in gateway.log()
    assert [request.event["id"] for request in good.requests] == [key(number) for number in range(1, 21)]


def test_whom_to_tell_cannot_be_changed_while_it_runs_and_addresses_are_not_logged(gateway):
    with Receiver(OK) as receiver:
        gateway.configure(webhook("shop", receiver))
        process = gateway.start()
        gateway.wait_until_ready()
        gateway.configure(webhook("other", receiver))
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "not reloaded" in gateway.log())
        gateway.end()

    assert "`notify` differs" in gateway.log()
    assert receiver.url not in gateway.log()


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ('kind = "webhook"\nurl = "http://a"\nsecret_file = "/none"', "secret_file"),
        ('kind = "mqtt"\nhost = "a"\nspindles = ["M2"]', "notify[0].spindles"),
    ],
)
def test_a_target_that_cannot_be_told_is_one_line_at_the_start(gateway, target, told):
    gateway.configure(f'[[notify]]\nname = "shop"\n{target}\n')
    process = gateway.start()
    process.communicate(timeout=20)

    assert process.returncode == 2
    lines = gateway.log().splitlines()
    assert told in lines[-1]
    assert "Traceback" not in gateway.log()
