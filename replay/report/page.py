"""The report as one page that needs nothing else: data, words, drawing and style in a single file."""

from __future__ import annotations

import base64
import hashlib
import html
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from engine.errors import RecordingError
from sinks.files import written_whole

# In the order in which they use each other; the live page's words come first.
_SCRIPTS = (
    "text.js",
    "parts.js",
    "plots.js",
    "signals.js",
    "timeline.js",
    "alerts.js",
    "tables.js",
    "page.js",
)


def report_page(data: dict[str, Any], language: str | None = None) -> str:
    """Make the page.

    Parameters
    ----------
    data : dict
        From `replay.report.build.gather`. Names in it are strangers' text: they stay data.
    language : {"en", "ko"}, optional
        In which it opens; None: that of the reader's browser.

    Returns
    -------
    str
        HTML that loads nothing, and says so: its policy forbids scripts and styles that are not its own.
    """
    web = files("replay.report") / "web"
    words = (files("sinks") / "web" / "words.js").read_text(encoding="utf-8")
    script = "\n".join([words, *((web / name).read_text(encoding="utf-8") for name in _SCRIPTS)])
    style = (web / "report.css").read_text(encoding="utf-8")
    # With every "<" written as an escape, no text can end the element or begin a comment.
    embedded = orjson.dumps({**data, "language": language}).decode().replace("<", "\\u003c")
    title = html.escape(", ".join(one["name"] for one in data["recordings"][:3]))
    policy = f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; base-uri 'none'"
    return f"""<!doctype html>
<html lang="{language or "en"}"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>spindlewatch – {title}</title>
<style>{style}</style></head>
<body><script type="application/json" id="data">{embedded}</script>
<script type="module">{script}</script></body></html>
"""


def write_report(data: dict[str, Any], path: Path, language: str | None = None) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    data, language
        As for `report_page`.
    path : Path
        The file; replaced if it exists.

    Raises
    ------
    RecordingError
        It cannot be written.
    """
    try:
        with written_whole(path) as part:
            part.write_text(report_page(data, language), encoding="utf-8")
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from error


def _digest(text: str) -> str:
    """What a policy calls an element's text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
