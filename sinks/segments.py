r"""Segments of a ring: what one spindle sent for some seconds, and what its steps knew before.

A segment is a file that is written from front to back while the engine runs::

    "SPWSEG1\n"                                      then frames, each
    uint32  length, little-endian
    uint32  CRC-32 of the payload
    bytes   payload: MessagePack of one of the structs below, as a list that begins with its tag

A frame counts whole or not at all, so a file can be read while it is being written, and what a killed process left
behind is read up to its last whole frame. The barrier that opens a segment brings `States` from the end of the flow,
the next one `End`; alert messages between are those that this segment's items, and no others, led to.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.declared import Spindle
from engine.errors import RecordingError
from engine.records import Block, Context, Tick

VERSION = 1
MAGIC = b"SPWSEG1\n"
_HEAD = 8


class BlockItem(msgspec.Struct, tag=0, array_like=True, frozen=True):
    """A block as received; ``content`` is float32, little-endian, of ``shape``."""

    group: str
    t_ns: int
    sample_rate_hz: float
    shape: tuple[int, ...]
    content: bytes


class RowsItem(msgspec.Struct, tag=1, array_like=True, frozen=True):
    """A block whose samples are the next ``n_samples`` of its group in a recording beside this file."""

    group: str
    t_ns: int
    sample_rate_hz: float
    n_samples: int


class ContextItem(msgspec.Struct, tag=2, array_like=True, frozen=True):
    """A context as received."""

    t_ns: int
    tool: str | None
    program: str | None
    section: str | None
    rpm: float | None
    feed_mm_min: float | None
    cutting: bool | None
    n_teeth: int | None
    tool_edge: str | None


class TickItem(msgspec.Struct, tag=3, array_like=True, frozen=True):
    """A tick as received."""

    t_ns: int
    last: bool


Item = BlockItem | RowsItem | ContextItem | TickItem


class Start(msgspec.Struct, tag=0, array_like=True, frozen=True):
    """The first frame: whose segment, of which run of the engine, its place in it, and when it begins."""

    version: int
    run: str
    number: int
    t_ns: int
    spindle: Spindle
    config_hash: str


class Items(msgspec.Struct, tag=1, array_like=True, frozen=True):
    """What was received, in the order of its coming."""

    items: tuple[Item, ...]


class States(msgspec.Struct, tag=2, array_like=True, frozen=True):
    """What the steps knew before the segment's first item: `engine.barriers.Snapshot`."""

    states: dict[str, bytes]


class Messages(msgspec.Struct, tag=3, array_like=True, frozen=True):
    """Alert messages as JSON: `sinks.alert_json.alert_as_dict`."""

    messages: tuple[bytes, ...]


class Stored(msgspec.Struct, tag=4, array_like=True, frozen=True):
    """A baseline that the store gave back."""

    key: str
    value: bytes


class End(msgspec.Struct, tag=5, array_like=True, frozen=True):
    """The last frame: nothing of this segment is missing, and the next one follows without a break."""


Frame = Start | Items | States | Messages | Stored | End
_decoder = msgspec.msgpack.Decoder(Frame)


@dataclass(slots=True)
class Segment:
    """A segment that was read.

    Parameters
    ----------
    path : Path
        Its file.
    start : Start
        Its first frame.
    items : list of Item
        What was received.
    states : dict
        By step; empty if they did not reach the disk.
    messages : list of bytes
        Alert messages, as JSON.
    stored : dict
        Baselines that the store gave back, by key; the first of each.
    whole : bool
        False: it is still being written, or was cut off.
    """

    path: Path
    start: Start
    items: list[Item] = field(default_factory=list)
    states: dict[str, bytes] = field(default_factory=dict)
    messages: list[bytes] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    whole: bool = False

    def follows(self, other: Segment) -> bool:
        """Whether nothing is missing between another segment's items and this one's."""
        one, two = other.start, self.start
        same = (one.run, one.spindle, one.config_hash) == (two.run, two.spindle, two.config_hash)
        return other.whole and same and two.number == one.number + 1


def to_frame(content: Frame) -> bytes:
    """Write a frame: length, checksum, content.

    Parameters
    ----------
    content : Frame
        One of the structs above.

    Returns
    -------
    bytes
        To be appended with one write.
    """
    payload = msgspec.msgpack.encode(content)
    return len(payload).to_bytes(4, "little") + zlib.crc32(payload).to_bytes(4, "little") + payload


