import json
import math
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
from mtconnect_server import T0, RecordedAgent, serving

from engine import redis_keys
from engine.config import parse_config
from engine.feeders.base import Feed
from engine.feeders.mtconnect import mtconnect_source
from engine.records import Block, Context, Tick
from engine.runtime import Stop
from perf.real_redis import wait_until

SITE = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "load"
kind = "scalar"
sample_rate_hz = 20.0
channels = [{ name = "spindle_load" }]
[feeds.mtconnect]
"""


class Sent:
    """What a feeder sent."""

    def __init__(self):
        self.items, self.letters = [], []

    def send(self, item):
        self.items.append(item)

    def put(self, letter):
        self.letters.append(letter)

    def of(self, kind):
        return [item for item in list(self.items) if isinstance(item, kind)]


@contextmanager
def feeding(*urls):
    agents = "".join(
        f'[[feeds.mtconnect.agents]]\nurl = "{url}"\nspindle = "M1"\nheartbeat_s = 0.1\ninterval_s = 0.01\n'
        'values = { Load = "spindle_load" }\n'
        for url in urls
    )
    config, sent, stop = parse_config(SITE + agents), Sent(), Stop()
    feed = Feed(config, sent.send, sent, math.inf)
    thread = threading.Thread(target=mtconnect_source(config).work, args=(feed, stop))
    thread.start()
    try:
        yield sent, feed
    finally:
        stop.ask()
        thread.join(10.0)
        assert not thread.is_alive()


def test_what_a_controller_says_becomes_contexts_rows_and_ticks_in_its_own_time():
    with serving(RecordedAgent()) as server:
        server.add("t", "ToolNumber", "1", -300)
        server.add("l", "Load", "40.5", -10)
        with feeding(server.url) as (sent, feed):
            wait_until(lambda: len(sent.of(Block)) >= 3)
            server.add("t", "ToolNumber", "2", 1.0)
            server.add("l", "Load", "UNAVAILABLE", 1.0)
            wait_until(lambda: len(sent.of(Context)) == 2 and sent.of(Tick))
            wait_until(lambda: np.isnan(sent.of(Block)[-1].samples).all())
        contexts = sent.of(Context)
        assert [(context.t_ns, context.tool) for context in contexts] == [(T0, "1"), (T0 + 10**9, "2")]
        first = sent.of(Block)[0]
        assert (first.t_ns, first.samples.tolist()) == (T0, [[40.5]])
        assert feed.skew_s["M1"] > 0
        assert feed.counts["agents_documents"] > 0


def test_an_agent_that_is_gone_leaves_an_unknown_context_and_once_back_the_context_is_known_again():
    with serving(RecordedAgent()) as server:
        server.add("t", "ToolNumber", "1", 0)
        with feeding(server.url) as (sent, _feed):
            wait_until(lambda: sent.of(Context))
            server.is_away = True
            wait_until(lambda: len(sent.of(Context)) == 2)
            server.is_away = False
            wait_until(lambda: len(sent.of(Context)) == 3)
        contexts = sent.of(Context)
        assert [context.tool for context in contexts] == ["1", None, "1"]
        assert contexts[0].t_ns <= contexts[1].t_ns <= contexts[2].t_ns


def test_a_broken_agent_disturbs_no_other():
    with serving(RecordedAgent()) as broken, serving(RecordedAgent()) as sound:
        broken.answers = [(200, "text/xml", b"<!DOCTYPE a><a/>")] * 1000
        sound.add("t", "ToolNumber", "7", 0)
        with feeding(broken.url, sound.url) as (sent, feed):
            wait_until(lambda: sent.of(Context) and feed.counts["agents_errors"])
        assert sent.of(Context)[0].tool == "7"


def test_a_time_in_the_future_is_a_dead_letter():
    with serving(RecordedAgent()) as server:
        server.answers = [
            (200, "text/xml", server.current().replace(b'creationTime="2023', b'creationTime="2199'))
        ]
        server.add("t", "ToolNumber", "1", 0)
        server.answers = [
            (200, "text/xml", server.current().replace(b'creationTime="2023', b'creationTime="2199'))
        ]
        with feeding(server.url) as (sent, feed):
            wait_until(lambda: feed.counts["ahead"])
        assert sent.letters[0].reason == "ahead"
        assert not sent.of(Context)


def test_a_dry_run_prints_what_would_be_sent_and_needs_no_redis(tmp_path):
    site = tmp_path / "site.toml"
    with serving(RecordedAgent()) as server:
        server.add("t", "ToolNumber", "1", 0)
        server.add("l", "Load", "40.5", 0)
        site.write_text(
            SITE + f'[[feeds.mtconnect.agents]]\nurl = "{server.url}"\nspindle = "M1"\n'
            'values = { Load = "spindle_load" }\n[redis]\nurl = "redis://127.0.0.1:1/0"\n'
        )
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "engine.cli",
                "feed",
                "mtconnect",
                "--config",
                site,
                "--dry-run",
                "2",
                "--json",
            ],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    context, row, counts = map(json.loads, done.stdout.splitlines())
    assert (context["spindle"], context["tool"]) == ("M1", "1")
    assert (row["group"], row["first"]) == ("load", [[40.5]])
    assert counts["feed"]["agents_documents"] > 0
    assert counts["redis"] == {}


def test_what_is_said_ends_in_the_stream_in_redis_and_sigterm_ends_the_feeder(tmp_path, redis_server):
    site = tmp_path / "site.toml"
    with serving(RecordedAgent()) as server, redis_server.client() as redis:
        site.write_text(
            SITE + f'[[feeds.mtconnect.agents]]\nurl = "{server.url}"\nspindle = "M1"\n'
            f'values = {{ Load = "spindle_load" }}\n[redis]\nurl = "{redis_server.url}"\nprefix = "shop"\n'
        )
        server.add("t", "ToolNumber", "1", 0)
        stream = redis_keys.stream_in("shop", "M1")
        command = [sys.executable, "-m", "engine.cli", "feed", "mtconnect", "--config", site]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: redis.xlen(stream))
            server.add("t", "ToolNumber", "2", 1)
            wait_until(lambda: b'"tool":"2"' in b"".join(entry[b"d"] for _id, entry in redis.xrange(stream)))
            process.terminate()
            assert process.wait(10) == 0
