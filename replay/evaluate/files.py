"""Scores of an earlier replay, from the files that it wrote."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson

from engine.errors import RecordingError, UsageError
from engine.verdicts import Alert, AlertState, Reason
from replay.evaluate.evaluation import Evaluation, evaluate
from replay.evaluate.evidence import gather_evidence
from replay.evaluate.series import read_series
from replay.recording import Recording
from sinks.files import written_whole

EVALUATION = "evaluation.json"


class _Replayed(msgspec.Struct):
    recording: str
    spindle: str


class _Summary(msgspec.Struct):
    config_hash: str
    recordings: list[_Replayed]


class _Text(msgspec.Struct):
    en: str
    ko: str


class _Line(msgspec.Struct):
    id: str
    state: AlertState
    spindle: str
    group: str
    fault: str
    tier: str
    regime: str
    onset_ns: int
    t_ns: int
    score: float | None
    detail: str
    reasons: list[dict[str, Any]]
    text: _Text
    advice: _Text
    certainty: float | None
    key: str
    config_hash: str


def score_replay(paths: Sequence[Path], out: Path, *, seed: int = 0) -> Evaluation:
    """Score an earlier replay and write ``evaluation.json`` beside its files.

    Parameters
    ----------
    paths : sequence of Path
        Recordings that were replayed: all of them or some, as they are labelled now.
    out : Path
        Folder with ``summary.json``, ``alerts.jsonl`` and ``scores.parquet``.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Evaluation
        As `replay.evaluate.evaluate` returns it.

    Raises
    ------
    RecordingError
        A recording or a file of the replay that cannot be read.
    UsageError
        A recording that was not replayed into this folder, or given twice.
    """
    recordings = [Recording.open(path) for path in paths]
    summary = _decoded(out / "summary.json", _Summary)
    replayed = {(own.recording, own.spindle) for own in summary.recordings}
    for recording in recordings:
        if (recording.path.name, recording.spindle.name) not in replayed:
            raise UsageError(
                f"{recording.path}: was not replayed into {out}, whose summary.json does not name it"
            )
    if len({recording.spindle.name for recording in recordings}) < len(recordings):
        raise UsageError(f"wanted each recording once, got {', '.join(map(str, paths))}")
    alerts, series = read_alerts(out / "alerts.jsonl"), read_series(out / "scores.parquet")
    evaluation = evaluate(
        [gather_evidence(own, alerts, series.get(own.spindle.name)) for own in recordings], seed=seed
    )
    told = {"config_hash": summary.config_hash, **evaluation.as_dict()}
    try:
        with written_whole(out / EVALUATION) as part:
            part.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise RecordingError(f"{out / EVALUATION}: cannot be written: {error}") from error
    return evaluation


def read_alerts(path: Path) -> list[Alert]:
    """Read ``alerts.jsonl`` of a replay.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of Alert
        All messages, in the order of the file; without wall times. null is NaN.

    Raises
    ------
    RecordingError
        The file is missing, or a line is no alert; names the line.
    """
    decoder, found = msgspec.json.Decoder(_Line), []
    for number, line in enumerate(_read(path).splitlines(), start=1):
        try:
            told = decoder.decode(line)
            found.append(_alert(told))
        except (msgspec.DecodeError, TypeError) as error:
            raise RecordingError(f"{path}: line {number}: wanted an alert of a replay: {error}") from error
    return found


def _alert(told: _Line) -> Alert:
    values = {name: getattr(told, name) for name in _Line.__struct_fields__}
    text, advice = values.pop("text"), values.pop("advice")
    reasons = tuple(Reason(**{key: _number(value) for key, value in own.items()}) for own in told.reasons)
    return Alert(
        **values
        | {
            "score": _number(told.score),
            "certainty": _number(told.certainty),
            "reasons": reasons,
            "text_en": text.en,
            "text_ko": text.ko,
            "advice_en": advice.en,
            "advice_ko": advice.ko,
        }
    )


def _number(value: Any) -> Any:
    """NaN is written as null."""
    return math.nan if value is None else value


def _decoded(path: Path, kind: type[_Summary]) -> _Summary:
    try:
        return msgspec.json.decode(_read(path), type=kind)
    except msgspec.DecodeError as error:
        raise RecordingError(f"{path}: wanted the summary of a replay: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}; wanted a replay's --out") from error
