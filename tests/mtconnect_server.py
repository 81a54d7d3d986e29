"""An MTConnect agent on loopback: documents after the standard's schemas, and what can go wrong."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BOUNDARY = "f8b2c0"
T0 = 1_700_000_000_000_000_000


def stamp(t_s: float) -> str:
    """Time of the recorded day: 2023-11-14T22:13:20Z and so many seconds."""
    whole, micros = divmod(round((20 + t_s) * 1e6), 10**6)
    minutes, seconds = divmod(whole, 60)
    return f"2023-11-14T22:{13 + minutes:02d}:{seconds:02d}.{micros:06d}Z"


class RecordedAgent:
    """Knows observations and answers ``/current`` and ``/sample`` as an agent does; what goes wrong is told to it.

    ``spoil`` is a list of functions: each is applied to the bytes of the next part of a stream; the connection is cut
    after a part that was changed. ``answers`` are raw (status, type, body) served before anything else.
    """

    def __init__(self) -> None:
        self.instance = "1001"
        self.first = 1
        self.version = "1.8"
        self.spoil: list = []
        self.answers: list[tuple[int, str, bytes]] = []
        self.asked: list[str] = []
        self.changed = threading.Condition()
        self.closing = False
        self.is_away = False
        self._observations: list[tuple[str, str, str, dict[str, str]]] = []  # item, kind, value, attributes
        self.url = ""

    def add(self, item: str, kind: str, value: str, t_s: float, **attributes: str) -> None:
        """Observe something."""
        with self.changed:
            self._observations.append((item, kind, value, {"timestamp": stamp(t_s), **attributes}))
            self.changed.notify_all()

    def restart(self) -> None:
        """Forget everything and number anew."""
        with self.changed:
            self.instance, self.first, self._observations = str(int(self.instance) + 1), 1, []
            self.changed.notify_all()

    def forget(self, n: int) -> None:
        """Let the ring lose its oldest ``n`` observations."""
        with self.changed:
            self.first += n

    @property
    def following(self) -> int:
        return len(self._observations) + 1

    def document(
        self, numbered: list[tuple[int, tuple[str, str, str, dict[str, str]]]], following: int
    ) -> bytes:
        elements = "".join(
            f'<{kind} dataItemId="{item}" sequence="{number}" '
            + " ".join(f'{key}="{text}"' for key, text in attributes.items())
            + f">{value}</{kind}>"
            for number, (item, kind, value, attributes) in numbered
        )
        namespace = f"urn:mtconnect.org:MTConnectStreams:{self.version}"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><MTConnectStreams xmlns:m="{namespace}" xmlns="{namespace}">'
            f'<Header creationTime="{stamp(0)}" sender="agent" instanceId="{self.instance}" version="{self.version}" '
            f'bufferSize="131072" nextSequence="{following}" firstSequence="{self.first}" '
            f'lastSequence="{following - 1}"/><Streams><DeviceStream name="VMC" uuid="000">'
            f'<ComponentStream component="Path" name="path" componentId="p1"><Events>{elements}</Events>'
            "</ComponentStream></DeviceStream></Streams></MTConnectStreams>"
        ).encode()

    def current(self) -> bytes:
        with self.changed:
            newest = {seen[0]: (number, seen) for number, seen in enumerate(self._observations, 1)}
            return self.document(sorted(newest.values()), self.following)

    def error(self, code: str) -> bytes:
        return (
            f'<MTConnectError xmlns="urn:mtconnect.org:MTConnectError:1.8"><Header instanceId="{self.instance}"/>'
            f'<Errors><Error errorCode="{code}">it is so</Error></Errors></MTConnectError>'
        ).encode()

    def _is_news(self, instance: str, number: int) -> bool:
        return self.closing or self.instance != instance or self.following > number

    def stream(self, start: int, heartbeat_s: float, count: int) -> Iterator[bytes]:
        number, instance = start, self.instance
        while True:
            with self.changed:
                seen = instance, number
                self.changed.wait_for(lambda seen=seen: self._is_news(*seen), heartbeat_s)
                if self.closing or self.is_away:
                    return
                if self.instance != instance:
                    number, instance = 1, self.instance
                if number < self.first:
                    yield self.error("OUT_OF_RANGE")
                    return
                some = list(enumerate(self._observations, 1))[number - 1 : number - 1 + count]
                number += len(some)
                document = self.document(some, number)
            yield document


@contextmanager
def serving(agent: RecordedAgent, tls: ssl.SSLContext | None = None) -> Iterator[RecordedAgent]:
    """Serve an agent on a free port of loopback, by HTTP or HTTPS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            pass

        def do_GET(self) -> None:
            agent.asked.append(self.path)
            url = urlsplit(self.path)
            if agent.is_away:
                self.close_connection = True
            elif agent.answers:
                self._whole(*agent.answers.pop(0))
            elif url.path.endswith("/current"):
                self._whole(200, "text/xml", agent.current())
            else:
                query = {key: values[0] for key, values in parse_qs(url.query).items()}
                start = int(query["from"])
                if not agent.first <= start <= agent.following:
                    self._whole(404, "text/xml", agent.error("OUT_OF_RANGE"))
                else:
                    self._stream(agent.stream(start, int(query["heartbeat"]) / 1000, int(query["count"])))

        def _whole(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, documents: Iterator[bytes]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace;boundary={BOUNDARY}")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.close_connection = True
            for document in documents:
                length = f"Content-type: text/xml\r\nContent-length: {len(document)}\r\n\r\n"
                part = f"--{BOUNDARY}\r\n{length}".encode() + document + b"\r\n"
                sent = agent.spoil.pop(0)(part) if agent.spoil else part
                self.wfile.write(b"%x\r\n" % len(sent) + sent + b"\r\n")
                if sent != part:
                    return
            self.wfile.write(b"0\r\n\r\n")

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: object) -> None:
            pass  # a client that hangs up is what the tests are about

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    agent.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
    try:
        yield agent
    finally:
        with agent.changed:
            agent.closing = True
            agent.changed.notify_all()
        server.shutdown()
        server.server_close()
        thread.join()