def to_item(record: Block | Context | Tick) -> Item:
    """Write down a received record, without its spindle and without when it was received here."""
    if isinstance(record, Block):
        content = np.ascontiguousarray(record.samples, "<f4").tobytes()
        return BlockItem(record.group, record.t_ns, record.sample_rate_hz, record.samples.shape, content)
    if isinstance(record, Tick):
        return TickItem(record.t_ns, record.last)
    names = ContextItem.__struct_fields__
    return ContextItem(*(getattr(record, name) for name in names))


def to_record(item: BlockItem | ContextItem | TickItem, spindle: str) -> Block | Context | Tick:
    """Make the record of an item again.

    Parameters
    ----------
    item : BlockItem, ContextItem or TickItem
        From `to_item`.
    spindle : str
        Whose.

    Returns
    -------
    Block, Context or Tick
        A block's samples are read-only.

    Raises
    ------
    RecordingError
        Fewer or more samples than the shape says, or a rate that is none.
    """
    if isinstance(item, TickItem):
        return Tick(spindle, item.t_ns, item.last)
    if isinstance(item, ContextItem):
        return Context(spindle, *msgspec.structs.astuple(item))
    if not 0.0 < item.sample_rate_hz < math.inf:
        raise RecordingError(f"block of group {item.group!r} at {item.t_ns}: got {item.sample_rate_hz} Hz")
    try:
        samples = np.frombuffer(item.content, "<f4").reshape(item.shape)
    except ValueError as error:
        raise RecordingError(f"block of group {item.group!r} at {item.t_ns}: {error}") from error
    return Block(spindle, item.group, item.t_ns, item.sample_rate_hz, samples)


def read_frames(path: Path) -> Iterator[Frame]:
    """Read a file's whole frames.

    Parameters
    ----------
    path : Path
        The file; it may still be growing.

    Yields
    ------
    Frame
        Up to the first one that is not whole.

    Raises
    ------
    RecordingError
        A file that cannot be read or is none of these, or a frame that this program does not know.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise RecordingError(f"{path}: got it beginning with {data[: len(MAGIC)]!r}, wanted {MAGIC!r}")
    first, view = len(MAGIC), memoryview(data)
    while first + _HEAD <= len(data):
        length = int.from_bytes(view[first : first + 4], "little")
        checksum = int.from_bytes(view[first + 4 : first + _HEAD], "little")
        payload = view[first + _HEAD : first + _HEAD + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        try:
            yield _decoder.decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise RecordingError(f"{path}: frame at byte {first}: {error}") from error
        first += _HEAD + length


def read_segment(path: Path) -> Segment | None:
    """Read a segment as far as it is whole.

    Parameters
    ----------
    path : Path
        The file; it may still be growing.

    Returns
    -------
    Segment or None
        None if not even its first frame is there.

    Raises
    ------
    RecordingError
        A file that cannot be read or is no segment of this version.
    """
    frames = read_frames(path)
    start = next(frames, None)
    if start is None:
        return None
    if not isinstance(start, Start) or start.version != VERSION:
        raise RecordingError(f"{path}: got {start!r:.80}, wanted the start of a segment of version {VERSION}")
    segment = Segment(path, start)
    for frame in frames:
        _add(segment, frame)
    return segment


def _add(segment: Segment, frame: Frame) -> None:
    if isinstance(frame, Items):
        segment.items += frame.items
    elif isinstance(frame, Messages):
        segment.messages += frame.messages
    elif isinstance(frame, States):
        segment.states = frame.states
    elif isinstance(frame, Stored):
        segment.stored.setdefault(frame.key, frame.value)
    elif isinstance(frame, End):
        segment.whole = True
    else:
        raise RecordingError(f"{segment.path}: got a second start, wanted one")


def write_frames(path: Path, frames: Sequence[Any]) -> None:
    """Write a file of frames at once.

    Parameters
    ----------
    path : Path
        Replaced.
    frames : sequence of Frame
        In order.
    """
    path.write_bytes(MAGIC + b"".join(to_frame(frame) for frame in frames))
