from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console
from told import SPINDLE, alert, block, hub_config
from websockets.sync.server import serve

from engine.clock import WallClock
from engine.errors import SpindlewatchError, UsageError
from sinks.access import OPEN
from sinks.journal import Journal
from sinks.terminal import Screen, print_json, read_token, show_table
from sinks.tokens import Role, add_token
from sinks.watch import Position, Subscription
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


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8765", "http://127.0.0.1:8765/", "ws://", "", "ws://h:99999/", "ws://["]
)
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


def broken_between(subscription: Subscription) -> None:
    """What a subscriber hears of a journal that is new, if the connection breaks after the first word."""
    for message in (
        {"type": "hello", "epoch": "a", "recovered": False},
        {"type": "snapshot", "seq": 900},
        {"type": "hello", "epoch": "b", "recovered": False},
    ):
        subscription._is_new(message)


def test_new_journal_counts_from_its_snapshot_not_from_its_hello():
    subscription = Subscription("ws://127.0.0.1:1/v1/stream")

    broken_between(subscription)

    assert subscription.position == Position(900, "a")  # with the new epoch it would miss 900 alerts


def seqs(subscription: Subscription, until: int) -> list[int]:
    got = []
    for message in subscription:
        if message["type"] == "alert":
            got.append(message["seq"])
            if got[-1] == until:
                return got
    return got


def test_another_process_goes_on_behind_the_position_that_was_kept(server):
    url = server.start().stream_url
    server.write([alert(n) for n in range(1, 6)])
    first = Subscription(url, after=Position(0))
    assert seqs(first, until=3) == [1, 2, 3]

    second = Subscription(url, after=first.position)

    assert seqs(second, until=5) == [4, 5]


class Listening:
    """A subscription that a thread of its own iterates."""

    def __init__(self, url: str, **options) -> None:
        self.greeted = threading.Semaphore(0)
        self.waved = threading.Semaphore(0)
        self.subscription = Subscription(url, on_lost=lambda _why: None, **options)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self.greeted.acquire(timeout=_LONG_S)

    def _run(self) -> None:
        for message in self.subscription:
            if message["type"] == "snapshot":
                self.greeted.release()
            elif message["type"] == "waveform":
                self.waved.release()

    def close(self) -> None:
        self.subscription.close()
        self._thread.join(_LONG_S)


def test_answer_to_a_command_comes_to_whoever_gave_it(server):
    listening = Listening(server.start().stream_url)

    done = listening.subscription.ask("unsubscribe")
    refused = listening.subscription.ask("dance")
    again = listening.subscription.ask("unsubscribe")

    assert done.result(_LONG_S) == {"type": "result", "id": 1, "ok": True}
    assert "dance" in refused.result(_LONG_S)["error"]
    assert again.result(_LONG_S)["id"] == 3
    listening.close()


def test_command_without_a_connection_is_told_at_once():
    with pytest.raises(ConnectionError, match="not connected"):
        Subscription("ws://127.0.0.1:9/v1/stream").ask("unsubscribe").result(0.0)


def test_command_without_an_answer_is_told_when_the_connection_is_lost():
    silent = threading.Event()

    def say_hello_and_go(connection) -> None:
        connection.send('{"type": "hello", "epoch": "a", "recovered": false}')
        connection.send('{"type": "snapshot", "seq": 0}')
        connection.recv(timeout=_LONG_S)
        silent.wait(_LONG_S)

    with serving(say_hello_and_go) as url:
        listening = Listening(url)
        future = listening.subscription.ask("unsubscribe")
        silent.set()

        with pytest.raises(ConnectionError, match="before the answer"):
            future.result(_LONG_S)
        listening.close()


