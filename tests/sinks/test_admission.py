"""Access to the real server: what is refused, that it is counted, and that nothing is told of what nobody asked."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

import msgspec
import pytest
from told import SPINDLE, alert, hub_config
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

import sinks.admission
from engine.clock import WallClock
from engine.errors import ConfigError
from sinks import requests
from sinks.access import OPEN
from sinks.audit import read_audit
from sinks.journal import Journal
from sinks.tokens import Role, add_token, remove_token
from sinks.watch import decode
from sinks.websocket import LiveServer

_LONG_S = 20.0  # a test that waits so long has failed
WRONG = "sw_" + "x" * 43


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite3")
    yield journal
    journal.close()


@pytest.fixture
def tokens(tmp_path):
    return tmp_path / "tokens.json"


@pytest.fixture
def viewer(tokens):
    return add_token(tokens, "hall", Role.VIEWER, 0)


@pytest.fixture
def server(journal, tokens, viewer):
    access = msgspec.structs.replace(OPEN, tokens_file=str(tokens))
    server = LiveServer(hub_config(), journal, WallClock(), [SPINDLE], access=access)
    yield server
    server.close()


@pytest.fixture
def address(server):
    return server.start()


@pytest.fixture
def brisk(monkeypatch):
    """Who may stay is asked often, and who must go has little time; before the server starts."""
    monkeypatch.setattr("sinks.websocket._HEARTBEAT_S", 0.05)
    monkeypatch.setattr("sinks.admission._GO_S", 0.1)


def subscribe(address, token=None, query="", **options):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{address.stream_url}{query}"
    return connect(url, proxy=None, compression=None, additional_headers=headers, **options)


def receive(connection, kind=None):
    """The next message, of a type."""
    while True:
        message = decode(connection.recv(timeout=_LONG_S))
        if kind in (None, message["type"]):
            return message


def closed_with(connection):
    try:
        while True:
            connection.recv(timeout=_LONG_S)
    except ConnectionClosed as closed:
        return closed.rcvd.code, closed.rcvd.reason


def wait_until(holds):
    deadline_s = time.monotonic() + _LONG_S
    while not holds():
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.01)


def get(address, path, token=None, context=None, **headers):
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"{address.page_url}{path}", headers=headers)
    handlers = [
        urllib.request.ProxyHandler({}),
        *([urllib.request.HTTPSHandler(context=context)] if context else []),
    ]
    with urllib.request.build_opener(*handlers).open(request, timeout=_LONG_S) as response:
        return response.headers, response.read()


def raw(address, text):
    """Send bytes as they are; returns all that comes until the server closes."""
    with socket.create_connection((address.host, address.port), timeout=_LONG_S) as peer:
        peer.sendall(text)
        told = b""
        with contextlib.suppress(ConnectionError):
            while part := peer.recv(65536):
                told += part
        return told


def auth(token):
    return json.dumps({"type": "auth", "token": token})


def test_who_shows_its_token_in_the_header_is_served_at_once(server, address, viewer):
    with subscribe(address, viewer) as connection:
        assert receive(connection)["type"] == "hello"
        assert receive(connection)["type"] == "snapshot"


def test_who_shows_its_token_in_the_first_message_is_served(server, address, viewer):
    with subscribe(address) as connection:
        assert receive(connection) == {"type": "auth_required"}
        connection.send(auth(viewer))
        assert receive(connection)["type"] == "hello"

        server.write([alert(1)])

        assert receive(connection, "alert")["seq"] == 1


def test_nobody_is_told_anything_without_a_token(server, address):
    with subscribe(address) as connection:
        assert receive(connection) == {"type": "auth_required"}
        server.write([alert(1)])
        connection.send('{"op": "subscribe", "waveform": "M1/vib"}')

        assert closed_with(connection) == (
            3500,
            "authentication required: wanted a token first: a message of type auth",
        )

    assert server.counts["refused_message"] == 1
    assert server.counts["sent"] == 0


def test_who_says_nothing_is_asked_to_go(server, address, monkeypatch):
    monkeypatch.setattr(sinks.admission, "_INTRODUCTION_S", 0.05)

    with subscribe(address) as connection:
        assert closed_with(connection) == (3500, "authentication required: wanted a token within 10 s")

    assert server.counts["refused_message"] == 1


@pytest.mark.parametrize("by_header", [True, False])
@pytest.mark.parametrize("which", ["wrong", "expired", "removed"])
def test_token_that_does_not_hold_is_refused_with_the_same_word_whatever_is_wrong(
    server, address, tokens, which, by_header
):
    shown = WRONG
    if which != "wrong":
        shown = add_token(tokens, "guest", Role.ADMIN, 0, expires_ns=1 if which == "expired" else None)
    if which == "removed":
        remove_token(tokens, "guest")

    if by_header:
        with pytest.raises(InvalidStatus) as refused, subscribe(address, shown):
            pass
        response = refused.value.response
        assert (response.status_code, bytes(response.body)) == (401, b"token refused\n")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    else:
        with subscribe(address) as connection:
            connection.send(auth(shown))
            assert closed_with(connection) == (3500, "authentication required: token refused")

    assert server.counts["refused_token"] == 1


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic aGFsbDpoYWxs", "bearer sw_", "Bearer \xff\xfe", "x" * 4000]
)
def test_header_that_holds_no_token_is_refused(server, address, header):
    with pytest.raises(InvalidStatus) as refused:
        connect(address.stream_url, proxy=None, additional_headers={"Authorization": header})

    assert refused.value.response.status_code == 401
    assert server.counts["refused_token"] == 1


@pytest.mark.parametrize("query", ["?token=x", "?access_token=x", "?spindle=M1&Access%5FToken=x", "?%74oken"])
@pytest.mark.parametrize("path", ["", "v1/stream"])
def test_token_in_an_address_is_refused_even_if_it_is_right(server, address, viewer, path, query):
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(address, f"{path}{query}".replace("=x", f"={viewer}"))

    body = refused.value.read().decode()
    refused.value.close()
    assert refused.value.code == 400
    assert "never goes into an address" in body
    assert viewer not in body
    assert server.counts["refused_address"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "{",
        b"\x00\x01",
        b"\xff\xfe",
        "[]",
        '{"type": "auth"}',
        '{"type": "auth", "token": 7}',
        '{"type": "auth", "token": null}',
        '{"type": "auth", "token": "x", "role": "admin"}',
        '{"token": "x"}',
        "[" * 1000,
    ],
)
def test_malformed_introduction_is_refused_and_nothing_of_it_repeated(server, address, text):
    with subscribe(address) as connection:
        connection.send(text)

        assert closed_with(connection) == (
            3500,
            "authentication required: wanted a token first: a message of type auth",
        )

    assert server.counts["refused_message"] == 1


@pytest.mark.parametrize(("size", "code"), [(2_000, 1009), (100_000, 1009)])
def test_stranger_may_not_send_much(server, address, size, code):
    with subscribe(address) as connection:
        connection.send("x" * size)

        assert closed_with(connection)[0] == code

    wait_until(lambda: server.counts["refused_message"] == 1)


def test_known_subscriber_may_send_more(server, address, viewer):
    with subscribe(address, viewer) as connection:
        connection.send('{"op": "unsubscribe", "id": 1}' + " " * 60_000)

        assert receive(connection, "result")["ok"]


def test_removed_token_ends_its_connections_for_good_and_no_others(brisk, server, address, tokens, viewer):
    other = add_token(tokens, "office", Role.VIEWER, 0)
    with subscribe(address, viewer) as gone, subscribe(address, other) as stays:
        receive(gone, "snapshot")
        receive(stays, "snapshot")

        remove_token(tokens, "hall")

        assert closed_with(gone) == (3500, "authentication required: token holds no more")
        server.write([alert(1)])
        assert receive(stays, "alert")["seq"] == 1
    assert server.counts["ended_tokens"] == 1
    assert server.refusals()["ended"] == 1.0


def test_token_that_expires_ends_its_connections(brisk, server, address, tokens):
    guest = add_token(tokens, "guest", Role.VIEWER, 0, expires_ns=WallClock.system_ns() + 500_000_000)

    with subscribe(address, guest) as connection:
        receive(connection, "snapshot")
        assert closed_with(connection)[0] == 3500


def test_peer_that_does_not_listen_is_cut_off_when_its_token_is_removed(
    brisk, server, address, tokens, viewer
):
    peer = socket.create_connection((address.host, address.port), timeout=_LONG_S)
    peer.sendall(
        b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Authorization: Bearer " + viewer.encode() + b"\r\n\r\n"
    )
    wait_until(lambda: server.n_subscribers == 1)

    remove_token(tokens, "hall")

    wait_until(lambda: server.n_subscribers == 0)
    peer.close()


def test_page_needs_no_token_and_health_says_no_more_than_ok_without(server, address, viewer):
    assert b"<title>" in get(address, "")[1]
    assert get(address, "healthz")[1] == b'{"status":"ok"}'
    headers, body = get(address, "healthz", viewer)

    assert json.loads(body) == {"status": "ok", "head": 0, "subscribers": 0, "dropped_subscribers": 0}
    assert headers["Cache-Control"] == "no-store"


def test_every_answer_forbids_what_a_hostile_page_would_need(server, address):
    answers = [get(address, "")[0]]
    for path in ("none", "v1/stream?token=x"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(address, path)
        answers.append(refused.value.headers)
        refused.value.close()

    for headers in answers:
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe-inline" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Server" not in headers
        assert not [name for name in headers if name.lower().startswith("access-control")]


def test_foreign_page_is_refused_even_with_a_token(server, address, viewer):
    for options in ({"origin": "https://evil.example"}, {"origin": "null"}):
        with pytest.raises(InvalidStatus) as refused, subscribe(address, viewer, **options):
            pass
        assert refused.value.response.status_code == 403

    assert server.counts["refused_origin"] == 2
    assert server.counts["refused_token"] == 0


def test_server_does_not_answer_to_a_foreign_name(server, address):
    for path in ("", "healthz", "app.js"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(address, path, Host="evil.example")
        refused.value.close()
        assert refused.value.code == 421

    assert server.counts["refused_host"] == 3


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /../journal.py HTTP/1.1",
        b"GET /..%2f..%2fetc%2fpasswd HTTP/1.1",
        b"GET /%2e%2e/journal.py HTTP/1.1",
        b"GET //etc/passwd HTTP/1.1",
        b"GET /app.js/../../journal.py HTTP/1.1",
        b"GET /app.js%00.html HTTP/1.1",
        b"GET /web/app.js HTTP/1.1",
        b"GET /..\\journal.py HTTP/1.1",
        b"GET file:///etc/passwd HTTP/1.1",
        b"GET http://169.254.169.254/ HTTP/1.1",
        b"POST / HTTP/1.1",
        b"DELETE /app.js HTTP/1.1",
        b"CONNECT evil.example:443 HTTP/1.1",
        b"GET / HTTP/9.9",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"",
    ],
)
def test_request_for_anything_else_is_refused_counted_and_gives_nothing_away(server, address, request_line):
    told = raw(address, request_line + b"\r\nHost: localhost\r\n\r\n")

    assert not told.startswith(b"HTTP/1.1 2")
    for secret in (b"Traceback", b'File "', b"/sinks", b"root:", b"import ", b"websockets/", b"Python/"):
        assert secret not in told
    wait_until(lambda: sum(server.refusals().values()) == 1)


@pytest.mark.parametrize(
    "handshake",
    [
        b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    ],
)
def test_malformed_handshake_is_refused_and_counted(server, address, handshake):
    assert not raw(address, handshake).startswith(b"HTTP/1.1 101")

    wait_until(lambda: sum(server.refusals().values()) == 1)


def test_flood_of_connections_takes_no_place_of_those_who_are_known(server, address, viewer):
    with subscribe(address, viewer) as known:
        receive(known, "snapshot")
        flood = [socket.create_connection((address.host, address.port), timeout=_LONG_S) for _ in range(200)]
        wait_until(lambda: server.counts["refused_flood"] == 200 - 64)

        server.write([alert(1)])

        assert receive(known, "alert")["seq"] == 1
        for peer in flood:
            peer.close()
    with subscribe(address, viewer) as again:  # and places are given back
        assert receive(again)["type"] == "hello"


def test_one_token_cannot_take_all_connections(server, address, tokens, viewer, monkeypatch):
    monkeypatch.setattr("sinks.admission._MAX_OF_ONE_TOKEN", 2)
    other = add_token(tokens, "office", Role.VIEWER, 0)

    with subscribe(address, viewer) as first, subscribe(address, viewer) as second:
        receive(first, "snapshot")
        receive(second, "snapshot")
        with subscribe(address, viewer) as third:
            assert closed_with(third) == (1013, "too many connections with this token")
        with subscribe(address, other) as stranger:
            receive(stranger, "snapshot")
    with subscribe(address, viewer) as again:
        receive(again, "snapshot")

    assert server.counts["refused_flood"] == 1


def test_right_token_is_not_kept_waiting_by_wrong_ones(server, address, viewer, monkeypatch):
    monkeypatch.setattr("sinks.access._FIRST_PAUSE_S", 3.0)
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(subscribe(address)).send(auth(WRONG))
        wait_until(lambda: server.counts["refused_token"] == 20)

        began_s = time.monotonic()
        with subscribe(address, viewer) as connection:
            receive(connection, "hello")
            assert time.monotonic() - began_s < 2.0

        server.close()  # which waits for none of the pauses
        assert time.monotonic() - began_s < 3.0


def test_failure_holds_its_place_until_its_pause_is_over_even_if_it_goes(server, address, monkeypatch):
    monkeypatch.setattr("sinks.access._FIRST_PAUSE_S", 60.0)
    monkeypatch.setattr("sinks.access._LONGEST_PAUSE_S", 60.0)
    server._admission._lobby._most_of_one = 3
    for n in range(3):
        with subscribe(address) as stranger:
            stranger.send(auth(WRONG))
            wait_until(lambda n=n: server.counts["refused_token"] == n + 1)
            stranger.socket.shutdown(socket.SHUT_RDWR)

    with pytest.raises((ConnectionError, ConnectionClosed, InvalidMessage)):  # cut before or after it asked
        subscribe(address)

    assert server.counts["refused_flood"] == 1


def test_command_that_needs_another_role_is_refused_counted_and_noted(
    server, address, viewer, journal, monkeypatch
):
    monkeypatch.setitem(requests.NEEDS, "subscribe", Role.OPERATOR)

    with subscribe(address, viewer) as connection:
        connection.send('{"op": "subscribe", "waveform": "M1/vib", "id": 5}')
        answer = receive(connection, "result")

    assert answer == {
        "type": "result",
        "id": 5,
        "ok": False,
        "error": "subscribe needs the role operator, got viewer",
    }
    assert server.counts["refused_role"] == 1
    server.close()
    deed = read_audit(journal.path, 1)[0]
    assert (deed["who"], deed["role"], deed["address"]) == ("hall", "viewer", "127.0.0.1")
    assert (deed["what"], deed["subject"], deed["outcome"]) == (
        "subscribe",
        "M1/vib",
        "needs the role operator",
    )


def test_command_that_changes_something_is_noted_with_who_gave_it(
    server, address, tokens, journal, monkeypatch
):
    monkeypatch.setitem(requests.NEEDS, "subscribe", Role.OPERATOR)
    operator = add_token(tokens, "bench", Role.OPERATOR, 0)

    with subscribe(address, operator) as connection:
        connection.send('{"op": "subscribe", "waveform": "M1/vib"}')
        assert receive(connection, "result")["ok"]

    server.close()
    assert [(one["who"], one["what"], one["outcome"]) for one in read_audit(journal.path, 1)] == [
        ("bench", "subscribe", "ok")
    ]


def test_trail_says_who_came_who_was_refused_and_which_tokens_came_and_went(
    server, address, tokens, viewer, journal
):
    with subscribe(address, viewer) as connection:
        receive(connection, "snapshot")
    with subscribe(address) as connection:
        connection.send(auth(WRONG))
        closed_with(connection)
    add_token(tokens, "office", Role.ADMIN, 0)
    with subscribe(address, viewer) as connection:
        receive(connection, "snapshot")
    server.close()

    told = [(one["who"], one["what"], one["subject"], one["outcome"]) for one in read_audit(journal.path, 99)]
    assert told == [
        ("hall", "connect", "", "ok"),
        ("", "connect", "", "token refused"),
        ("", "token added", "office (admin)", "ok"),
        ("hall", "connect", "", "ok"),
    ]


def test_no_token_is_ever_logged_or_kept(server, address, tokens, viewer, journal, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sinks.websocket.protocol").setLevel(logging.DEBUG)
    try:
        with subscribe(address, viewer) as connection:
            receive(connection, "snapshot")
        for shown in (viewer, WRONG):
            with subscribe(address) as connection, contextlib.suppress(ConnectionClosed):
                connection.send(auth(shown))
                receive(connection, "hello")
        with contextlib.suppress(InvalidStatus):
            subscribe(address, WRONG)
        with contextlib.suppress(InvalidStatus):
            subscribe(address, query=f"?token={viewer}")
        server.close()
    finally:
        logging.getLogger("sinks.websocket.protocol").setLevel(logging.NOTSET)

    ours = [record for record in caplog.records if record.name.startswith(("sinks", "engine"))]
    logged = "\n".join(record.getMessage() for record in ours)
    kept = json.dumps(read_audit(journal.path, 99)) + tokens.read_text()
    for secret in (viewer, WRONG):
        assert secret not in logged
        assert secret.removeprefix("sw_") not in kept


def certificate(folder, name="mill"):
    """A certificate that trusts itself, and its key."""
    files = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
         "-keyout", str(files[1]), "-out", str(files[0])],
        check=True, capture_output=True,
    )  # fmt: skip
    return files


def trusting(file):
    return ssl.create_default_context(cafile=str(file))


@pytest.fixture
def encrypted(tmp_path, journal, tokens, viewer):
    cert, key = certificate(tmp_path)
    access = msgspec.structs.replace(OPEN, tokens_file=str(tokens), tls_cert=str(cert), tls_key=str(key))
    server = LiveServer(hub_config(host="0.0.0.0"), journal, WallClock(), [SPINDLE], access=access)
    yield server, server.start(), cert
    server.close()


def test_beyond_this_machine_all_is_encrypted(encrypted, viewer):
    server, address, cert = encrypted
    assert (address.page_url[:8], address.stream_url[:6]) == ("https://", "wss://")
    local = type(address)("127.0.0.1", address.port, True)

    assert b"<title>" in get(local, "", context=trusting(cert))[1]
    with subscribe(local, viewer, ssl=trusting(cert)) as connection:
        receive(connection, "snapshot")
        server.write([alert(1)])
        assert receive(connection, "alert")["seq"] == 1


def test_who_speaks_without_tls_or_with_an_old_one_is_told_nothing(encrypted):
    _, address, cert = encrypted
    local = type(address)("127.0.0.1", address.port, True)

    assert not raw(local, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP")
    old = trusting(cert)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError, match=r"(?i)protocol|version|no ciphers"), subscribe(local, ssl=old):
        pass


def test_new_certificate_holds_for_new_connections_and_a_bad_one_changes_nothing(tmp_path, encrypted, viewer):
    server, address, cert = encrypted
    local = type(address)("127.0.0.1", address.port, True)
    with subscribe(local, viewer, ssl=trusting(cert)) as before:
        receive(before, "snapshot")
        new, key = certificate(tmp_path, "renewed")
        cert.write_text("no PEM")
        with pytest.raises(ConfigError, match=r"mill\.pem and .*mill\.key: TLS cannot be used"):
            server.read_certificate()
        trusted = tmp_path / "trusted.pem"
        trusted.write_text(new.read_text())
        new.replace(cert)
        key.replace(tmp_path / "mill.key")

        server.read_certificate()

        with subscribe(local, viewer, ssl=trusting(trusted)) as after:
            receive(after, "snapshot")
        server.write([alert(1)])
        assert receive(before, "alert")["seq"] == 1


@pytest.mark.parametrize(
    "content", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_certificate_that_cannot_be_used_is_one_clear_error(tmp_path, journal, tokens, viewer, content):
    file = tmp_path / "cert.pem"
    if content is not None:
        file.write_text(content)
    access = msgspec.structs.replace(OPEN, tokens_file=str(tokens), tls_cert=str(file))

    with pytest.raises(ConfigError, match=r"cert\.pem: TLS cannot be used: .*access\.tls_cert"):
        LiveServer(hub_config(), journal, WallClock(), access=access)


def test_without_encryption_beyond_this_machine_a_warning_cannot_be_missed(journal, tokens, viewer, caplog):
    access = msgspec.structs.replace(OPEN, tokens_file=str(tokens), tls_elsewhere=True)
    server = LiveServer(hub_config(host="0.0.0.0"), journal, WallClock(), access=access)
    server.start()
    server.close()

    assert [record.levelname for record in caplog.records if "NOT ENCRYPTED" in record.message] == ["WARNING"]


def test_on_this_machine_nobody_is_asked_unless_there_are_tokens(journal):
    server = LiveServer(hub_config(), journal, WallClock(), [SPINDLE])
    try:
        with subscribe(server.start()) as connection:
            assert receive(connection)["type"] == "hello"
    finally:
        server.close()
    assert read_audit(journal.path, 9) == []
