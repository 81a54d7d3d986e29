"""Writing a recording, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from engine.declared import SensorGroup, Spindle
from engine.declared_rules import impossible
from engine.errors import RecordingError
from engine.records import Context, samples_to_ns
from replay.faults import FAULTS, Fault, write_faults
from replay.layout import (
    CONTEXT,
    CONTEXT_SCHEMA,
    HEADER,
    VERSION,
    Header,
    group_file,
    group_schema,
    write_header,
)
from replay.staging import staged_folder, writing

# A reader holds one row group at a time; so many bytes of samples, or rows, close one.
_ROW_GROUP_BYTES = 2 << 20
_ROW_GROUP_ROWS = 16_384
# Longer rows are cut; how samples are cut into rows changes nothing that is read.
_ROW_SAMPLES = 65_536


class RecordingWriter:
    """Writes a recording; its folder appears complete when the ``with`` ends well, and not at all otherwise.

    Parameters
    ----------
    path : Path
        The recording's folder: missing or empty.
    spindle : Spindle
        Its groups are the files; its teach-in is kept.
    start_ns : int
        Second 0 of ``faults``.
    source, licence : str
        Where the samples come from and on what terms.
    notes : sequence of str
        What a user of the recording should know.
    faults : sequence of Fault
        What is labelled.
    labelled : bool
        The labels are complete: whatever no fault covers is normal, so an alert there is false.

    Raises
    ------
    RecordingError
        Occupied destination, impossible spindle, samples of another shape than declared, a group without
        samples, or a disk that cannot be written.
    """

    def __init__(
        self,
        path: Path,
        spindle: Spindle,
        start_ns: int,
        source: str,
        licence: str,
        notes: Sequence[str] = (),
        faults: Sequence[Fault] = (),
        *,
        labelled: bool = False,
    ) -> None:
        wrong = impossible(spindle.groups, spindle.teach_in)
        if wrong:
            raise RecordingError(f"{path}: {wrong}")
        if not spindle.name:
            raise RecordingError(f"{path}: wanted a spindle with a name, got ''")
        self.path = path
        self._spindle, self._faults = spindle, tuple(faults)
        self._header = Header(
            VERSION,
            spindle.name,
            int(start_ns),
            spindle.groups,
            source,
            licence,
            tuple(notes),
            spindle.teach_in,
            labelled,
        )
        self._stage = staged_folder(path)
        self._files: dict[str, _GroupFile] = {}
        self._contexts: list[Context] = []
        self._context_file: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        folder = self._stage.__enter__()
        try:
            with writing(self.path):
                self._files = {group.name: _GroupFile(folder, group) for group in self._spindle.groups}
                self._context_file = pq.ParquetWriter(
                    folder / CONTEXT, CONTEXT_SCHEMA, compression="zstd", write_page_checksum=True
                )
                write_header(folder / HEADER, self._header)
                write_faults(folder / FAULTS, self._faults)
        except BaseException as error:
            self._abandon(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._abandon(error)
            return
        try:
            with writing(self.path):
                self._finish()
                self._close_files()
        except BaseException as failure:
            self._abandon(failure)
            raise
        self._stage.__exit__(None, None, None)

    @property
    def n_samples(self) -> int:
        """Sample times written so far, over all groups."""
        return sum(file.n_samples for file in self._files.values())

    def write_block(self, group: str, t_ns: int, samples: ArrayLike) -> None:
        """Write samples of one group.

        Parameters
        ----------
        group : str
            Declared by the spindle.
        t_ns : int
            Time of the first sample.
        samples : array_like of float, shape (n_channels, n_samples)
            NaN where a sample is missing. Copied.
        """
        file = self._files.get(group)
        if file is None:
            raise RecordingError(
                f"{self.path}: got samples of group {group!r}, wanted one of {sorted(self._files)}"
            )
        array = np.asarray(samples, np.float32)
        n_channels = len(file.group.channels)
        if array.ndim != 2 or array.shape[0] != n_channels or array.shape[1] == 0:
            raise RecordingError(
                f"{self.path}: group {group!r}: got samples of shape {array.shape}, wanted ({n_channels}, 1 or more)"
            )
        for first in range(0, array.shape[1], _ROW_SAMPLES):
            piece_ns = t_ns + samples_to_ns(first, file.group.sample_rate_hz)
            with writing(self.path):
                file.append(piece_ns, array[:, first : first + _ROW_SAMPLES])

    def write_context(self, context: Context) -> None:
        """Write what the machine does from ``context.t_ns`` on.

        Parameters
        ----------
        context : Context
            Of this spindle.
        """
        if context.spindle != self._spindle.name:
            raise RecordingError(
                f"{self.path}: got a context of spindle {context.spindle!r}, wanted {self._spindle.name!r}"
            )
        self._contexts.append(context)
        if len(self._contexts) >= _ROW_GROUP_ROWS:
            with writing(self.path):
                self._flush_contexts()

    def _flush_contexts(self) -> None:
        assert self._context_file is not None
        columns = {name: [getattr(c, name) for c in self._contexts] for name in CONTEXT_SCHEMA.names}
        self._context_file.write_table(pa.table(columns, schema=CONTEXT_SCHEMA))
        self._contexts.clear()

    def _finish(self) -> None:
        for name, file in self._files.items():
            if file.n_samples == 0:
                raise RecordingError(
                    f"{self.path}: group {name!r}: got no samples, wanted at least one block"
                )
            file.flush()
        self._flush_contexts()

    def _close_files(self) -> None:
        for file in self._files.values():
            file.close()
        if self._context_file is not None:
            self._context_file.close()

    def _abandon(self, error: BaseException) -> None:
        """Remove everything written; ``error`` stays the one that the caller sees."""
        with suppress(Exception):
            self._close_files()
        self._stage.__exit__(type(error), error, error.__traceback__)


class _GroupFile:
    """One group's Parquet file, with the rows that wait for their row group to fill."""

    def __init__(self, folder: Path, group: SensorGroup) -> None:
        self.group = group
        self.n_samples = 0
        self._schema = group_schema(group)
        self._file = pq.ParquetWriter(
            folder / group_file(group.name),
            self._schema,
            # Of noise, zstd saves a twelfth, and takes as long to read as half of the features do to compute; slow
            # values repeat, and are few.
            compression="lz4" if group.kind == "waveform" else "zstd",
            use_dictionary=False,
            write_statistics=["t_ns"],
            write_page_checksum=True,  # noise is stored as it is: without, a flipped bit would be a sample
        )
        self._times_ns: list[int] = []
        self._pieces: list[NDArray[np.float32]] = []
        self._n_bytes = 0

    def append(self, t_ns: int, samples: NDArray[np.float32]) -> None:
        self._times_ns.append(int(t_ns))
        self._pieces.append(samples.copy())  # the caller may reuse its buffer
        self.n_samples += samples.shape[1]
        self._n_bytes += samples.nbytes
        if self._n_bytes >= _ROW_GROUP_BYTES or len(self._pieces) >= _ROW_GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        if not self._pieces:
            return
        lengths = [piece.shape[1] for piece in self._pieces]
        ends: Any = pa.array(np.concatenate(([0], np.cumsum(lengths))).astype(np.int32))
        joined = np.concatenate(self._pieces, axis=1)
        columns: list[Any] = [pa.array(np.array(self._times_ns, np.int64))]
        columns += [
            pa.ListArray.from_arrays(ends, pa.array(row), type=field.type)
            for field, row in zip(list(self._schema)[1:], joined, strict=True)
        ]
        self._file.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._times_ns.clear()
        self._pieces.clear()
        self._n_bytes = 0

    def close(self) -> None:
        self._file.close()
