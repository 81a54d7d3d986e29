"""Fresh processes, timed from start to exit: what a user waits for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.clock import monotonic_s

ROOT = Path(__file__).resolve().parent.parent
# As a user's: modules are compiled once. Where an environment forbids that, every start compiles some two hundred.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ended.

    Parameters
    ----------
    status : int
        Exit status.
    wall_s : float
        From before its start until it was reaped.
    stdout, stderr : str
        What it said.
    """

    status: int
    wall_s: float
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        """Stdout as one JSON object; anything else there is an error, as ``--json`` promises."""
        decoded: dict[str, Any] = orjson.loads(self.stdout)
        return decoded


def run_python(*arguments: str | Path) -> Finished:
    """Run this Python in the repository's folder, so that it imports this checkout."""
    start_s = monotonic_s()
    ended = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    return Finished(ended.returncode, monotonic_s() - start_s, ended.stdout, ended.stderr)


@contextmanager
def running_spindlewatch(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Start what the console script runs, and end it on leaving."""
    command = [sys.executable, "-c", "from engine.cli import main; main()", *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=ROOT, env=_ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def run_spindlewatch(*arguments: str | Path) -> Finished:
    """Run what the console script runs, whether or not the project is installed."""
    return run_python("-c", "from engine.cli import main; main()", *arguments)
