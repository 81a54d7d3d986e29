"""State as bytes that may come from anywhere: an incident is sent by mail, and reading it executes nothing.

Recovery keeps its state with pickle, in a folder of its own process. What leaves the machine is written here instead:
MessagePack in which everything but plain numbers, texts and bytes is a list that begins with what it is. Numbers keep
their type and every bit, NaN and signed zeros included; arrays their type, shape, order and whether they may be
written to; records are named, and only those of `classes` are made. Two names for one object become two objects.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

import msgspec
import numpy as np

from engine.errors import RecordingError

_LIST, _TUPLE, _DICT, _SET, _FROZENSET, _DEQUE, _ORDERED, _COUNTER, _ARRAY, _SCALAR, _RECORD, _INT = range(12)
_OWN = ("engine.", "operators.", "detectors.")
_PLAIN = frozenset({type(None), bool, float, str, bytes})
_KINDS = frozenset("fiubc")
_INT64 = range(-(2**63), 2**63)
_DAMAGE = (
    msgspec.MsgspecError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)


@cache
def classes() -> Mapping[str, type]:
    """Find the records that a state may hold, by name; a step that keeps another one adds it here.

    Returns
    -------
    Mapping[str, type]
        Records of the stream, and what steps remember of it.
    """
    # Not at the top of this module: steps make these, and whatever makes a step imports this.
    from detectors.cut_parts import CutPart, Load
    from engine import records, verdicts
    from operators.cuts import Cut
    from operators.episodes import Episode, Run
    from operators.group_check import Hop, Recurrence
    from operators.scalar_check import ScalarState
    from operators.sensor_episodes import SensorEpisode
    from operators.waveform_check import WaveformState

    nouns = (cls for module in (records, verdicts) for cls in vars(module).values() if isinstance(cls, type))
    own = (Cut, CutPart, Episode, Hop, Load, Recurrence, Run, ScalarState, SensorEpisode, WaveformState)
    return {cls.__name__: cls for cls in (*nouns, *own) if cls.__module__.startswith(_OWN)}


def encode_state(state: Any) -> bytes:
    """Write down what a step's ``save`` returned.

    Parameters
    ----------
    state : Any
        Numbers, texts, bytes, None, arrays of numbers, containers of the standard library, and records of `classes`.

    Returns
    -------
    bytes
        For `decode_state`.

    Raises
    ------
    TypeError
        Something else is in it.

    Examples
    --------
    >>> decode_state(encode_state({("M1", 2): (1.5, float("-inf"), None)}))
    {('M1', 2): (1.5, -inf, None)}
    """
    return msgspec.msgpack.encode(_to_plain(state))


def decode_state(data: bytes) -> Any:
    """Read what `encode_state` wrote; nothing that is read is ever executed.

    Parameters
    ----------
    data : bytes
        Anything.

    Returns
    -------
    Any
        Equal to what was written, bit by bit, of the same types. Whether it fits a step is for that step to say.

    Raises
    ------
    RecordingError
        If they are not a state.
    """
    try:
        return _from_plain(msgspec.msgpack.decode(data))
    except _DAMAGE as error:
        raise RecordingError(f"a saved state: got {len(data)} bytes that are none: {error}") from error


def _to_plain(value: Any) -> Any:
    cls = type(value)
    if cls in _PLAIN:
        return value
    if cls is int:
        return value if value in _INT64 else [_INT, str(value)]
    write = _WRITERS.get(cls)
    if write is not None:
        return write(value)
    if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
        return [_SCALAR, value.dtype.str, value.tobytes()]
    if classes().get(cls.__name__) is not cls:
        raise TypeError(f"a state: got {cls.__module__}.{cls.__qualname__}, which it cannot hold")
    return [_RECORD, cls.__name__, *(_to_plain(item) for item in _contents(value))]


def _contents(record: Any) -> Iterator[Any]:
    if isinstance(record, Enum):
        return iter((record.value,))
    if isinstance(record, tuple):
        return iter(record)
    return (getattr(record, field.name) for field in dataclasses.fields(record))


def _items(value: Any) -> list[Any]:
    return [_to_plain(item) for item in value]


def _pairs(value: Any) -> list[Any]:
    return [_to_plain(part) for pair in value.items() for part in pair]


def _write_array(array: Any) -> list[Any]:
    if array.dtype.kind not in _KINDS:
        raise TypeError(f"a state: got an array of {array.dtype}, wanted numbers")
    # The order of a matrix decides how sums are taken, and so their last bit.
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    return [_ARRAY, array.dtype.str, list(array.shape), order, array.flags.writeable, array.tobytes(order)]


_WRITERS: dict[type, Callable[[Any], list[Any]]] = {
    list: lambda value: [_LIST, *_items(value)],
    tuple: lambda value: [_TUPLE, *_items(value)],
    dict: lambda value: [_DICT, *_pairs(value)],
    set: lambda value: [_SET, *_items(value)],
    frozenset: lambda value: [_FROZENSET, *_items(value)],
    deque: lambda value: [_DEQUE, value.maxlen, *_items(value)],
    OrderedDict: lambda value: [_ORDERED, *_pairs(value)],
    Counter: lambda value: [_COUNTER, *_pairs(value)],
    np.ndarray: _write_array,
}


def _from_plain(value: Any) -> Any:
    if not isinstance(value, list):
        if type(value) in _PLAIN or type(value) is int:
            return value
        raise ValueError(f"got {type(value).__name__}, wanted a number, text, bytes or a list")
    return _READERS[value[0]](value[1:])


def _read_items(parts: list[Any]) -> list[Any]:
    return [_from_plain(part) for part in parts]


def _read_pairs(parts: list[Any]) -> dict[Any, Any]:
    items = _read_items(parts)
    return dict(zip(items[::2], items[1::2], strict=True))


def _read_array(parts: list[Any]) -> Any:
    kind, shape, order, writeable, content = parts
    array = np.frombuffer(content, _numbers(kind)).reshape(shape, order=order).copy(order)
    array.flags.writeable = bool(writeable)
    return array


def _read_scalar(parts: list[Any]) -> Any:
    kind, content = parts
    (scalar,) = np.frombuffer(content, _numbers(kind))
    return scalar


def _numbers(kind: str) -> np.dtype[Any]:
    dtype = np.dtype(kind)
    if dtype.kind not in _KINDS:
        raise ValueError(f"got an array of {kind}, wanted numbers")
    return dtype


def _read_record(parts: list[Any]) -> Any:
    cls: Any = classes()[parts[0]]
    return cls(*_read_items(parts[1:]))


_READERS: dict[int, Callable[[list[Any]], Any]] = {
    _LIST: _read_items,
    _TUPLE: lambda parts: tuple(_read_items(parts)),
    _DICT: _read_pairs,
    _SET: lambda parts: set(_read_items(parts)),
    _FROZENSET: lambda parts: frozenset(_read_items(parts)),
    _DEQUE: lambda parts: deque(_read_items(parts[1:]), parts[0]),
    _ORDERED: lambda parts: OrderedDict(_read_pairs(parts)),
    _COUNTER: lambda parts: Counter(_read_pairs(parts)),
    _ARRAY: _read_array,
    _SCALAR: _read_scalar,
    _RECORD: _read_record,
    _INT: lambda parts: int(parts[0]),
}
