"""The files of a replay, read and checked once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import RecordingError
from engine.verdicts import Alert
from replay.evaluate.files import read_alerts


class ReplayedFault(msgspec.Struct, frozen=True):
    """A labelled fault in ``summary.json``."""

    fault: str
    start_s: float
    end_s: float | None
    detected: bool
    delay_s: float | None
    early: bool


class Replayed(msgspec.Struct, frozen=True):
    """A recording in ``summary.json``."""

    recording: str
    spindle: str
    duration_s: float
    labelled: bool
    faults: tuple[ReplayedFault, ...]
    false_alerts: tuple[str, ...]
    unlabelled_sensor_alerts: tuple[str, ...]


class Summary(msgspec.Struct, frozen=True):
    """``summary.json``."""

    config_hash: str
    duration_s: float
    recordings: tuple[Replayed, ...]


@dataclass(frozen=True, slots=True)
class ScoreRows:
    """Scores of one sensor group, in the order of time.

    Parameters
    ----------
    t_ns : int64[n]
        Ends of the windows.
    score : float64[n]
        1.0 is the limit; NaN = cannot say.
    ready, alerting : bool[n]
        The baseline of the regime has been learnt; an alert is open.
    regime : object[n]
        Labels.
    """

    t_ns: NDArray[np.int64]
    score: NDArray[np.float64]
    ready: NDArray[np.bool_]
    alerting: NDArray[np.bool_]
    regime: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Results:
    """What a replay wrote.

    Parameters
    ----------
    out : Path
        Its folder.
    summary : Summary
        Of all recordings.
    alerts : list of Alert
        Every message.
    scores : dict of (spindle, group) to ScoreRows
        Empty without ``scores.parquet``.
    kpi, evaluation : dict or None
        As the files hold them; None without such a file.
    """

    out: Path
    summary: Summary
    alerts: list[Alert]
    scores: dict[tuple[str, str], ScoreRows]
    kpi: dict[str, Any] | None
    evaluation: dict[str, Any] | None


def read_results(out: Path) -> Results:
    """Read a replay's folder.

    Parameters
    ----------
    out : Path
        ``--out`` of the replay.

    Returns
    -------
    Results
        Files that a replay may leave out are None or empty.

    Raises
    ------
    RecordingError
        No such folder, a file that is missing or no such file; names it and what was wanted.
    """
    path = out / "summary.json"
    try:
        summary = msgspec.json.decode(_bytes(path), type=Summary)
    except msgspec.DecodeError as error:
        raise RecordingError(f"{path}: wanted the summary of a replay: {error}") from error
    return Results(
        out,
        summary,
        read_alerts(out / "alerts.jsonl"),
        _read_scores(out / "scores.parquet"),
        read_object(out / "kpi.json") if (out / "kpi.json").exists() else None,
        read_object(out / "evaluation.json") if (out / "evaluation.json").exists() else None,
    )


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds one object.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    RecordingError
        It cannot be read, or is something else.
    """
    try:
        return msgspec.json.decode(_bytes(path), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise RecordingError(f"{path}: wanted a JSON object: {error}") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error


def _read_scores(path: Path) -> dict[tuple[str, str], ScoreRows]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        return {}
    columns = ["t_ns", "spindle", "group", "regime", "score", "ready", "alerting"]
    try:
        table = pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise RecordingError(f"{path}: cannot be read as scores of a replay: {error}") from error
    if table.column_names != columns:
        raise RecordingError(f"{path}: wanted the columns {', '.join(columns)}, got {table.column_names}")
    spindle, group = table["spindle"].to_numpy(), table["group"].to_numpy()
    rows = [table[name].to_numpy() for name in ("t_ns", "score", "ready", "alerting", "regime")]
    found = {}
    for key in sorted(set(zip(spindle, group, strict=True))):
        own = np.flatnonzero((spindle == key[0]) & (group == key[1]))
        own = own[np.argsort(rows[0][own], kind="stable")]
        found[key] = ScoreRows(*(column[own] for column in rows))
    return found
