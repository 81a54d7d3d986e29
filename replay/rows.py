"""Reading the Parquet files of a recording row by row, so that memory does not grow with their length."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.declared import SensorGroup
from engine.errors import RecordingError
from engine.records import Block, Context, samples_to_ns
from replay.layout import CONTEXT_ADDED, CONTEXT_SCHEMA, group_schema
from replay.wording import one_line

# Samples decoded at once per group: enough to forget what a batch costs, few enough to keep memory flat.
_BATCH_BYTES = 1 << 20
_BATCH_ROWS = 4_096
_BUFFER_BYTES = 1 << 18


class GroupRows:
    """One sensor group's file.

    Parameters
    ----------
    path : Path
        The Parquet file.
    spindle : str
        Whose blocks they are.
    group : SensorGroup
        As declared; names the columns.
    """

    def __init__(self, path: Path, spindle: str, group: SensorGroup) -> None:
        self._path, self._spindle, self._group = path, spindle, group

    def end_ns(self) -> int:
        """End of the latest block, from the row group with the latest start; checks columns on the way.

        Returns
        -------
        int
            UTC nanoseconds.

        Raises
        ------
        RecordingError
            A file that is missing, truncated, empty or of other columns.
        """
        rate = self._group.sample_rate_hz
        with self._open() as file, _named(self._path):
            latest = _latest_row_group(file.metadata)
            table = file.read_row_group(latest, columns=["t_ns", self._group.channel_names[0]])
            times, lists = _numbers(_one_array(table.column(0))), _one_array(table.column(1))
            lengths = np.nan_to_num(_numbers(lists.value_lengths()))  # an empty cell has none
        return max(int(t) + samples_to_ns(int(n), rate) for t, n in zip(times, lengths, strict=True))

    def blocks(self, max_block_s: float) -> Iterator[Block]:
        """Read blocks in the order of the file.

        Parameters
        ----------
        max_block_s : float
            Longer waveform blocks are cut; scalar blocks always hold one sample.

        Yields
        ------
        Block
            Its samples are read-only; they may share memory with its neighbours'.

        Raises
        ------
        RecordingError
            A damaged file, or channels that differ in length within a row.
        """
        rate = self._group.sample_rate_hz
        n_max = 1 if self._group.kind == "scalar" else max(1, int(max_block_s * rate))
        anchor_ns, n_run = None, 0
        for t_ns, samples in self.rows():
            n_row = samples.shape[1]
            # Pieces are timed from where the unbroken run of rows began, so rounding does not depend on the cut.
            if anchor_ns is None or t_ns != anchor_ns + samples_to_ns(n_run, rate):
                anchor_ns, n_run = t_ns, 0
            for first in range(0, n_row, n_max):
                piece_ns = anchor_ns + samples_to_ns(n_run + first, rate)
                piece = samples if n_row <= n_max else _read_only(samples[:, first : first + n_max].copy())
                yield Block(self._spindle, self._group.name, piece_ns, rate, piece)
            n_run += n_row

    def rows(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Read rows in the order of the file, as they were written.

        Yields
        ------
        tuple of int and float32[n_channels, n_samples]
            Time of the first sample; samples, read-only, in memory that neighbouring rows share.

        Raises
        ------
        RecordingError
            As `blocks`.
        """
        with self._open() as file:
            n_rows, n_bytes = file.metadata.num_rows, _n_bytes(file.metadata)
            n_batch = min(max(1, int(_BATCH_BYTES * n_rows / n_bytes)), _BATCH_ROWS)
            columns = ["t_ns", *self._group.channel_names]
            batches = file.iter_batches(n_batch, columns=columns, use_threads=False)
            n_read = 0
            while True:
                with _named(self._path):
                    batch = next(batches, None)
                if batch is None:
                    return
                yield from self._split(batch, n_read)
                n_read += batch.num_rows

    def _split(self, batch: pa.RecordBatch, n_read: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Turn a batch's rows into times and arrays."""
        if any(column.null_count for column in batch.columns):
            raise RecordingError(
                f"{self._path}: rows {n_read} to {n_read + batch.num_rows - 1}: got empty cells, wanted none"
            )
        lists: list[Any] = batch.columns[1:]
        bounds = np.stack([_numbers(column.offsets) for column in lists]).astype(np.int64)
        lengths = np.diff(bounds, axis=1)
        wrong = np.flatnonzero((lengths != lengths[0]).any(axis=0) | (lengths[0] == 0))
        if wrong.size:
            got = dict(zip(self._group.channel_names, lengths[:, wrong[0]].tolist(), strict=True))
            raise RecordingError(
                f"{self._path}: row {n_read + wrong[0]}: got {got} samples, wanted equally many, 1 or more"
            )
        values = [_numbers(column.values) for column in lists]
        times_ns = _numbers(batch.column(0)).tolist()
        # Rows equally long, which most are, are copied together: one by one, calls would cost more than copies.
        edges = [0, *(np.flatnonzero(np.diff(lengths[0])) + 1).tolist(), batch.num_rows]
        for first, last in pairwise(edges):
            samples = np.empty((last - first, len(values), lengths[0, first]), np.float32)
            for channel, array in enumerate(values):
                start, end = bounds[channel, first], bounds[channel, last]
                samples[:, channel] = array[start:end].reshape(last - first, -1)
            yield from zip(times_ns[first:last], _read_only(samples), strict=True)

    @contextmanager
    def _open(self) -> Iterator[pq.ParquetFile]:
        with _open_parquet(self._path, group_schema(self._group)) as file:
            if file.metadata.num_rows == 0:
                raise RecordingError(f"{self._path}: got no rows, wanted at least one")
            yield file


class ContextRows:
    """The file of what the machine did; it may have no rows.

    Parameters
    ----------
    path : Path
        The Parquet file.
    spindle : str
        Whose contexts they are.
    """

    def __init__(self, path: Path, spindle: str) -> None:
        self._path, self._spindle = path, spindle

    def check(self) -> None:
        """Check the columns without reading rows.

        Raises
        ------
        RecordingError
            A file that is missing, truncated or of other columns.
        """
        with _open_parquet(self._path, CONTEXT_SCHEMA, CONTEXT_ADDED):
            pass

    def contexts(self) -> Iterator[Context]:
        """Read contexts in the order of the file.

        Yields
        ------
        Context
            None where nothing is known.

        Raises
        ------
        RecordingError
            A damaged file.
        """
        with _open_parquet(self._path, CONTEXT_SCHEMA, CONTEXT_ADDED) as file:
            batches = file.iter_batches(_BATCH_ROWS, use_threads=False)
            while True:
                with _named(self._path):
                    batch = next(batches, None)
                if batch is None:
                    return
                for row in batch.to_pylist():
                    if row["t_ns"] is None:
                        raise RecordingError(f"{self._path}: got an empty cell in t_ns, wanted none")
                    yield Context(self._spindle, **row)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say which file it was that Arrow could not read."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = one_line(str(error)) or type(error).__name__
        raise RecordingError(f"{path}: cannot be read as Parquet: {reason}") from error


@contextmanager
def _open_parquet(
    path: Path, wanted: pa.Schema, may_lack: frozenset[str] = frozenset()
) -> Iterator[pq.ParquetFile]:
    """Open a file whose columns have the wanted names and types, in any order."""
    if not path.is_file():
        raise RecordingError(f"{path}: missing; wanted a Parquet file with the columns {_listed(wanted)}")
    with _named(path):
        # Pre-buffering, the default, would keep every row group read so far: the whole file in the end. A relative path
        # with a colon would be taken for an address.
        file = pq.ParquetFile(
            path.absolute(), pre_buffer=False, buffer_size=_BUFFER_BYTES, page_checksum_verification=True
        )
    with file:
        got = file.schema_arrow
        needed = {f.name: _kind(f.type) for f in wanted if f.name in got.names or f.name not in may_lack}
        if {f.name: _kind(f.type) for f in got} != needed or len(got) != len(needed):
            raise RecordingError(f"{path}: got the columns {_listed(got)}; wanted {_listed(wanted)}")
        yield file


def _kind(data_type: pa.DataType) -> str:
    """What a type is to us: other tools use wider lists, texts and numbers, which changes nothing."""
    if pa.types.is_list(data_type) or pa.types.is_large_list(data_type):
        return f"list of {data_type.value_type}"
    if pa.types.is_string(data_type) or pa.types.is_large_string(data_type):
        return "text"
    if pa.types.is_integer(data_type):
        return "integer"
    return "number" if pa.types.is_floating(data_type) else str(data_type)


def _listed(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({_kind(field.type)})" for field in schema)


def _latest_row_group(metadata: Any) -> int:
    """Index of the row group with the latest ``t_ns``; without statistics the last one."""
    index = metadata.schema.names.index("t_ns") if "t_ns" in metadata.schema.names else 0
    latest = []
    for i in range(metadata.num_row_groups):
        statistics = metadata.row_group(i).column(index).statistics
        if statistics is None or not statistics.has_min_max:
            return int(metadata.num_row_groups) - 1
        latest.append(statistics.max)
    return int(np.argmax(latest))


def _n_bytes(metadata: Any) -> int:
    n_bytes: int = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    return max(n_bytes, 1)


def _one_array(column: Any) -> Any:
    """Join a column's pieces."""
    return column.combine_chunks()


def _numbers(array: Any) -> NDArray[Any]:
    """An array's numbers, NaN for a null.

    By DLPack if it can be: `to_numpy` imports pandas if that is installed, half a second for every replay.
    """
    if array.null_count or not len(array):
        return np.asarray(array.to_numpy(zero_copy_only=False))
    return np.from_dlpack(array)


def _read_only(array: NDArray[np.float32]) -> NDArray[np.float32]:
    array.flags.writeable = False
    return array
