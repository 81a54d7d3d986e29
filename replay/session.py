"""One replay from recordings to results: the flow that runs live, with a player at one end and files at the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.clock import NS_PER_S, Clock, NoClock, WallClock, monotonic_s
from engine.config import Config
from engine.errors import RecordingError
from engine.flow import build_flow
from engine.records import Block, Context, Tick
from engine.runtime import Stop, run_flow
from engine.verdicts import Alert, ToolLife
from replay.kpi import Kpi, measure_kpi
from replay.outcome import RecordingOutcome, judge_recording
from replay.player import Player
from replay.recording import Recording
from sinks.base import Writer
from sinks.baselines import BaselineFile
from sinks.jsonl import AlertLines, ToolLines
from sinks.parquet import ScoreTable


class CollectAlerts:
    """A writer that keeps the alerts it sees."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def write(self, records: Sequence[Any]) -> None:
        """Keep alerts, pass over the rest."""
        self.alerts.extend(record for record in records if isinstance(record, Alert))


class CollectLives:
    """A writer that keeps what is told of cutting edges."""

    def __init__(self) -> None:
        self.lives: list[ToolLife] = []

    def write(self, records: Sequence[Any]) -> None:
        """Keep tool lives, pass over the rest."""
        self.lives.extend(record for record in records if isinstance(record, ToolLife))


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
    """

    outcomes: tuple[RecordingOutcome, ...]
    duration_s: float
    wall_s: float
    config_hash: str
    kpi: Kpi | None = None

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
        Two recordings of one spindle.
    """
    recordings = [Recording.open(path) for path in paths]
    clock: Clock = NoClock() if pace is None else WallClock()
    stop, collected, edges = Stop(), CollectAlerts(), CollectLives()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordingError(f"{out}: cannot be made: {error}") from error
    with ExitStack() as stack:
        on_progress = stack.enter_context(_progress(recordings, show_progress))
        stack.enter_context(stop.on_signals())
        player = Player(recordings, clock, config.check.max_block_s, pace, stop, on_progress)
        writers: list[Writer] = [
            stack.enter_context(AlertLines(out / "alerts.jsonl")),
            stack.enter_context(ToolLines(out / "tools.jsonl")),
            stack.enter_context(ScoreTable(out / "scores.parquet")),
            collected,
            edges,
        ]
        # As live, but from an empty store: two replays learn the same.
        flow = build_flow(player, player.spindles, config, clock, writers, store=BaselineFile(None))
        began_s = monotonic_s()
        run_flow(flow)
        wall_s = monotonic_s() - began_s
        if stop.asked:  # inside, so that half a replay leaves no files
            raise KeyboardInterrupt
    outcomes = tuple(judge_recording(recording, collected.alerts) for recording in recordings)
    duration_s = sum(recording.duration_s for recording in recordings)
    kpi = measure_kpi(recordings, collected.alerts, edges.lives, config.hash) if with_kpi else None
    summary = ReplaySummary(outcomes, duration_s, wall_s, config.hash, kpi)
    if kpi is not None:
        (out / "kpi.json").write_bytes(orjson.dumps(kpi.as_dict(), option=orjson.OPT_INDENT_2))
    (out / "summary.json").write_bytes(orjson.dumps(summary.as_dict(), option=orjson.OPT_INDENT_2))
    return summary


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
    clock, collected = NoClock(), CollectAlerts()
    player = Player(recordings, clock, config.check.max_block_s)
    run_flow(build_flow(player, player.spindles, config, clock, [collected], store=BaselineFile(None)))
    return collected.alerts


@contextmanager
def _progress(recordings: Sequence[Recording], wanted: bool) -> Iterator[Any]:
    """Give a function to tell the player's progress to; it draws a bar if stderr is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    total_s = sum(recording.duration_s for recording in recordings)
    starts = {recording.spindle.name: recording.start_ns for recording in recordings}
    done_s: dict[str, float] = {}
    with Progress(console=console, transient=True, disable=not (wanted and console.is_terminal)) as progress:
        task = progress.add_task("replaying", total=total_s)

        def tell(_n: int, item: Block | Context | Tick | None) -> None:
            if item is not None:
                done_s[item.spindle] = (item.t_ns - starts[item.spindle]) / NS_PER_S
                progress.update(task, completed=sum(done_s.values()))

        yield tell
