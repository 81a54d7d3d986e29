from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reported import unpack

from replay.report.packing import pack, reduce_max, reduce_range

CURVES = arrays(
    np.float64, st.integers(1, 60), elements=st.floats(-1e300, 1e300) | st.sampled_from([np.nan, np.inf])
)


@given(CURVES)
def test_a_curve_comes_back_to_a_65534th_of_its_range_and_the_unknown_stays_unknown(values):
    back = unpack(pack(values))

    known = np.isfinite(values)
    assert np.array_equal(np.isfinite(back), known)
    if known.any():
        low, high = values[known].min(), values[known].max()
        step = high / 65_534 - low / 65_534
        assert np.all(np.abs(back[known] - values[known]) <= step + 1e-9 * max(abs(low), abs(high)))


@given(CURVES, st.integers(1, 20))
def test_reducing_keeps_the_extremes_and_no_more_points_than_asked_for(values, n_most):
    values = np.where(np.isfinite(values), values, np.nan)

    low, high, n_run = reduce_range(values, n_most)

    assert low.size == high.size <= n_most
    assert n_run * low.size >= values.size
    if np.isfinite(values).any():
        assert (np.nanmin(low), np.nanmax(high)) == (np.nanmin(values), np.nanmax(values))


def test_a_single_line_of_a_spectrum_survives_being_reduced():
    spectrum = np.zeros(10_000)
    spectrum[4321] = 1.0

    reduced, n_run = reduce_max(spectrum, 600)

    assert np.flatnonzero(reduced).tolist() == [4321 // n_run]
