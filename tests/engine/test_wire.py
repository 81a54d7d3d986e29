import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine.errors import WireError
from engine.records import Block, Context, Tick
from engine.wire import decode, encode

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
TIMES = st.integers(1, 2**63 - 1)


@given(
    spindle=NAMES,
    group=NAMES,
    t_ns=TIMES,
    rate=st.floats(1e-6, 1e7),
    samples=arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=64)),
)
def test_block_survives_the_wire(spindle, group, t_ns, rate, samples):
    sent = Block(spindle, group, t_ns, rate, samples)

    got = decode(encode(sent), received_ns=7)

    assert isinstance(got, Block)
    assert (got.spindle, got.group, got.t_ns, got.sample_rate_hz) == (spindle, group, t_ns, rate)
    assert got.samples.tobytes() == samples.tobytes()
    assert got.samples.shape == samples.shape
    assert not got.samples.flags.writeable
    assert got.received_ns == 7


@given(
    spindle=NAMES,
    t_ns=TIMES,
    tool=st.none() | NAMES,
    rpm=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    cutting=st.none() | st.booleans(),
    n_teeth=st.none() | st.integers(1, 1000),
    edge=st.none() | NAMES,
)
def test_context_survives_the_wire(spindle, t_ns, tool, rpm, cutting, n_teeth, edge):
    sent = Context(spindle, t_ns, tool=tool, rpm=rpm, cutting=cutting, n_teeth=n_teeth, tool_edge=edge)

    assert decode(encode(sent)) == sent


def test_tick_survives_the_wire():
    assert decode(encode(Tick("M1", 5))) == Tick("M1", 5)


def test_a_gateway_can_write_a_block_from_the_documentation_alone():
    message = (
        b"SPWB\x01\x00\x02\x03"
        + (1_700_000_000_000_000_000).to_bytes(8, "little", signed=True)
        + np.float64(25600.0).tobytes()
        + b"\x01\x00\x00\x00\x02\x00\x00\x00"
        + b"M1vib\x00\x00\x00"
        + np.array([1.5, -2.0], "<f4").tobytes()
    )

    block = decode(message)

    assert isinstance(block, Block)
    assert (block.spindle, block.group, block.sample_rate_hz) == ("M1", "vib", 25600.0)
    assert block.samples.tolist() == [[1.5, -2.0]]


@given(st.binary(max_size=200))
def test_random_bytes_are_a_record_or_a_wire_error(data):
    assert_decodes_or_refuses(data)


@given(st.binary(max_size=120))
def test_random_bytes_behind_the_magic_are_a_record_or_a_wire_error(data):
    assert_decodes_or_refuses(b"SPWB\x01\x00" + data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    )
)
def test_random_json_is_a_record_or_a_wire_error(value):
    assert_decodes_or_refuses(
        json.dumps({"v": 1, "kind": "context", "spindle": "M1", "t_ns": value}).encode()
    )


@given(cut=st.integers(0, 60), flip=st.integers(0, 47))
def test_a_damaged_block_is_a_record_or_a_wire_error(cut, flip):
    message = bytearray(encode(Block("M1", "vib", 1, 1.0, np.zeros((2, 1), np.float32))))
    message[flip % len(message)] ^= 0xFF

    assert_decodes_or_refuses(bytes(message[: len(message) - cut]))


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (b"", "beginning with"),
        (b"SPWB", "wanted a header of 32"),
        (b'{"v": 2, "kind": "tick", "spindle": "M1", "t_ns": 1}', "v"),
        (b'{"v": 1, "kind": "tick", "spindle": "M1", "t_ns": 0}', "t_ns"),
        (b'{"v": 1, "kind": "context", "spindle": "M1", "t_ns": 1, "tol": "T1"}', "tol"),
        (b'{"v": 1, "kind": "context", "spindle": "M\\n", "t_ns": 1}', "spindle"),
        (b'{"v": 1, "kind": "context", "spindle": "M1", "t_ns": 1, "rpm": 1e999}', "rpm|range"),
    ],
)
def test_a_refusal_says_what_is_wrong(message, complaint):
    with pytest.raises(WireError, match=complaint):
        decode(message)


@pytest.mark.parametrize(
    "block",
    [
        Block("", "vib", 1, 1.0, np.zeros((1, 1), np.float32)),
        Block("M" * 256, "vib", 1, 1.0, np.zeros((1, 1), np.float32)),
        Block("M1", "vib", 0, 1.0, np.zeros((1, 1), np.float32)),
        Block("M1", "vib", 1, float("nan"), np.zeros((1, 1), np.float32)),
        Block("M1", "vib", 1, 1e-300, np.zeros((1, 1), np.float32)),  # its end is no time
        Block("M1", "vib", 1, 1.0, np.zeros((65, 1), np.float32)),
        Block("M1", "vib", 1, 1.0, np.zeros((1, 0), np.float32)),
        Block("M1", "vib", 1, 1.0, np.zeros(3, np.float32)),
    ],
)
def test_what_cannot_be_read_is_not_sent(block):
    with pytest.raises(WireError):
        encode(block)


def assert_decodes_or_refuses(data):
    with suppress(WireError):
        assert isinstance(decode(data), Block | Context | Tick)


@pytest.mark.parametrize("key", ["t\\ns", "\\u001b[2J", "\\u2028", "x" * 100_000])
def test_an_error_is_one_short_line_whatever_the_sender_wrote(key):
    with pytest.raises(WireError, match="unknown field") as raised:
        decode(b'{"v":1,"kind":"tick","spindle":"M1","t_ns":1,"' + key.encode() + b'":0}')
    told = str(raised.value)
    assert told.isprintable()
    assert len(told) < 600
