"""The injection bench: how many faults the flow finds, how fast, by which name, and what it cries wolf about."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson

from engine.config import Config
from engine.errors import RecordingError, UsageError
from replay.inject.judging import Outcome, joined
from replay.inject.orders import BEARINGS, Injection
from replay.inject.sources import (
    Batch,
    InjectedBatch,
    SimulatedBatch,
    healthy_simulation,
)
from replay.inject.trials import Cell, Trial, cells
from replay.intervals import poisson
from replay.recording import Recording

_DAY_S = 86_400.0
_SPINDLE_KINDS = (*sorted(BEARINGS), Injection.IMBALANCE)


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What a bench found.

    Parameters
    ----------
    outcome : Outcome
        All trials, false alerts, refusals.
    config_hash : str
        Of the configuration that decided.
    """

    outcome: Outcome
    config_hash: str

    @property
    def cells(self) -> list[Cell]:
        """By fault and severity, over all sources."""
        return cells(self.outcome.trials)

    def cell(self, fault: str, severity: float) -> Cell:
        """Trials of one fault at one severity; a KeyError if there were none."""
        return next(c for c in self.cells if (c.fault, c.severity) == (fault, severity))

    def calm(self) -> dict[str, dict[str, Any]]:
        """False alerts by source: how many, in how many hours, per machine-day with the interval that holds it.

        Copies of one recording hold the same healthy stretch: what is wrong there is counted in each, and the
        interval is too narrow.
        """
        told = {}
        for source in sorted({watched.source for watched in self.outcome.watched}):
            own = [watched for watched in self.outcome.watched if watched.source == source]
            alerts = [alert for watched in own for alert in watched.false_alerts]
            days = sum(watched.duration_s for watched in own) / _DAY_S
            told[source] = {
                "n": len(alerts),
                "watched_h": 24.0 * days,
                "per_machine_day": len(alerts) / days,
                "per_machine_day_95": list(poisson(len(alerts), days)),
                "alerts": alerts,
            }
        return told

    def as_dict(self) -> dict[str, Any]:
        """Return what ``bench.json`` holds."""
        sources = sorted({trial.source for trial in self.outcome.trials})
        missed = [trial for trial in self.outcome.trials if not (trial.detected and trial.right_class)]
        return {
            "config_hash": self.config_hash,
            "cells": [cell.as_dict() for cell in self.cells],
            "by_source": {
                source: [c.as_dict() for c in cells(t for t in self.outcome.trials if t.source == source)]
                for source in sources
            },
            "false_alerts": self.calm(),
            "missed_or_misnamed": [_row(trial) for trial in missed],
            "not_carried": list(self.outcome.refused),
        }

    def write(self, out: Path) -> None:
        """Write ``bench.json``, ``trials.csv`` and ``bench.html``.

        Parameters
        ----------
        out : Path
            Folder; made if missing, files in it replaced.

        Raises
        ------
        RecordingError
            A folder that cannot be written.
        """
        from replay.inject.page import bench_page

        try:
            out.mkdir(parents=True, exist_ok=True)
            (out / "bench.json").write_bytes(orjson.dumps(self.as_dict(), option=orjson.OPT_INDENT_2))
            with (out / "trials.csv").open("w", encoding="utf-8", newline="") as file:
                rows = [_row(trial) for trial in self.outcome.trials]
                table = csv.DictWriter(file, list(_COLUMNS), lineterminator="\n")
                table.writeheader()
                table.writerows(rows)
            (out / "bench.html").write_text(bench_page(self), encoding="utf-8")
        except OSError as error:
            raise RecordingError(f"{out}: cannot be written: {error}") from error


_COLUMNS = (
    "source",
    "recording",
    "fault",
    "severity",
    "start_s",
    "end_s",
    "detected",
    "delay_s",
    "right_class",
    "named",
    "alert_ids",
    "blind",
)


def run_bench(
    recordings: Sequence[Path],
    config: Config,
    *,
    n_simulated: int = 0,
    n_trials: int = 8,
    severities: Sequence[float] = (1.0,),
    kinds: Sequence[Injection] = tuple(Injection),
    seed: int = 0,
    n_jobs: int = 1,
    on_progress: Callable[[float], None] | None = None,
) -> BenchResult:
    """Run the bench.

    Parameters
    ----------
    recordings : sequence of Path
        Healthy recordings. Faults are injected into copies; onsets are drawn from 40 to 70 % of each, in steady
        cuts for what needs a cut.
    config : Config
        What decides.
    n_simulated : int
        Simulated shops of four spindles, half of them with jobs, tools and materials drawn anew. Each has the
        simulator's own faults of tool, cut and sensor, and healthy hours into which faults of the spindle are
        injected.
    n_trials : int
        For each fault, severity, and recording or simulated shop.
    severities : sequence of float
        1.0 = moderate.
    kinds : sequence of Injection
        What to inject into the recordings given.
    seed : int
        Of everything that is drawn.
    n_jobs : int
        Processes.
    on_progress : callable, optional
        Told the share that is done, 0 to 1.

    Returns
    -------
    BenchResult
        The same for the same arguments, whatever ``n_jobs``.

    Raises
    ------
    UsageError
        Nothing to do.
    RecordingError
        A recording that cannot be read.
    """
    if not recordings and n_simulated < 1:
        raise UsageError("wanted healthy recordings, or --simulate N, got neither")
    with tempfile.TemporaryDirectory(prefix="spindlewatch-healthy-") as folder:
        batches: list[Batch] = []
        n_copies = max(1, n_trials // 4)  # of each of a shop's four spindles
        for number in range(n_simulated):
            shop = seed + number
            healthy = healthy_simulation(shop, Path(folder) / str(shop))
            for severity in severities:
                batches.append(SimulatedBatch(shop, severity, n_trials))
                batches += [
                    InjectedBatch("simulated", path, _SPINDLE_KINDS, severity, n_copies, 100 * shop + at)
                    for at, path in enumerate(healthy)
                ]
        for at, path in enumerate(recordings):
            source = Recording.open(path).spindle.name.split("-")[0]
            batches += [
                InjectedBatch(source, path, tuple(kinds), severity, n_trials, 1000 * seed + 17 * at)
                for severity in severities
            ]
        outcomes = _run_all(batches, config, n_jobs, on_progress)
    return BenchResult(joined(outcomes), config.hash)


def _run_all(
    batches: Sequence[Batch], config: Config, n_jobs: int, on_progress: Callable[[float], None] | None
) -> list[Outcome]:
    outcomes: list[Outcome] = []

    def note(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if on_progress is not None:
            on_progress(len(outcomes) / len(batches))

    if n_jobs == 1:
        for batch in batches:
            note(batch.run(config))
        return outcomes
    with ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn")) as pool:
        for outcome in pool.map(partial(_run, config=config), batches):
            note(outcome)
    return outcomes


def _run(batch: Batch, config: Config) -> Outcome:
    return batch.run(config)


def _row(trial: Trial) -> dict[str, Any]:
    return {
        "source": trial.source,
        "recording": trial.recording,
        "fault": trial.fault,
        "severity": trial.severity,
        "start_s": trial.start_s,
        "end_s": trial.end_s,
        "detected": trial.detected,
        "delay_s": round(trial.delay_s, 3) if trial.detected else None,
        "right_class": trial.right_class,
        "named": " ".join(trial.named),
        "alert_ids": " ".join(trial.alert_ids),
        "blind": trial.blind,
    }
