"""Senders in three languages mean the same, and an engine understands them."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine import redis_keys
from engine.records import Block, Context, Tick
from engine.wire import decode
from perf.real_redis import RedisServer

EXAMPLES = Path(__file__).parents[2] / "engine" / "examples"
SPINDLE = "선반 1"


@pytest.fixture
def network(tmp_path):
    """A Redis that listens on a port, and that port."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on the PATH")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    server = RedisServer(tmp_path, listen=("127.0.0.1", port))
    server.start()
    yield server, port
    server.stop()


def python(_folder, port):
    return [sys.executable, EXAMPLES / "send.py", f"redis://127.0.0.1:{port}/0"]


def node(_folder, port):
    if shutil.which("node") is None:
        pytest.skip("node is not on the PATH")
    return ["node", EXAMPLES / "send.mjs", "127.0.0.1", str(port)]


def c(folder, port):
    if shutil.which("cc") is None:
        pytest.skip("cc is not on the PATH")
    strict = ["cc", "-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2"]
    subprocess.run([*strict, "-o", folder / "send", EXAMPLES / "send.c", "-lm"], check=True, timeout=60)
    return [folder / "send", "127.0.0.1", str(port)]


@pytest.mark.parametrize("language", [python, node, c])
def test_what_an_example_sends_is_what_is_meant(language, network, tmp_path):
    server, port = network
    command = [*language(tmp_path, port), SPINDLE]
    subprocess.run(command, check=True, timeout=30, cwd=tmp_path)

    with server.client() as redis:
        entries = redis.xrange(redis_keys.stream_in("spindlewatch", SPINDLE))
    context, block, tick = [decode(fields[b"d"]) for _id, fields in entries]
    phase = 2 * np.pi * 400 * np.arange(256) / 25_600
    assert [fields[b"n"] for _id, fields in entries] == [b"1", b"2", b"3"]
    assert context == Context(SPINDLE, context.t_ns, "T7", "O1001", None, 12_000.0, None, True, 4)
    assert type(block) is Block
    assert (block.spindle, block.group, block.sample_rate_hz) == (SPINDLE, "vib", 25_600.0)
    np.testing.assert_allclose(block.samples, [np.sin(phase), 0.5 * np.cos(phase)], atol=1e-6)
    assert block.t_ns == context.t_ns
    assert tick == Tick(SPINDLE, block.end_ns)
    assert abs(int(entries[-1][0].split(b"-")[0]) - tick.t_ns / 1e6) < 5_000  # by Redis' own clock


@pytest.mark.parametrize("language", [node, c])
def test_an_example_says_why_redis_takes_nothing(language, network, tmp_path):
    server, port = network
    with server.client() as redis:
        redis.set(redis_keys.stream_in("spindlewatch", SPINDLE), "no stream")
    command = [*language(tmp_path, port), SPINDLE]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=30)
    server.stop()
    alone = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (refused.returncode, alone.returncode) == (1, 1)
    assert "WRONGTYPE" in refused.stderr
    assert alone.stderr.startswith("redis: ")


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_an_example_fits_two_screens(path):
    assert path.is_dir() or len(path.read_text().splitlines()) < 120
