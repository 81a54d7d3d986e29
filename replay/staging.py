"""Folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import RecordingError


@contextmanager
def staged_folder(dest: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes ``dest`` when all went well, and vanishes otherwise.

    Parameters
    ----------
    dest : Path
        Missing, or an empty folder. Parents are made.

    Yields
    ------
    Path
        A hidden folder beside ``dest``, so that the last step is a rename within one file system.

    Raises
    ------
    RecordingError
        The destination exists and is not an empty folder, or cannot be written.
    """
    dest = Path(os.path.abspath(dest))
    _refuse_occupied(dest)
    with writing(dest):
        dest.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{dest.name}.partial-", dir=dest.parent))
    try:
        yield staging
        _refuse_occupied(dest)
        with writing(dest):
            staging.chmod(0o777 & ~_umask())
            staging.replace(dest)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say what it was that could not be written.

    Parameters
    ----------
    path : Path
        What the user asked for.

    Raises
    ------
    RecordingError
        Instead of the OSError inside.
    """
    try:
        yield
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error}") from error


def _refuse_occupied(dest: Path) -> None:
    if dest.is_dir() and not any(dest.iterdir()):
        return
    if dest.exists() or dest.is_symlink():
        raise RecordingError(f"{dest}: exists already; wanted a new or empty folder")


def _umask() -> int:
    """Rights that the user takes from new files; mkdtemp gives none to others."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
