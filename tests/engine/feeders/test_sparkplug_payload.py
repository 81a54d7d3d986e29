import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.feeders.sparkplug_payload import Metric, read_payload, write_payload

T0_MS = 1_700_000_000_000


def value_of(datatype, **fields):
    payload = read_payload(write_payload(T0_MS * 10**6, 0, [{"name": "x", "datatype": datatype, **fields}]))
    return payload.metrics[0].value(0)


def test_a_message_of_another_implementation_is_read():
    # As the schema of Eclipse Tahu lays it out: timestamp, then metrics {name, alias, datatype, int_value}, then seq.
    metric = b"\x0a\x01x\x10\x07\x20\x01\x50\xff\x01"
    data = (
        b"\x08"
        + bytes([0x80, 0xD0, 0x95, 0xFF, 0xBC, 0x31])
        + b"\x12"
        + bytes([len(metric)])
        + metric
        + b"\x18\x03"
    )
    payload = read_payload(data)
    assert (payload.t_ns, payload.seq) == (1_700_000_000_000 * 10**6, 3)
    assert payload.metrics == [Metric("x", 7, None, 1, False, False, 255)]
    assert payload.metrics[0].value(0) == -1


@pytest.mark.parametrize(
    ("datatype", "fields", "value"),
    [
        (1, {"int_value": 0x80}, -128), (2, {"int_value": 0xFFFF}, -1), (3, {"int_value": 0xFFFFFFFF}, -1),
        (3, {"int_value": 5}, 5), (4, {"long_value": 2**64 - 7}, -7), (1, {"int_value": 0xFFFFFFFF}, -1),
        (7, {"int_value": 2**32 - 1}, 2**32 - 1), (8, {"long_value": 2**64 - 1}, 2**64 - 1),
        (9, {"float_value": 0.5}, 0.5), (10, {"double_value": 0.1}, 0.1), (11, {"boolean_value": True}, True),
        (12, {"string_value": "T1"}, "T1"), (9, {"is_null": True}, None),
        (9, {"is_null": True, "float_value": 1}, None),
    ],
)  # fmt: skip
def test_values_are_read_by_their_type(datatype, fields, value):
    assert value_of(datatype, **fields) == value


@pytest.mark.parametrize(
    ("datatype", "form"), [(22, "b"), (23, "h"), (25, "q"), (26, "B"), (30, "f"), (31, "d")]
)
def test_arrays_are_numbers_in_a_row(datatype, form):
    np.testing.assert_array_equal(
        value_of(datatype, bytes_value=struct.pack(f"<3{form}", 1, 2, 3)), [1, 2, 3]
    )


@pytest.mark.parametrize(
    ("datatype", "fields"), [(30, {"bytes_value": b"123"}), (17, {"bytes_value": b"1234"}), (16, {})]
)
def test_what_is_no_number_text_or_array_is_told(datatype, fields):
    with pytest.raises(ValueError, match=r"type|buffer"):
        value_of(datatype, **fields)


def test_the_type_of_the_birth_counts_where_a_message_tells_none():
    payload = read_payload(write_payload(T0_MS * 10**6, 0, [{"alias": 1, "int_value": 0xFFFF}]))
    assert payload.metrics[0].value(2) == -1
    assert payload.metrics[0].value(0) == 0xFFFF


@given(st.binary(max_size=64))
def test_whatever_it_is_the_answer_is_a_payload_or_a_value_error(data):
    try:
        payload = read_payload(data)
    except ValueError:
        return
    for metric in payload.metrics:
        assert isinstance(metric.name, str)
