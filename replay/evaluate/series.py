"""The scores of a replay, as one series for each spindle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ScoreSeries:
    """Every score of one spindle, of all its sensor groups, in the order of time.

    Scores are those of the detectors of a feature vector: what signatures of faults find raises alerts and is no part
    of it, so a fault that only a signature knows does not show here.

    Parameters
    ----------
    t_ns : int64[n]
        End of the window; ascending, groups interleaved.
    score : float64[n]
        1.0 is the limit; NaN = cannot say.
    ready : bool[n]
        False while the learned tier is warming up for the regime.
    ready_ns : int or None
        Time of the first row that was ready in the group that took longest; None if one never was.
    """

    t_ns: NDArray[np.int64]
    score: NDArray[np.float64]
    ready: NDArray[np.bool_]
    ready_ns: int | None


def read_series(path: Path) -> dict[str, ScoreSeries]:
    """Read ``scores.parquet`` of a replay.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to ScoreSeries
        By spindle.

    Raises
    ------
    RecordingError
        The file is missing, or not such a table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from engine.errors import RecordingError

    columns = ["t_ns", "spindle", "group", "score", "ready"]
    try:
        table = pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise RecordingError(f"{path}: cannot be read as scores of a replay: {error}") from error
    if table.column_names != columns:
        raise RecordingError(f"{path}: wanted the columns {', '.join(columns)}, got {table.column_names}")
    spindle, group = (table[name].to_numpy().astype(str) for name in ("spindle", "group"))
    t_ns, score, ready = (table[name].to_numpy() for name in ("t_ns", "score", "ready"))
    found = {}
    for name in np.unique(spindle):
        own = np.flatnonzero(spindle == name)
        own = own[np.argsort(t_ns[own], kind="stable")]
        at_ns, is_ready = t_ns[own].astype(np.int64), ready[own].astype(np.bool_)
        found[str(name)] = ScoreSeries(
            at_ns, score[own].astype(np.float64), is_ready, _ready_ns(at_ns, is_ready, group[own])
        )
    return found


def _ready_ns(t_ns: NDArray[np.int64], ready: NDArray[np.bool_], group: NDArray[np.str_]) -> int | None:
    firsts = []
    for name in np.unique(group):
        own = ready & (group == name)
        if not own.any():
            return None
        firsts.append(int(t_ns[np.argmax(own)]))
    return max(firsts)
