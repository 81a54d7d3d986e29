"""An answer over HTTP that never ends, cut into documents: ``multipart/x-mixed-replace`` of MTConnect agents."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator

from engine.clock import monotonic_s
from engine.feeders.mtconnect_documents import DocumentError

_MAX_LINE_BYTES = 4096
_MAX_HEADER_LINES = 32


class AgentError(DocumentError):
    """An answer that breaks off, or is none of what was asked for."""


def documents(response: http.client.HTTPResponse, max_bytes: int, timeout_s: float) -> Iterator[bytes]:
    """Cut an answer into documents, as they come.

    Parameters
    ----------
    response : HTTPResponse
        ``multipart/x-mixed-replace``, or a single document.
    max_bytes : int
        What is longer is refused; memory is bounded by it.
    timeout_s : float
        A document that began must be whole within it.

    Yields
    ------
    bytes
        A document, whole.

    Raises
    ------
    AgentError
        An answer that breaks off, drips, or is no multipart of documents.
    OSError, http.client.HTTPException
        A connection that is lost.
    """
    reader = _Reader(response, max_bytes, timeout_s)
    if response.headers.get_content_maintype() == "multipart":
        yield from reader.parts(str(response.headers.get_param("boundary", "")))
    else:
        yield reader.whole()


class _Reader:
    """What comes of an answer, cut into parts; memory is bounded by one document.

    A document that began must be whole within ``timeout_s``, however slowly its bytes drip; between documents the
    socket's timeout counts.
    """

    def __init__(self, response: http.client.HTTPResponse, max_bytes: int, timeout_s: float) -> None:
        self._response, self._max_bytes, self._timeout_s = response, max_bytes, timeout_s
        self._buffer = bytearray()
        self._due_s: float | None = None

    def whole(self) -> bytes:
        """Everything until the end."""
        self._due_s = monotonic_s() + self._timeout_s
        while self._more():
            if len(self._buffer) > self._max_bytes:
                raise self._too_long()
        return bytes(self._buffer)

    def parts(self, boundary: str) -> Iterator[bytes]:
        """Part by part; a part without its length ends at the next boundary."""
        name = boundary.strip('"-').encode()  # some agents state it with the dashes of the line, some without
        if not name:
            raise AgentError("got a multipart answer without a boundary")
        while True:
            self._buffer = self._buffer.lstrip(b"\r\n")
            self._due_s = monotonic_s() + self._timeout_s if self._buffer else None
            line = self._line()
            if line is None:
                return
            if not line.strip():
                continue
            if line[:2] != b"--" or line.strip(b"-") != name:
                raise AgentError(f"got {bytes(line[:60])!r}, wanted a boundary")
            if line.endswith(b"--") and not boundary.endswith("-"):
                return
            n_bytes = self._headers()
            yield self._take(n_bytes) if n_bytes is not None else self._until(name)

    def _headers(self) -> int | None:
        n_bytes = None
        for _ in range(_MAX_HEADER_LINES):
            line = self._line()
            if line is None:
                raise AgentError("the stream broke off within a part's header")
            if not line:
                return n_bytes
            found = re.fullmatch(rb"content-length:\s*(\d{1,15})\s*", line, re.IGNORECASE)
            if found:
                n_bytes = int(found[1])
                if n_bytes > self._max_bytes:
                    raise AgentError(f"got a document of {n_bytes} bytes, wanted at most {self._max_bytes}")
        raise AgentError(f"got a part with more than {_MAX_HEADER_LINES} lines of header")

    def _take(self, n_bytes: int) -> bytes:
        while len(self._buffer) < n_bytes:
            if not self._more():
                raise AgentError(f"the stream broke off after {len(self._buffer)} of {n_bytes} bytes")
        data = bytes(self._buffer[:n_bytes])
        del self._buffer[:n_bytes]
        return data

    def _until(self, name: bytes) -> bytes:
        mark = re.compile(rb"\r?\n-*" + re.escape(name))
        searched = 0
        while (found := mark.search(self._buffer, searched)) is None:
            searched = max(len(self._buffer) - len(name) - 100, 0)
            if not self._more():
                raise AgentError("the stream broke off within a part")
        if found.start() > self._max_bytes:
            raise self._too_long()
        return self._take(found.start())

    def _line(self) -> bytes | None:
        """Next line without its end; None at the end of the stream."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _MAX_LINE_BYTES:
                raise AgentError(f"got a line of more than {_MAX_LINE_BYTES} bytes")
            if not self._more():
                return None
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        return line

    def _more(self) -> bool:
        """Wait for bytes; False at the end."""
        data = self._response.read1(65536)
        if self._due_s is None:
            self._due_s = monotonic_s() + self._timeout_s
        elif monotonic_s() > self._due_s:
            raise AgentError(f"got a part of a document, wanted it whole within {self._timeout_s:g} s")
        self._buffer += data
        if len(self._buffer) > self._max_bytes + _MAX_LINE_BYTES + 65536:
            raise self._too_long()
        return bool(data)

    def _too_long(self) -> AgentError:
        return AgentError(f"got a longer document, wanted at most {self._max_bytes} bytes")
