"""Scores as a Parquet table, for whoever wants to look at a replay in detail."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.verdicts import Verdict
from sinks.base import Record
from sinks.files import written_whole

_FIELDS: list[tuple[str, pa.DataType]] = [
    ("t_ns", pa.int64()),
    ("spindle", pa.string()),
    ("group", pa.string()),
    ("regime", pa.string()),
    ("tier", pa.string()),
    ("detector", pa.string()),
    ("score", pa.float64()),
    ("ready", pa.bool_()),
    ("alerting", pa.bool_()),
    ("drift", pa.bool_()),
    ("top_feature", pa.string()),
]
_SCHEMA = pa.schema(_FIELDS)
_ROW_GROUP = 50_000


class ScoreTable:
    """``scores.parquet``: a row for each feature vector.

    ``t_ns, spindle, group, regime, tier, detector, score, ready, alerting, drift, top_feature``; a score of NaN means
    "cannot say". Memory is bounded by a row group of 50,000 rows. A context manager: the file takes its name when that
    is left without an exception, else nothing is left behind.

    Parameters
    ----------
    path : Path
        Replaced when the replay ends well, not before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._rows: list[Verdict] = []

    def __enter__(self) -> Self:
        part = self._stack.enter_context(written_whole(self._path))
        self._writer = self._stack.enter_context(pq.ParquetWriter(part, _SCHEMA, compression="zstd"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._stack.__exit__(kind, error, trace)

    def write(self, records: Sequence[Record]) -> None:
        """Keep the verdicts; write a row group when there are enough."""
        self._rows.extend(record for record in records if isinstance(record, Verdict))
        if len(self._rows) >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        scores = [row.score for row in rows]
        columns: dict[str, list[Any]] = {
            "t_ns": [score.t_ns for score in scores],
            "spindle": [score.spindle for score in scores],
            "group": [score.group for score in scores],
            "regime": [score.regime.label for score in scores],
            "tier": [str(score.tier) for score in scores],
            "detector": [score.detector for score in scores],
            "score": [score.score for score in scores],
            "ready": [score.ready for score in scores],
            "alerting": [row.alerting for row in rows],
            "drift": [score.drift for score in scores],
            "top_feature": [score.top_feature for score in scores],
        }
        arrays = [_array(columns[name], data_type) for name, data_type in _FIELDS]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=_SCHEMA))


def _array(values: Sequence[Any], data_type: pa.DataType) -> Any:
    """As `pyarrow.array` makes it, which imports pandas if that is installed: half a second for every replay."""
    if data_type == pa.string():
        known = {text: text.encode() for text in set(values)}
        pieces = [known[text] for text in values]
        ends = np.cumsum([0, *map(len, pieces)], dtype=np.int32)
        parts = [ends.tobytes(), b"".join(pieces)]
    elif data_type == pa.bool_():
        parts = [np.packbits(np.array(values, np.bool_), bitorder="little").tobytes()]
    else:
        parts = [np.array(values, data_type.to_pandas_dtype()).tobytes()]
    return pa.Array.from_buffers(data_type, len(values), [None, *map(pa.py_buffer, parts)])
