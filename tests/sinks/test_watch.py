from __future__ import annotations

import io
import json
import threading

import pytest
from rich.console import Console
from told import alert, hub_config

from engine.clock import WallClock
from engine.errors import SpindlewatchError, UsageError
from sinks.journal import Journal
from sinks.terminal import Screen
from sinks.watch import Subscription, watch
from sinks.websocket import LiveServer

_LONG_S = 20.0


@pytest.fixture
def server(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite3")
    server = LiveServer(hub_config(), journal, WallClock())
    yield server
    server.close()
    journal.close()


def test_alert_seen_before_is_not_new():
    subscription = Subscription("ws://127.0.0.1:1/v1/stream")
    messages = [
        {"type": "hello", "epoch": "a", "recovered": False},
        {"type": "snapshot", "seq": 4},
        *({"type": "alert", "seq": seq} for seq in (4, 5, 5, 3, 6)),
    ]

    new = [message.get("seq") for message in messages if subscription._is_new(message)]

    assert new == [None, 4, 5, 6]


def test_new_journal_starts_where_its_snapshot_says():
    subscription = Subscription("ws://127.0.0.1:1/v1/stream", spindles=["M 1"])
    for message in (
        {"type": "hello", "epoch": "a", "recovered": False},
        {"type": "snapshot", "seq": 900},
        {"type": "hello", "epoch": "b", "recovered": False},
        {"type": "snapshot", "seq": 2},
    ):
        subscription._is_new(message)

    assert subscription._is_new({"type": "alert", "seq": 3})
    assert subscription._resume_url().endswith("/v1/stream?spindle=M+1&since=3&epoch=b")


@pytest.mark.parametrize("url", ["127.0.0.1:8765", "http://127.0.0.1:8765/", "ws://", ""])
def test_address_that_is_none_is_one_clear_error(url):
    with pytest.raises(UsageError, match="wanted an address"):
        Subscription(url)


def test_server_that_refuses_for_good_ends_the_iteration(server):
    address = server.start()
    subscription = Subscription(f"{address.stream_url}", types=["everything"])

    with pytest.raises(SpindlewatchError, match="everything"):
        next(iter(subscription))


def test_close_ends_an_iteration_that_waits_for_a_server():
    lost = threading.Event()
    subscription = Subscription("ws://127.0.0.1:9/v1/stream", on_lost=lambda _why: lost.set())
    listener = threading.Thread(target=lambda: list(subscription))
    listener.start()
    assert lost.wait(_LONG_S)

    subscription.close()
    listener.join(_LONG_S)

    assert not listener.is_alive()


def test_close_ends_an_iteration_that_waits_for_a_message(server):
    greeted = threading.Event()
    subscription = Subscription(server.start().stream_url)

    def listen() -> None:
        for message in subscription:
            if message["type"] == "snapshot":
                greeted.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert greeted.wait(_LONG_S)

    subscription.close()
    listener.join(_LONG_S)

    assert not listener.is_alive()


class Ended(Exception):
    """What a test raises to end an endless command."""


class Lines(io.BytesIO):
    """Standard output that ends the program after so many lines, as a closed pipe would."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self._wanted = wanted

    def flush(self) -> None:
        if self.getvalue().count(b"\n") == self._wanted:
            raise Ended


def test_json_lines_tell_open_alerts_first(server, monkeypatch):
    server.write([alert(1), alert(2), alert(1, "closed")])
    out = io.TextIOWrapper(Lines(1))
    monkeypatch.setattr("sys.stdout", out)

    with pytest.raises(Ended):
        watch(server.start().stream_url, as_json=True)

    (line,) = map(json.loads, out.buffer.getvalue().splitlines())
    assert (line["seq"], line["id"], line["state"]) == (2, "M1:process:2", "opened")


def shown(screen: Screen) -> str:
    console = Console(file=io.StringIO(), width=150)
    console.print(screen)
    return console.file.getvalue()


def test_screen_shows_spindles_and_alerts_and_that_the_connection_is_lost():
    screen = Screen("ws://here")
    now = {"spindle": "M1", "condition": "learning", "score": None, "regime": "-", "learned": 4, "wanted": 10}
    told = {"id": "a", "state": "opened", "onset_ns": 0, "text": {"en": "odd [red]cut[/red]"}}

    screen.take({"type": "hello"})
    screen.take({"type": "snapshot", "states": [], "alerts": []})
    screen.take({"type": "state", "state": now})
    screen.take({"type": "alert", "alert": told})

    assert "connected" in shown(screen)
    assert "◌ learning" in shown(screen)
    assert "4/10" in shown(screen)
    assert "odd [red]cut[/red]" in shown(screen)
    screen.lost("refused")
    assert "no connection: refused" in shown(screen)


def test_screen_keeps_a_dozen_alerts():
    screen = Screen("ws://here")

    for n in range(50):
        told = {"id": str(n), "state": "opened", "onset_ns": 0, "text": {"en": f"alert number {n}."}}
        screen.take({"type": "alert", "alert": told})

    assert shown(screen).count("alert number") == 12
