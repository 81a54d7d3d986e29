from __future__ import annotations

import numpy as np
import oracles
import pytest
import scipy.fft
from numpy.typing import NDArray

from operators.kernels import spectral as sp
from operators.kernels.velocity import velocity_rms

FS, N = 25_600.0, 5120
BIN_HZ = FS / N
G = 9806.65


def power_of(x: NDArray[np.floating]) -> NDArray[np.float32]:
    taper = sp.hann_taper(N)
    rows = np.array([x], np.float32)
    sp.apply_taper(rows, taper)
    power = np.empty((1, N // 2 + 1), np.float32)
    sp.power_spectra(scipy.fft.rfft(rows, axis=1), N, float(np.sum(taper.astype(np.float64) ** 2)), power)
    return power


def velocity_of(
    power: NDArray[np.float32], bin_hz: float = BIN_HZ, low_hz: float = 10.0, high_hz: float = 1000.0
) -> NDArray[np.float64]:
    out = np.full(power.shape[0], 99.0)
    velocity_rms(power, bin_hz, low_hz, high_hz, G, out)
    return out


@pytest.mark.parametrize("f_hz", [60.0, 101.3, 437.0, 950.0])
def test_tone_has_its_acceleration_over_its_angular_frequency(f_hz: float) -> None:
    x = 0.5 * np.sin(2 * np.pi * f_hz * np.arange(N) / FS)

    assert velocity_of(power_of(x))[0] == pytest.approx(
        0.5 * G / np.sqrt(2) / (2 * np.pi * f_hz), rel=2e-3 if f_hz > 100 else 5e-3
    )


@pytest.mark.parametrize("f_hz", [1100.0, 5000.0])
def test_tone_beyond_the_range_does_not_count(f_hz: float) -> None:
    x = np.sin(2 * np.pi * f_hz * np.arange(N) / FS)

    assert velocity_of(power_of(x))[0] < 1e-3 * G / (2 * np.pi * f_hz)


@pytest.mark.parametrize(("low_hz", "high_hz"), [(10.0, 1000.0), (12.0, 998.0), (5.0, 12_800.0)])
def test_velocity_equals_the_oracle(low_hz: float, high_hz: float) -> None:
    power = power_of(np.random.default_rng(1).standard_normal(N))

    wanted = oracles.velocity_rms(power[0].astype(np.float64), BIN_HZ, low_hz, high_hz, G)

    assert velocity_of(power, low_hz=low_hz, high_hz=high_hz)[0] == pytest.approx(wanted, rel=1e-9)


def test_window_too_short_for_the_lowest_frequency_says_nothing() -> None:
    assert np.isnan(velocity_of(np.ones((2, 1000), np.float32), bin_hz=20.0)).all()


def test_spectrum_that_ends_below_the_highest_frequency_says_nothing() -> None:
    assert np.isnan(velocity_of(np.ones((2, 100), np.float32), bin_hz=10.0)).all()
    assert np.isfinite(velocity_of(np.ones((2, 101), np.float32), bin_hz=10.0)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_power_in_the_range_says_nothing_and_beyond_it_does_not_matter(bad: float) -> None:
    power = np.ones((2, 2561), np.float32)
    power[0, 50], power[1, 2000] = bad, bad

    got = velocity_of(power)

    assert np.isnan(got[0])
    assert np.isfinite(got[1])


def test_silence_does_not_move() -> None:
    assert velocity_of(np.zeros((1, 2561), np.float32))[0] == 0.0
