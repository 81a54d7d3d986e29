from __future__ import annotations

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from operators.kernels import time_domain as td

FS = 25_600.0
RATIOS = slice(td.CREST_FACTOR, td.CLEARANCE_FACTOR + 1)
IN_UNITS = [td.MEAN, td.STD, td.RMS, td.PEAK, td.PEAK_TO_PEAK]
ROWS = arrays(np.float32, st.integers(2, 70), elements=st.floats(-1e4, 1e4, width=32, allow_subnormal=False))


def partials(x: NDArray[np.float32], from_zero: bool = False, n_hops: int = 1) -> NDArray[np.float64]:
    """Of one row, cut into hops."""
    out = np.full((1, n_hops, 1, td.N_PARTIALS), 99.0)
    for hop, sums in zip(np.split(np.asarray(x, np.float32), n_hops), out[0], strict=True):
        td.hop_partials(hop[None], np.array([from_zero]), sums)
    return out


def features(
    x: NDArray[np.float32], from_zero: bool = False, fs: float = FS, n_hops: int = 1
) -> NDArray[np.float64]:
    """Of one row."""
    out = np.full((1, 1, td.N_TIME), 99.0)
    td.merge_partials(partials(x, from_zero, n_hops), np.array([from_zero]), fs, out)
    return out[0, 0]


