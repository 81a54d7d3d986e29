import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress

import pytest
from mtconnect_server import BOUNDARY, RecordedAgent, serving

from engine.errors import ConfigError, UsageError
from engine.feeders.mtconnect_agent import Agent, Asked
from perf.real_redis import wait_until

STREAM = f"multipart/x-mixed-replace; boundary={BOUNDARY}"


class Followed:
    """What a follower handed on."""

    def __init__(self, **asked):
        self.values, self.snapshots, self.n_lost, self.n_documents = [], [], 0, 0
        self.agent = Agent(Asked(heartbeat_s=0.05, interval_s=0.01, **asked), self._take, self._lost)

    def _take(self, document, snapshot):
        self.n_documents += 1
        if snapshot:
            self.snapshots.append([one.value for one in document.observations])
        else:
            self.values += [one.value for one in document.observations]

    def _lost(self):
        self.n_lost += 1


@contextmanager
def following(server, **asked):
    followed = Followed(**{"url": server.url} | asked)
    thread = threading.Thread(target=followed.agent.follow)
    thread.start()
    try:
        yield followed
    finally:
        followed.agent.stop()
        thread.join(10.0)
        assert not thread.is_alive()


def test_the_snapshot_comes_first_then_every_change_once_and_in_order():
    with serving(RecordedAgent()) as server:
        for number in range(5):
            server.add("p", "Program", f"O{number}", number)
        with following(server) as followed:
            wait_until(lambda: followed.snapshots)
            for number in range(5, 300):
                server.add("p", "Program", f"O{number}", number / 10)
            wait_until(lambda: len(followed.values) == 295)
        assert followed.snapshots == [["O4"]]
        assert followed.values == [f"O{number}" for number in range(5, 300)]
        assert followed.agent.counts["gaps"] == followed.agent.counts["errors"] == 0


def test_heartbeats_are_documents_without_observations():
    with serving(RecordedAgent()) as server, following(server) as followed:
        wait_until(lambda: followed.n_documents > 5)
        assert followed.values == []
        assert followed.agent.counts["errors"] == 0


def test_a_connection_that_breaks_within_a_document_loses_nothing_and_repeats_nothing(caplog):
    with serving(RecordedAgent()) as server:
        server.spoil = [lambda part: part[:-300], lambda part: part[:10], lambda part: part[:200]]
        with following(server) as followed:
            for number in range(30):
                server.add("p", "Program", f"O{number}", number)
            wait_until(lambda: "O29" in followed.values + [v for s in followed.snapshots for v in s])
            wait_until(lambda: not server.spoil)
        told = followed.snapshots[0] + followed.values
        assert told == [f"O{number}" for number in range(30)][-len(told) :]
        assert len(followed.snapshots) == 1
        assert followed.agent.counts["errors"] == 3
        assert followed.n_lost == 0


def test_an_agent_that_was_restarted_is_begun_anew_and_the_gap_is_counted(caplog):
    with serving(RecordedAgent()) as server:
        server.add("p", "Program", "old", 0)
        with following(server) as followed:
            wait_until(lambda: followed.n_documents > 2)
            server.restart()
            server.add("p", "Program", "new", 1)
            wait_until(lambda: len(followed.snapshots) == 2)
        assert followed.snapshots == [["old"], ["new"]]
        assert followed.agent.counts["restarts"] == followed.agent.counts["gaps"] == 1
        assert "it was restarted" in caplog.text


def test_observations_that_the_agent_lost_meanwhile_are_a_gap(caplog):
    with serving(RecordedAgent()) as server:
        for number in range(10):
            server.add("p", "Program", f"O{number}", number)
        server.spoil = [lambda part: part[:50]]
        server.answers = [(200, "text/xml", server.current())]
        server.forget(20)
        for number in range(10, 40):
            server.add("p", "Program", f"O{number}", number)
        with following(server) as followed:
            wait_until(lambda: len(followed.snapshots) == 2)
        assert followed.snapshots == [["O9"], ["O39"]]
        assert followed.agent.counts["gaps"] == 1
        assert "something was lost" in caplog.text


def test_a_stream_that_begins_later_than_asked_for_tells_how_many_were_lost():
    agent = RecordedAgent()
    agent.add("p", "Program", "O1", 0)
    agent.first = 8
    late = agent.document([(8, ("p", "Program", "O8", {"timestamp": "2023-11-14T22:13:20Z"}))], 9)
    with serving(RecordedAgent()) as server:
        server.add("p", "Program", "O0", 0)
        server.answers = [(200, "text/xml", server.current()), (200, "text/xml", late)]
        with following(server) as followed:
            wait_until(lambda: followed.agent.counts["gaps"])
        assert followed.agent.counts["lost"] == 6


