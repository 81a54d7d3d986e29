"""Trials on recordings, in as many processes as asked for; the answers do not depend on how many."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from shutil import rmtree
from threading import Thread
from types import TracebackType
from typing import Self

from engine.config import Config
from engine.errors import ConfigError, SpindlewatchError
from replay.evaluate import EventScores, event_scores, gather_evidence
from replay.recording import Recording
from replay.tune.features import alerts_of, has_features, write_features

_MOST_WAYS = 12
"""Ways to measure whose features are kept on disk; a round of trials has fewer."""


@dataclass(frozen=True, slots=True)
class Task:
    """A configuration to be tried on one recording.

    Parameters
    ----------
    config : Config
        Valid.
    recording : int
        Its number.
    """

    config: Config
    recording: int


class Evaluator(AbstractContextManager["Evaluator"]):
    """Tries configurations on recordings. A context manager: features are in a temporary folder that goes with it.

    Parameters
    ----------
    paths : sequence of Path
        The recordings, which have been opened before and are well.
    n_jobs : int
        Processes; 1 = this one.
    """

    def __init__(self, paths: Sequence[Path], n_jobs: int = 1) -> None:
        self._paths, self._n_jobs = tuple(paths), n_jobs
        self._ways: dict[str, None] = {}  # by use, the latest last

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="spindlewatch-tune-")
        self._pool: ProcessPoolExecutor | None = None
        if self._n_jobs > 1:
            self._pool = ProcessPoolExecutor(
                self._n_jobs, mp_context=get_context("spawn"), initializer=_follow_parent
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            if kind is not None:  # not waited for: a recording may be hours long
                for process in list((self._pool._processes or {}).values()):
                    process.terminate()
            self._pool.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def scores(self, tasks: Sequence[Task]) -> list[EventScores | str]:
        """Try configurations on recordings.

        Parameters
        ----------
        tasks : sequence of Task
            Longest first is fastest.

        Returns
        -------
        list of EventScores or str
            One for each task, in order; a string says why the configuration does not fit the recording.

        Raises
        ------
        RecordingError
            A recording that turned out to be damaged.
        SpindlewatchError
            A process that died.
        """
        try:
            found = list(self._map(tasks))
        except BrokenProcessPool as error:
            raise SpindlewatchError(
                "a process that tried configurations died: out of memory, or killed"
            ) from error
        self._forget([task.config.measuring_hash for task in tasks])
        return found

    def _map(self, tasks: Sequence[Task]) -> Iterable[EventScores | str]:
        root = Path(self._folder.name)
        paths = [self._paths[task.recording] for task in tasks]
        places = [root / task.config.measuring_hash / str(task.recording) for task in tasks]
        configs = [task.config for task in tasks]
        if self._pool is None:
            return map(try_one, paths, places, configs)
        return self._pool.map(try_one, paths, places, configs)

    def _forget(self, ways: Sequence[str]) -> None:
        """Remove features that have not been read for longest."""
        for way in ways:
            self._ways.pop(way, None)
            self._ways[way] = None
        for way in list(self._ways)[:-_MOST_WAYS]:
            del self._ways[way]
            rmtree(Path(self._folder.name) / way, ignore_errors=True)


def try_one(recording: Path, features: Path, config: Config) -> EventScores | str:
    """Try a configuration on a recording.

    Parameters
    ----------
    recording : Path
        Of the recording.
    features : Path
        Where its features are, or will be.
    config : Config
        What decides.

    Returns
    -------
    EventScores or str
        Of its alerts; or why the configuration does not fit the recording.
    """
    opened = _opened(recording)
    try:
        if not has_features(features):
            features.parent.mkdir(exist_ok=True)
            write_features(opened, config, features)
        alerts = alerts_of(opened, features, config)
    except ConfigError as error:
        return str(error)
    return event_scores([gather_evidence(opened, alerts)])


@lru_cache(maxsize=256)
def _opened(path: Path) -> Recording:
    return Recording.open(path)


def _follow_parent() -> None:
    """Leave interrupts to the parent, which ends the others in good order, and do not outlive it if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None
    # Workers hold both ends of the queue they read, so a parent that was killed is not seen there.
    Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
