import json
import subprocess
import sys
from collections import Counter

import pytest
from mtconnect_server import RecordedAgent, serving

from engine import redis_keys
from engine.config import parse_config
from engine.errors import ConfigError, RecordingError
from engine.feeders.source import Source
from engine.feeders.together import feed_all, run_together
from engine.records import Block, Context
from engine.runtime import Stop
from engine.wire import decode
from perf.real_redis import wait_until

SITE = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "load"
kind = "scalar"
sample_rate_hz = 20.0
channels = [{ name = "spindle_load" }]
"""


def test_sensors_one_way_and_the_controller_another_are_one_stream_without_a_gap_in_its_numbers(
    tmp_path, redis_server
):
    site, rows = tmp_path / "site.toml", tmp_path / "load.csv"
    rows.write_text("t;load\n")
    stream = redis_keys.stream_in("shop", "M1")
    with serving(RecordedAgent()) as server, redis_server.client() as redis:
        server.add("t", "ToolNumber", "1", 0)
        site.write_text(
            SITE
            + f'[redis]\nurl = "{redis_server.url}"\nprefix = "shop"\n'
            + f'[[feeds.mtconnect.agents]]\nurl = "{server.url}"\nspindle = "M1"\n'
            + f'[[feeds.csv.files]]\npath = "{rows}"\nspindle = "M1"\ntime = "t"\nbegin = "start"\n'
            + 'values = { load = "spindle_load" }\n'
        )
        with subprocess.Popen(
            [sys.executable, "-m", "engine.cli", "feed", "all", "--config", site]
        ) as process:
            n_rows = 0

            def grown():
                nonlocal n_rows
                with rows.open("a") as file:
                    file.write(f"{1_700_000_000 + n_rows / 20:.3f};{n_rows}\n")
                n_rows += 1
                items = [decode(entry[b"d"]) for _id, entry in redis.xrange(stream)]
                return {Block, Context} <= {type(item) for item in items} and len(items) > 20

            wait_until(grown)
            process.terminate()
            assert process.wait(10) == 0
        entries = [entry for _id, entry in redis.xrange(stream)]
        items = [decode(entry[b"d"]) for entry in entries]
    assert [int(entry[b"n"]) for entry in entries] == list(range(1, len(entries) + 1))
    assert [item.tool for item in items if isinstance(item, Context)] == ["1"]
    assert [float(item.samples[0, 0]) for item in items if isinstance(item, Block)][:5] == [
        0.0,
        1.0,
        2.0,
        3.0,
        4.0,
    ]


def test_an_error_of_one_source_ends_all():
    def broken(_feed, _stop):
        raise RecordingError("no")

    def waiting(_feed, stop):
        wait_until(lambda: stop.asked)

    sources = {"a": Source(broken, 0.0), "b": Source(waiting, 0.0)}
    with pytest.raises(RecordingError, match="no"):
        run_together(parse_config(SITE), sources, [].append, None, Stop())


def test_counts_are_those_of_all_sources():
    def refusing(feed, _stop):
        feed.refuse("unknown", "x", "y")

    class Letters:
        put = staticmethod(lambda _letter: None)

    sources = {"a": Source(refusing, 0.0), "b": Source(refusing, 0.0)}
    counts = run_together(parse_config(SITE), sources, [].append, Letters, Stop())
    assert counts.feed == Counter(unknown=2)


@pytest.mark.parametrize(
    ("feeds", "told"),
    [
        ("", "wanted tables"),
        ("[feeds.opc]\n", "got 'opc'"),
        ("[feeds.mtconnect]\n", "missing required field `agents`"),
    ],
)
def test_feeds_that_cannot_be_meant_are_refused(tmp_path, feeds, told):
    path = tmp_path / "site.toml"
    path.write_text(SITE + feeds)
    with pytest.raises(ConfigError, match=told):
        feed_all(path)


def test_a_dry_run_prints_what_all_would_send(tmp_path):
    site, rows = tmp_path / "site.toml", tmp_path / "load.csv"
    rows.write_text("t;load\n1700000000.0;5\n1700000000.05;6\n")
    with serving(RecordedAgent()) as server:
        server.add("t", "ToolNumber", "1", 0)
        site.write_text(
            SITE
            + f'[[feeds.mtconnect.agents]]\nurl = "{server.url}"\nspindle = "M1"\n'
            + f'[[feeds.csv.files]]\npath = "{rows}"\nspindle = "M1"\ntime = "t"\n'
            + 'values = { load = "spindle_load" }\n'
        )
        command = [sys.executable, "-m", "engine.cli", "feed", "all", "--config", site, "--dry-run", "3"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    items = list(map(json.loads, done.stdout.splitlines()))
    assert sorted(item.get("tool") or item["group"] for item in items) == ["1", "load", "load"]
