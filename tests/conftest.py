"""Fixtures that more than one package's tests use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

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
