"""`run` with what it cannot use: one line, and nothing is left running."""

import socket
import subprocess
import sys

import pytest

SPINDLE = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 25600.0
channels = [{ name = "vib_x" }]
"""
REDIS = '[redis]\nurl = "unix:///nowhere/redis.sock"\n'


def _run(folder, text):
    (folder / "site.toml").write_text(text)
    command = [sys.executable, "-m", "engine.cli", "run", "--config", str(folder / "site.toml")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_port_in_use_is_one_line_before_anything_is_started(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = _run(tmp_path, REDIS + f"[service]\nhttp_port = {port}\n" + SPINDLE)

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith(f"spindlewatch: port {port} on 127.0.0.1 is in use")
    assert "started as process" not in ended.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (REDIS, "wanted the spindles to watch as [[spindles]], got none"),
        (REDIS + SPINDLE + SPINDLE, "got 'M1' twice - at `$.spindles[1].name`"),
        ('[redis]\nurl = "redis://shop:hush@host:port"\n' + SPINDLE, "wanted redis://host:port/db"),
        ('[redis]\npassword_file = "nowhere"\n' + SPINDLE, "nowhere: the password cannot be read"),
    ],
)
def test_a_site_that_cannot_be_run_is_one_line(tmp_path, text, told):
    ended = _run(tmp_path, text)

    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("spindlewatch: ")
    assert told in line
    assert "hush" not in line
