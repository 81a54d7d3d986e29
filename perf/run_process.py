"""`spindlewatch run` as a process, with what can be seen of it from outside."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import orjson

from engine import redis_keys
from perf.real_redis import LONG_S, wait_until
from perf.service_process import Service

_STARTED = re.compile(rb'"([a-z0-9-]+): started as process (\d+)"')
_HEAD_BYTES = 160  # of a checkpoint: they hold its place in the stream
_END_S = 30.0


@dataclass
class Run:
    """The supervisor over a service's site, and the processes that it keeps running.

    Parameters
    ----------
    service : Service
        Whose site it runs; the service's own processes are not started.
    within : sequence of str
        Put in front of the command, such as what enters a network namespace.
    """

    service: Service
    within: Sequence[str] = ()
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def log_path(self) -> Path:
        """Where all of them log."""
        return self.service.folder / "log.jsonl"

    @property
    def _journal(self) -> Path:
        return self.service.folder / "shop.sqlite3"

    def start(self) -> None:
        """Start it, without waiting for anything."""
        command = [*self.within, sys.executable, "-m", "engine.cli", "run", "--port", "0", "--json"]
        command += ["--config", str(self.service.folder / "site.toml")]
        # A supervisor that is killed leaves its copy of the site behind: in here.
        environment = os.environ | {"TMPDIR": str(self.service.folder)}
        with self.log_path.open("ab") as log:
            self.processes.append(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
            )

    def end(self, number: int = signal.SIGTERM) -> dict[str, Any]:
        """End it; what it said it did, nothing if it could not."""
        process = self.processes[-1]
        process.send_signal(number)
        told, _ = process.communicate(timeout=_END_S)
        return orjson.loads(told) if told else {}

    def kill_all(self) -> None:
        """Leave no process behind: the children die with their supervisor."""
        for process in self.processes:
            process.kill()
            process.communicate()

    def children(self) -> dict[str, int]:
        """Process ids of the children that were started last, by name."""
        found = _STARTED.findall(self.log_path.read_bytes())
        return {name.decode(): int(pid) for name, pid in found}

    def wait_for_the_end_of(self, pids: Sequence[int], long_s: float = LONG_S) -> None:
        """Wait until no such process is left."""
        wait_until(lambda: not any(map(is_alive, pids)), long_s)

    def marks(self) -> list[bytes]:
        """Of each spindle where its checkpoint stands; empty where there is none."""
        prefix = self.service.prefix
        with self.service.server.client() as redis:
            pipe = redis.pipeline(transaction=False)
            for spindle in self.service.spindles:
                pipe.getrange(redis_keys.checkpoint(prefix, spindle.name), 0, _HEAD_BYTES)
            return cast(list[bytes], pipe.execute())

    def told(self) -> tuple[str, str]:
        """Newest entries of the streams of alerts and of tool lives."""
        prefix = self.service.prefix
        with self.service.server.client() as redis:
            newest = [
                cast(list[Any], redis.xrevrange(stream, count=1))
                for stream in (redis_keys.alerts(prefix), redis_keys.lives(prefix))
            ]
        alert, life = (entries[0][0].decode() if entries else "0-0" for entries in newest)
        return alert, life

    def is_journaling(self) -> bool:
        """Whether there is a journal, with its tables."""
        return self._journal.exists() and bool(
            self._ask("SELECT 1 FROM sqlite_schema WHERE name = 'followed'")
        )

    def followed(self) -> tuple[str, str]:
        """Up to which entries of the two the journal knows."""
        prefix = self.service.prefix
        rows = dict(self._ask("SELECT stream, entry FROM followed"))
        return rows.get(redis_keys.alerts(prefix), "0-0"), rows.get(redis_keys.lives(prefix), "0-0")

    def journaled(self) -> list[tuple[str, bytes]]:
        """Key and JSON of every alert message in the journal, in the order in which they came."""
        rows = self._ask("SELECT id, state, t_ns, json FROM alerts ORDER BY seq")
        return [(f"{alert}|{state}|{t_ns}", json) for alert, state, t_ns, json in rows]

    def _ask(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True, timeout=LONG_S)) as journal:
            return journal.execute(query).fetchall()


def is_alive(pid: int) -> bool:
    """Whether a process runs, or is stopped; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
