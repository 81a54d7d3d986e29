"""The files of a replay that nobody played, for tests of its report."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
from healthy import T0, write_healthy
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.config import load_config
from engine.records import Regime
from engine.verdicts import Alert, AlertState, Reason, Score, Tier, Verdict
from replay.layout import HEADER, read_header, write_header
from replay.outcome import judge_recording
from replay.recording import Recording
from replay.session import ReplaySummary
from sinks.jsonl import AlertLines
from sinks.parquet import ScoreTable

FAULTS = "start_s,end_s,fault,note\n4.0,5.0,chatter,first\n10.0,11.0,collision,second\n"
REGIME = "T1/-/rough/cutting"


def unpack(packed: dict[str, Any]) -> NDArray[np.float64]:
    """What the page makes of a packed curve."""
    codes = np.frombuffer(base64.b64decode(packed["data"]), "<u2")
    if packed["low"] is None:
        return np.full(codes.size, np.nan)
    share = codes / 65_534
    return np.where(codes == 65_535, np.nan, packed["low"] * (1 - share) + packed["high"] * share)


def alert(
    onset_s: float, fault: str, spindle: str = "M1", group: str = "vib", feature: str = "vib_x.rms"
) -> list[Alert]:
    """Messages of one alert, open for two tenths of a second after a tenth of deciding."""
    onset_ns = T0 + round(onset_s * NS_PER_S)
    values: dict[str, Any] = {
        "id": f"{spindle}:{fault}:{onset_ns}",
        "spindle": spindle,
        "group": group,
        "fault": fault,
        "tier": "learned",
        "regime": REGIME,
        "onset_ns": onset_ns,
        "score": 2.5,
        "detail": "mewma",
        "reasons": (Reason(feature, 4.1, 1.0, 0.7, 1.3, "g", 0.8),),
        "text_en": f"{fault} in English",
        "text_ko": f"{fault} 한국어",
        "config_hash": load_config().hash,
        "certainty": 0.7,
        "advice_en": "Look.",
        "advice_ko": "보십시오.",
    }
    tenth = NS_PER_S // 10
    opened = Alert(**values, state=AlertState.OPENED, t_ns=onset_ns + tenth)
    return [opened, Alert(**values, state=AlertState.CLOSED, t_ns=onset_ns + 3 * tenth)]


def verdicts(spindle: str = "M1", scores: Sequence[float] = (0.4,) * 119) -> list[Verdict]:
    """A score at the end of every tenth of a second, of a cut throughout."""
    told = []
    for number, score in enumerate(scores, start=1):
        t_ns = T0 + number * NS_PER_S // 10
        regime = Regime("T1", None, "rough", True)
        told.append(
            Verdict(
                Score(
                    spindle, "vib", t_ns, t_ns, regime, Tier.LEARNED, "mewma", score, number > 20, 60, 60,
                    "", (), True, True, False, None,
                ),
                alerting=False,
            )
        )  # fmt: skip
    return told


def labelled(path: Path, faults: str = FAULTS, spindle: str = "M1", **changed: Any) -> Path:
    """A recording of twelve seconds with labels; its spindle's name may be anything."""
    write_healthy(path, **changed)
    header = read_header(path / HEADER)
    write_header(path / HEADER, msgspec.structs.replace(header, spindle=spindle))
    (path / "faults.csv").write_text(faults, encoding="utf-8")
    return path


def write_replay(out: Path, recordings: Sequence[Path], alerts: Sequence[Sequence[Alert]]) -> Path:
    """What a replay of these recordings would have left, had it told these alerts."""
    opened = [Recording.open(path) for path in recordings]
    messages = [message for own in alerts for message in own]
    out.mkdir()
    with AlertLines(out / "alerts.jsonl") as lines, ScoreTable(out / "scores.parquet") as table:
        lines.write(messages)
        for recording in opened:
            table.write(verdicts(recording.spindle.name))
    outcomes = tuple(judge_recording(recording, messages) for recording in opened)
    summary = ReplaySummary(outcomes, 12.0 * len(opened), 1.0, load_config().hash)
    (out / "summary.json").write_bytes(orjson.dumps(summary.as_dict()))
    return out