def noise(n: int, offset: float = 0.0, seed: int = 1) -> NDArray[np.float32]:
    return (offset + np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


@pytest.mark.parametrize("n", [1, 2, 3, 15, 16, 17, 1023, 1025, 2560])
@pytest.mark.parametrize("from_zero", [False, True])
def test_features_equal_the_oracle(n: int, from_zero: bool) -> None:
    x = noise(n, offset=0.3)

    np.testing.assert_allclose(
        features(x, from_zero), oracles.time_features(x, from_zero, FS), rtol=2e-6, atol=2e-6
    )


@pytest.mark.parametrize("n_hops", [2, 3, 10, 100])
@pytest.mark.parametrize("offset", [0.3, 1000.0])
@pytest.mark.parametrize("from_zero", [False, True])
def test_hops_merge_to_what_the_whole_window_has(n_hops: int, offset: float, from_zero: bool) -> None:
    x = (noise(6000, offset) * np.linspace(1.0, 2.0, 6000)).astype(np.float32)

    np.testing.assert_allclose(
        features(x, from_zero, n_hops=n_hops),
        oracles.time_features(x, from_zero, FS, n_hops),
        rtol=1e-10 if from_zero else 5e-6,
        atol=1e-9 if from_zero else 5e-6,
    )


def test_hops_constant_each_at_different_levels_have_a_spread_but_no_distance_of_their_own() -> None:
    got = features(np.repeat(np.array([1.0, 3.0], np.float32), 50), n_hops=2)

    assert got[[td.STD, td.PEAK, td.CREST_FACTOR, td.KURTOSIS]].tolist() == [1.0, 1.0, 1.0, 1.0]
    assert np.isnan(got[td.SHAPE_FACTOR : td.ZERO_CROSSING_RATE_HZ]).all()


@pytest.mark.parametrize("offset", [10.0, 1000.0, 1e5, -1e5])
def test_large_dc_offset_costs_no_accuracy(offset: float) -> None:
    x = noise(25_600, offset)
    centred = x.astype(np.float64) - x.astype(np.float64).mean()

    for from_zero, rtol in ((True, 1e-9), (False, 1e-7)):
        got = features(x, from_zero, n_hops=10)
        assert got[td.STD] == pytest.approx(centred.std(), rel=rtol)
        assert got[td.KURTOSIS] == pytest.approx(np.mean(centred**4) / centred.var() ** 2, rel=10 * rtol)


@given(x=ROWS, from_zero=st.booleans())
def test_features_equal_the_oracle_on_any_finite_row(x: NDArray[np.float32], from_zero: bool) -> None:
    wanted = np.array(oracles.time_features(x, from_zero, FS))
    smooth = np.ptp(x) > 1e-3 * np.abs(x).max()  # else the oracle's own rounding decides

    got = features(x, from_zero)

    chosen = np.arange(td.N_TIME) if smooth else np.array([td.PEAK_TO_PEAK])
    if smooth and np.abs(x - x.astype(np.float64).mean()).min() < 1e-6 * np.abs(x).max():
        chosen = np.delete(chosen, td.ZERO_CROSSING_RATE_HZ)  # a sample on the mean: rounding picks its side
    scale = max(1.0, float(np.abs(x).max()))
    np.testing.assert_allclose(got[chosen], wanted[chosen], rtol=1e-4, atol=1e-6 * scale)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("position", [0, 1, 500, 2559])
def test_one_bad_sample_makes_its_channel_nan_and_no_other(bad: float, position: int) -> None:
    samples = np.stack([noise(2560, seed=2), noise(2560, seed=3)])[None]
    samples[0, 0, position] = bad
    out = np.zeros((1, 2, td.N_TIME))

    sums = np.empty((1, 1, 2, td.N_PARTIALS))
    td.hop_partials(samples[0], np.zeros(2, bool), sums[0, 0])
    td.merge_partials(sums, np.zeros(2, bool), FS, out)

    assert np.isnan(out[0, 0]).all()
    np.testing.assert_array_equal(out[0, 1], features(samples[0, 1]))


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_one_bad_hop_makes_its_window_nan(bad: float) -> None:
    x = noise(400)
    x[150] = bad

    assert np.isnan(features(x, n_hops=4)).all()
    assert np.isfinite(features(x[200:], n_hops=2)).all()


def test_largest_float_is_still_finite() -> None:
    x = noise(100)
    x[7] = -np.finfo(np.float32).max

    assert features(x)[td.PEAK] == pytest.approx(3.4e38, rel=0.02)


def test_infinities_of_both_signs_do_not_cancel() -> None:
    x = noise(100)
    x[[10, 20]] = np.inf, -np.inf

    assert np.isnan(features(x)).all()


@pytest.mark.parametrize("level", [0.0, 0.1, -7.3, 1e30, 1e-30])
@pytest.mark.parametrize("from_zero", [False, True])
def test_silent_window_has_no_ratios(level: float, from_zero: bool) -> None:
    got = features(np.full(999, level, np.float32), from_zero)

    assert np.isnan(got[RATIOS]).all()
    assert got[td.MEAN] == np.float32(level)
    assert got[td.STD] == got[td.PEAK_TO_PEAK] == got[td.ZERO_CROSSING_RATE_HZ] == 0.0
    assert got[td.RMS] == pytest.approx(abs(np.float32(level)) if from_zero else 0.0, rel=1e-12)


def test_one_sample_is_its_own_mean_and_has_no_crossing_rate() -> None:
    got = features(np.array([5.0], np.float32))

    assert got[td.MEAN] == 5.0
    assert np.isnan(got[RATIOS]).all()
    assert np.isnan(got[td.ZERO_CROSSING_RATE_HZ])


def test_no_samples_say_nothing() -> None:
    assert np.isnan(features(np.empty(0, np.float32))).all()


def test_sine_has_textbook_values() -> None:
    t = np.arange(25_600) / FS
    x = (3.0 * np.sin(2 * np.pi * 100.0 * t)).astype(np.float32)

    got = features(x)

    assert got[td.RMS] == pytest.approx(3.0 / np.sqrt(2), rel=1e-6)
    assert got[td.CREST_FACTOR] == pytest.approx(np.sqrt(2), rel=1e-6)
    assert got[td.KURTOSIS] == pytest.approx(1.5, rel=1e-6)
    assert got[td.SKEWNESS] == pytest.approx(0.0, abs=1e-6)
    assert got[td.SHAPE_FACTOR] == pytest.approx(np.pi / (2 * np.sqrt(2)), rel=1e-4)
    assert got[td.ZERO_CROSSING_RATE_HZ] == pytest.approx(200.0, rel=0.01)


def test_square_wave_has_all_factors_one() -> None:
    got = features(np.tile(np.repeat(np.array([2.0, -2.0], np.float32), 50), 20))

    np.testing.assert_allclose(got[[td.CREST_FACTOR, td.KURTOSIS, td.SHAPE_FACTOR]], 1.0, rtol=1e-6)
    np.testing.assert_allclose(got[[td.IMPULSE_FACTOR, td.CLEARANCE_FACTOR]], 1.0, rtol=1e-6)


def test_normal_noise_has_kurtosis_three() -> None:
    assert features(noise(200_000))[td.KURTOSIS] == pytest.approx(3.0, abs=0.1)


def test_dc_coupled_rms_includes_the_mean_and_its_spread_does_not() -> None:
    got = features(noise(10_000, offset=12.0), from_zero=True)

    assert got[td.RMS] == pytest.approx(np.hypot(got[td.MEAN], got[td.STD]), rel=1e-12)
    assert got[td.STD] == pytest.approx(1.0, rel=0.05)
    assert got[td.ZERO_CROSSING_RATE_HZ] == 0.0


def test_crossing_counts_each_change_of_side_once_and_the_origin_as_above() -> None:
    got = features(np.array([1.0, 0.0, -0.0, -1.0, -2.0, 0.0, 3.0], np.float32), True, fs=6.0)

    assert got[td.ZERO_CROSSING_RATE_HZ] == 2.0  # per second: six intervals at 6 Hz


@given(x=ROWS, exponent=st.integers(0, 20))
def test_scaling_the_signal_scales_what_has_a_unit_and_nothing_else(
    x: NDArray[np.float32], exponent: int
) -> None:
    factor = 2.0**exponent  # exact in float32

    before, after = features(x), features(x * np.float32(factor))

    slack = 1e-6 * factor * float(np.ptp(x))
    np.testing.assert_allclose(after[IN_UNITS], before[IN_UNITS] * factor, rtol=1e-6, atol=slack)
    np.testing.assert_allclose(after[RATIOS], before[RATIOS], rtol=1e-5, atol=1e-5)


@given(seed=st.integers(0, 1000), shift=st.integers(-100_000, 100_000))
def test_shifting_an_ac_signal_moves_only_its_mean(seed: int, shift: int) -> None:
    x = np.random.default_rng(seed).integers(-20, 20, 256).astype(np.float32)  # sums stay exact in float32
    x[:2] = -20, 20

    before, after = features(x), features(x + np.float32(shift))

    assert after[td.MEAN] == pytest.approx(before[td.MEAN] + shift)
    moments, distances = slice(td.STD, td.SHAPE_FACTOR), slice(td.SHAPE_FACTOR, td.ZERO_CROSSING_RATE_HZ)
    np.testing.assert_allclose(after[moments], before[moments], rtol=1e-5, atol=1e-6)
    # The origin is rounded to float32, as the samples are: 0.004 at 100 000.
    np.testing.assert_allclose(after[distances], before[distances], rtol=1e-2)


@given(x=ROWS)
def test_factors_keep_their_order(x: NDArray[np.float32]) -> None:
    got = features(x)

    if np.ptp(x) > 0:
        slack = 1 - 1e-6
        assert got[td.SHAPE_FACTOR] >= slack
        assert got[td.CREST_FACTOR] >= slack
        assert got[td.KURTOSIS] >= slack
        assert got[td.IMPULSE_FACTOR] >= got[td.CREST_FACTOR] * slack
        assert got[td.CLEARANCE_FACTOR] >= got[td.IMPULSE_FACTOR] * slack


@pytest.mark.parametrize("n", [5, 64, 513])
def test_stack_gives_each_row_the_bits_it_has_alone(n: int) -> None:
    samples = np.random.default_rng(4).standard_normal((7, 3, n)).astype(np.float32)
    samples.flags.writeable = False
    origin, sums = np.zeros(3, bool), np.empty((7, 1, 3, td.N_PARTIALS))
    out = np.zeros((7, 3, td.N_TIME + 5))[:, :, 2:-3]  # strided, as the columns of a wider table are

    for window, row in zip(samples, sums, strict=True):
        td.hop_partials(window, origin, row[0])
    td.merge_partials(sums, origin, FS, out)

    alone = np.array([[features(row) for row in window] for window in samples])
    np.testing.assert_array_equal(out, alone)


def test_extreme_magnitudes_neither_overflow_nor_vanish() -> None:
    x = noise(1000)

    for scale in (1e-37, 1e37):
        got = features(x * np.float32(scale))
        assert np.isfinite(got).all()
        assert got[td.KURTOSIS] == pytest.approx(features(x)[td.KURTOSIS], rel=1e-4)
