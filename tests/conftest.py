"""Fixtures that more than one package's tests use."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def traces() -> Path:
    """Folder of real recordings beside the checkout; they are not committed."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "traces"
    if not folder.is_dir():
        pytest.skip(f"no recordings: {folder} is missing")
    return folder
