"""Wire format, version 1: how a gateway in any language hands blocks, contexts and ticks to the engine.

A **block** is binary, little-endian, a header of 32 bytes, then names, then samples::

    byte  type     field
    0     char[4]  "SPWB"
    4     uint8    version = 1
    5     uint8    reserved = 0
    6     uint8    length of the spindle's name in bytes, 1-255
    7     uint8    length of the sensor group's name in bytes, 1-255
    8     int64    t_ns: UTC nanoseconds of the first sample, greater than 0
    16    float64  sample_rate_hz: 1e-6 to 1e9
    24    uint16   n_channels, 1-64
    26    uint16   reserved = 0
    28    uint32   n_samples per channel, 1-1048576
    32    utf-8    spindle, then group, then zero bytes up to the next multiple of 4
          float32  n_channels x n_samples, channel after channel; NaN = sample missing

The message ends with the last sample; any other length is refused. Names hold no control characters.

A **context** is UTF-8 JSON, ``{"v": 1, "kind": "context", "spindle": "M1", "t_ns": 1700000000000000000}`` and any of
``tool``, ``program``, ``section``, ``tool_edge`` (strings), ``rpm``, ``feed_mm_min`` (finite numbers), ``cutting``
(boolean), ``n_teeth`` (integer, 1 upwards). A context is complete: a field left out or null means *unknown*, not
*unchanged*.

A **tick** is UTF-8 JSON, ``{"v": 1, "kind": "tick", "spindle": "M1", "t_ns": 1700000000000000000}``: the sender's
promise that it has sent every block and context of this spindle that ended before ``t_ns``. Send one at least each half
second, also while sensors are silent: silence is recognised by ticks.

Receivers refuse unknown versions and unknown keys, so a later version can add to both without being misread.
"""

from __future__ import annotations

import math
import struct
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from engine.errors import WireError
from engine.records import Block, Context, Tick

VERSION = 1
MAX_CHANNELS = 64
MAX_SAMPLES = 2**20
_RATES = 1e-6, 1e9  # beyond, the end of a block is no time any more

_MAX_SHOWN = 300  # characters of an error

_MAGIC = b"SPWB"
_HEADER = struct.Struct("<4sBBBBqdHHI")

_Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
_Time = Annotated[int, Meta(gt=0, le=2**63 - 1)]
_Text = Annotated[str, Meta(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    v: Literal[1]
    spindle: _Name
    t_ns: _Time


class _ContextMessage(_Message, frozen=True, tag="context", tag_field="kind"):
    tool: _Text | None = None
    program: _Text | None = None
    section: _Text | None = None
    rpm: float | None = None
    feed_mm_min: float | None = None
    cutting: bool | None = None
    n_teeth: Annotated[int, Meta(ge=1, le=1000)] | None = None
    tool_edge: _Text | None = None


class _TickMessage(_Message, frozen=True, tag="tick", tag_field="kind"):
    pass


_decoder = msgspec.json.Decoder(_ContextMessage | _TickMessage)


def encode(item: Block | Context | Tick) -> bytes:
    """Write a record as a wire message.

    Parameters
    ----------
    item : Block, Context or Tick
        ``received_ns`` is not sent: it is the receiver's to say.

    Returns
    -------
    bytes
        One message.

    Raises
    ------
    WireError
        The record cannot be sent: a name, time, rate, shape or number out of range.
    """
    if isinstance(item, Block):
        return _encode_block(item)
    try:
        if isinstance(item, Tick):
            message: _Message = _TickMessage(v=1, spindle=item.spindle, t_ns=item.t_ns)
        else:
            message = _ContextMessage(
                v=1,
                spindle=item.spindle,
                t_ns=item.t_ns,
                tool=item.tool,
                program=item.program,
                section=item.section,
                rpm=item.rpm,
                feed_mm_min=item.feed_mm_min,
                cutting=item.cutting,
                n_teeth=item.n_teeth,
                tool_edge=item.tool_edge,
            )
        payload = msgspec.json.encode(message)
        decode(payload)
    except (WireError, OverflowError, UnicodeEncodeError) as error:
        raise WireError(f"{type(item).__name__.lower()} cannot be sent: {error}") from error
    return payload


def decode(message: bytes | bytearray | memoryview, received_ns: int | None = None) -> Block | Context | Tick:
    """Read a wire message; whatever it is, the answer is a record or a `WireError`.

    Parameters
    ----------
    message : bytes-like
        One whole message. A block's samples are a read-only view of it, so it must not be reused.
    received_ns : int, optional
        Stamped on the record.

    Returns
    -------
    Block, Context or Tick
        Valid.

    Raises
    ------
    WireError
        Anything else than a valid message of version 1; says what was got and wanted.
    """
    data = bytes(message)
    if data[:4] == _MAGIC:
        return _decode_block(data, received_ns)
    if data[:1] != b"{":
        raise WireError(f"message: got it beginning with {data[:4]!r}, wanted {_MAGIC!r} or '{{'")
    try:
        found = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"context or tick: {_shown(str(error))}") from error
    if isinstance(found, _TickMessage):
        return Tick(found.spindle, found.t_ns)
    for name, value in (("rpm", found.rpm), ("feed_mm_min", found.feed_mm_min)):
        if value is not None and not math.isfinite(value):
            raise WireError(f"context: {name}: got {value}, wanted a finite number")
    return Context(
        found.spindle,
        found.t_ns,
        found.tool,
        found.program,
        found.section,
        found.rpm,
        found.feed_mm_min,
        found.cutting,
        found.n_teeth,
        found.tool_edge,
        received_ns,
    )


def _shown(text: str) -> str:
    """Return what a sender may have written as one short line that moves no terminal's cursor."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text[:_MAX_SHOWN])


def _encode_block(block: Block) -> bytes:
    if block.samples.ndim != 2:
        raise WireError(f"block: got samples of shape {block.samples.shape}, wanted (n_channels, n_samples)")
    try:
        spindle, group = block.spindle.encode(), block.group.encode()
        n_channels, n_samples = block.samples.shape
        header = _HEADER.pack(
            _MAGIC,
            VERSION,
            0,
            len(spindle),
            len(group),
            block.t_ns,
            block.sample_rate_hz,
            n_channels,
            0,
            n_samples,
        )
    except (struct.error, UnicodeEncodeError) as error:
        raise WireError(f"block cannot be sent: {error}") from error
    names = spindle + group
    payload = np.ascontiguousarray(block.samples, "<f4").tobytes()
    message = b"".join((header, names, bytes(-len(names) % 4), payload))
    _decode_block(message, None)
    return message


def _decode_block(data: bytes, received_ns: int | None) -> Block:
    if len(data) < _HEADER.size:
        raise WireError(f"block: got {len(data)} bytes, wanted a header of {_HEADER.size}")
    _, version, reserved_1, n_spindle, n_group, t_ns, rate, n_channels, reserved_2, n_samples = (
        _HEADER.unpack_from(data)
    )
    if version != VERSION or reserved_1 or reserved_2:
        raise WireError(
            f"block: got version {version}, reserved {reserved_1, reserved_2}, wanted {VERSION}, (0, 0)"
        )
    if not (_RATES[0] <= rate <= _RATES[1] and t_ns > 0):
        raise WireError(
            f"block: got t_ns={t_ns}, sample_rate_hz={rate}, wanted t_ns above 0 and a rate from 1e-6 to 1e9"
        )
    if not (0 < n_channels <= MAX_CHANNELS and 0 < n_samples <= MAX_SAMPLES):
        raise WireError(
            f"block: got {n_channels} channels of {n_samples} samples, "
            f"wanted 1-{MAX_CHANNELS} channels of 1-{MAX_SAMPLES}"
        )
    n_names = n_spindle + n_group
    first = _HEADER.size + n_names + (-n_names % 4)
    wanted = first + 4 * n_channels * n_samples
    if len(data) != wanted:
        raise WireError(
            f"block: got {len(data)} bytes, wanted {wanted} for {n_channels} x {n_samples} samples"
        )
    try:
        spindle = data[_HEADER.size : _HEADER.size + n_spindle].decode()
        group = data[_HEADER.size + n_spindle : _HEADER.size + n_names].decode()
    except UnicodeDecodeError as error:
        raise WireError(f"block: names are not UTF-8: {error}") from error
    for name in (spindle, group):
        if not name or any(character < " " or character == "\x7f" for character in name):
            raise WireError(f"block: got the name {name!r}, wanted 1-255 bytes without control characters")
    samples = np.frombuffer(data, "<f4", offset=first).reshape(n_channels, n_samples)
    return Block(spindle, group, t_ns, rate, samples, received_ns)
