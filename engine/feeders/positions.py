"""How far files were read, kept in a file, so that a feeder goes on where it ended."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec

from engine.errors import UsageError
from engine.feeders.tail import Mark

_log = logging.getLogger(__name__)


class Positions:
    """Marks by the paths as configured.

    Parameters
    ----------
    path : str
        JSON; empty = nothing is kept. Not there yet = nothing was read yet.

    Raises
    ------
    UsageError
        A file that cannot be read, or is another one.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self.marks: dict[str, Mark] = {}
        """By the path as configured."""
        if self._path is None or not self._path.exists():
            return
        try:
            self.marks = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Mark])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise UsageError(f"{self._path}: wanted the positions that a feeder kept: {error}") from error

    def keep(self, marks: dict[str, Mark]) -> None:
        """Write marks down, if any is another one; a full disk is logged, and no error."""
        if self._path is None or marks == self.marks:
            return
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            beside.write_bytes(msgspec.json.encode(marks))
            os.replace(beside, self._path)
        except OSError as error:
            _log.error("%s: positions cannot be kept: %s", self._path, error.strerror)
            return
        self.marks = dict(marks)
