"""What a batch of the bench found: recordings replayed through the flow, held against what was injected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.config import Config
from engine.verdicts import Alert
from replay.inject.trials import Trial, judge_trials
from replay.outcome import judge_recording
from replay.recording import Recording
from replay.session import replay_alerts


@dataclass(frozen=True, slots=True)
class Watched:
    """How long fully labelled recordings of one kind were watched, and what was wrongly said meanwhile.

    Parameters
    ----------
    source : str
        Kind of recording.
    duration_s : float
        Stream time.
    false_alerts : tuple[str, ...]
        Alerts about the machine that no label explains: recording, what it is called, id.
    """

    source: str
    duration_s: float
    false_alerts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one batch found.

    Parameters
    ----------
    trials : tuple[Trial, ...]
        One for each fault.
    watched : tuple[Watched, ...]
        Fully labelled recordings.
    refused : tuple[str, ...]
        Faults that a recording could not carry, and why.
    """

    trials: tuple[Trial, ...]
    watched: tuple[Watched, ...]
    refused: tuple[str, ...] = ()


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Put outcomes together."""
    return Outcome(
        tuple(trial for outcome in outcomes for trial in outcome.trials),
        tuple(watched for outcome in outcomes for watched in outcome.watched),
        tuple(dict.fromkeys(line for outcome in outcomes for line in outcome.refused)),
    )


def judged(source: str, name: str, severity: float, paths: Sequence[Path], config: Config) -> Outcome:
    """Replay labelled recordings through the flow and judge them.

    Parameters
    ----------
    source, name : str
        Kind of recording, and which; for the record.
    severity : float
        For the record.
    paths : sequence of Path
        Of different spindles.
    config : Config
        What decides.

    Returns
    -------
    Outcome
        Nothing refused.
    """
    recordings = [Recording.open(path) for path in paths]
    alerts = replay_alerts(recordings, config)
    trials: list[Trial] = []
    watched: list[Watched] = []
    for recording in recordings:
        own = [alert for alert in alerts if alert.spindle == recording.spindle.name]
        where = f"{name}/{recording.spindle.name}"
        trials += judge_trials(
            source, where, severity, recording.faults, own, recording.start_ns, recording.end_ns
        )
        if recording.labelled:
            outcome = judge_recording(recording, own)
            false = [f"{where}: {_last_name(alert.id, own)} {alert.id}" for alert in outcome.unexplained]
            watched.append(Watched(source, recording.duration_s, tuple(false)))
    return Outcome(tuple(trials), tuple(watched))


def _last_name(id: str, alerts: Sequence[Alert]) -> str:
    return [alert.fault for alert in alerts if alert.id == id][-1]
