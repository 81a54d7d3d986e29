"""A real, headless Chromium, driven through its DevTools protocol with the project's own websocket library."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import IO, Any

import pytest
from websockets.sync.client import ClientConnection, connect

_ANSWER_S = 20.0
# Polled in the page, between two frames: nothing here sleeps.
_UNTIL = """new Promise((resolve) => {{
  const end = performance.now() + {ms};
  const look = () => {{
    let found; try {{ found = ({condition}); }} catch (error) {{ found = false; }}
    if (found) resolve(true); else if (performance.now() > end) resolve(false); else setTimeout(look, 20);
  }};
  look();
}})"""


class Navigated(AssertionError):
    """The page went elsewhere before it could answer."""


class Page:
    """One tab.

    Parameters
    ----------
    connection : ClientConnection
        To the browser's DevTools.
    session : str
        The tab's.
    """

    def __init__(self, connection: ClientConnection, session: str) -> None:
        self._connection, self._session, self._id = connection, session, 0
        self._complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.command(f"{domain}.enable")

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a DevTools command and wait for its answer; complaints that come meanwhile are kept."""
        self._id += 1
        told = {"id": self._id, "sessionId": self._session, "method": method, "params": parameters}
        self._connection.send(json.dumps(told))
        deadline = monotonic() + _ANSWER_S
        while True:
            message = json.loads(self._connection.recv(timeout=max(0.0, deadline - monotonic())))
            if message.get("id") == self._id and message.get("sessionId") == self._session:
                if "navigated" in message.get("error", {}).get("message", ""):
                    raise Navigated(f"{method}: {message['error']}")
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])
            self._keep_complaint(message.get("method"), message.get("params", {}))

    def _keep_complaint(self, method: str | None, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self._complaints.append(str(details.get("exception", {}).get("description", details["text"])))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self._complaints.append(" ".join(str(one.get("value", one)) for one in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self._complaints.append(f"{params['entry']['text']} ({params['entry'].get('url', '')})")

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, the network and uncaught exceptions since the page was opened."""
        self.command("Runtime.evaluate", expression="0")  # whatever came before its answer has been read then
        return self._complaints

    def open(self, url: str) -> None:
        """Go to an address; what follows waits for what it needs."""
        self.command("Page.navigate", url=url)
        self._complaints = []

    def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression, awaited if it is a promise."""
        answer = self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, condition: str, seconds: float = 10.0) -> None:
        """Wait until a JavaScript condition holds in the page; fails with the page's text if it does not."""
        found, deadline = None, monotonic() + seconds
        while found is None:
            try:
                left_ms = 1000 * max(0.0, deadline - monotonic())
                found = self.evaluate(_UNTIL.format(condition=condition, ms=left_ms))
            except Navigated:  # the page that was asked has just made room for the one that is waited for
                if monotonic() > deadline:
                    raise
        if not found:
            raise AssertionError(f"not within {seconds} s: {condition}\n{self._complaints}\n{self.text()}")

    def text(self) -> str:
        """What a person can read."""
        return str(self.evaluate("document.body?.innerText ?? ''"))

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """Set the size of the screen and the colour scheme that the person prefers."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path) -> None:
        """Write a PNG of the screen."""
        path.write_bytes(base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def open_browser(folder: Path, language: str = "en-GB") -> Iterator[Page]:
    """Start Chromium with an empty profile and give its one tab; skips the test where there is no Chromium.

    Parameters
    ----------
    folder : Path
        Empty; for the profile.
    language : str
        What the browser says the person prefers.

    Yields
    ------
    Page
        Blank.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on the path: the page is not looked at")
    arguments = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
        "--remote-debugging-port=0", f"--user-data-dir={folder}", f"--lang={language}",
        f"--accept-lang={language}", "about:blank",
    ]  # fmt: skip
    with subprocess.Popen(
        [program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        drain: Thread | None = None
        try:
            url = _devtools_url(process.stderr)
            drain = Thread(target=process.stderr.read, daemon=True)  # a full pipe would stop the browser
            drain.start()
            with connect(url, max_size=None, proxy=None, compression=None) as connection:
                yield _first_tab(connection)
                _Browser(connection).ask("Browser.close")
                process.wait(_ANSWER_S)
        finally:
            process.kill()
            if drain is not None:
                drain.join(_ANSWER_S)


def _devtools_url(complaints: IO[str]) -> str:
    """Chromium says where it listens, as one line among its complaints; pytest's time limit bounds the wait."""
    said = []
    for line in complaints:
        _, found, url = line.partition("DevTools listening on ")
        if found:
            return url.strip()
        said.append(line)
    raise AssertionError(f"chromium ended before its DevTools listened: {''.join(said)}")


def _first_tab(connection: ClientConnection) -> Page:
    browser = _Browser(connection)
    targets = browser.ask("Target.getTargets")["targetInfos"]
    target = next(one["targetId"] for one in targets if one["type"] == "page")
    return Page(connection, browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])


class _Browser:
    """The DevTools of the browser itself, before there is a tab's session."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection, self._id = connection, 1_000_000

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._id += 1
        self._connection.send(json.dumps({"id": self._id, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(timeout=_ANSWER_S))
            if message.get("id") == self._id:
                return dict(message["result"])
