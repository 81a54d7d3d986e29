"""Logs of a service: a line of JSON each, or text for people; on stderr, where whoever runs it collects them."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Literal

import orjson

from engine.clock import to_datetime

_USER_OF_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s'\"]*@", re.IGNORECASE)

# Either tells two lines for every health check.
_CHATTY = ("sinks.websocket.protocol", "websockets")


def without_secrets(text: str) -> str:
    """Take user and password out of every address in a text, however it came there.

    Examples
    --------
    >>> without_secrets("cannot reach redis://shop:se/c@ret@10.0.0.7:6379/0, trying again")
    'cannot reach redis://***@10.0.0.7:6379/0, trying again'
    """
    return _USER_OF_URL.sub(r"\1***@", text)


class JsonLines(logging.Formatter):
    """A record as one line of JSON.

    ``t`` (UTC), ``level``, ``process``, ``logger``, ``message``; ``fields`` if it was logged with ``extra={"fields":
    {...}}``; ``error`` with its traceback if there is one. No password of an address is in it.

    Parameters
    ----------
    process : str
        Which process of the service this is: ``supervisor``, ``shard-0``, ...
    """

    def __init__(self, process: str = "") -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as one line, whatever is in it."""
        told: dict[str, Any] = {
            "t": to_datetime(int(record.created * 1e9)).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if fields:
            told["fields"] = fields
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        line = orjson.dumps(told, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)
        return without_secrets(line.decode())


class TextLines(logging.Formatter):
    """A record for people: time, level, process, logger, message.

    Parameters
    ----------
    process : str
        As of `JsonLines`.
    """

    def __init__(self, process: str = "") -> None:
        named = f"{process} " if process else ""
        super().__init__(f"%(asctime)s %(levelname)-7s {named.replace('%', '%%')}%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Write one record, with its traceback if there is one; no password of an address is in it."""
        return without_secrets(super().format(record))


def log_to_stderr(
    kind: Literal["json", "text"],
    level: Literal["debug", "info", "warning", "error"] = "info",
    process: str = "",
) -> None:
    """Send what this program logs to stderr.

    Parameters
    ----------
    kind : {"json", "text"}
        For machines or for people: ``[log] format``.
    level : {"debug", "info", "warning", "error"}
        What weighs less is left out: ``[log] level``.
    process : str
        Which process of the service this is.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process) if kind == "json" else TextLines(process))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
