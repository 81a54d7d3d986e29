"""`watch` as a process, beside a server that comes and goes."""

import json
import subprocess
import sys

import msgspec
import pytest
from told import alert, hub_config

from engine.clock import WallClock
from sinks.access import OPEN
from sinks.journal import Journal
from sinks.tokens import Role, add_token
from sinks.websocket import LiveServer

WATCH = [sys.executable, "-m", "engine.cli", "watch"]


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite3")
    yield journal
    journal.close()


def serve(journal, port=0, access=OPEN):
    server = LiveServer(hub_config(port=port), journal, WallClock(), access=access)
    return server, server.start()


def test_lines_for_a_pipe_go_on_over_a_restart_of_the_server(journal):
    first, address = serve(journal)
    first.write([alert(1), alert(2, fault="chatter")])
    command = [*WATCH, address.stream_url, "--json", "--since", "0", "--fault", "process"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        try:
            lines = [watching.stdout.readline()]
            first.close()
            complaint = watching.stderr.readline()
            first.write([alert(3)])  # journaled, nobody is there
            second, _ = serve(journal, address.port)
            second.write([alert(4)])
            lines += [watching.stdout.readline() for _ in range(2)]
            second.close()
        finally:
            watching.kill()

    told = [json.loads(line) for line in lines]
    assert [one["seq"] for one in told] == [1, 3, 4]
    assert {one["epoch"] for one in told} == {journal.epoch}
    assert complaint.startswith("spindlewatch: no connection, trying again: ")


def test_a_token_comes_from_a_file(journal, tmp_path):
    token = add_token(tmp_path / "tokens.json", "hall", Role.VIEWER, 0)
    (tmp_path / "token").write_text(f"{token}\n")
    server, address = serve(
        journal, access=msgspec.structs.replace(OPEN, tokens_file=str(tmp_path / "tokens.json"))
    )
    server.write([alert(1)])
    command = [*WATCH, address.stream_url, "--json", "--token-file", str(tmp_path / "token")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        line = watching.stdout.readline()
        watching.kill()
    server.close()

    assert json.loads(line)["seq"] == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["http://127.0.0.1:8765/"], "wanted an address such as ws://"),
        (["--epoch", "ab"], "got --epoch without --since"),
        (["--token-file", "nowhere"], "nowhere: cannot read the token"),
        (["wss://127.0.0.1:1/", "--ca-file", "nowhere"], "nowhere: wanted a file of certificates"),
    ],
)
def test_what_cannot_be_watched_is_one_line(arguments, told):
    ended = subprocess.run([*WATCH, *arguments], capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert told in line


def test_a_server_that_refuses_is_one_line(journal):
    server, address = serve(journal)
    url = address.stream_url.replace("stream", "nothing")
    ended = subprocess.run([*WATCH, url], capture_output=True, text=True, timeout=60, check=False)
    server.close()

    assert ended.returncode == 1
    assert ended.stderr == f"spindlewatch: {url}: refused: 404 no such page\n"
