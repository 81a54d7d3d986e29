"""Recordings replayed side by side in processes of their own: what each found, put together as if one flow had run."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pyarrow.parquet as pq

from engine.clock import NoClock
from engine.config import Config
from engine.errors import RecordingError
from engine.flow import build_flow
from engine.runtime import Stop, run_flow
from engine.verdicts import Alert, ToolLife
from replay.player import Player
from replay.recording import Recording
from sinks.base import Writer
from sinks.baselines import BaselineFile
from sinks.collect import Collect
from sinks.files import written_whole
from sinks.parquet import ScoreTable

# A fork has the kernels loaded and shares their memory; started afresh, a process loads them for two seconds. Beyond
# Linux, system libraries do not survive a fork.
_START = "fork" if sys.platform == "linux" else "spawn"


@dataclass(frozen=True, slots=True)
class Told:
    """What a replay told, beside its scores.

    Parameters
    ----------
    alerts : list of Alert
        All messages; each spindle's in the order sent.
    lives : list of ToolLife
        As told after every cut.
    """

    alerts: list[Alert]
    lives: list[ToolLife]


def replay_side_by_side(
    recordings: Sequence[Recording],
    scores: Path,
    config: Config,
    n_jobs: int,
    on_done: Callable[[Recording], None],
) -> Told:
    """Replay each recording in a flow of its own, several at a time, as fast as possible.

    This process is one of them. Spindles share nothing, so alerts are those of one flow over all of them. Interrupting
    ends the processes and leaves no files.

    Parameters
    ----------
    recordings : sequence of Recording
        Of different spindles.
    scores : Path
        ``scores.parquet``: the recordings' rows, one recording after the other.
    config : Config
        What decides.
    n_jobs : int
        Processes, at least 2.
    on_done : callable
        Told each recording that is through.

    Returns
    -------
    Told
        Recording by recording.

    Raises
    ------
    SpindlewatchError
        Of the recording that could not be replayed.
    RecordingError
        A process that died.
    """
    Player(recordings, NoClock(), config.check.max_block_s)  # refuses two of one spindle, as one flow does
    with _parts_beside(scores) as folder, _pool(n_jobs - 1) as pool:
        parts = [folder / f"{at}.parquet" for at in range(len(recordings))]
        left = deque(sorted(range(len(recordings)), key=lambda at: -recordings[at].duration_s))
        told: dict[int, Told] = {}
        others = _Others(pool, left, lambda at: (recordings[at].path, config, parts[at]))
        others.start(n_jobs - 1)
        while left:  # meanwhile, this process takes the shortest: others may have to load the kernels first
            with suppress(IndexError):
                at = left.pop()
                told[at] = _play_here(recordings[at].path, config, parts[at])
                on_done(recordings[at])
        while len(told) < len(recordings):
            at, outcome = others.wait()
            if isinstance(outcome, BrokenProcessPool):
                died = f"{recordings[at].path}: the process that replayed it died: out of memory, or killed"
                raise RecordingError(died) from outcome
            if isinstance(outcome, BaseException):
                raise outcome
            told[at] = outcome
            on_done(recordings[at])
        _join(parts, scores)
    in_order = [told[at] for at in range(len(recordings))]
    return Told(
        [alert for one in in_order for alert in one.alerts], [life for one in in_order for life in one.lives]
    )


class _Others:
    """The other processes: each takes the longest recording that is left, whenever it is through with one."""

    def __init__(
        self, pool: ProcessPoolExecutor, left: deque[int], work: Callable[[int], tuple[Path, Config, Path]]
    ) -> None:
        self._pool, self._left, self._work = pool, left, work
        self._done: SimpleQueue[tuple[int, Told | BaseException]] = SimpleQueue()

    def start(self, n_processes: int) -> None:
        """Give each its first recording."""
        with warnings.catch_warnings():
            # The threads that Python 3.12 warns of are NumPy's and Arrow's, which make theirs anew in a fork.
            warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
            for _ in range(n_processes):
                self._give()

    def wait(self) -> tuple[int, Told | BaseException]:
        """Wait for one that was given away: its number, and what it told or why it failed."""
        return self._done.get()

    def _give(self) -> None:
        with suppress(IndexError):  # nothing is left
            at = self._left.popleft()
            try:
                self._pool.submit(_play, *self._work(at)).add_done_callback(partial(self._hear, at))
            except BrokenProcessPool as error:
                self._done.put((at, error))

    def _hear(self, at: int, future: Future[Told]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        self._done.put((at, error if error is not None else future.result()))
        if error is None:
            self._give()


def _play_here(path: Path, config: Config, scores: Path) -> Told:
    """Replay one recording in this process, until somebody interrupts."""
    stop = Stop()
    with stop.on_signals():
        told = _play(path, config, scores, stop)
    if stop.asked:
        raise KeyboardInterrupt
    return told


def _play(path: Path, config: Config, scores: Path, stop: Stop | None = None) -> Told:
    """Replay one recording in a flow of its own."""
    recording, alerts, lives = Recording.open(path), Collect(Alert), Collect(ToolLife)
    clock = NoClock()
    player = Player([recording], clock, config.check.max_block_s, stop=stop)
    with ScoreTable(scores) as table:
        writers: list[Writer] = [table, alerts, lives]
        run_flow(build_flow(player, player.spindles, config, clock, writers, store=BaselineFile(None)))
    return Told(alerts.records, lives.records)


@contextmanager
def _parts_beside(scores: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=".scores-", dir=scores.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _pool(n_jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that are ended at once if anything goes wrong here."""
    pool = ProcessPoolExecutor(n_jobs, mp_context=get_context(_START), initializer=_leave_interrupts)
    try:
        yield pool
    except BaseException:
        # Not waited for: a recording may be hours long.
        for process in list(pool._processes.values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts() -> None:
    """Let the parent hear Ctrl-C alone; it ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Asked to end, a fork would do what its parent does.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _join(parts: Sequence[Path], scores: Path) -> None:
    """Write tables of one schema behind each other, a row group at a time."""
    with written_whole(scores) as whole:
        writer: Any = None
        for part in parts:
            with pq.ParquetFile(part) as file:
                writer = writer or pq.ParquetWriter(whole, file.schema_arrow, compression="zstd")
                for group in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(group))
        writer.close()
