"""`spindlewatch run` as its user meets it: all processes, a real Redis, each process killed once."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing

import orjson
import pytest

from perf.real_redis import wait_until
from perf.service_process import Service, send, shop_items

END_S = 40.0


@pytest.fixture
def running(redis_server, tmp_path):
    """`run` over two shards and what a simulated shop of two spindles has sent; and its process."""
    spindles, items = shop_items(END_S, 2)
    with redis_server.client() as redis:
        send(redis, "run", items)
    service = Service(redis_server, tmp_path / "run", spindles, "run", "http_port = 0\n", n_shards=2)
    command = [sys.executable, "-m", "engine.cli", "run", "--port", "0", "--json"]
    with (service.folder / "log.jsonl").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--config", str(service.folder / "site.toml")],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
    yield service, process
    process.kill()
    process.communicate()


def _started(service, name):
    """Process ids of a child, in order."""
    said = re.compile(rf"{name}: started as process (\d+)")
    return [int(found[1]) for line in service.log() if (found := said.fullmatch(line["message"]))]


def _is_ready(service):
    urls = [line["message"].rpartition(" ")[2] for line in service.log() if "status at" in line["message"]]
    try:
        with urllib.request.urlopen(urls[0] + "readyz", timeout=5) as answer:
            return answer.status == 200
    except (IndexError, OSError):
        return False


def _journaled(service):
    with closing(sqlite3.connect(f"file:{service.folder}/shop.sqlite3?mode=ro", uri=True)) as journal:
        rows = journal.execute("SELECT id, state, t_ns FROM alerts ORDER BY seq").fetchall()
    return ["|".join(map(str, row)) for row in rows]


def test_each_process_killed_once_no_alert_is_missing_from_the_journal_or_twice_in_it(running):
    service, process = running
    wait_until(lambda: _is_ready(service), 60.0)
    for name in ("shard-0", "gateway", "shard-1"):
        os.kill(_started(service, name)[0], signal.SIGKILL)
        wait_until(lambda name=name: len(_started(service, name)) == 2)
    wait_until(lambda: _is_ready(service), 60.0)
    service.wait_until_all_is_read()
    wait_until(lambda: len(_journaled(service)) >= len(service.alerts()) > 2)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)

    told = orjson.loads(output)
    assert process.returncode == 0
    assert told["drained"]
    assert {name: one["restarts"] for name, one in told["processes"].items()} == {
        name: {"died": 1} for name in ("shard-0", "shard-1", "gateway")
    }
    assert sorted(_journaled(service)) == sorted(set(service.alerts()))
    assert {line["process"] for line in service.log()} == {"supervisor", "shard-0", "shard-1", "gateway"}
