"""The page and its assets, beside the websocket: the files of ``web/`` and of the stream's contract, read once."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

import orjson
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from sinks.contract.files import FOLDER as CONTRACT
from sinks.contract.files import NAMES

STREAM_PATH = "/v1/stream"
_FOLDER = Path(__file__).with_name("web")
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
}
# Browsers ask for these without being told to.
_ALIASES = {"/": "/index.html", "/favicon.ico": "/favicon.svg"}
# Nothing from elsewhere, nothing inline, not in anybody's frame.
_SECURITY = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "object-src 'none'; require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Pages:
    """Answers to everything that is no websocket."""

    def __init__(self) -> None:
        files = [file for file in sorted(_FOLDER.iterdir()) if file.suffix in _KINDS]
        self._bodies = {f"/{file.name}": (file.read_bytes(), _KINDS[file.suffix]) for file in files}
        for name in NAMES:
            self._bodies[f"/contract/{name}"] = (CONTRACT / name).read_bytes(), _KINDS[".json"]

    def respond(self, request: Request, health: Mapping[str, object]) -> Response | None:
        """Answer a request, or let it become a websocket.

        Parameters
        ----------
        request : Request
            As received; only its method, path and headers are trusted to exist.
        health : mapping
            Told by ``/healthz``; anything but ``status: ok`` makes it 503.

        Returns
        -------
        Response or None
            None: go on with the websocket handshake.
        """
        path = request.path.partition("?")[0]
        if path == STREAM_PATH:
            return None
        if request.method not in ("GET", "HEAD"):
            return plain(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD only")
        if path == "/healthz":
            status = HTTPStatus.OK if health["status"] == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
            return _response(status, orjson.dumps(health), "application/json", "no-store")
        path = _ALIASES.get(path, path)
        if path not in self._bodies:
            return plain(HTTPStatus.NOT_FOUND, "no such page")
        return _response(HTTPStatus.OK, *self._bodies[path], "no-cache")


def plain(status: HTTPStatus, text: str) -> Response:
    """Make an answer of one line."""
    return _response(status, f"{text}\n".encode(), _KINDS[".txt"], "no-store")


def _response(status: HTTPStatus, body: bytes, kind: str, cache: str) -> Response:
    headers = Headers(_SECURITY)
    headers["Cache-Control"] = cache
    headers["Content-Type"] = kind
    headers["Content-Length"] = str(len(body))
    headers["Connection"] = "close"
    return Response(status.value, status.phrase, headers, body)
