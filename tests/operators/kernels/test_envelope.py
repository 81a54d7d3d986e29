from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.kernels import envelope as en

MEAN2, MEAN4 = 3 / 8, 35 / 128  # of a Hann taper


def hann(n: int) -> NDArray[np.float64]:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)


def chosen(bands: NDArray[np.complexfloating]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Columns and squared envelope of one row whose bands are tapered already."""
    out, squared = np.full((1, en.N_ENVELOPE), 99.0), np.full((2, bands.shape[1]), 99.0, np.float32)
    en.choose_band(np.complex64(bands[None]), 100.0, 5.0, MEAN2, MEAN4, 2.0, squared, out)
    assert not squared[1].any()
    return out[0], squared[0]


def depths(squared: NDArray[np.floating], rpm: float, orders: list[float]) -> NDArray[np.float64]:
    """Bearing lines of one row, at 5 Hz per bin."""
    spectra = scipy.fft.rfft(np.float32(squared)[None], axis=1)
    out = np.full((1, en.N_ENVELOPE), 99.0)
    en.bearing_lines(spectra, 5.0, MEAN4 / MEAN2**2, np.array([rpm]), np.array([orders]), out)
    assert (out[0, : en.BPFO] == 99.0).all()
    return out[0, en.BPFO :]


def noise(n_bands: int, n: int, seed: int = 1) -> NDArray[np.complex128]:
    chance = np.random.default_rng(seed)
    return (chance.standard_normal((n_bands, n)) + 1j * chance.standard_normal((n_bands, n))) * hann(n)


def test_steady_tone_has_kurtosis_minus_one() -> None:
    tone = np.exp(2j * np.pi * 0.123 * np.arange(600)) * hann(600)

    out, _ = chosen(tone[None])

    assert out[en.KURTOSIS] == pytest.approx(-1.0, abs=1e-5)
    assert out[en.RMS] == pytest.approx(np.sqrt(2 * MEAN2), rel=1e-5)


def test_steady_noise_has_kurtosis_zero_and_scatters_as_stated() -> None:
    kurtoses = [chosen(noise(1, 600, seed))[0][en.KURTOSIS] for seed in range(300)]

    assert np.mean(kurtoses) == pytest.approx(0.0, abs=0.03)
    assert np.std(kurtoses) == pytest.approx(np.sqrt(8 / 600), rel=0.25)


@pytest.mark.parametrize("band", [0, 2, 3])
def test_band_with_impacts_is_chosen_however_faint(band: int) -> None:
    bands = noise(4, 600)
    bands[band] *= 0.01
    bands[band, 100::50] *= 10.0

    out, squared = chosen(bands)

    assert out[en.KURTOSIS] > 3.0
    assert out[en.BAND_HZ] == (100 + band * 600 + 299.5) * 5.0
    np.testing.assert_allclose(squared, np.abs(bands[band]) ** 2, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("level", [1e-9, 1e9])
def test_level_changes_no_kurtosis(level: float) -> None:
    before, after = chosen(noise(4, 600))[0], chosen(level * noise(4, 600))[0]

    assert after[en.KURTOSIS] == pytest.approx(before[en.KURTOSIS], abs=1e-5)
    assert after[en.RMS] == pytest.approx(level * before[en.RMS], rel=1e-5)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_row_without_power_or_finite_samples_says_nothing(value: float) -> None:
    out, squared = chosen(np.full((4, 32), value))

    assert np.isnan(out[: en.BPFO]).all()
    assert np.isnan(squared).all()


def test_band_without_power_is_not_chosen() -> None:
    bands = noise(4, 600)
    bands[:2] = 0.0

    assert chosen(bands)[0][en.BAND_HZ] > (100 + 2 * 600) * 5.0


def test_band_of_a_single_bin_is_taken_as_it_is() -> None:
    assert np.isfinite(chosen(np.ones((1, 1)))[0][: en.BPFO]).all()


@given(position=st.floats(5.0, 297.0), depth=st.floats(0.05, 2.0), phase=st.floats(0.0, 6.28))
def test_modulation_has_its_depth_wherever_its_frequency_lies_between_bins(
    position: float, depth: float, phase: float
) -> None:
    cosine = np.cos(2 * np.pi * position * np.arange(600) / 600 + phase)
    modulated = hann(600) ** 2 * (1.0 + depth * cosine)

    got = depths(modulated, 300.0 * position, [1.0, 2.0 / position, np.nan, 500.0])

    # One lobe reaches a little into that of the mean.
    assert got[0] == pytest.approx(depth, rel=2e-3, abs=2e-3)
    assert np.isnan(got[1:]).all()


def test_harmonics_of_a_line_add_up_as_far_as_the_spectrum_goes() -> None:
    angle = 2 * np.pi * 110 * np.arange(600) / 600
    modulated = hann(600) ** 2 * (1.0 + 0.3 * np.cos(angle) + 0.4 * np.cos(2 * angle))

    got = depths(modulated, 3000.0, [11.0, 22.0, 5.5, 7.0])

    np.testing.assert_allclose(got, [0.5, 0.4, 0.3, 0.0], atol=2e-4)


def test_sharp_impacts_have_the_greatest_depth() -> None:
    modulated = hann(600) ** 2
    modulated[np.arange(600) % 20 > 0] = 0.0

    assert depths(modulated, 3000.0, [3.0, np.nan, np.nan, np.nan])[0] == pytest.approx(np.sqrt(12), rel=1e-3)


def test_noise_has_the_depth_that_is_stated() -> None:
    got = [depths(np.abs(noise(1, 600, seed)[0]) ** 2, 3000.0, [20.0, 4.0, 5.1, 26.0]) for seed in range(100)]

    single, triple = np.sqrt(np.mean(np.square(got), axis=0))[[0, 1]]
    assert single == pytest.approx(np.sqrt(20 / 600), rel=0.15)
    assert triple == pytest.approx(np.sqrt(60 / 600), rel=0.15)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_envelope_without_power_or_finite_samples_has_no_lines(value: float) -> None:
    with np.errstate(invalid="ignore"):
        assert np.isnan(depths(np.full(600, value), 3000.0, [3.0, 5.0, 2.0, 1.0])).all()


UNKNOWN = st.just(np.nan)


@given(
    rpm=st.one_of(st.floats(-1e3, 1e6), st.sampled_from([0.0, np.inf]), UNKNOWN),
    order=st.one_of(st.floats(0.3, 30.0), UNKNOWN),
    n=st.sampled_from([2, 32, 600]),
)
def test_line_is_missing_exactly_when_a_reason_is_given(rpm: float, order: float, n: int) -> None:
    got = depths(hann(n) ** 2, rpm, [order] * 4)

    reason = en.why_bearing_missing(rpm, order, 5.0, n // 2 + 1)
    assert np.isnan(got).all() == np.isnan(got).any() == (reason is not None)


@pytest.mark.parametrize(
    ("rpm", "order", "reason"),
    [
        (3000.0, np.nan, "bearing geometry unknown"),
        (np.nan, 3.6, "rpm unknown"),
        (0.0, 3.6, "spindle not turning"),
        (60_000.0, 3.6, "rate too low"),
        (3000.0, 0.4, "lines not resolved"),
        (3000.0, 3.6, None),
    ],
)
def test_reason_names_what_is_missing(rpm: float, order: float, reason: str | None) -> None:
    assert en.why_bearing_missing(rpm, order, 5.0, 301) == reason
