"""Logs of a service: a line of JSON each, or text for people."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import orjson

from engine.clock import to_datetime


class JsonLines(logging.Formatter):
    """``t`` (UTC), ``level``, ``logger``, ``message``, and ``error`` with its traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as one line, whatever is in it."""
        told = {
            "t": to_datetime(int(record.created * 1e9)).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return orjson.dumps(told).decode()


def log_to_stderr(kind: Literal["json", "text"]) -> None:
    """Send what this program logs, from INFO up, to stderr.

    Parameters
    ----------
    kind : {"json", "text"}
        For machines or for people.
    """
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if kind == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("sinks.websocket.protocol").setLevel(
        logging.WARNING
    )  # or every health check is two lines
