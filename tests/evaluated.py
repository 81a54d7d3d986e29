"""Evidence of recordings that nobody replayed, for tests of what is counted from it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from healthy import SPINDLE, T0
from told import alert as told_alert

from engine.clock import NS_PER_S
from engine.declared import TeachIn
from engine.verdicts import Alert, AlertState
from replay.evaluate import RecordingEvidence, ScoreSeries, gather_evidence
from replay.recording import Fault, Recording


def recording(
    *faults: Fault,
    end_s: float = 1000.0,
    labelled: bool = True,
    teach_in: TeachIn | None = None,
    name: str = "M1",
) -> Recording:
    """A recording of which nothing but its header exists."""
    end_ns = T0 + round(end_s * NS_PER_S)
    spindle = msgspec.structs.replace(SPINDLE, teach_in=teach_in)
    return Recording(Path(name), spindle, T0, end_ns, "test", "CC0", (), faults, labelled=labelled)


def alert(
    opened_s: float, fault: str = "process", closed_s: float | None = None, tier: str = "learned"
) -> list[Alert]:
    """Messages of one alert whose onset is a tenth of a second before its opening."""
    made = told_alert(0, fault=fault)
    values = {name: getattr(made, name) for name in Alert.__slots__} | {"tier": tier}
    t_ns = T0 + round(opened_s * NS_PER_S)
    opened = values | {"t_ns": t_ns, "onset_ns": t_ns - NS_PER_S // 10, "id": f"M1:{fault}:{t_ns}"}
    if closed_s is None:
        return [Alert(**opened)]
    closed = opened | {"t_ns": T0 + round(closed_s * NS_PER_S), "state": AlertState.CLOSED}
    return [Alert(**opened), Alert(**closed)]


def evidence(own: Recording, *alerts: list[Alert], series: ScoreSeries | None = None) -> RecordingEvidence:
    """What these alerts are worth in this recording."""
    return gather_evidence(own, [message for messages in alerts for message in messages], series)


def series(score: np.ndarray, *, ready: np.ndarray | None = None, row_s: float = 1.0) -> ScoreSeries:
    """A score at every full row."""
    is_ready = np.ones(len(score), dtype=bool) if ready is None else ready
    t_ns = T0 + np.round((1 + np.arange(len(score))) * row_s * NS_PER_S).astype(np.int64)
    return ScoreSeries(t_ns, score, is_ready, int(t_ns[np.argmax(is_ready)]) if is_ready.any() else None)
