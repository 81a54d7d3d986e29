import gc
import shutil
import subprocess

import pytest
from mosquitto import Mosquitto

from engine.errors import ConfigError, UsageError
from engine.feeders import extras
from engine.feeders.mqtt_link import Broker, Link, Message, Published
from perf.real_redis import wait_until


def hear(link, n):
    """The first messages that come, without ends of the connection."""
    heard = []

    def came():
        heard.extend(link.take(0.1))
        return len([message for message in heard if message.topic]) >= n

    wait_until(came)
    return heard


def online(broker, **more):
    return Broker(host="127.0.0.1", port=broker.port, status_topic="feeder/1", **more)


def test_what_is_published_comes_in_order_and_status_says_who_is_there(broker):
    with broker.client("feeder/1") as client:
        with Link(online(broker), ["a/+"]) as link:
            wait_until(lambda: client.came == [("feeder/1", b"online")])
            for number in range(100):
                client.publish(f"a/{number}", str(number), 1)
            client.publish("b", "not subscribed", 1)
            assert hear(link, 100) == [Message(f"a/{n}", str(n).encode()) for n in range(100)]
        wait_until(lambda: client.came[-1] == ("feeder/1", b"offline"))


def test_a_broker_that_comes_back_is_connected_again_and_the_break_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.feeders.mqtt_link._DELAYS_S", (0.1, 0.1))
    broker = Mosquitto(tmp_path)
    with Link(online(broker), ["a"]) as link:  # nobody is there yet
        for _ in range(2):
            broker.start()
            with broker.client("feeder/1") as client:
                wait_until(lambda client=client: client.came)
                client.publish("a", "x", 1)
                assert Message("a", b"x") in hear(link, 1)
            broker.stop()
            broken = []
            wait_until(lambda broken=broken: broken.extend(link.take(0.1)) or Message("") in broken)


def test_a_client_with_a_name_misses_nothing_while_it_is_away(broker):
    for number in (1, 2):
        with Link(online(broker, client_id="feeder"), ["a"]) as link, broker.client("feeder/1") as client:
            wait_until(lambda client=client: client.came and client.came[-1][1] == b"online")
            assert [message.payload for message in hear(link, number - 1)] == [b"missed"] * (number - 1)
        with broker.client() as client:
            client.publish("a", "missed", 1).wait_for_publish(5.0)


def test_a_password_is_read_from_a_file_and_asked_for(tmp_path, broker):
    for words in (None, "\n", b"\xff"):
        path = tmp_path / "secret"
        if words is not None:
            path.write_bytes(words if isinstance(words, bytes) else words.encode())
        with pytest.raises(ConfigError, match="secret: wanted a password in its first line"):
            Link(online(broker, username="u", password_file=str(path)), ["a"])
    with pytest.raises(ConfigError, match="certificates"):
        Link(online(broker, tls=True, ca_file=str(tmp_path / "none")), ["a"])


def test_what_cannot_be_taken_in_time_makes_room_and_is_counted(monkeypatch):
    monkeypatch.setattr("engine.feeders.mqtt_link._MAX_BYTES", 2600)
    link = Link(Broker(host="nowhere"), ["a"])
    for number in range(20):
        link.put(Message("a", b"%09d" % number))
    assert [int(message.payload) for message in link.take(0.0)] == list(range(10, 20))
    assert link.n_dropped == 10
    link.put(Message("a", b"x" * 5000))
    assert len(link.take(0.0)) == 1


def test_a_missing_library_is_told_with_the_extra_that_brings_it():
    with pytest.raises(
        UsageError, match=r"feed needs no_such_module, which .* pip install 'spindlewatch\[mqtt\]'"
    ):
        extras.library("no_such_module", "mqtt", "feed")


@pytest.fixture
def locked_broker(tmp_path):
    """A mosquitto that speaks TLS and asks for a password; certificate and password are files in its folder."""
    for program in ("openssl", "mosquitto_passwd"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on the PATH")
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext"]
    request += ["subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "ca.pem"]
    for command in (["openssl", *request], ["mosquitto_passwd", "-b", "-c", "users", "watch", "se cret"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "password").write_text("se cret\n")
    files = [f"{key} {tmp_path / name}" for key, name in (("certfile", "ca.pem"), ("keyfile", "key.pem"))]
    server = Mosquitto(
        tmp_path, *files, f"password_file {tmp_path / 'users'}", "allow_anonymous false", "user root"
    )
    server.start()
    yield server
    server.stop()


def trusted(broker, folder, **more):
    secrets = {
        "ca_file": str(folder / "ca.pem"),
        "username": "watch",
        "password_file": str(folder / "password"),
    }
    return Broker(host="127.0.0.1", port=broker.port, tls=True, **(secrets | more))


def test_a_trusted_broker_lets_in_whoever_has_the_password(locked_broker, tmp_path):
    with Link(trusted(locked_broker, tmp_path), ["a"]) as link:
        wait_until(lambda: link.is_ready)
        link.publish(Published("a", b"x"))
        assert hear(link, 1) == [Message("a", b"x")]


@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <(ssl.SSLSocket|socket.socket)"
)  # paho leaves it to be collected
@pytest.mark.parametrize("wrong", ["password", "authority"])
def test_without_trust_or_password_nothing_is_said_and_the_reason_is_logged(
    locked_broker, tmp_path, caplog, wrong
):
    (tmp_path / "wrong").write_text("secret\n")
    told = {"password": "refused the connection: Not authorized", "authority": "certificate verify failed"}
    more = {"password_file": str(tmp_path / "wrong")} if wrong == "password" else {"ca_file": ""}
    with (
        caplog.at_level("WARNING", "engine.feeders"),
        Link(trusted(locked_broker, tmp_path, **more), ["a"]) as link,
    ):
        wait_until(lambda: told[wrong] in caplog.text)
        assert not link.is_ready
    gc.collect()
    assert "cret" not in caplog.text
