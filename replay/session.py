"""One replay from recordings to results: the flow that runs live, with a player at one end and files at the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.clock import NS_PER_S, Clock, NoClock, WallClock, monotonic_s
from engine.config import Config
from engine.errors import RecordingError, UsageError
from engine.flow import build_flow
from engine.runtime import Stop, run_flow
from engine.verdicts import Alert, ToolLife
from replay.incident.resumed import IncidentOutcome, Incidents
from replay.jobs import Told, replay_side_by_side
from replay.kpi import Kpi, measure_kpi
from replay.outcome import RecordingOutcome, judge_recording
from replay.player import Player
from replay.recording import Recording
from sinks.base import Writer
from sinks.baselines import BaselineFile
from sinks.collect import Collect
from sinks.jsonl import AlertLines, ToolLines
from sinks.parquet import ScoreTable


@dataclass(frozen=True, slots=True)
class ReplaySummary:
    """What a replay found.

    Parameters
    ----------
    outcomes : tuple[RecordingOutcome, ...]
        One for each recording, in the order given.
    duration_s : float
        Stream time replayed, over all recordings.
    wall_s : float
        Time it took, without starting Python and loading kernels.
    config_hash : str
        Of the configuration that decided.
    kpi : Kpi or None
        If it was asked for.
    incidents : tuple[IncidentOutcome, ...]
        For each recording that was continued from its state: whether the same was told as then.
    """

    outcomes: tuple[RecordingOutcome, ...]
    duration_s: float
    wall_s: float
    config_hash: str
    kpi: Kpi | None = None
    incidents: tuple[IncidentOutcome, ...] = ()

    @property
    def realtime_factor(self) -> float:
        """Stream seconds per wall second."""
        return self.duration_s / self.wall_s if self.wall_s > 0 else math.inf

    def as_dict(self) -> dict[str, Any]:
        """Return what ``summary.json`` holds."""
        return {
            "config_hash": self.config_hash,
            "duration_s": round(self.duration_s, 6),
            "wall_s": round(self.wall_s, 3),
            "realtime_factor": round(self.realtime_factor, 1),
            "alerts": sum(outcome.n_alerts for outcome in self.outcomes),
            "recordings": [outcome.as_dict() for outcome in self.outcomes],
            **({"incidents": [one.as_dict() for one in self.incidents]} if self.incidents else {}),
            **({} if self.kpi is None else {"kpi": self.kpi.as_dict()}),
        }

    def print_table(self) -> None:
        """Print what a person wants to know, one line for each recording."""
        from replay.tables import print_replay

        print_replay(self)


def replay_recordings(
    paths: Sequence[Path],
    out: Path,
    config: Config,
    *,
    pace: float | None = None,
    show_progress: bool = False,
    with_kpi: bool = False,
    n_jobs: int = 1,
    cold: bool = False,
) -> ReplaySummary:
    """Replay recordings and write ``summary.json``, ``alerts.jsonl``, ``tools.jsonl`` and ``scores.parquet``.

    Parameters
    ----------
    paths : sequence of Path
        Recordings of different spindles.
    out : Path
        Folder for the results; made if missing, files in it replaced.
    config : Config
        What decides.
    pace : float, optional
        Stream seconds per wall second; None = as fast as possible.
    show_progress : bool
        Draw a bar on stderr, if that is a terminal.
    with_kpi : bool
        Work out what the replay was worth (`replay.kpi`) and write ``kpi.json`` too.
    n_jobs : int
        Processes that recordings are shared among; alerts do not depend on it. A paced replay wants 1.
    cold : bool
        Replay incidents as ordinary recordings: from nothing, under any configuration.

    Returns
    -------
    ReplaySummary
        What was found.

    Raises
    ------
    RecordingError
        A recording that cannot be read, or an output folder that cannot be written.
    ConfigError
        A configuration that does not fit the recordings.
    UsageError
        Two recordings of one spindle, several processes for a paced replay, or an incident under another configuration
        than the one that decided then.
    """
    incidents = Incidents.of(() if cold else paths, config)
    recordings = [incidents.recordings.get(path) or Recording.open(path) for path in paths]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordingError(f"{out}: cannot be made: {error}") from error
    n_jobs = 1 if incidents.by_path else min(n_jobs, len(recordings))  # they are short
    if n_jobs > 1 and pace is not None:
        raise UsageError("a paced replay plays all recordings at once, in one process: wanted 1 job")
    with ExitStack() as stack:
        tell = stack.enter_context(_progress(recordings, show_progress))
        writers: list[Writer] = [
            stack.enter_context(AlertLines(out / "alerts.jsonl")),
            stack.enter_context(ToolLines(out / "tools.jsonl")),
        ]
        began_s = monotonic_s()
        if n_jobs > 1:
            told = replay_side_by_side(recordings, out / "scores.parquet", config, n_jobs, tell.done)
        else:
            told = _replay_in_one_flow(recordings, out / "scores.parquet", config, pace, tell, incidents)
        wall_s = monotonic_s() - began_s
        for writer in writers:
            writer.write([*told.alerts, *told.lives])
    outcomes = tuple(judge_recording(recording, told.alerts) for recording in recordings)
    duration_s = sum(recording.duration_s for recording in recordings)
    kpi = measure_kpi(recordings, told.alerts, told.lives, config.hash) if with_kpi else None
    same = incidents.judge(told.alerts)
    summary = ReplaySummary(outcomes, duration_s, wall_s, config.hash, kpi, same)
    if kpi is not None:
        (out / "kpi.json").write_bytes(orjson.dumps(kpi.as_dict(), option=orjson.OPT_INDENT_2))
    (out / "summary.json").write_bytes(orjson.dumps(summary.as_dict(), option=orjson.OPT_INDENT_2))
    return summary


def _replay_in_one_flow(
    recordings: Sequence[Recording],
    scores: Path,
    config: Config,
    pace: float | None,
    tell: Progress,
    incidents: Incidents,
) -> Told:
    """Replay all recordings at once, in this process."""
    clock: Clock = NoClock() if pace is None else WallClock()
    stop, alerts, lives = Stop(), Collect(Alert), Collect(ToolLife)
    player = Player(recordings, clock, config.check.max_block_s, pace, stop, tell.item, incidents.items_of)
    with stop.on_signals(), ScoreTable(scores) as table:
        # As live, but from an empty store: two replays learn the same. What an incident was given, it is given again.
        store = incidents.fill(BaselineFile(None))
        writers: list[Writer] = [table, alerts, lives]
        run_flow(build_flow(player, player.spindles, config, clock, writers, store=store))
        if stop.asked:  # inside, so that half a replay leaves no files
            raise KeyboardInterrupt
    return Told(alerts.records, lives.records)


def replay_alerts(recordings: Sequence[Recording], config: Config) -> list[Alert]:
    """Replay recordings as fast as possible and keep nothing but the alerts.

    Parameters
    ----------
    recordings : sequence of Recording
        Of different spindles.
    config : Config
        What decides.

    Returns
    -------
    list of Alert
        All messages; each spindle's in the order sent.

    Raises
    ------
    SpindlewatchError
        As `replay_recordings`.
    """
    clock, collected = NoClock(), Collect(Alert)
    player = Player(recordings, clock, config.check.max_block_s)
    run_flow(build_flow(player, player.spindles, config, clock, [collected], store=BaselineFile(None)))
    return collected.records


class Progress:
    """How far a replay is, drawn as a bar.

    Parameters
    ----------
    recordings : sequence of Recording
        What is replayed.
    draw : callable
        Takes stream seconds that are done, over all recordings.
    """

    def __init__(self, recordings: Sequence[Recording], draw: Callable[[float], None]) -> None:
        self._starts = {recording.spindle.name: recording.start_ns for recording in recordings}
        self._done_s: dict[str, float] = {}
        self._draw = draw

    def item(self, _n: int, item: Any) -> None:
        """Hear from the player what it handed over last."""
        if item is not None:
            self._done_s[item.spindle] = (item.t_ns - self._starts[item.spindle]) / NS_PER_S
            self._draw(sum(self._done_s.values()))

    def done(self, recording: Recording) -> None:
        """Hear that a recording is through."""
        self._done_s[recording.spindle.name] = recording.duration_s
        self._draw(sum(self._done_s.values()))


@contextmanager
def _progress(recordings: Sequence[Recording], wanted: bool) -> Iterator[Progress]:
    """Draw a bar while the replay runs, if stderr is a terminal."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    total_s = sum(recording.duration_s for recording in recordings)
    with Bar(console=console, transient=True, disable=not (wanted and console.is_terminal)) as bar:
        task = bar.add_task("replaying", total=total_s)
        yield Progress(recordings, lambda done_s: bar.update(task, completed=done_s))
