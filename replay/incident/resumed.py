"""Replaying incidents: from the state they begin with, under the configuration that decided then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.config import Config
from engine.errors import UsageError
from engine.verdicts import Alert
from replay.incident.layout import Incident, is_incident
from replay.player import Played, items_with_ticks
from replay.recording import Recording
from sinks.baselines import BaselineFile


@dataclass(frozen=True, slots=True)
class IncidentOutcome:
    """Whether an incident came out the same.

    Parameters
    ----------
    path : Path
        The recording.
    alert_id : str
        What it is about.
    identical : bool
        Every message was told again, byte for byte, and no other: `replay.incident.Incident.same`.
    n_messages : int
        Compared.
    """

    path: Path
    alert_id: str
    identical: bool
    n_messages: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "recording": self.path.name,
            "alert_id": self.alert_id,
            "identical": self.identical,
            "messages": self.n_messages,
        }

    def line(self) -> str:
        """Say it to people."""
        answer = "yes" if self.identical else "no"
        return f"{self.path}: incident {self.alert_id}; identical: {answer} ({self.n_messages} messages compared)"


@dataclass(frozen=True, slots=True)
class Incidents:
    """The incidents among the recordings of a replay, by their folders; perhaps none.

    Parameters
    ----------
    by_path : Mapping[Path, Incident]
        Opened.
    """

    by_path: Mapping[Path, Incident] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Sequence[Path], config: Config) -> Incidents:
        """Open those recordings that are incidents.

        Parameters
        ----------
        paths : sequence of Path
            Recordings.
        config : Config
            What decides.

        Returns
        -------
        Incidents
            Only those.

        Raises
        ------
        UsageError
            Another configuration decided then: what was learnt under it means nothing here.
        RecordingError
            An incident that cannot be read.
        """
        found = {path: Incident.open(path) for path in paths if is_incident(path)}
        for path, incident in found.items():
            then = incident.segment.start.config_hash
            if then != config.hash:
                raise UsageError(
                    f"{path}: recorded under configuration {then}, this is {config.hash}: give --config with that "
                    "one, or --cold to replay it from nothing"
                )
        return cls(found)

    @property
    def recordings(self) -> dict[Path, Recording]:
        """Their recordings."""
        return {path: incident.recording for path, incident in self.by_path.items()}

    def items_of(self, recording: Recording, max_block_s: float) -> Iterator[Played]:
        """What is played of a recording: an incident as it came, blocks whole; any other with ticks."""
        incident = self.by_path.get(recording.path)
        return items_with_ticks(recording, max_block_s) if incident is None else incident.items()

    def fill(self, store: BaselineFile) -> BaselineFile:
        """Put into an empty store what the engine's gave back; return it."""
        for incident in self.by_path.values():
            for key, value in incident.segment.stored.items():
                store.put(key, value)
        return store

    def judge(self, alerts: Sequence[Alert]) -> tuple[IncidentOutcome, ...]:
        """Hold what was told now against what was told then.

        Parameters
        ----------
        alerts : sequence of Alert
            Of the replay, in the order sent.

        Returns
        -------
        tuple of IncidentOutcome
            One for each.
        """
        return tuple(
            IncidentOutcome(path, incident.told.alert_id, incident.same(alerts), len(incident.told.messages))
            for path, incident in self.by_path.items()
        )
