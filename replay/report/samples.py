"""Short stretches of a recording's samples, read without reading the recording."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import SensorGroup
from engine.errors import RecordingError
from replay.layout import group_file
from replay.wording import one_line

_KEPT = 4  # row groups, some 2 MB each: neighbouring stretches come from the same ones


class Stretches:
    """Samples of one sensor group by time. A context manager, which closes the file; holds four row groups at most.

    Parameters
    ----------
    folder : Path
        Of the recording, which has been opened before: columns and types are as they should be.
    group : SensorGroup
        As declared.
    """

    def __init__(self, folder: Path, group: SensorGroup) -> None:
        self._path, self._group = folder / group_file(group.name), group
        self._kept: OrderedDict[int, Any] = OrderedDict()

    def __enter__(self) -> Self:
        try:
            self._file = pq.ParquetFile(self._path, pre_buffer=False, page_checksum_verification=True)
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable(error) from error
        self._first_ns = self._starts()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, start_ns: int, end_ns: int) -> NDArray[np.float32]:
        """Samples from ``start_ns`` until before ``end_ns``, placed by their times.

        Parameters
        ----------
        start_ns, end_ns : int
            Stream time.

        Returns
        -------
        float32[n_channels, n]
            At the declared rate, to the nearest sample; NaN where none was recorded.

        Raises
        ------
        RecordingError
            A file that is damaged there.
        """
        rate = self._group.sample_rate_hz
        n = max(0, round((end_ns - start_ns) * rate / NS_PER_S))
        found = np.full((len(self._group.channels), n), np.nan, np.float32)
        for index in self._holding(start_ns, end_ns):
            table = self._row_group(index)
            for row, t_ns in enumerate(table[0]):
                first = round((t_ns - start_ns) * rate / NS_PER_S)
                for channel, (offsets, values) in enumerate(table[1]):
                    samples = values[offsets[row] : offsets[row + 1]]
                    low, high = max(0, -first), min(samples.size, n - first)
                    if low < high:
                        found[channel, first + low : first + high] = samples[low:high]
        return found

    def _holding(self, start_ns: int, end_ns: int) -> list[int]:
        """Row groups that may reach into a stretch: one that begins before it may, and so may a late block's."""
        early = [first for first in self._first_ns if first <= start_ns]
        floor = max(early, default=start_ns)
        holding = [i for i, first in enumerate(self._first_ns) if floor <= first < end_ns]
        return sorted({i for index in holding for i in (index - 1, index) if i >= 0})

    def _starts(self) -> list[int]:
        """Smallest ``t_ns`` of every row group; from the statistics, or from the rows where there are none."""
        metadata = self._file.metadata
        index = self._file.schema_arrow.names.index("t_ns")
        starts = []
        for i in range(metadata.num_row_groups):
            statistics: Any = metadata.row_group(i).column(index).statistics
            known = statistics is not None and statistics.has_min_max
            starts.append(int(statistics.min) if known else min(self._row_group(i)[0]))
        return starts

    def _row_group(self, index: int) -> Any:
        """Times of the rows; offsets and values of each channel."""
        if index not in self._kept:
            try:
                table = self._file.read_row_group(index, ["t_ns", *self._group.channel_names])
            except (OSError, pa.ArrowException) as error:
                raise self._unreadable(error) from error
            lists: list[Any] = [table[name].combine_chunks() for name in self._group.channel_names]
            columns = [(one.offsets.to_numpy(), one.values.to_numpy(zero_copy_only=False)) for one in lists]
            self._kept[index] = (table["t_ns"].to_pylist(), columns)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[index]

    def _unreadable(self, error: Exception) -> RecordingError:
        reason = one_line(str(error)) or type(error).__name__
        return RecordingError(f"{self._path}: cannot be read as Parquet: {reason}")
