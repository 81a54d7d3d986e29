"""Payloads of Sparkplug B 3.0 (Eclipse, 2022; chapter 6), as far as they can become channels and contexts.

The schema is built here instead of generated: it is twenty fields, and generated code is tied to a release of protobuf.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from engine.feeders.extras import library

_MS_NS = 10**6
_MOST_METRICS = 100_000

# Field numbers and types (by the names of descriptor.proto) of the messages Payload and Metric.
_PAYLOAD = {"timestamp": (1, "UINT64"), "seq": (3, "UINT64")}
_METRIC = {
    "name": (1, "STRING"),
    "alias": (2, "UINT64"),
    "timestamp": (3, "UINT64"),
    "datatype": (4, "UINT32"),
    "is_historical": (5, "BOOL"),
    "is_null": (7, "BOOL"),
}
_VALUES = {
    "int_value": (10, "UINT32"),
    "long_value": (11, "UINT64"),
    "float_value": (12, "FLOAT"),
    "double_value": (13, "DOUBLE"),
    "boolean_value": (14, "BOOL"),
    "string_value": (15, "STRING"),
    "bytes_value": (16, "BYTES"),
}

# Table of data types, section 6.4.16.
_BITS = {1: 8, 2: 16, 3: 32, 4: 64}  # signed, sent in two's complement within an unsigned field
_ARRAYS = {
    22: "<i1",
    23: "<i2",
    24: "<i4",
    25: "<i8",
    26: "<u1",
    27: "<u2",
    28: "<u4",
    29: "<u8",
    30: "<f4",
    31: "<f8",
}
INT64, BOOLEAN = 4, 11


class Metric(NamedTuple):
    """One metric.

    Parameters
    ----------
    name : str
        Empty where only the alias is told.
    alias : int or None
        Stands for the name after a birth.
    t_ns : int or None
        When the value was captured.
    datatype : int
        0 = not told: as at birth.
    is_historical : bool
        Not to be taken for what holds now.
    is_null : bool
        The device does not know.
    raw : Any
        As the field holds it; `value` reads it. None = null, or of a kind that is not read (data sets, templates).
    """

    name: str
    alias: int | None
    t_ns: int | None
    datatype: int
    is_historical: bool
    is_null: bool
    raw: Any

    def value(self, datatype: int) -> Any:
        """Read the value.

        Parameters
        ----------
        datatype : int
            As told at birth, where the metric itself tells none.

        Returns
        -------
        int, float, bool, str, array or None
            Of arrays: float64, in a row.

        Raises
        ------
        ValueError
            An array whose bytes are none of its type, or a kind that is not read.
        """
        kind, raw = self.datatype or datatype, self.raw
        if self.is_null:
            return None
        if raw is None:
            raise ValueError(f"got nothing that is read, of the type {kind}, wanted a number, text or array")
        if kind in _BITS and isinstance(raw, int):
            bits = _BITS[kind]
            raw &= (1 << bits) - 1
            return raw - (1 << bits) if raw >> (bits - 1) else raw
        if isinstance(raw, bytes):
            if kind not in _ARRAYS:
                raise ValueError(f"got bytes of the type {kind}, wanted an array of numbers")
            return np.frombuffer(raw, _ARRAYS[kind]).astype(np.float64)
        return raw


class Payload(NamedTuple):
    """One message.

    Parameters
    ----------
    t_ns : int or None
        When it was sent.
    seq : int or None
        Running number of the edge node's messages, 0 to 255.
    metrics : list of Metric
        In the message's order.
    """

    t_ns: int | None
    seq: int | None
    metrics: list[Metric]


def read_payload(data: bytes) -> Payload:
    """Read a message; fields that are not known are skipped.

    Parameters
    ----------
    data : bytes
        Anything.

    Returns
    -------
    Payload
        Whatever its numbers are.

    Raises
    ------
    ValueError
        No such message.
    UsageError
        protobuf is not installed.
    """
    payload = _message()()
    try:
        payload.ParseFromString(data)
        if len(payload.metrics) > _MOST_METRICS:
            raise ValueError(f"got {len(payload.metrics)} metrics, wanted at most {_MOST_METRICS}")
        metrics = [_metric(metric) for metric in payload.metrics]
    except ValueError:
        raise
    except Exception as error:  # DecodeError is known only once protobuf is imported
        raise ValueError(f"wanted a payload of Sparkplug B: {error}") from error
    return Payload(_time(payload), payload.seq if payload.HasField("seq") else None, metrics)


def write_payload(t_ns: int, seq: int | None, metrics: list[dict[str, Any]]) -> bytes:
    """Write a message.

    Parameters
    ----------
    t_ns : int
        When it is sent.
    seq : int, optional
        None = a command.
    metrics : list of dict
        Fields of each by their names in the schema, ``timestamp`` in milliseconds.

    Returns
    -------
    bytes
        The message.
    """
    payload = _message()(timestamp=t_ns // _MS_NS, metrics=metrics)
    if seq is not None:
        payload.seq = seq
    data: bytes = payload.SerializeToString()
    return data


def _metric(metric: Any) -> Metric:
    field = metric.WhichOneof("value")
    if not isinstance(metric.name, str):  # what is no UTF-8 comes as bytes
        raise ValueError(f"got the name {metric.name!r}, wanted UTF-8")
    return Metric(
        metric.name,
        metric.alias if metric.HasField("alias") else None,
        _time(metric),
        metric.datatype,
        metric.is_historical,
        metric.is_null,
        None if field is None else getattr(metric, field),
    )


def _time(message: Any) -> int | None:
    return message.timestamp * _MS_NS if message.timestamp else None


@cache
def _message() -> Any:
    """The class of payloads."""
    schema = library("google.protobuf.descriptor_pb2", "mqtt", "feed sparkplug")
    pools = library("google.protobuf.descriptor_pool", "mqtt", "feed sparkplug")
    factory = library("google.protobuf.message_factory", "mqtt", "feed sparkplug")
    kinds = schema.FieldDescriptorProto
    file = schema.FileDescriptorProto(name="spindlewatch_sparkplug_b", package="sparkplug", syntax="proto2")
    payload, metric = file.message_type.add(name="Payload"), file.message_type.add(name="Metric")
    metric.oneof_decl.add(name="value")
    for message, fields in ((payload, _PAYLOAD), (metric, _METRIC), (metric, _VALUES)):
        for name, (number, kind) in fields.items():
            added = message.field.add(name=name, number=number, label=kinds.LABEL_OPTIONAL)
            added.type = kinds.Type.Value(f"TYPE_{kind}")
            if fields is _VALUES:
                added.oneof_index = 0
    payload.field.add(
        name="metrics",
        number=2,
        label=kinds.LABEL_REPEATED,
        type=kinds.TYPE_MESSAGE,
        type_name=".sparkplug.Metric",
    )
    pool = pools.DescriptorPool()
    pool.Add(file)
    return factory.GetMessageClass(pool.FindMessageTypeByName("sparkplug.Payload"))
