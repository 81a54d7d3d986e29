from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from told import SPINDLE, alert, block, hub_config, state
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from engine.clock import WallClock
from engine.errors import ConfigError, SpindlewatchError, UsageError
from sinks.journal import Journal
from sinks.watch import Subscription, decode
from sinks.websocket import LiveServer

_LONG_S = 20.0  # a test that waits so long has failed


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite3")
    yield journal
    journal.close()


@pytest.fixture
def server(journal):
    server = LiveServer(hub_config(), journal, WallClock(), [SPINDLE])
    yield server
    server.close()


@pytest.fixture
def address(server):
    return server.start()


def subscribe(address, query="", **options):
    return connect(f"{address.stream_url}{query}", proxy=None, compression=None, **options)


def receive(connection, kind):
    """The next message of a type."""
    while (message := decode(connection.recv(timeout=_LONG_S)))["type"] != kind:
        pass
    return message


def live(connection):
    """Wait until the connection is told what happens: a command is answered only after the catching up."""
    connection.send('{"op": "unsubscribe", "id": "live"}')
    return receive(connection, "result")


def test_alert_reaches_a_subscriber_with_its_number(server, address):
    with subscribe(address) as connection:
        live(connection)

        server.write([alert(1), state("alerting")])

        assert receive(connection, "alert")["alert"]["id"] == "M1:process:1"
        assert receive(connection, "state")["state"]["condition"] == "alerting"


def test_alert_is_journaled_before_it_is_sent(server, address, journal):
    with subscribe(address) as connection:
        live(connection)

        server.write([alert(1)])

        assert receive(connection, "alert")["seq"] == journal.head() == 1


def test_alert_before_one_that_cannot_be_stored_is_sent(server, address, journal, monkeypatch):
    append = journal.append

    def full(one):
        if one.id.endswith(":2"):
            raise SpindlewatchError("disk full")
        return append(one)

    monkeypatch.setattr(journal, "append", full)
    with subscribe(address) as connection:
        live(connection)

        with pytest.raises(SpindlewatchError, match="disk full"):
            server.write([alert(1), alert(2)])

        assert receive(connection, "alert")["seq"] == 1


def test_repeated_alert_is_sent_once(server, address):
    with subscribe(address) as connection:
        live(connection)

        server.write([alert(1), alert(1), alert(2)])

        assert [receive(connection, "alert")["seq"] for _ in range(2)] == [1, 2]


def test_alerts_written_before_the_start_are_in_the_snapshot(server):
    server.write([alert(1)])

    with subscribe(server.start()) as connection:
        assert len(receive(connection, "snapshot")["alerts"]) == 1


def test_waveform_comes_after_subscribing(server, address):
    with subscribe(address) as connection:
        connection.send('{"op": "subscribe", "waveform": "M1/vib", "id": 1}')
        assert receive(connection, "result") == {"type": "result", "id": 1, "ok": True}

        server.write([block(np.ones((2, 5)))])

        assert receive(connection, "waveform")["points"].shape == (2, 5)


def test_no_gap_and_no_duplicate_across_reconnections_under_load(server, address):
    n_alerts, got, done = 400, [], threading.Event()
    subscription = Subscription(address.stream_url, types=["alert"])

    def listen():
        for message in subscription:
            if message["type"] == "alert":
                got.append(message["seq"])
                if len(got) % 37 == 0:
                    with contextlib.suppress(OSError):  # it was cut before and this message was buffered
                        subscription._connection.socket.shutdown(socket.SHUT_RDWR)
                if got[-1] == n_alerts:
                    done.set()
                    return

    listener = threading.Thread(target=listen)
    listener.start()
    with subscribe(address):  # the first alert comes after somebody listens
        wait_until(lambda: subscription._connection is not None and health(address)["subscribers"] == 2)
    for n in range(1, n_alerts + 1):
        server.write([alert(n)])

    assert done.wait(_LONG_S)
    listener.join()
    assert got == list(range(1, n_alerts + 1))


def test_resume_across_a_restart_of_the_server(tmp_path, journal):
    first = LiveServer(hub_config(), journal, WallClock())
    address = first.start()
    got, two, four = [], threading.Event(), threading.Event()
    subscription = Subscription(address.stream_url, types=["alert"])

    def listen():
        for message in subscription:
            if message["type"] == "alert":
                got.append(message["seq"])
                (two if len(got) < 4 else four).set() if len(got) in (2, 4) else None

    listener = threading.Thread(target=listen)
    listener.start()
    wait_until(lambda: health(address)["subscribers"] == 1)
    first.write([alert(1), alert(2)])
    assert two.wait(_LONG_S)
    first.close()
    first.write([alert(3)])  # journaled, nobody is there

    second = LiveServer(hub_config(port=address.port), journal, WallClock())
    second.start()
    second.write([alert(4)])

    assert four.wait(_LONG_S)
    subscription.close()
    listener.join()
    second.close()
    assert got == [1, 2, 3, 4]


def test_stalled_subscriber_hurts_only_itself(journal):
    server = LiveServer(hub_config(write_buffer_bytes=200_000), journal, WallClock())
    address = server.start()
    stalled = stalled_subscriber(address)
    n_alerts = 400
    with subscribe(address) as healthy:
        live(healthy)
        wait_until(lambda: health(address)["subscribers"] == 2)
        longest_s = 0.0

        for n in range(1, n_alerts + 1):
            began_s = time.monotonic()
            server.write([alert(n, text="x" * 20_000)])
            longest_s = max(longest_s, time.monotonic() - began_s)
            assert receive(healthy, "alert")["seq"] == n

        assert health(address)["dropped_subscribers"] == 1
        assert health(address)["subscribers"] == 1
        assert longest_s < 5.0
    stalled.close()
    server.close()


