"""What a recording's folder holds: file names, the header ``recording.toml``, column types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pyarrow as pa
from msgspec import Meta

from engine.clock import to_datetime
from engine.declared import Channel, SensorGroup, Spindle, TeachIn
from engine.declared_rules import impossible
from engine.errors import RecordingError

VERSION = 1
HEADER = "recording.toml"
CONTEXT = "context.parquet"

_CONTEXT_FIELDS: list[pa.Field[Any]] = [
    pa.field("t_ns", pa.int64(), nullable=False),
    pa.field("rpm", pa.float64()),
    pa.field("tool", pa.string()),
    pa.field("program", pa.string()),
    pa.field("section", pa.string()),
    pa.field("feed_mm_min", pa.float64()),
    pa.field("cutting", pa.bool_()),
    pa.field("n_teeth", pa.int32()),
    pa.field("tool_edge", pa.string()),
]
CONTEXT_SCHEMA = pa.schema(_CONTEXT_FIELDS)
# Recordings made before it was introduced lack it; they are read as if it were unknown throughout.
CONTEXT_ADDED = frozenset({"tool_edge"})

# TOML's basic strings are JSON's, except that DEL must be escaped too.
_DEL = "\x7f"


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``recording.toml``."""

    version: int
    spindle: Annotated[str, Meta(min_length=1)]
    start_ns: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    groups: tuple[SensorGroup, ...]
    source: str = ""
    licence: str = ""
    notes: tuple[str, ...] = ()
    teach_in: TeachIn | None = None
    labelled: bool = False


def group_file(group: str) -> str:
    """Name of the Parquet file of a sensor group.

    Examples
    --------
    >>> group_file("vibration")
    'vibration.parquet'
    """
    return f"{group}.parquet"


def group_schema(group: SensorGroup) -> pa.Schema:
    """Columns of a sensor group's file: ``t_ns`` of the row's first sample, then a list for each channel."""
    # That there are no empty cells saves a reader from looking for them: a quarter of its time.
    samples = pa.list_(pa.field("element", pa.float32(), nullable=False))
    fields: list[pa.Field[Any]] = [pa.field("t_ns", pa.int64(), nullable=False)]
    fields += [pa.field(name, samples, nullable=False) for name in group.channel_names]
    return pa.schema(fields)


def read_header(path: Path) -> Header:
    """Read and validate ``recording.toml``.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Header
        Of a version and with groups that this program can read.

    Raises
    ------
    RecordingError
        Unreadable, not TOML, unknown key, wrong type or impossible value; names file and path.
    """
    try:
        header = msgspec.toml.decode(path.read_bytes(), type=Header)
    except OSError as error:
        raise RecordingError(
            f"{path}: cannot be read: {error.strerror}; a recording begins with it"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: {error}") from error
    if header.version != VERSION:
        raise RecordingError(f"{path}: Expected version {VERSION}, got {header.version} - at `$.version`")
    wrong = impossible(header.groups, header.teach_in)
    if wrong:
        raise RecordingError(f"{path}: {wrong}")
    return header


def write_header(path: Path, header: Header) -> None:
    """Write ``recording.toml``.

    Parameters
    ----------
    path : Path
        The file.
    header : Header
        Valid.
    """
    lines = [
        f"version = {header.version}",
        f"spindle = {_string(header.spindle)}",
        f"start_ns = {header.start_ns}  # {to_datetime(header.start_ns).isoformat()}",
        f"source = {_string(header.source)}",
        f"licence = {_string(header.licence)}",
        f"labelled = {str(header.labelled).lower()}",
        "notes = [",
        *(f"  {_string(note)}," for note in header.notes),
        "]",
    ]
    if header.teach_in is not None:
        lines += ["", "[teach_in]", *_pairs(header.teach_in)]
    for group in header.groups:
        lines += ["", "[[groups]]", *group_lines(group)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def group_lines(group: SensorGroup) -> list[str]:
    """Return a sensor group as lines of TOML, to stand below the header of its table."""
    lines = _pairs(group, leave_out=("channels",))
    channels = (f"  {_value(channel)}," for channel in group.channels)
    return [*lines, "channels = [", *channels, "]"]


def _pairs(
    struct: SensorGroup | Channel | TeachIn | msgspec.Struct, leave_out: tuple[str, ...] = ()
) -> list[str]:
    """``key = value`` of every field that is set."""
    fields = {name: getattr(struct, name) for name in struct.__struct_fields__ if name not in leave_out}
    return [f"{name} = {_value(value)}" for name, value in fields.items() if value is not None]


def _value(value: str | bool | int | float | msgspec.Struct) -> str:
    if isinstance(value, msgspec.Struct):
        return f"{{ {', '.join(_pairs(value))} }}"
    if isinstance(value, str):
        return _string(value)
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace(_DEL, "\\u007f")


def declared_spindle(header: Header) -> Spindle:
    """Return the spindle that a header declares."""
    return Spindle(header.spindle, header.groups, header.teach_in)
