"""Result files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary neighbour to write to; it takes the name of ``path`` on success and goes on failure.

    Parameters
    ----------
    path : Path
        The file wanted; replaced if it exists.

    Yields
    ------
    Path
        Where to write.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
