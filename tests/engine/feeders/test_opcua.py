import json
import math
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("asyncua", reason="the extra opcua is not installed")

from opcua_mill import PASSWORD, USER, Mill

from engine.config import parse_config
from engine.errors import ConfigError, UsageError
from engine.feeders.base import Feed
from engine.feeders.opcua import opcua_source
from engine.feeders.opcua_server import APPLICATION_URI
from engine.records import Block, Context
from engine.runtime import Stop
from perf.real_redis import wait_until

SITE = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "load"
kind = "scalar"
sample_rate_hz = 20.0
channels = [{ name = "load" }]
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 1000.0
channels = [{ name = "vib_x" }]
"""
BAD = 0x80050000
VALUES = '"ns=2;s=load" = "load", "ns=2;s=vib" = "vib_x", "ns=2;s=tool" = { context = "tool" }'


class Sent:
    """What a feeder sent."""

    def __init__(self):
        self.items, self.letters = [], []

    def send(self, item):
        self.items.append(item)

    def put(self, letter):
        self.letters.append(letter)

    def of(self, group):
        return [item for item in list(self.items) if isinstance(item, Block) and item.group == group]

    @property
    def tools(self):
        return [item.tool for item in list(self.items) if isinstance(item, Context)]


def site(url, more="", values=VALUES):
    return parse_config(
        SITE
        + f'[[feeds.opcua.servers]]\nurl = "{url}"\nspindle = "M1"\ninterval_s = 0.02\n'
        + f"values = {{ {values} }}\n{more}"
    )


@contextmanager
def feeding(url, more="", values=VALUES):
    config, sent, stop = site(url, more, values), Sent(), Stop()
    feed = Feed(config, sent.send, sent, math.inf)
    thread = threading.Thread(target=opcua_source(config).work, args=(feed, stop))
    thread.start()
    try:
        yield sent, feed
    finally:
        stop.ask()
        thread.join(15.0)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def mill(tmp_path_factory):
    with Mill(
        tmp_path_factory.mktemp("mill"), load=40.0, tool="T1", vib=[0.0] * 50, words="no"
    ).running() as mill:
        yield mill


def test_values_that_change_become_contexts_and_rows_and_arrays_blocks(mill):
    with feeding(mill.url) as (sent, feed):
        wait_until(lambda: sent.tools == ["T1"] and sent.of("load"))
        assert sent.of("load")[0].samples.tolist() == [[40.0]]
        mill.write("tool", "T2")
        mill.write("vib", [float(number) for number in range(50)])
        wait_until(lambda: sent.tools == ["T1", "T2"] and sent.of("vib"))
        assert np.array_equal(sent.of("vib")[0].samples, [np.arange(50)])
        assert sent.of("vib")[0].sample_rate_hz == 1000.0
        mill.write("load", 41.0, status=BAD)
        wait_until(lambda: np.isnan(sent.of("load")[-1].samples).all())
        wait_until(lambda: feed.counts["servers_bad"] == 1)
        assert abs(feed.skew_s["M1"]) < 60
    mill.write("load", 40.0)
    mill.write("tool", "T1")


def test_a_value_of_the_wrong_type_is_a_dead_letter_and_its_neighbours_go_on(mill):
    values = '"ns=2;s=words" = "load", "ns=2;s=tool" = { context = "tool" }'
    with feeding(mill.url, values=values) as (sent, _feed):
        wait_until(lambda: sent.tools == ["T1"] and sent.letters)
        assert sent.letters[0].reason == "malformed"


def test_a_node_that_the_server_does_not_have_is_told_and_the_others_are_fed(mill, caplog):
    values = '"ns=2;s=tool" = { context = "tool" }, "ns=2;s=nothing" = "load"'
    with feeding(mill.url, values=values) as (sent, feed):
        wait_until(lambda: sent.tools == ["T1"] and feed.counts["servers_refused"] == 1)
    assert "the server refuses ns=2;s=nothing: BadNodeIdUnknown" in caplog.text


def test_a_namespace_can_be_named_by_its_uri(mill):
    with feeding(mill.url, values='"nsu=urn:mill:nodes;s=tool" = { context = "tool" }') as (sent, _feed):
        wait_until(lambda: sent.tools == ["T1"])


def test_a_connection_that_is_soon_back_leaves_the_context_as_it_was(mill):
    with feeding(mill.url) as (sent, feed):
        wait_until(lambda: sent.tools == ["T1"])
        mill.hang_up()
        mill.listen()
        wait_until(lambda: feed.counts["servers_sessions"] == 2)
        mill.write("tool", "T2")
        wait_until(lambda: sent.tools == ["T1", "T2"])
    mill.write("tool", "T1")


def test_a_dry_run_prints_what_would_be_sent_and_needs_no_redis(mill, tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(
        SITE + f'[[feeds.opcua.servers]]\nurl = "{mill.url}"\nspindle = "M1"\nvalues = {{ {VALUES} }}\n'
        '[redis]\nurl = "redis://127.0.0.1:1/0"\n'
    )
    command = [
        sys.executable,
        "-m",
        "engine.cli",
        "feed",
        "opcua",
        "--config",
        path,
        "--dry-run",
        "2",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    *items, counts = map(json.loads, done.stdout.splitlines())
    assert {item.get("tool", item.get("group")) for item in items} == {"T1", "load"}
    assert counts["feed"]["servers_sessions"] == 1


def test_a_server_that_is_gone_leaves_an_unknown_context_and_is_found_again(mill, caplog):
    caplog.set_level("INFO")
    with feeding(mill.url) as (sent, feed):
        wait_until(lambda: sent.tools == ["T1"])
        mill.hang_up()
        wait_until(lambda: sent.tools == ["T1", None])
        mill.listen()
        wait_until(lambda: sent.tools == ["T1", None, "T1"])
        wait_until(lambda: feed.counts["servers_sessions"] == 2)
    assert "well again" in caplog.text


def test_messages_are_signed_and_encrypted_and_the_user_known(mill, tmp_path):
    certificate, key = mill.make_pair("client", APPLICATION_URI)
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    more = (
        f'security = "sign_and_encrypt"\ncertificate = "{certificate}"\nprivate_key = "{key}"\n'
        f'server_certificate = "{mill.folder / "mill.der"}"\nusername = "{USER}"\npassword_file = "{password}"\n'
    )
    with feeding(mill.url, more) as (sent, _feed):
        wait_until(lambda: sent.tools == ["T1"])


def test_a_server_with_another_certificate_than_the_trusted_one_is_not_talked_to(mill):
    certificate, key = mill.make_pair("client", APPLICATION_URI)
    other, _key = mill.make_pair("other", "urn:mill")
    more = (
        f'security = "sign_and_encrypt"\ncertificate = "{certificate}"\nprivate_key = "{key}"\n'
        f'server_certificate = "{other}"\ntimeout_s = 0.3\n'
    )
    with feeding(mill.url, more) as (sent, feed):
        wait_until(lambda: feed.counts["servers_errors"] >= 2)
    assert not sent.items


def test_a_wrong_password_is_told_once_and_the_password_never(mill, tmp_path, caplog):
    password = tmp_path / "password"
    password.write_text("hunter2")
    with feeding(mill.url, f'username = "{USER}"\npassword_file = "{password}"\n') as (sent, feed):
        wait_until(lambda: feed.counts["servers_errors"] >= 2)
    assert not sent.items
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"ACKF\xff\xff\xff\xff", b"\x00" * 5000]
)
def test_whatever_answers_instead_of_a_server_is_survived(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10.0)

        def respond():
            for _ in range(2):
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=respond)
        thread.start()
        with feeding(f"opc.tcp://127.0.0.1:{server.getsockname()[1]}", "timeout_s = 0.2") as (sent, feed):
            thread.join(10.0)
            wait_until(lambda: feed.counts["servers_errors"] >= 2)
        assert not thread.is_alive()
        assert not sent.items


@pytest.mark.parametrize(
    ("more", "values", "told"),
    [
        ("", '"ns=2;x=load" = "load"', "feeds.opcua.servers[0].values.ns=2;x=load"),
        ("", '"ns=2;s=load" = "nope"', "feeds.opcua.servers[0].values.ns=2;s=load"),
        ('security = "sign"', VALUES, "feeds.opcua.servers[0].certificate"),
        ('certificate = "a.der"', VALUES, "feeds.opcua.servers[0].certificate"),
        ('array_stamp = "middle"', VALUES, "feeds.opcua.servers[0].array_stamp"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_path(more, values, told):
    with pytest.raises(ConfigError) as error:
        opcua_source(site("opc.tcp://mill:4840", more, values))
    assert told in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://mill:1",
        "opc.tcp://user:secret@mill:4840",
        "opc.tcp://mill",
        "opc.tcp://mill:99999",
        "opc.tcp://[:1",
    ],
)
def test_an_address_that_is_none_or_holds_a_password_is_refused(url):
    with pytest.raises(ConfigError, match=r"Expected opc.tcp://host:port") as error:
        opcua_source(site(url))
    assert "secret" not in str(error.value)


def test_a_password_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        opcua_source(site("opc.tcp://mill:4840", f'password_file = "{tmp_path / "none"}"'))


def test_without_asyncua_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "engine.feeders.opcua_server")
    monkeypatch.setitem(sys.modules, "asyncua", None)
    with pytest.raises(UsageError, match="the extra `opcua` brings it"):
        opcua_source(site("opc.tcp://mill:4840"))
