from __future__ import annotations

import json
import socket
import subprocess
import threading

import pytest
from mosquitto import Mosquitto
from receiver import Receiver, hang
from told import alert

from engine.errors import ConfigError
from engine.targets import MqttTarget
from perf.real_redis import wait_until
from sinks.alert_json import alert_as_dict
from sinks.journal import Entry
from sinks.outbound.base import AwayError, Delivery, RefusedError
from sinks.outbound.mqtt import Mqtt


@pytest.fixture
def start(tmp_path):
    """Starts a broker of these lines of configuration."""
    started = []

    def start(*lines):
        started.append(Mosquitto(tmp_path, *lines))
        started[-1].start()
        return started[-1]

    yield start
    for broker in started:
        broker.stop()


@pytest.fixture
def broker(start):
    return start()


def delivery(number, spindle="M1"):
    one = alert(number, spindle=spindle)
    return Delivery(Entry(number, spindle, one.fault, json.dumps(alert_as_dict(one)).encode()), one, "epoch")


def courier(port, **settings):
    return Mqtt(
        MqttTarget(name="broker", host="127.0.0.1", port=port, **{"timeout_s": 20.0} | settings), "shop"
    )


def test_what_was_brought_was_confirmed_and_whoever_subscribes_hears_it(broker):
    with broker.client("spindlewatch/alerts/#") as client:
        bringing = courier(broker.port)
        for number in (1, 2):
            bringing.bring(delivery(number), None)
        wait_until(lambda: len(client.came) == 2)
        bringing.close()

    assert [topic for topic, _ in client.came] == ["spindlewatch/alerts/M1"] * 2
    event = json.loads(client.came[0][1])
    assert (event["id"], event["data"]["id"]) == ("M1:process:1|opened|1000000000", "M1:process:1")


def test_nobody_who_subscribes_later_hears_what_is_over(broker):
    bringing = courier(broker.port)
    bringing.bring(delivery(1), None)
    with broker.client("spindlewatch/#") as late:
        bringing.bring(delivery(2), None)
        wait_until(lambda: late.came)
    bringing.close()

    assert [json.loads(payload)["seq"] for _, payload in late.came] == [2]


def test_a_spindle_is_one_level_of_the_topic_whatever_it_is_called(broker):
    with broker.client("shop/+") as client:
        bringing = courier(broker.port, topic="shop")
        bringing.bring(delivery(1, "홀 1/#+%"), None)
        wait_until(lambda: client.came)
        bringing.close()

    [(topic, payload)] = client.came
    assert topic == "shop/홀 1%2F%23%2B%25"
    assert json.loads(payload)["subject"] == "홀 1/#+%"


def test_a_broker_that_was_away_is_found_again(broker):
    bringing = courier(broker.port)
    bringing.bring(delivery(1), None)
    broker.stop()
    with pytest.raises(AwayError, match=r"127\.0\.0\.1"):
        bringing.bring(delivery(2), None)
    broker.start()
    with broker.client("spindlewatch/#") as client:
        bringing.bring(delivery(2), None)
        wait_until(lambda: client.came)
    bringing.close()

    assert [json.loads(payload)["seq"] for _, payload in client.came] == [2]


def test_a_broker_that_says_nothing_is_waited_for_no_longer_than_told():
    with Receiver(hang) as silent:
        bringing = courier(silent.port, timeout_s=0.3)
        with pytest.raises(AwayError, match=r"has not let us in within 0\.3 s"):
            bringing.bring(delivery(1), None)


def test_one_that_waits_can_be_ended_from_outside():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bringing = courier(silent.getsockname()[1], timeout_s=60.0)
        threading.Timer(0.1, bringing.abort).start()
        with pytest.raises(AwayError, match="ended"):
            bringing.bring(delivery(1), None)


def test_who_may_not_publish_is_told_by_a_broker_of_version_5(start, tmp_path):
    (tmp_path / "acl").write_text("topic read #\n")
    broker = start("allow_anonymous true", f"acl_file {tmp_path / 'acl'}", "user root")
    bringing = courier(broker.port, version="5")
    with pytest.raises(RefusedError, match="Not authorized"):
        bringing.bring(delivery(1), None)
    bringing.close()


def test_a_wrong_password_is_told_without_it_and_another_needs_no_restart(start, tmp_path):
    command = ["mosquitto_passwd", "-c", "-b", tmp_path / "users", "shop", "s3cret"]
    subprocess.run(command, check=True, capture_output=True)
    broker = start("allow_anonymous false", f"password_file {tmp_path / 'users'}", "user root")
    secret = tmp_path / "secret"
    secret.write_text("wr0ng")
    bringing = courier(broker.port, username="shop", password_file=str(secret))
    with pytest.raises(AwayError, match=r"refused the connection: (?!.*wr0ng)"):
        bringing.bring(delivery(1), None)
    secret.write_text("s3cret")
    bringing.bring(delivery(1), None)
    bringing.close()


def test_files_that_are_missing_are_found_at_once(tmp_path):
    with pytest.raises(ConfigError, match="password_file"):
        courier(1, username="me", password_file=str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="certificates"):
        courier(1, tls=True, ca_file=str(tmp_path / "none"))


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*SSLSocket:pytest.PytestUnraisableExceptionWarning")
def test_over_tls_only_the_broker_that_is_trusted_hears_anything(start, tmp_path):
    wanted = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test -addext"
    )
    files = {"keyfile": tmp_path / "key.pem", "certfile": tmp_path / "cert.pem"}
    command = [
        *wanted.split(),
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        files["keyfile"],
        "-out",
        files["certfile"],
    ]
    subprocess.run(command, check=True, capture_output=True)
    lines = [f"{key} {path}" for key, path in files.items()]
    broker = start(*lines, "allow_anonymous true", "user root")

    trusting = courier(broker.port, tls=True, ca_file=str(files["certfile"]))
    trusting.bring(delivery(1), None)
    trusting.close()
    with pytest.raises(AwayError, match="CERTIFICATE_VERIFY_FAILED"):
        courier(broker.port, tls=True).bring(delivery(1), None)