def test_an_agent_that_cannot_stream_is_polled():
    with serving(RecordedAgent()) as server:
        server.add("p", "Program", "O0", 0)
        one = server.current()
        server.add("p", "Program", "O1", 1)
        polled = server.document([(2, ("p", "Program", "O1", {"timestamp": "2023-11-14T22:13:21Z"}))], 3)
        server.answers = [(200, "text/xml", one), (200, "text/xml", polled)]
        with following(server) as followed:
            wait_until(lambda: followed.n_documents > 4)
        assert followed.values == ["O1"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((500, "text/html", b"<html>no</html>"), "got <html>"),
        ((200, "text/xml", b""), "well-formed"),
        ((200, "text/xml", b"x" * 70_000), "longer document"),
        ((200, "multipart/x-mixed-replace", b"--a\r\n\r\n"), "without a boundary"),
        ((200, STREAM, b"hello\r\n"), "wanted a boundary"),
        ((200, STREAM, b""), "no snapshot"),
        ((200, STREAM, b"y" * 9000), "line of more"),
        ((200, STREAM, f"--{BOUNDARY}\r\n".encode() + b"a: b\r\n" * 40), "lines of header"),
        ((200, STREAM, f"--{BOUNDARY}\r\nContent-length: 99999999999\r\n\r\n".encode()), "99999999999 bytes"),
        ((200, STREAM, f"--{BOUNDARY}\r\nContent-length: 50\r\n\r\nabc".encode()), "3 of 50 bytes"),
        ((200, STREAM, f"--{BOUNDARY}\r\n\r\nabc".encode()), "within a part"),
    ],
)
def test_a_broken_answer_is_told_once_and_survived(answer, told, caplog):
    with serving(RecordedAgent()) as server:
        server.add("p", "Program", "O0", 0)
        server.answers = [answer, answer]
        with following(server, max_document_bytes=1000) as followed:
            wait_until(lambda: followed.snapshots)
        assert followed.snapshots[0] == ["O0"]
        assert followed.agent.counts["errors"] == 2
        warnings = [record for record in caplog.records if record.levelname == "WARNING"]
        assert len(warnings) == 1
        assert told in warnings[0].getMessage()


def test_parts_without_a_length_end_at_the_next_boundary():
    with serving(RecordedAgent()) as server:
        server.add("p", "Program", "O0", 0)
        one = server.document([], 2)
        parts = b"".join(
            f"\r\n--{BOUNDARY}\r\nContent-type: text/xml\r\n\r\n".encode() + one for _ in range(3)
        )
        server.answers = [
            (200, "text/xml", server.current()),
            (
                200,
                f'multipart/x-mixed-replace; boundary="--{BOUNDARY}"',
                parts + f"\r\n--{BOUNDARY}--\r\n".encode(),
            ),
        ]
        with following(server) as followed:
            wait_until(lambda: followed.n_documents >= 4)
            assert len(followed.snapshots) == 1


def test_a_document_that_drips_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n")
                with suppress(OSError):
                    while True:
                        connection.sendall(b" ")
                        threading.Event().wait(0.01)

        thread = threading.Thread(target=drip)
        thread.start()
        with following(
            RecordedAgent(), url=f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=0.1
        ) as followed:
            wait_until(lambda: followed.agent.counts["errors"])
            thread.join(5.0)
        assert not thread.is_alive()


def test_an_agent_that_is_away_is_waited_for():
    followed = Followed(url="http://127.0.0.1:9")
    thread = threading.Thread(target=followed.agent.follow)
    thread.start()
    wait_until(lambda: followed.agent.counts["errors"] >= 2)
    followed.agent.stop()
    thread.join(5.0)
    assert not thread.is_alive()


def test_an_agent_that_stays_away_is_lost_and_begun_anew_when_it_is_back():
    with serving(RecordedAgent()) as server:
        server.add("p", "Program", "O0", 0)
        with following(server) as followed:
            wait_until(lambda: followed.n_documents > 2)
            server.is_away = True
            wait_until(lambda: followed.n_lost)
            server.is_away = False
            wait_until(lambda: len(followed.snapshots) == 2)
        assert followed.n_lost == 1


@pytest.mark.parametrize(
    "url",
    ["", "mill:5000", "ftp://mill", "http://", "http://mill:99999", "http://[::1", "http://a:secret@mill"],
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ConfigError, match="wanted http://host:port") as error:
        Followed(url=url)
    assert "secret" not in str(error.value)


@pytest.fixture
def tls(tmp_path):
    """A server's TLS, its certificate in a file of the folder."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on the PATH")
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext"]
    request += ["subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "ca.pem"]
    subprocess.run(["openssl", *request], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    return context


def test_an_agent_is_followed_by_https_and_left_at_once_when_asked(tls, tmp_path):
    with serving(RecordedAgent(), tls) as server:
        server.add("p", "Program", "O0", 0)
        with following(server, ca_file=str(tmp_path / "ca.pem")) as followed:
            wait_until(lambda: followed.n_documents > 2)
        assert followed.snapshots == [["O0"]]
        assert followed.agent.counts["errors"] == 0


def test_an_agent_whose_certificate_nobody_vouches_for_is_not_talked_to(tls):
    with serving(RecordedAgent(), tls) as server, following(server) as followed:
        wait_until(lambda: followed.agent.counts["errors"] >= 2)
        assert not server.asked


def test_certificates_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        Followed(url="https://mill", ca_file=str(tmp_path / "none.pem"))