def test_close_does_not_wait_for_a_stalled_subscriber(journal):
    server = LiveServer(hub_config(write_buffer_bytes=50_000_000), journal, WallClock())
    address = server.start()
    stalled = stalled_subscriber(address)
    wait_until(lambda: health(address)["subscribers"] == 1)
    for n in range(100):
        server.write([alert(n, text="x" * 100_000)])

    began_s = time.monotonic()
    server.close()

    assert time.monotonic() - began_s < 4.0
    stalled.close()


def test_close_does_not_wait_for_a_peer_that_never_asks(server, address):
    silent = socket.create_connection((address.host, address.port))
    with subscribe(address) as connection:  # accepted later, so the silent one is accepted too
        live(connection)

        began_s = time.monotonic()
        server.close()

    assert time.monotonic() - began_s < 4.0
    silent.close()


def stalled_subscriber(address):
    """A peer that shakes hands and then never reads."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.connect((address.host, address.port))
    peer.sendall(
        b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b" 101 " in peer.recv(64)
    return peer


def wait_until(holds):
    deadline_s = time.monotonic() + _LONG_S
    while not holds():
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.01)


def test_close_tells_subscribers_that_it_restarts(server, address):
    with subscribe(address) as connection:
        live(connection)
        server.write([alert(1)])

        server.close()

        assert receive(connection, "alert")["seq"] == 1
        with pytest.raises(ConnectionClosed) as closed:
            receive(connection, "alert")
        assert closed.value.rcvd.code == 1012


def test_closing_twice_or_unstarted_does_nothing(journal):
    LiveServer(hub_config(), journal, WallClock()).close()
    server = LiveServer(hub_config(), journal, WallClock())
    address = server.start()

    server.close()
    server.close()

    with pytest.raises(ConnectionRefusedError):
        connect(address.stream_url)


@pytest.mark.parametrize("text", ["no json", "{", b"\x00\x01"])
def test_what_is_no_json_ends_the_connection_for_good(server, address, text):
    with subscribe(address) as connection:
        connection.send(text)

        with pytest.raises(ConnectionClosed) as closed:
            receive(connection, "result")
        assert closed.value.rcvd.code == 3501


def test_unknown_command_is_answered_and_the_connection_lives(server, address):
    with subscribe(address) as connection:
        connection.send('{"op": "format", "disk": "c"}')

        answer = receive(connection, "result")

        assert answer["ok"] is False
        assert "$.op" in answer["error"] or "disk" in answer["error"]
        assert live(connection)["ok"]


def test_bad_query_is_refused_for_good(address):
    with subscribe(address, "?sinse=3") as connection, pytest.raises(ConnectionClosed) as closed:
        connection.recv(timeout=_LONG_S)

    assert closed.value.rcvd.code == 3501
    assert "sinse" in closed.value.rcvd.reason


def test_message_too_long_ends_only_that_connection(server, address):
    with subscribe(address) as connection, subscribe(address) as other:
        connection.send("x" * 70_000)

        with pytest.raises(ConnectionClosed) as closed:
            receive(connection, "result")
        assert closed.value.rcvd.code == 1009
        assert live(other)["ok"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_address_that_others_could_reach_is_refused(journal, host):
    with pytest.raises(ConfigError, match=r"hub\.host"):
        LiveServer(hub_config(host=host), journal, WallClock())


def test_port_in_use_is_one_clear_error(journal, address):
    with pytest.raises(UsageError, match=f"port {address.port} on 127.0.0.1 is in use"):
        LiveServer(hub_config(port=address.port), journal, WallClock()).start()


def get(address, path, method="GET"):
    request = urllib.request.Request(f"{address.page_url}{path}", method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_LONG_S) as response:
        return response.headers, response.read()


def health(address):
    return json.loads(get(address, "healthz")[1])


def test_health_says_ok_and_counts(server, address):
    server.write([alert(1)])

    assert health(address) == {"status": "ok", "head": 1, "subscribers": 0, "dropped_subscribers": 0}


def test_page_and_all_it_names_are_served_from_here_only(address):
    headers, page = get(address, "")

    assert "default-src 'self'" in headers["Content-Security-Policy"]
    names = [part.split(b'"')[0].decode() for part in page.replace(b'src="', b'href="').split(b'href="')[1:]]
    assets = [name.removeprefix("/") for name in names if not name.startswith("#")]
    assert assets
    for asset in assets:
        assert get(address, asset)[1], asset
    get(address, "favicon.ico")


@pytest.mark.parametrize(
    "path", ["../journal.py", "%2e%2e/journal.py", "web/app.js", "nothing", "/etc/passwd"]
)
def test_nothing_else_is_served(address, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(address, path)

    assert refused.value.code == 404
    refused.value.close()


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://evil.example", None, 403),
        ("null", None, 403),
        ("http://evil.example", "evil.example", 421),
        (None, "evil.example", 421),
        ("http://[broken", None, 403),
    ],
)
def test_foreign_page_cannot_listen(address, origin, host, status):
    headers = {"Host": host} if host else {}

    with (
        pytest.raises(InvalidStatus) as refused,
        subscribe(address, origin=origin, additional_headers=headers),
    ):
        pass

    assert refused.value.response.status_code == status


def test_our_own_page_can_listen(address):
    with subscribe(address, origin=address.page_url.rstrip("/")) as connection:
        assert receive(connection, "hello")["version"] == 1
