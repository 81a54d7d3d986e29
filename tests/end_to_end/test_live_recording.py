"""A running engine as its user meets it: an alert is exported while it runs, and recorded is what a killed one left."""

import re
import signal
import subprocess
import sys

import orjson
import pytest

from engine.config import load_config
from replay.session import replay_recordings
from sinks.journal import Journal
from sinks.watch import Subscription

# An alert within seconds of the start, while everything else is still being learnt.
SITE = """
[[limits]]
feature = "vib_x.rms"
above = 0.2
[ring]
segment_s = 1.0
before_s = 2.0
after_s = 1.0
"""


def spindlewatch(*arguments):
    command = [sys.executable, "-m", "engine.cli", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return orjson.loads(result.stdout)


@pytest.fixture
def demo(tmp_path):
    """A demo of one spindle in a process of its own; yields the process, the address of its page and its journal."""
    (tmp_path / "site.toml").write_text(SITE)
    journal = tmp_path / "shop.sqlite3"
    command = [sys.executable, "-m", "engine.cli", "demo", "--port", "0", "--spindles", "1"]
    command += ["--journal", str(journal), "--config", str(tmp_path / "site.toml")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        said = ""
        while not (found := re.search(r"http://\S+/", said)):
            line = process.stderr.readline()
            assert line, f"the demo ended early: {said}"
            said += line
        yield process, found.group(), journal
    finally:
        process.kill()
        process.communicate()


def heard(page):
    """An alert from the feed, once its spindle is a second further: by then what led to it is on disk."""
    alert = None
    for message in Subscription(page.replace("http", "ws") + "v1/stream", types=["alert", "state"]):
        if message["type"] == "alert":
            alert = alert or message["alert"]
        if message["type"] == "state" and alert and message["state"]["t_ns"] > alert["t_ns"] + 1_000_000_000:
            break
    return alert


def test_an_incident_of_a_running_engine_replays_to_identical_bytes_and_what_a_killed_one_leaves_is_recorded(
    demo, tmp_path
):
    process, page, journal = demo
    config = load_config(tmp_path / "site.toml")
    of_it = ["--journal", journal, "--config", tmp_path / "site.toml", "--json"]
    alert = heard(page)

    told = spindlewatch("incident", alert["id"], tmp_path / "incident", *of_it)
    assert process.poll() is None  # exported while it was running
    summary = replay_recordings([tmp_path / "incident"], tmp_path / "out", config)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    again = spindlewatch("incident", alert["id"], tmp_path / "incident-after", *of_it)
    after = replay_recordings([tmp_path / "incident-after"], tmp_path / "out-after", config)
    recorded = spindlewatch("record", tmp_path / "recorded", *of_it, "--last", "3", "--spindle", "M1")

    assert summary.incidents[0].identical
    assert after.incidents[0].identical
    assert (told["states"][0], told["config_hash"]) == ("opened", config.hash)
    assert again["duration_s"] >= told["duration_s"]
    assert (
        replayed(tmp_path / "out", alert["id"])[: len(told["states"])]
        == journaled(journal, alert["id"])[: len(told["states"])]
    )
    assert 1.0 < recorded["recordings"][0]["duration_s"] < 3.5
    checked = spindlewatch("check", tmp_path / "recorded", "--json")
    assert "valid recording of spindle M1" in checked["lines"][0]


def replayed(out, alert_id):
    lines = (out / "alerts.jsonl").read_bytes().splitlines()
    return [line for line in lines if orjson.loads(line)["id"] == alert_id]


def journaled(path, alert_id):
    """The alert's messages in the journal, as bytes without wall times."""
    journal = Journal(path)
    told = [orjson.loads(entry.json) for entry in journal.page(0, 1000)]
    journal.close()
    for message in told:
        del message["received_ns"], message["judged_ns"]
    return [orjson.dumps(message) for message in told if message["id"] == alert_id]
