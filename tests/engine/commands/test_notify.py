from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from receiver import Receiver, status
from told import alert

from engine.cli import cli
from engine.errors import SpindlewatchError, UsageError
from sinks.journal import Journal
from sinks.outbound.store import DeadLetter, PositionFile, beside


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.toml"

    def write(*targets):
        told = "".join(f'[[notify]]\nname = "{n}"\nkind = "webhook"\nurl = "{url}"\n' for n, url in targets)
        path.write_text(f'[journal]\npath = "{tmp_path / "journal.sqlite3"}"\n{told}')
        return path

    return write


def run(*arguments):
    return CliRunner().invoke(cli, ["notify", *map(str, arguments)], catch_exceptions=False)


def test_a_test_arrives_and_is_marked_as_one(site):
    with Receiver() as receiver:
        result = run("--config", site(("shop", receiver.url)), "--test", "shop", "--json")

    [request] = receiver.requests
    assert request.event["type"] == "spindlewatch.test"
    assert "Nothing is the matter" in request.event["data"]["text"]["en"]
    assert json.loads(result.stdout) == {"target": "shop", "arrived": True, "id": request.event["id"]}


def test_a_test_that_does_not_arrive_says_why(site):
    with Receiver(status(401, b"who are you")) as receiver:
        path = site(("shop", receiver.url))
        with pytest.raises(SpindlewatchError, match="answered 401: who are you"):
            run("--config", path, "--test", "shop")


@pytest.mark.parametrize(
    ("targets", "arguments", "told"),
    [
        ((), (), r"\[\[notify\]\]"),
        ((("shop", "http://a"),), ("--test", "shoop"), "shop, got 'shoop'"),
        ((("shop", "http://a"),), ("--test", "shop", "--list"), "got both"),
    ],
)
def test_what_cannot_be_meant_is_one_line(site, targets, arguments, told):
    path = site(*targets)
    with pytest.raises(UsageError, match=told):
        run("--config", path, *arguments)


def test_the_list_says_how_far_each_was_told_and_what_it_did_not_take(site, tmp_path):
    path = site(("shop", "http://a"), ("new", "http://b"))
    journal = Journal(tmp_path / "journal.sqlite3")
    for number in (1, 2, 3):
        journal.append(alert(number))
    assert [row["seq"] for row in json.loads(run("--config", path, "--json").stdout)["targets"]] == [
        None,
        None,
    ]
    positions = PositionFile(beside(tmp_path / "journal.sqlite3"))
    positions.begin("shop", journal.epoch, 0)
    positions.give_up("shop", DeadLetter(1, 5, "[not] that one", b"{}"))

    first, second = json.loads(run("--config", path, "--list", "--json").stdout)["targets"]
    table = run("--config", path).stdout
    positions.close()
    journal.close()

    assert (first["kind"], first["seq"], first["head"], first["n_given_up"]) == ("webhook", 1, 3, 1)
    assert first["dead_letters"] == [
        {"seq": 1, "at": "1970-01-01T00:00:00.000000Z", "error": "[not] that one"}
    ]
    assert (second["seq"], second["dead_letters"]) == (None, [])
    assert "[not] that one" in table
