from __future__ import annotations

import ssl
import subprocess
import threading
import time
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from receiver import (
    OK,
    Receiver,
    close_early,
    continue_for_ever,
    drip,
    flood,
    hang,
    speak_otherwise,
    status,
)

from engine.errors import ConfigError
from sinks.outbound.base import AwayError
from sinks.outbound.post import Poster

SHORT_S = 0.3


def post(url, body=b"{}", ca_file=""):
    return Poster(url, SHORT_S, ca_file).post(body, {"X-Name": "value"})


def test_what_is_posted_arrives_as_it_is():
    with Receiver() as receiver:
        answer = post(f"{receiver.url}/in?a=b", b"\x00\xff")

    [request] = receiver.requests
    assert (request.path, request.body, request.headers["x-name"]) == ("/in?a=b", b"\x00\xff", "value")
    assert answer.status == 204


@pytest.mark.parametrize(
    "script",
    [
        hang,
        drip,
        partial(drip, what=b"HTTP/1.1 400 No\r\n\r\n"),
        partial(drip, what=b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
)
def test_an_answer_that_never_ends_is_waited_for_no_longer_than_told(script):
    with Receiver(script) as receiver:
        began_s = time.monotonic()
        with pytest.raises(AwayError, match=r"127\.0\.0\.1: no whole answer within 0\.3 s"):
            post(receiver.url)

        assert time.monotonic() - began_s < 5 * SHORT_S


def test_an_answer_that_is_promised_again_and_again_is_read_no_further_than_64_kb():
    with Receiver(continue_for_ever) as receiver, pytest.raises(AwayError, match="more than 65536 bytes"):
        post(receiver.url)


@pytest.mark.parametrize("script", [close_early, speak_otherwise])
def test_what_is_no_answer_is_one_line(script):
    with Receiver(script) as receiver, pytest.raises(AwayError, match=r"^127\.0\.0\.1: .+") as raised:
        post(receiver.url)

    assert "\n" not in str(raised.value)


def test_nobody_listening_is_one_line():
    with Receiver() as receiver:
        pass
    with pytest.raises(AwayError, match="cannot be reached: Connection refused"):
        post(receiver.url)


def test_of_a_flood_only_its_beginning_is_read():
    with Receiver(flood) as receiver:
        answer = post(receiver.url)

    assert answer.status == 400
    assert 0 < len(answer.head) <= 300


def test_what_an_error_says_is_shown_without_control_characters():
    with Receiver(status(500, b"no\r\n\x1b[31mred\xff")) as receiver:
        assert post(receiver.url).head == "no   [31mred\ufffd"


def test_no_redirect_is_followed():
    with Receiver() as other:
        with Receiver(status(307, b"", f"Location: {other.url}")) as receiver:
            assert post(receiver.url).status == 307
        assert other.n_connections == 0


@pytest.mark.parametrize(
    ("given", "after_s"), [("7", 7.0), ("99999999", 3600.0), ("-3", 0.0), ("²", 0.0), ("", 0.0)]
)
def test_a_wish_to_be_left_alone_is_heard_within_reason(given, after_s):
    with Receiver(status(503, b"", f"Retry-After: {given}").decode().encode("latin-1")) as receiver:
        assert post(receiver.url).after_s == after_s


def test_what_is_under_way_can_be_ended_from_outside():
    with Receiver(hang) as receiver:
        poster, ended = Poster(receiver.url, 60.0, ""), threading.Event()

        def work():
            with pytest.raises(AwayError):
                poster.post(b"", {})
            ended.set()

        working = threading.Thread(target=work)
        working.start()
        receiver.wait(1)
        poster.abort()
        working.join()

    assert ended.is_set()


_PIECES = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 ",
    b"HTTP/9 500",
    b"Content-Length: -5\r\n",
    b"Content-Length: 9e9\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"ffffffffff\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"X: " + b"x" * 70_000,
    b"Y\r\n" * 200,
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=12)), max_size=6))
def test_whatever_is_answered_is_an_answer_or_one_line(pieces):
    with Receiver(b"".join(pieces)) as receiver:
        try:
            answer = post(receiver.url)
        except AwayError as error:
            told = str(error)
        else:
            told = answer.head
            assert 100 <= answer.status <= 999
            assert len(answer.head) <= 300

    assert told.isprintable()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Key and certificate of 127.0.0.1 in one file, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    wanted = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test -addext"
    )
    command = [
        *wanted.split(),
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        folder / "key",
        "-out",
        folder / "cert",
    ]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return both


def over_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(connection, _ended):
        with context.wrap_socket(connection, server_side=True) as secure:
            data = b""
            while b"\r\n\r\n{}" not in data:
                data += secure.recv(65536) or b"\r\n\r\n{}"
            secure.sendall(OK)

    answer.before_reading = True
    return answer


def test_a_certificate_is_asked_for_and_checked(certificate):
    with Receiver(over_tls(certificate)) as receiver:
        url = receiver.url.replace("http:", "https:")
        assert post(url, ca_file=str(certificate)).status == 204
        with pytest.raises(AwayError, match="certificate is not trusted"):
            post(url)


def test_a_handshake_that_never_ends_is_waited_for_no_longer_than_told(certificate):
    def slowly(connection, ended):
        drip(connection, ended, b"\x16\x03\x03\x3f\xff\x02")  # the head of a record of 16 kB

    slowly.before_reading = True
    with Receiver(slowly) as receiver, pytest.raises(AwayError, match="no whole answer within"):
        post(receiver.url.replace("http:", "https:"), ca_file=str(certificate))


def test_certificates_that_cannot_be_read_are_found_at_once(tmp_path):
    wrong = tmp_path / "ca.pem"
    wrong.write_text("Dear Sir")
    for path in (wrong, tmp_path / "none"):
        with pytest.raises(ConfigError, match="ca_file"):
            Poster("https://127.0.0.1", 1.0, str(path))
