"""Scores of a replay against the labels of its recordings; see `replay/README.md`."""

from replay.evaluate.events import UNSPECIFIC, EventScores, event_scores
from replay.evaluate.evidence import RecordingEvidence, gather_evidence
from replay.evaluate.series import ScoreSeries, read_series

__all__ = [
    "UNSPECIFIC",
    "EventScores",
    "RecordingEvidence",
    "ScoreSeries",
    "event_scores",
    "gather_evidence",
    "read_series",
]
