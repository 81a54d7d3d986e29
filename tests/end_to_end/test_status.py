"""What a running service tells of itself, held against what really happened: all processes, a real Redis."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine import redis_keys
from engine.records import Block, Context, Tick
from engine.service.catalogue import COUNTERS
from perf.real_redis import RedisServer, wait_until
from perf.service_process import Service, send, shop_items

END_S = 40.0
DASHBOARD = Path(__file__).parents[2] / "engine" / "service" / "deploy" / "grafana.json"


@pytest.fixture(scope="module")
def shop():
    return shop_items(END_S, 2)


@pytest.fixture(scope="module")
def service(shop, tmp_path_factory):
    """A service of two shards that has read all that was sent, among it something that nobody can read."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on the PATH")
    folder = tmp_path_factory.mktemp("status")
    server = RedisServer(folder)
    server.start()
    spindles, items = shop
    with server.client() as redis:
        redis.xadd(redis_keys.stream_in("run", spindles[0].name), {"d": b"no message"}, id="1-1")
        send(redis, "run", items)
    service = Service(server, folder / "run", spindles, "run", "http_port = 0\n", n_shards=2)
    command = [sys.executable, "-m", "engine.cli", "run", "--port", "0"]
    with (service.folder / "log.jsonl").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--config", str(service.folder / "site.toml")],
            stderr=log,
            env={**os.environ, "TMPDIR": str(folder)},
        )
    try:
        wait_until(lambda: _ask(service, "readyz")[0] == 200, 60.0)
        service.wait_until_all_is_read()
        yield service
    finally:
        process.kill()
        process.wait()
        server.stop()


def _ask(service, path):
    """Status and body; 0 while nobody answers."""
    urls = [line["message"].rpartition(" ")[2] for line in service.log() if "status at" in line["message"]]
    if not urls:
        return 0, b""
    try:
        with urllib.request.urlopen(urls[0] + path, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def _samples(service):
    text = _ask(service, "metrics")[1].decode()
    return [sample for one in text_string_to_metric_families(text) for sample in one.samples]


def _sum(samples, name, **labels):
    """Over all processes."""
    wanted = labels.items()
    return sum(
        one.value for one in samples if one.name == f"spindlewatch_{name}" and wanted <= one.labels.items()
    )


def test_what_is_counted_is_what_was_sent_and_what_came_of_it(service, shop):
    items, n_alerts = shop[1], len(service.alerts())
    blocks = [item for item in items if isinstance(item, Block)]
    wait_until(lambda: _sum(_samples(service), "journaled_total") >= n_alerts)
    wait_until(lambda: _sum(_samples(service), "blocks_total") == len(blocks))  # told once a second
    samples = _samples(service)

    assert _sum(samples, "contexts_total") == sum(isinstance(item, Context) for item in items)
    assert _sum(samples, "ticks_total") >= sum(isinstance(item, Tick) for item in items)
    assert _sum(samples, "dead_letters_total", reason="malformed") == 1
    assert _sum(samples, "missing_total") == _sum(samples, "repeated_total") == 0
    assert _sum(samples, "dropped_total") == _sum(samples, "restarts_total") == 0
    for name in ("alerts_total", "journaled_total"):
        assert _sum(samples, name) >= n_alerts > 2
    opened = _sum(samples, "alert_latency_seconds_count")
    assert 1 <= opened <= _sum(samples, "alerts_total")
    assert _sum(samples, "alert_latency_seconds_bucket", le="+Inf") == opened
    steps = {one.labels["step"] for one in samples if one.name == "spindlewatch_step_seconds_total"}
    assert {"check", "slide", "extract", "detect", "judge"} <= steps
    for process in ("shard-0", "shard-1"):
        assert _sum(samples, "step_seconds_total", process=process) > 0
        assert _sum(samples, "spindles_heard", process=process) == 1
    assert {one.labels["process"] for one in samples if one.name == "spindlewatch_up"} == {
        "shard-0",
        "shard-1",
        "gateway",
    }


def test_no_panel_of_the_dashboard_is_empty_and_no_counter_is_told_by_nobody(service):
    wait_until(lambda: _sum(_samples(service), "checkpoint_bytes") > 0)
    told = {sample.name for sample in _samples(service)}
    for panel in orjson.loads(DASHBOARD.read_bytes())["panels"]:
        for target in panel.get("targets", []):
            assert set(re.findall(r"spindlewatch_\w+", target["expr"])) <= told, panel["title"]
    named = {f"spindlewatch_{name}".replace("cpu_s_", "cpu_seconds_") for name in COUNTERS}
    assert named <= told


def test_a_redis_that_stands_still_makes_the_service_not_ready_but_alive_until_it_goes_on(service):
    service.server.process.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: _ask(service, "readyz")[0] == 503)
        told = orjson.loads(_ask(service, "readyz")[1])
        alive = _ask(service, "livez")[0]
    finally:
        service.server.process.send_signal(signal.SIGCONT)
    assert any("redis" in one["detail"] for one in told["processes"].values() if not one["ready"])
    assert all(one["up"] for one in told["processes"].values())
    assert alive == 200
    wait_until(lambda: _ask(service, "readyz")[0] == 200)
