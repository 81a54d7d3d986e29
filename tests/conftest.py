"""Fixtures that more than one package's tests use."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from perf.real_redis import RedisServer

# How long an example takes says nothing on a shared machine; and a run that fails must fail again.
settings.register_profile("spindlewatch", deadline=None, derandomize=True)
settings.load_profile("spindlewatch")


@pytest.fixture(scope="session")
def traces() -> Path:
    """Folder of real recordings beside the checkout; they are not committed."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "traces"
    if not folder.is_dir():
        pytest.skip(f"no recordings: {folder} is missing")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "spindlewatch-test", folder]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A real Redis."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on the PATH")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()
