"""State written down and read again is the same, to the last bit; bytes from strangers are one clear error."""

import math
from collections import Counter, OrderedDict, deque
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine.errors import RecordingError
from engine.records import Context, Regime, Trouble
from engine.verdicts import FaultClass, Finding, Reason, Tier
from operators.state_codec import decode_state, encode_state

NUMBERS = st.sampled_from(["<f8", "<f4", "<i8", "<i4", "|u1", "|b1", ">f8"]).map(np.dtype)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.sampled_from([*Trouble, *FaultClass, Regime("T1", cutting=True), Context("M1", 5, rpm=math.nan)]),
    st.floats().map(np.float64),
    NUMBERS.flatmap(lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, min_side=0))),
)
KEYS = st.one_of(st.text(max_size=3), st.integers(), st.tuples(st.text(max_size=2), st.none()))
STATES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4).map(OrderedDict),
        st.lists(inner, max_size=4).map(lambda items: deque(items, 7)),
        st.sets(KEYS, max_size=4),
        st.frozensets(KEYS, max_size=4),
        st.lists(KEYS, max_size=4).map(Counter),
    ),
    max_leaves=12,
)


def same(one, two):
    """Equal in type and in every bit."""
    if type(one) is not type(two):
        return False
    if isinstance(one, np.ndarray):
        alike = (one.dtype, one.shape, one.flags.writeable) == (two.dtype, two.shape, two.flags.writeable)
        return alike and one.tobytes() == two.tobytes()
    if isinstance(one, np.generic | float):
        return np.float64(one).tobytes() == np.float64(two).tobytes()
    if isinstance(one, dict):
        return same(list(one.items()), list(two.items()))
    if isinstance(one, list | tuple | deque):
        return len(one) == len(two) and all(map(same, one, two))
    return one == two or repr(one) == repr(two)


@given(STATES)
def test_what_is_written_comes_back_of_the_same_types_and_bits(state):
    assert same(decode_state(encode_state(state)), state)


def test_a_matrix_keeps_its_order_and_whether_it_may_be_written_to():
    matrix = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    matrix.flags.writeable = False

    back = decode_state(encode_state(matrix))

    assert (back.flags.f_contiguous, back.flags.c_contiguous, back.flags.writeable) == (True, False, False)
    assert back.strides == matrix.strides


def test_records_inside_records_come_back_as_records():
    reason = Reason("vib_x.rms", 2.0, 1.0, math.nan, 1.5, "g", 1.0)
    finding = Finding(FaultClass.BEARING, "bearing", Tier.LEARNED, 1.25, 0.7, (reason,), "outer_race")

    back = decode_state(encode_state({"found": [finding]}))

    assert back["found"][0].reasons[0]._replace(low=0.0, contribution=0.0) == reason._replace(
        low=0.0, contribution=0.0
    )
    assert repr(back) == repr({"found": [finding]})


@pytest.mark.parametrize("stranger", [object(), Path("x"), np.array(["text"]), np.array([object()]), 1j])
def test_what_is_no_state_is_refused_when_written(stranger):
    with pytest.raises(TypeError, match="a state: got"):
        encode_state([stranger])


@given(st.binary(max_size=200))
def test_bytes_from_a_stranger_raise_nothing_but_a_recording_error(data):
    with suppress(RecordingError):
        decode_state(data)


@given(STATES, st.data())
def test_a_flipped_byte_raises_nothing_but_a_recording_error(state, data):
    damaged = bytearray(encode_state(state))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))

    with suppress(RecordingError):
        decode_state(bytes(damaged))


@pytest.mark.parametrize(
    "hostile",
    [
        [10, "system", "rm -rf /"],
        [10, "Context"],
        [10, "Trouble", "no such trouble"],
        [8, "O", [1], "C", True, bytes(8)],
        [8, "<f8", [2**40], "C", True, bytes(8)],
        [99, 1],
        [[], 1],
        [],
        {"a": 1},
        [2, "key without value"],
        [2, [0, 1], 2],
    ],
)
def test_forged_states_are_refused(hostile):
    with pytest.raises(RecordingError, match="a saved state"):
        decode_state(msgspec.msgpack.encode(hostile))


def test_nesting_without_end_is_refused():
    with pytest.raises(RecordingError, match="a saved state"):
        decode_state(b"\x92\x00" * 100_000 + b"\xc0")
