"""`record` and `incident` on the command line: where they look, what they say, and one line for what cannot be done."""

import os

import msgspec
import orjson
import pytest
from barriers import NoClock, build_flow, live_items, source_of
from click.testing import CliRunner

from engine.cli import cli
from engine.config import load_config
from engine.errors import SpindlewatchError, UsageError
from engine.runtime import run_flow
from sinks.ring import Ring
from sinks.ring_layout import alert_of, incidents_in

CONFIG = load_config()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder in which an engine ran, with its journal's name."""
    folder = tmp_path_factory.mktemp("shop")
    shop, items = live_items(46.0, seed=3, faults=("missing_tool@40:M1",))
    table = msgspec.structs.replace(CONFIG.ring, segment_s=5.0)
    ring = Ring(folder / "shop.ring", shop.spindles, table, CONFIG.hash)
    run_flow(build_flow(source_of(items), shop.spindles, CONFIG, NoClock(), [], ring=ring))
    ring.close()
    return folder


def run(*arguments):
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_record_says_what_it_wrote(shop, tmp_path):
    told = orjson.loads(
        run("record", tmp_path / "all", "--journal", shop / "shop.sqlite3", "--last", 5, "--json")
    )

    (recording,) = told["recordings"]
    assert (recording["spindle"], recording["breaks"]) == ("M1", 0)
    assert recording["duration_s"] == pytest.approx(5.0, abs=0.3)
    assert "valid recording of spindle M1" in run("check", recording["path"])


def test_an_incident_without_a_destination_goes_here_and_replays_identically(shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (alert_id,) = map(alert_of, incidents_in(shop / "shop.ring"))

    said = run("incident", alert_id, "--journal", shop / "shop.sqlite3")

    (dest,) = os.listdir(tmp_path)
    assert dest == f"incident-{alert_id}".replace(":", "-")
    assert (alert_id in said, CONFIG.hash in said) == (True, True)
    assert "identical: yes" in run("replay", dest, "--out", "out")
    assert "identical" not in run("replay", dest, "--out", "out", "--cold")


def test_a_configured_ring_is_looked_for_where_it_is(shop, tmp_path):
    (tmp_path / "site.toml").write_text(f'[ring]\npath = "{shop / "shop.ring"}"\n')

    run("record", tmp_path / "all", "--config", tmp_path / "site.toml", "--spindle", "M1")

    assert (tmp_path / "all" / "recording.toml").exists()


def test_what_cannot_be_done_is_an_error_of_one_line(shop, tmp_path):
    journal = ("--journal", shop / "shop.sqlite3")
    with pytest.raises(UsageError, match="got alert 'M1:nothing:1'") as unknown:
        run("incident", "M1:nothing:1", tmp_path / "incident", *journal)
    with pytest.raises(UsageError, match="--spindle: got 'M7'") as stranger:
        run("record", tmp_path / "all", "--spindle", "M7", *journal)
    with pytest.raises(SpindlewatchError, match="wanted the ring of an engine") as nowhere:
        run("record", tmp_path / "all", "--journal", tmp_path / "none.sqlite3")
    assert all("\n" not in str(error.value) for error in (unknown, stranger, nowhere))
    assert os.listdir(tmp_path) == []
