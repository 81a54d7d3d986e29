"""Following an MTConnect agent over HTTP: what it knows now, then all that changes; a hole is never passed over.

The protocol is the standard's Part 1 (*Overview and Protocol*): ``/current`` is a snapshot, ``/sample?from=&interval=``
an endless ``multipart/x-mixed-replace`` of what came since a sequence number, with empty documents as heartbeats. An
agent keeps a ring of observations: who is away for longer than that is told ``OUT_OF_RANGE`` and has lost something.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from engine.clock import monotonic_s
from engine.errors import ConfigError, UsageError
from engine.feeders.mtconnect_documents import Document, DocumentError, read_document
from engine.feeders.multipart import AgentError, documents
from engine.feeders.troubles import Troubles

_FIRST_DELAY_S, _MAX_DELAY_S = 0.1, 30.0
_GRACE_S = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """How an agent is asked.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://``, host, port, and whatever path the agent is served under.
    device : str
        Name or uuid; empty = all that the agent has.
    path : str
        XPath of the data items that are wanted; empty = all.
    interval_s : float
        Least time between two documents.
    heartbeat_s : float
        Longest time without one.
    timeout_s : float
        To connect, and for a document once it began.
    count : int
        Observations in one document at most; not more than the agent's buffer holds.
    max_document_bytes : int
        What is longer is refused.
    ca_file : str
        Certificates to trust with ``https``; empty = the system's.
    """

    url: str
    device: str = ""
    path: str = ""
    interval_s: float = 0.1
    heartbeat_s: float = 1.0
    timeout_s: float = 10.0
    count: int = 1000
    max_document_bytes: int = 8 * 2**20
    ca_file: str = ""


class Agent:
    """One agent, followed in the calling thread until it is told to stop.

    Whatever the agent does is counted, told in the log (`engine.feeders.troubles`), and waited for, ever longer.

    Parameters
    ----------
    asked : Asked
        How.
    take : callable
        Is handed every document that holds something new or says that the agent is alive; and whether it is a snapshot
        after something may have been lost.
    lost : callable
        Called once no document has come for two heartbeats and a second: from now on nothing is known. A connection
        that is back before that goes on where it was, for the agent remembered what came meanwhile; after that a
        snapshot begins anew.

    Raises
    ------
    ConfigError, UsageError
        An address that is none, or certificates that cannot be read.
    """

    def __init__(
        self, asked: Asked, take: Callable[[Document, bool], None], lost: Callable[[], None]
    ) -> None:
        self._asked, self._take, self._lost = asked, take, lost
        self._parts = _address(asked.url)
        self._tls = _tls(asked.ca_file) if self._parts.scheme == "https" else None
        self._instance = ""
        self._next: int | None = None  # sequence number to ask for; None = begin with a snapshot
        self._stopping = threading.Event()
        self._socket: socket.socket | None = None
        self._troubles = Troubles(f"mtconnect: {asked.url}")
        self._heard_s: float | None = None  # when a document came; None = never, or long ago
        self._silent_s = 2 * asked.heartbeat_s + _GRACE_S
        self.counts: Counter[str] = Counter()
        """``documents``, ``errors`` (attempts that failed), ``gaps``, ``lost`` (observations, where that is known),
        ``restarts`` (of the agent), ``repeated``, ``unusable``."""

    def follow(self) -> None:
        """Follow until `stop`."""
        delay_s = _FIRST_DELAY_S
        while not self._stopping.is_set():
            n_before = self.counts["documents"]
            try:
                self._session()
            except (
                Exception
            ) as error:  # what a broken agent provokes in http.client, ssl and codecs is of many types
                self._fail(error)
            if self.counts["documents"] > n_before + 1:
                delay_s = _FIRST_DELAY_S
            self._stopping.wait(delay_s)
            delay_s = min(2 * delay_s, _MAX_DELAY_S)

    def stop(self) -> None:
        """Ask `follow` to return soon, from any thread."""
        self._stopping.set()
        if self._socket is not None:
            # Not the method of an SSL socket: that one takes its state away under the thread that reads.
            with suppress(OSError):  # closed already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _session(self) -> None:
        """One snapshot if there is need for one, then the stream for as long as it lasts."""
        if self._next is None:
            for document in self._get("current", {}, self._asked.timeout_s):
                self._begin(document)
                break
            else:
                raise AgentError("got no snapshot")
        asked = self._asked
        query = {
            "from": str(self._next),
            "interval": str(round(asked.interval_s * 1000)),
            "heartbeat": str(round(asked.heartbeat_s * 1000)),
            "count": str(asked.count),
        }
        for document in self._get("sample", query, self._silent_s):
            if not self._advance(document):
                return
        if not self._stopping.is_set():
            raise AgentError("the stream ended")

    def _begin(self, document: Document) -> None:
        if document.errors:
            raise AgentError(f"got the error {', '.join(document.errors)}")
        self._instance, self._next = document.instance, document.following
        self._heard(document, True)

    def _advance(self, document: Document) -> bool:
        """Take a document of the stream; False if a snapshot is needed."""
        assert self._next is not None
        if "OUT_OF_RANGE" in document.errors:
            return self._gap("it does not hold any more what comes next", 0)
        if document.errors:
            self._next = None  # whatever it was, a snapshot says where to begin
            raise AgentError(f"got the error {', '.join(document.errors)}")
        if document.instance != self._instance:
            self.counts["restarts"] += 1
            return self._gap("it was restarted", 0)
        if document.following < self._next:
            return self._gap(f"its numbers went back from {self._next} to {document.following}", 0)
        if document.first > self._next:
            return self._gap("it does not hold any more what came next", document.first - self._next)
        fresh = tuple(one for one in document.observations if one.sequence >= self._next)
        self.counts["repeated"] += len(document.observations) - len(fresh)
        self._next = document.following
        self._heard(
            document if len(fresh) == len(document.observations) else replace(document, observations=fresh),
            False,
        )
        return True

    def _heard(self, document: Document, snapshot: bool) -> None:
        self._troubles.well()
        self._heard_s = monotonic_s()
        self.counts["documents"] += 1
        self.counts["unusable"] += document.n_unusable
        self._take(document, snapshot)

    def _gap(self, why: str, n_lost: int) -> bool:
        self._next = None
        self.counts["gaps"] += 1
        self.counts["lost"] += n_lost
        self._troubles.note(f"something was lost, beginning anew: {why}")
        return False

    def _fail(self, error: Exception) -> None:
        if self._stopping.is_set():
            return
        self.counts["errors"] += 1
        if self._heard_s is not None and monotonic_s() - self._heard_s >= self._silent_s:
            self._heard_s = self._next = None
            self._lost()
        self._troubles.trouble(
            str(error) if isinstance(error, DocumentError) else f"{type(error).__name__}: {error}"
        )

    def _get(self, what: str, query: dict[str, str], silent_s: float) -> Iterator[Document]:
        """Ask for something; the documents of the answer as they come."""
        parts, asked = self._parts, self._asked
        host = parts.hostname or ""
        connection = (
            http.client.HTTPConnection(host, parts.port, timeout=asked.timeout_s)
            if self._tls is None
            else http.client.HTTPSConnection(host, parts.port, timeout=asked.timeout_s, context=self._tls)
        )
        try:
            connection.connect()
            self._socket = connection.sock
            device = f"/{quote(asked.device, safe='')}" if asked.device else ""
            query = query | ({"path": asked.path} if asked.path else {})
            target = f"{parts.path.rstrip('/')}{device}/{what}" + (f"?{urlencode(query)}" if query else "")
            connection.request("GET", target, headers={"Accept": "multipart/x-mixed-replace, text/xml"})
            connection.sock.settimeout(silent_s)
            with connection.getresponse() as response:  # which outlives the connection
                if self._stopping.is_set():
                    return
                for data in documents(response, asked.max_document_bytes, asked.timeout_s):
                    yield read_document(data)
        finally:
            self._socket = None
            connection.close()


def _address(url: str) -> SplitResult:
    with suppress(ValueError):  # brackets or a port that are none
        parts = urlsplit(url)
        if (
            parts.scheme in ("http", "https")
            and parts.hostname
            and parts.port != 0
            and "@" not in parts.netloc
        ):
            return parts
    raise ConfigError(
        f"mtconnect: got the url {url.rpartition('@')[2]!r}, wanted http://host:port without a user"
    )


def _tls(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise UsageError(f"mtconnect: {ca_file}: the certificates cannot be read: {error}") from error
