from __future__ import annotations

import numpy as np
import oracles
import pytest
import scipy.fft
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.kernels import spectral as sp

FS = 25_600.0


def power_of(x: NDArray[np.float32], n_fft: int | None = None) -> NDArray[np.float32]:
    """Power spectrum of one row, the way `operators.spectrum` does it."""
    n_fft = n_fft or x.size
    taper = sp.hann_taper(x.size)
    rows = np.zeros((1, n_fft), np.float32)
    rows[0, : x.size] = x - x.mean(dtype=np.float64)
    sp.apply_taper(rows, taper)
    out = np.empty((1, n_fft // 2 + 1), np.float32)
    sp.power_spectra(scipy.fft.rfft(rows, axis=1), n_fft, float(np.sum(taper.astype(np.float64) ** 2)), out)
    return out[0]


def bands_of(power: NDArray[np.float32], edges_hz: NDArray[np.float64], n_fft: int) -> NDArray[np.float64]:
    out = np.empty((1, edges_hz.size - 1))
    sp.band_rms(power[None], sp.bins_of_edges(edges_hz, n_fft, FS), out)
    return out[0]


def shape_of(power: NDArray[np.float32], first_bin: int = 1, bin_hz: float = 10.0) -> NDArray[np.float64]:
    out = np.full((1, sp.N_SHAPE), 99.0)
    sp.spectral_shape(power[None], first_bin, bin_hz, out)
    return out[0]


def noise(n: int, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(n).astype(np.float32)


def tone(f_hz: float, amplitude: float, n: int) -> NDArray[np.float32]:
    return (amplitude * np.sin(2 * np.pi * f_hz * np.arange(n) / FS + 0.4)).astype(np.float32)


@pytest.mark.parametrize("n", [16, 17, 999, 2560])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_power_equals_the_oracle(n: int, offset: float) -> None:
    x = (noise(n) + np.float32(offset)).astype(np.float32)

    np.testing.assert_allclose(power_of(x), oracles.power_spectrum(x, n), rtol=1e-4, atol=1e-6 / n)


def test_power_of_a_padded_window_equals_the_oracle() -> None:
    x = noise(997)

    np.testing.assert_allclose(power_of(x, 1000), oracles.power_spectrum(x, 1000), rtol=1e-4, atol=1e-9)


@given(n=st.integers(16, 400), padding=st.integers(0, 5), seed=st.integers(0, 100))
def test_power_sums_to_the_weighted_mean_square(n: int, padding: int, seed: int) -> None:
    x = noise(n, seed)
    weight = sp.hann_taper(n).astype(np.float64) ** 2
    centred = x - x.mean(dtype=np.float64)

    total = power_of(x, n + padding).sum(dtype=np.float64)

    assert total == pytest.approx(np.sum(weight * centred**2) / np.sum(weight), rel=1e-5)


@pytest.mark.parametrize("n", [2560, 2561])
def test_bands_over_the_full_range_sum_in_square_to_the_variance(n: int) -> None:
    x = np.mean(  # of 50 windows: one varies by chance
        [power_of(noise(n, seed)) for seed in range(50)], axis=0
    )

    bands = bands_of(x, np.array([0.0, 100.0, 1000.0, 5000.0, FS / 2]), n)

    assert np.sum(bands**2) == pytest.approx(1.0, rel=0.02)


def test_bands_share_out_every_bin_once() -> None:
    power = power_of(noise(2560))
    edges = np.concatenate(([0.0], sp.log_band_edges(20.0, FS / 2, 8)))

    total = power.sum(dtype=np.float64)

    assert np.sum(bands_of(power, edges, 2560) ** 2) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("f_hz", [60.0, 437.0, 3333.3, 9000.0])
def test_tone_fills_its_own_band_with_its_rms(f_hz: float) -> None:
    edges = np.array([20.0, 200.0, 1500.0, 6000.0, FS / 2])
    own = int(np.searchsorted(edges, f_hz)) - 1

    bands = bands_of(power_of(tone(f_hz, 3.0, 5120)), edges, 5120)

    assert bands[own] == pytest.approx(3.0 / np.sqrt(2), rel=1e-3)
    assert np.delete(bands, own).max() < 3e-3


def test_bands_equal_the_oracle() -> None:
    x, edges = noise(2560, 5), sp.log_band_edges(20.0, FS / 2, 8)

    np.testing.assert_allclose(
        bands_of(power_of(x), edges, 2560),
        oracles.band_rms(oracles.power_spectrum(x, 2560), FS / 2560, edges),
        rtol=1e-5,
    )


@given(exponent=st.integers(-20, 20))
def test_scaling_the_signal_scales_its_bands(exponent: int) -> None:
    factor, edges = 2.0**exponent, np.array([100.0, 2000.0, FS / 2])

    before, after = (bands_of(power_of(x), edges, 512) for x in (noise(512), noise(512) * np.float32(factor)))

    np.testing.assert_allclose(after, before * factor, rtol=1e-12)


def test_band_without_a_bin_is_silent() -> None:
    assert bands_of(np.ones(257, np.float32), np.array([101.0, 102.0, FS / 2]), 512)[0] == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_power_that_is_not_finite_says_nothing(bad: float) -> None:
    power = np.ones(257, np.float32)
    power[40] = bad

    assert np.isnan(bands_of(power, np.array([100.0, FS / 2]), 512)).all()
    assert np.isnan(shape_of(power)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_sample_spoils_its_row_and_no_other(bad: float) -> None:
    rows = np.ones((4, 64), np.float32)
    rows[1, 7] = bad
    power = np.empty((4, 33), np.float32)

    with np.errstate(invalid="ignore"):
        sp.power_spectra(scipy.fft.rfft(rows, axis=1), 64, 64.0, power)

    assert not np.isfinite(power[1]).any()
    assert np.isfinite(np.delete(power, 1, axis=0)).all()


def test_taper_weighs_the_samples_and_leaves_what_lies_beyond() -> None:
    rows = np.full((2, 70), 3.0, np.float32)

    sp.apply_taper(rows, sp.hann_taper(64))

    np.testing.assert_array_equal(rows[:, :64], np.tile(3.0 * sp.hann_taper(64), (2, 1)))
    assert (rows[:, 64:] == 3.0).all()


@pytest.mark.parametrize("amplitude", [1e-15, 1e15])
def test_faint_and_loud_signals_keep_their_power(amplitude: float) -> None:
    power = power_of(tone(1000.0, amplitude, 5120))

    assert power.sum(dtype=np.float64) == pytest.approx(amplitude**2 / 2, rel=1e-5)


@pytest.mark.parametrize("n", [64, 513])
@pytest.mark.parametrize("first_bin", [0, 1, 7])
def test_shape_equals_the_oracle(n: int, first_bin: int) -> None:
    power = power_of(noise(n))

    got = shape_of(power, first_bin)

    wanted = oracles.spectral_shape(power.astype(np.float64), first_bin, 10.0)
    np.testing.assert_allclose(got[: sp.ENTROPY], wanted[: sp.ENTROPY], rtol=1e-9)
    assert got[sp.ENTROPY] == pytest.approx(wanted[sp.ENTROPY], abs=2e-6)
    assert abs(got[sp.PEAK_HZ] - wanted[sp.PEAK_HZ]) <= 5.0


@given(spread=st.floats(0.0, 30.0), n=st.integers(2, 3000), seed=st.integers(0, 50))
def test_entropy_is_exact_to_a_millionth_however_steep_the_spectrum(spread: float, n: int, seed: int) -> None:
    logs = np.random.default_rng(seed).uniform(-spread, 0.0, n)
    power = np.exp(logs).astype(np.float32)

    got, wanted = shape_of(power, 0)[sp.ENTROPY], oracles.spectral_shape(power.astype(np.float64), 0, 1.0)[2]

    assert got == pytest.approx(wanted, abs=2e-6)


@pytest.mark.parametrize("level", [1e-30, 1e-12, 1.0, 1e12, 1e30])
def test_flat_spectrum_has_entropy_one_and_single_line_zero(level: float) -> None:
    line = np.zeros(101, np.float32)
    line[30] = level

    flat, single = shape_of(np.full(101, level, np.float32)), shape_of(line)

    assert flat[sp.ENTROPY] == pytest.approx(1.0)
    assert flat[sp.CENTROID_HZ] == pytest.approx(505.0)
    assert single.tolist() == pytest.approx([300.0, 0.0, 0.0, 300.0], abs=1e-6)


@pytest.mark.parametrize("level", [0.0, 1e-42])
def test_silence_has_no_shape(level: float) -> None:
    assert np.isnan(shape_of(np.full(101, level, np.float32))).all()


def test_row_of_a_single_bin_has_no_entropy() -> None:
    got = shape_of(np.ones(1, np.float32), 0)

    assert np.isnan(got[sp.ENTROPY])
    assert got[sp.CENTROID_HZ] == 0.0


@pytest.mark.parametrize("f_hz", [437.0, 1000.0, 1234.5, 6001.0])
def test_peak_of_a_tone_is_found_within_a_twentieth_of_a_bin(f_hz: float) -> None:
    n = 5120

    got = shape_of(power_of(tone(f_hz, 1.0, n)), 4, FS / n)

    assert abs(got[sp.PEAK_HZ] - f_hz) < 0.05 * FS / n
    assert got[sp.CENTROID_HZ] == pytest.approx(f_hz, rel=1e-3)


@pytest.mark.parametrize("peak", [1, 2, 50, 98, 99, 100])
def test_peak_is_found_anywhere_in_the_spectrum(peak: int) -> None:
    power = np.full(101, 0.1, np.float32)
    power[peak] = 1.0

    assert shape_of(power)[sp.PEAK_HZ] == pytest.approx(10.0 * peak)


def test_first_of_equally_strong_bins_is_the_peak() -> None:
    assert shape_of(np.full(101, 0.5, np.float32), 0)[sp.PEAK_HZ] == 0.0


@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_taper_is_periodic_hann_and_read_only(n: int) -> None:
    taper = sp.hann_taper(n)

    np.testing.assert_allclose(taper, scipy.signal.get_window("hann", n) if n > 1 else [0.0], atol=1e-7)
    assert not taper.flags.writeable


def test_band_edges_are_equally_far_apart_in_octaves() -> None:
    edges = sp.log_band_edges(20.0, 12_800.0, 8)

    np.testing.assert_allclose(np.diff(np.log2(edges)), np.log2(640.0) / 8)
    assert (edges[0], edges[-1]) == (20.0, 12_800.0)


def test_edge_on_a_bin_takes_it_in_and_between_bins_the_next() -> None:
    bins = sp.bins_of_edges(np.array([20.0, 25.0, 60.000000001, 12_800.0]), 2560, FS)

    assert bins.tolist() == [2, 3, 6, 1281]
