from __future__ import annotations

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from operators.kernels.history import N_HISTORY, SLOPE, STD, VALUE, history_features


def features(x: NDArray[np.float32], fs: float = 0.5) -> NDArray[np.float64]:
    """Of one row."""
    out = np.full((1, 1, N_HISTORY), 99.0)
    history_features(np.asarray(x, np.float32)[None, None], fs, out)
    return out[0, 0]


@given(x=arrays(np.float32, st.integers(1, 20), elements=st.floats(-1000, 1000, width=32)))
def test_features_equal_the_oracle(x: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(features(x), oracles.history_features(x, 0.5), rtol=1e-7, atol=1e-7)


def test_ramp_has_its_slope_whatever_its_level() -> None:
    assert features(1e5 + 0.25 * np.arange(10), fs=2.0)[SLOPE] == pytest.approx(0.5)


def test_standing_value_has_neither_slope_nor_scatter() -> None:
    got = features(np.full(7, 0.1, np.float32))

    assert got.tolist() == [np.float32(0.1), 0.0, 0.0]


def test_one_sample_has_a_value_only() -> None:
    got = features(np.array([3.0], np.float32))

    assert got[VALUE] == 3.0
    assert np.isnan(got[[SLOPE, STD]]).all()


def test_no_samples_say_nothing() -> None:
    assert np.isnan(features(np.empty(0, np.float32))).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bad_sample_spoils_the_value_only_when_it_is_the_latest(bad: float) -> None:
    early, late = features(np.array([bad, 1.0, 2.0])), features(np.array([1.0, 2.0, bad]))

    assert early[VALUE] == 2.0
    assert np.isnan(early[[SLOPE, STD]]).all()
    assert np.isnan(late).all()
