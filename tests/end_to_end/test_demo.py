"""The demo as a user runs it: a real process, its page, its feed, a real Ctrl-C; and its faults at full pace."""

import json
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from engine.config import load_config
from replay.session import replay_recordings
from replay.simulate import demo_plan, plan_from_options, simulate
from sinks.watch import Subscription


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_every_fault_of_a_minute_is_alerted_and_nothing_else(tmp_path, seed):
    paths = simulate(demo_plan(60.0, seed), 60.0, tmp_path / "shop")

    summary = replay_recordings(paths, tmp_path / "out", load_config())

    faults = [fault for outcome in summary.outcomes for fault in outcome.faults]
    assert {fault.label.fault for fault in faults} >= {"tool_breakage", "collision", "sensor_dropout"}
    assert all(fault.found.found and not fault.found.early for fault in faults)
    assert [alert.id for outcome in summary.outcomes for alert in outcome.false_alerts] == []


def test_a_healthy_shop_stays_quiet(tmp_path):
    plan = plan_from_options(preset="demo", duration_s=120.0, n_spindles=2, seed=3, faults=("none",))

    summary = replay_recordings(simulate(plan, 120.0, tmp_path / "shop"), tmp_path / "out", load_config())

    assert [alert.id for outcome in summary.outcomes for alert in outcome.alerts] == []


@pytest.fixture
def demo(tmp_path):
    """A demo in a process of its own; yields the process and the address of its page."""
    command = [
        sys.executable,
        "-m",
        "engine.cli",
        "demo",
        "--port",
        "0",
        "--journal",
        str(tmp_path / "j.sqlite3"),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        said = ""
        while not (found := re.search(r"http://\S+/", said)):
            line = process.stderr.readline()
            assert line, f"the demo ended early: {said}"
            said += line
        yield process, found.group()
    finally:
        process.kill()
        process.communicate()


def test_a_running_demo_shows_a_page_tells_its_subscribers_and_stops_on_ctrl_c(demo):
    process, page = demo
    wanted = {"hello", "snapshot", "state", "heartbeat"}

    with urllib.request.urlopen(page, timeout=10) as answer:
        assert answer.status == 200
        assert b"spindlewatch" in answer.read()
    for message in Subscription(page.replace("http", "ws") + "v1/stream"):
        wanted.discard(message["type"])
        if not wanted:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)

    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert out == ""


def test_a_demo_of_limited_length_ends_by_itself_with_one_json_result():
    command = [sys.executable, "-m", "engine.cli", "demo", "--duration", "3", "--json", "--port", "0"]

    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    told = json.loads(result.stdout)
    assert set(told) >= {"duration_s", "faults_injected", "faults_detected", "false_alerts", "latency_ms"}
    assert told["faults_injected"] == []
    assert result.stderr == ""


def test_a_taken_port_is_one_clear_error(demo):
    _, page = demo
    port = page.rstrip("/").rpartition(":")[2]
    command = [sys.executable, "-m", "engine.cli", "demo", "--duration", "3", "--port", port]

    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert result.returncode in (1, 2)
    assert port in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
