"""Where baselines go that no longer fit into memory, and how they are written down.

A shop has more programs than a process has room for. What a spindle has learned of a section is kept in memory while
it is being machined, elsewhere while it is not, and comes back as it was.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
import numpy as np

from detectors.base import State

FORMAT = 1
"""Of `pack`; what another one wrote is not read."""
_ARRAY = 1
_KINDS = frozenset("fiub")
_HEAD = 5


class BaselineStore(Protocol):
    """Keeps bytes by key. Neither method may raise for what happens to a disk: a baseline that is lost is relearned."""

    def put(self, key: str, value: bytes) -> None:
        """Keep a value, in place of any other of this key."""
        ...

    def get(self, key: str) -> bytes | None:
        """Give back what was kept last; None if there is nothing (any more). It stays."""
        ...


class Unreadable(ValueError):
    """Bytes that are no state: damaged, cut off, or of another format."""


def pack(state: State) -> bytes:
    """Write a state down: a format number, a checksum, and MessagePack with arrays as type, shape and bytes.

    Parameters
    ----------
    state : State
        Containers of numbers, strings, None and arrays of numbers, as every ``save`` gives it. Tuples come back as
        lists.

    Returns
    -------
    bytes
        For `unpack`.

    Raises
    ------
    TypeError
        Something else is in it.
    """
    body = msgspec.msgpack.encode(state, enc_hook=_encode)
    return bytes([FORMAT]) + zlib.crc32(body).to_bytes(4, "big") + body


def unpack(packed: bytes) -> Mapping[str, Any]:
    """Read a state that `pack` wrote; nothing that is read is ever executed.

    Parameters
    ----------
    packed : bytes
        Anything.

    Returns
    -------
    Mapping[str, Any]
        Arrays are writable.

    Raises
    ------
    Unreadable
        If they are not a state of this format, whole and unchanged.
    """
    body = packed[_HEAD:]
    if packed[:1] != bytes([FORMAT]) or zlib.crc32(body).to_bytes(4, "big") != packed[1:_HEAD]:
        raise Unreadable(f"a packed state: got {len(packed)} bytes of another format or damaged")
    try:
        state = msgspec.msgpack.decode(body, ext_hook=_decode)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise Unreadable(f"a packed state: {error}") from error
    if not isinstance(state, dict):
        raise Unreadable(f"a packed state: got {type(state).__name__}, wanted a table")
    return state


def _encode(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        content = value.dtype.str, list(value.shape), value.tobytes()
        return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode(content))
    if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
        return value.item()
    raise TypeError(f"a state of plain values: got {type(value).__name__}")


def _decode(code: int, data: memoryview) -> Any:
    if code != _ARRAY:
        raise ValueError(f"got extension {code}, wanted an array")
    kind, shape, content = msgspec.msgpack.decode(data, type=tuple[str, list[int], bytes])
    dtype = np.dtype(kind)
    if dtype.kind not in _KINDS:
        raise ValueError(f"got an array of {kind}, wanted numbers")
    return np.frombuffer(content, dtype).reshape(shape).copy()
