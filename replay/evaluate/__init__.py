"""Scores of a replay against the labels of its recordings; see `replay/README.md`."""

from replay.evaluate.counts import EventScores, pooled
from replay.evaluate.evaluation import Evaluation, evaluate
from replay.evaluate.events import UNSPECIFIC, event_scores
from replay.evaluate.evidence import RecordingEvidence, gather_evidence
from replay.evaluate.series import ScoreSeries, read_series

__all__ = [
    "UNSPECIFIC",
    "Evaluation",
    "EventScores",
    "RecordingEvidence",
    "ScoreSeries",
    "evaluate",
    "event_scores",
    "gather_evidence",
    "pooled",
    "read_series",
]