def test_waveform_shown_is_shown_again_after_a_restart(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite3")
    first = LiveServer(hub_config(), journal, WallClock(), [SPINDLE])
    address = first.start()
    listening = Listening(address.stream_url)
    listening.subscription.show("M1/vib")
    first.close()

    second = LiveServer(hub_config(port=address.port), journal, WallClock(), [SPINDLE])
    second.start()
    assert listening.greeted.acquire(timeout=_LONG_S)
    listening.subscription.ask("dance").result(_LONG_S)  # so the subscription before it is known there
    second.write([block(np.ones((2, 5)))])

    assert listening.waved.acquire(timeout=_LONG_S)
    listening.close()
    second.close()
    journal.close()


@pytest.fixture
def guarded(tmp_path):
    """A server that asks for a token, and one that holds."""
    token = add_token(tmp_path / "tokens.json", "hall", Role.VIEWER, 0)
    access = msgspec.structs.replace(OPEN, tokens_file=str(tmp_path / "tokens.json"))
    journal = Journal(tmp_path / "journal.sqlite3")
    server = LiveServer(hub_config(), journal, WallClock(), access=access)
    yield server, token
    server.close()
    journal.close()


def test_subscriber_with_a_token_is_let_in(guarded):
    server, token = guarded
    server.write([alert(1)])

    assert seqs(Subscription(server.start().stream_url, token=token, after=Position(0)), until=1) == [1]


@pytest.mark.parametrize("token", ["", "sw_wrong"])
def test_subscriber_without_a_good_token_ends_and_the_token_is_in_no_error(guarded, token):
    url = guarded[0].start().stream_url

    with pytest.raises(SpindlewatchError, match=r"refused.*token") as ended:
        list(Subscription(url, token=token))

    assert "sw_wrong" not in str(ended.value)


def test_certificate_that_nobody_trusts_ends_the_iteration(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on the path: no certificate to try")
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    asked = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=mill -addext"
    )
    files = ["subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert]
    subprocess.run([*asked.split(), *files], check=True, capture_output=True)
    journal = Journal(tmp_path / "journal.sqlite3")
    access = msgspec.structs.replace(OPEN, tls_cert=cert, tls_key=key)
    server = LiveServer(hub_config(), journal, WallClock(), access=access)
    server.write([alert(1)])
    url = server.start().stream_url

    with pytest.raises(SpindlewatchError, match="certificate: self-signed"):
        next(iter(Subscription(url)))
    assert seqs(Subscription(url, ca_file=cert, after=Position(0)), until=1) == [1]
    server.close()
    journal.close()


@contextmanager
def serving(handle, **options):
    """Any server of websockets."""
    with serve(handle, "127.0.0.1", 0, **options) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/v1/stream"


def answering(status: int):
    def answer(connection, request):
        return connection.respond(status, f"because of {request.headers.get('Authorization')}\n")

    return serving(lambda _connection: None, process_request=answer)


@pytest.mark.parametrize("status", [401, 403, 404, 421])
def test_answer_that_will_not_change_ends_the_iteration_and_says_why(status):
    with (
        answering(status) as url,
        pytest.raises(SpindlewatchError, match=f"refused: {status} because of Bearer sesame"),
    ):
        next(iter(Subscription(url, token="sesame")))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_answer_that_may_change_is_asked_for_again(status):
    lost = threading.Semaphore(0)
    with answering(status) as url:
        subscription = Subscription(url, on_lost=lambda _why: lost.release())
        listener = threading.Thread(target=lambda: list(subscription))
        listener.start()

        assert lost.acquire(timeout=_LONG_S)
        assert lost.acquire(timeout=_LONG_S)
        subscription.close()
        listener.join(_LONG_S)


@pytest.mark.parametrize("message", ["<html>", "[]", '{"kind": 1}', '{"type": 1}', b"", b"\x04\0\0\0null"])
def test_server_of_something_else_is_one_clear_error(message):
    with (
        serving(lambda connection: connection.send(message)) as url,
        pytest.raises(SpindlewatchError, match="wanted a message of a spindlewatch stream"),
    ):
        next(iter(Subscription(url)))


def test_certificates_that_are_none_are_one_clear_error(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")

    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(UsageError, match="wanted a file of certificates"):
            Subscription("wss://127.0.0.1:1/v1/stream", ca_file=str(tmp_path / name))


@pytest.mark.parametrize("text", ["", "\n sesame", "열려라", "a\tb"])
def test_file_without_a_token_is_one_clear_error(tmp_path, text):
    (tmp_path / "token").write_text(text)

    with pytest.raises(UsageError, match="wanted a token"):
        read_token(tmp_path / "token")


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
        print_json(server.start().stream_url)

    (line,) = map(json.loads, out.buffer.getvalue().splitlines())
    assert (line["seq"], line["id"], line["state"]) == (2, "M1:process:2", "opened")


def printed(monkeypatch, show, url: str, n_lines: int, **wanted) -> list[str]:
    """The first lines that a command prints."""
    out = io.TextIOWrapper(Lines(n_lines))
    monkeypatch.setattr("sys.stdout", out)
    with pytest.raises(Ended):
        show(url, **wanted)
    return out.buffer.getvalue().decode().splitlines()


def test_json_lines_go_on_behind_the_last_one_printed(server, monkeypatch):
    server.write([alert(n) for n in range(1, 5)])
    url = server.start().stream_url
    first = printed(monkeypatch, print_json, url, 2, after=Position(0))
    last = json.loads(first[-1])

    second = printed(monkeypatch, print_json, url, 2, after=Position(last["seq"], last["epoch"]))

    assert [json.loads(line)["seq"] for line in (*first, *second)] == [1, 2, 3, 4]


def test_example_of_the_readme_goes_on_where_it_ended(server, monkeypatch, tmp_path):
    readme = (Path(__file__).parents[2] / "sinks/README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (example,) = [code for code in examples if "Subscription(" in code]
    example = example.replace("ws://127.0.0.1:8765/v1/stream", server.start().stream_url)
    monkeypatch.chdir(tmp_path)
    Path("position.json").write_text("[0, null]")
    server.write([alert(1), alert(2), alert(3)])

    def said_until(number: int) -> list[int]:
        said = []

        def say(seq: int, _text: str) -> None:
            said.append(seq)
            if seq == number:
                raise Ended

        with pytest.raises(Ended):
            exec(example, {"print": say})
        return said

    assert said_until(2) == [1, 2]
    assert said_until(3) == [2, 3]  # what it was at when it ended comes again


def test_without_a_terminal_there_is_a_line_for_each_alert_that_passes(server, monkeypatch):
    server.write([alert(1), alert(2, fault="chatter"), alert(3, spindle="M2", fault="chatter"), alert(4)])
    wanted = {"after": Position(0), "spindles": ["M1"], "faults": ["chatter", "process"]}

    lines = printed(monkeypatch, show_table, server.start().stream_url, 3, **wanted)

    assert [line.partition("opened ")[2].strip() for line in lines] == ["alert 1", "alert 2", "alert 4"]


def shown(screen: Screen) -> str:
    console = Console(file=io.StringIO(), width=150)
    console.print(screen)
    return console.file.getvalue()


def test_screen_shows_spindles_and_alerts_and_that_the_connection_is_lost():
    screen = Screen("ws://here")
    now = {"spindle": "M1", "condition": "learning", "score": None, "regime": "-", "learned": 4, "wanted": 10}
    told = {
        "id": "a",
        "state": "opened",
        "fault": "process",
        "onset_ns": 0,
        "text": {"en": "odd [red]cut[/red]"},
    }

    screen.take({"type": "hello", "recovered": False})
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
        text = {"en": f"alert number {n}."}
        told = {"id": str(n), "state": "opened", "fault": "process", "onset_ns": 0, "text": text}
        screen.take({"type": "alert", "alert": told})

    assert shown(screen).count("alert number") == 12


def test_screen_says_what_it_is_confined_to_and_forgets_alerts_of_a_journal_that_is_gone():
    screen = Screen("ws://here", only=("M1", "chatter"))
    told = {"id": "a", "state": "opened", "fault": "chatter", "onset_ns": 0, "text": {"en": "it chatters"}}
    screen.take({"type": "alert", "alert": told})

    screen.take({"type": "hello", "recovered": True})

    assert "only M1, chatter" in shown(screen)
    assert "it chatters" in shown(screen)
    screen.take({"type": "hello", "recovered": False})
    assert "it chatters" not in shown(screen)
