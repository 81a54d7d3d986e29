import http.client
import socket
from contextlib import contextmanager, suppress

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.config import load_config, parse_config
from engine.errors import ConfigError, UsageError
from engine.service.health import Beat
from engine.service.http import StatusServer
from engine.service.metrics import Child, Seen

WELL = Seen({"shard-0": Child(True, Beat("shard-0", True))})


def _config(host="127.0.0.1", port=0):
    return parse_config(f"[service]\nhttp_host = {host!r}\nhttp_port = {port}\n")


@contextmanager
def _serving(look=lambda: WELL, timeout_s=5.0):
    server = StatusServer(_config().service, look, timeout_s)
    address = server.start()
    try:
        yield address
    finally:
        server.close()


@pytest.fixture(scope="module")
def address():
    with _serving() as address:
        yield address


def _ask(address, path, method="GET", **headers):
    connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def _say(address, data):
    """Send bytes as they are; all that is answered."""
    with socket.create_connection((address.host, address.port), timeout=10) as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        found = b""
        while piece := link.recv(65536):
            found += piece
    return found


def test_a_service_that_is_well_is_alive_and_ready_and_tells_its_numbers(address):
    for path in ("/livez", "/readyz", "/readyz?verbose=1"):
        answer, body = _ask(address, path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
        assert orjson.loads(body)
    answer, body = _ask(address, "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b'spindlewatch_up{process="shard-0"} 1.0\n' in body


def test_head_is_answered_without_a_body(address):
    answer, body = _ask(address, "/readyz", "HEAD")
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 0
    assert not body


def test_a_service_that_is_not_ready_says_503_and_why():
    seen = Seen({"shard-0": Child(True, Beat("shard-0", False, "redis is away"))}, loop_age_s=60.0)
    with _serving(lambda: seen) as address:
        answer, body = _ask(address, "/readyz")
        assert (answer.status, orjson.loads(body)["processes"]["shard-0"]["detail"]) == (503, "redis is away")
        answer, body = _ask(address, "/livez")
        assert (answer.status, orjson.loads(body)["alive"]) == (503, False)


@pytest.mark.parametrize("path", ["/", "/metrics/", "/../etc/passwd", "/%2e%2e/etc/passwd", "//livez", "*"])
def test_there_is_nothing_else(address, path):
    assert _ask(address, path)[0].status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"])
def test_it_takes_no_orders(address, method):
    assert _ask(address, "/livez", method)[0].status == 405


@pytest.mark.parametrize(
    "name", ["shop.example", "shop.example:8766", "localhost.example", "10.0.0.1", "", "[", "::1"]
)
def test_a_page_from_elsewhere_under_a_name_of_its_own_learns_nothing(address, name):
    assert _ask(address, "/metrics", Host=name)[0].status == 421


@pytest.mark.parametrize("name", ["localhost", "localhost:9000", "127.0.0.1:8766", "[::1]:8766"])
def test_this_machine_may_be_asked_by_any_of_its_own_names(address, name):
    assert _ask(address, "/metrics", Host=name)[0].status == 200


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET /livez HTTP/2.0\r\n\r\n", 505),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", 431),
        (b"GET /livez HTTP/1.0\r\n\r\n", 200),
    ],
)
def test_what_is_no_request_is_told_so(address, said, status):
    assert _say(address, said).startswith(f"HTTP/1.1 {status} ".encode())


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100))
def test_no_bytes_break_it(address, said):
    answer = _say(address, said + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 ")
    assert _ask(address, "/livez")[0].status == 200


def test_who_is_slow_is_cut_off_and_holds_up_nobody():
    with _serving(timeout_s=0.2) as address:
        slow = [socket.create_connection((address.host, address.port), timeout=10) for _ in range(100)]
        slow[-1].sendall(b"GET /livez HT")
        answer, _ = _ask(address, "/livez")
        assert answer.status == 200
        for link in slow:
            with link, suppress(ConnectionResetError):  # as good
                assert link.recv(1) == b""


def test_a_question_that_fails_is_one_500_and_the_next_is_answered(caplog):
    answers = iter([ValueError("no children"), WELL])

    def look():
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    with _serving(look) as address:
        answer, body = _ask(address, "/readyz")
        assert (answer.status, body) == (500, b"cannot say; see the log\n")
        assert _ask(address, "/readyz")[0].status == 200
    assert "no children" in caplog.text


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "shop.example"])
def test_an_address_that_others_can_reach_is_refused(host):
    with pytest.raises(ConfigError, match=r"expected a loopback address.*`\$\.service\.http_host`"):
        StatusServer(_config(host).service, lambda: WELL)


def test_a_port_in_use_is_one_error():
    with _serving() as address:
        other = StatusServer(_config(port=address.port).service, lambda: WELL)
        with pytest.raises(UsageError, match=f"port {address.port} .* is in use"):
            other.start()
        other.close()


def test_by_default_only_this_machine_can_ask():
    assert load_config().service.http_host == "127.0.0.1"
