"""Fixtures that more than one package's tests use."""

from __future__ import annotations

import shutil
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
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A real Redis."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on the PATH")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()
