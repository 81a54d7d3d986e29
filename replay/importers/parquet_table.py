"""Parquet tables of a historian or a data frame, read row group by row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from engine.errors import RecordingError
from replay.importers.column_files import ColumnFiles
from replay.importers.columns import BATCH_ROWS, MOST_COLUMNS, Batch, Columns, refuse_bomb
from replay.importers.headings import distinct
from replay.importers.reading import named
from replay.importers.resolving import Options

_BUFFER_BYTES = 1 << 20
_PLAIN = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_decimal,
    pa.types.is_string,
    pa.types.is_temporal,
    pa.types.is_null,
)


def tables(path: Path, options: Options) -> list[Columns]:  # noqa: ARG001 - every importer takes them
    """Look into a file's footer.

    Parameters
    ----------
    path : Path
        A flat table: a row for each moment. Columns of lists and structs are left out. Texts that are dictionaries
        (categories) are read as texts.
    options : Options
        None is needed to look.

    Returns
    -------
    list[Columns]
        One.

    Raises
    ------
    RecordingError
        No Parquet file, or no rows.
    """
    with named(path, "a Parquet file"), pq.ParquetFile(path) as file:
        schema, metadata = file.schema_arrow, file.metadata
        refuse_bomb(path, metadata.num_rows * sum(_width(field.type) for field in schema))
    if metadata.num_rows == 0:
        raise RecordingError(f"{path}: wanted rows, got none")
    if len(schema) > MOST_COLUMNS:
        raise RecordingError(f"{path}: got {len(schema)} columns, wanted at most {MOST_COLUMNS}")
    fields = [field for field in schema if any(is_plain(_unpacked(field.type)) for is_plain in _PLAIN)]
    names = distinct([field.name.strip() for field in fields])
    stored = dict(zip(names, [field.name for field in fields], strict=True))
    left_out = [field.name for field in schema if field not in fields]
    notes = (f"Columns of lists and structs, not imported: {', '.join(left_out)}.",) if left_out else ()
    return [
        Columns(
            path,
            tuple(names),
            lambda wanted: _batches(path, stored, wanted),
            n_rows=metadata.num_rows,
            notes=notes,
        )
    ]


def _batches(path: Path, stored: dict[str, str], wanted: Sequence[str]) -> Iterator[Batch]:
    # Pre-buffering, the default, would keep every row group read so far: the whole file in the end.
    with (
        named(path, "a Parquet file"),
        pq.ParquetFile(
            path, pre_buffer=False, buffer_size=_BUFFER_BYTES, page_checksum_verification=True
        ) as file,
    ):
        for batch in file.iter_batches(BATCH_ROWS, columns=[stored[name] for name in wanted]):
            columns = {name: batch.column(stored[name]) for name in wanted}
            yield {name: column.cast(_unpacked(column.type)) for name, column in columns.items()}


def _unpacked(kind: pa.DataType) -> pa.DataType:
    """Texts are read as plain strings, whatever way they were kept."""
    if isinstance(kind, pa.DictionaryType):
        return _unpacked(kind.value_type)
    return pa.string() if pa.types.is_large_string(kind) else kind


def _width(kind: pa.DataType) -> int:
    """Bytes of a value, at least."""
    return kind.bit_width // 8 if pa.types.is_primitive(kind) else 1


_FILES = ColumnFiles(("*.parquet", "*.pq"), "a Parquet file", tables)
read, show = _FILES.read, _FILES.show
