from __future__ import annotations

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.kernels import asynchronous as asy
from operators.kernels.orders import ASYNCHRONOUS
from operators.spectrum import Spectrum

FS, N = 12_800.0, 6400
SPECTRUM = Spectrum.for_windows(N, FS)
T_S = np.arange(N) / FS


def comb(rpm: float, seed: int = 1, n_teeth: int = 4) -> NDArray[np.float64]:
    """A milling cut: strong tooth passing, weaker revolutions, up to 4 kHz, and some noise."""
    chance = np.random.default_rng(seed)
    x = 0.02 * chance.standard_normal(N)
    for order in range(1, int(4000 * 60 / rpm)):
        hz = order * rpm / 60
        strength = (1.0 if order % n_teeth == 0 else 0.2) / (1 + abs(hz - 600) / 300)
        x += strength * np.sin(2 * np.pi * hz * T_S + chance.uniform(0, 2 * np.pi))
    return x


def tone(hz: float, rms: float) -> NDArray[np.float64]:
    return np.sqrt(2) * rms * np.sin(2 * np.pi * hz * T_S + 0.3)


def power_of(x: NDArray[np.floating]) -> NDArray[np.float32]:
    rows = SPECTRUM.rows(1)
    rows[0] = (x - x.mean()).astype(np.float32)
    return SPECTRUM.power_of(SPECTRUM.transform(rows), 1)


def line_of(power: NDArray[np.float32], rpm: float) -> NDArray[np.float64]:
    out = np.full((1, asy.N_ASYNCHRONOUS), 99.0)
    asy.asynchronous_line(power, SPECTRUM.bin_hz, np.array([rpm]), out)
    return out[0]


@settings(max_examples=20)
@given(rpm=st.floats(1200.0, 12_000.0), part=st.floats(0.4, 0.6), seed=st.integers(0, 100))
def test_a_tone_between_orders_is_found_with_its_frequency_and_level(
    rpm: float, part: float, seed: int
) -> None:
    hz = (int(870 * 60 / rpm) + part) * rpm / 60

    line = line_of(power_of(comb(rpm, seed) + tone(hz, 0.3)), rpm)

    assert line[asy.LINE_HZ] == pytest.approx(hz, abs=0.3)
    assert line[asy.LINE_RMS] == pytest.approx(0.3, rel=0.05)
    assert line[asy.CONTRAST] > 10


@pytest.mark.parametrize("error", [-0.004, -0.002, 0.002, 0.004])
@pytest.mark.parametrize("rpm", [1500.0, 3000.0, 7800.0])
def test_a_speed_that_is_wrong_by_some_tenths_of_a_percent_does_no_harm(rpm: float, error: float) -> None:
    true = rpm * (1 + error)
    hz = (int(870 * 60 / true) + 0.45) * true / 60

    calm, singing = (line_of(power_of(x), rpm) for x in (comb(true), comb(true) + tone(hz, 0.3)))

    assert calm[asy.LINE_RMS] < 0.03
    assert singing[asy.LINE_HZ] == pytest.approx(hz, abs=0.5)
    assert singing[asy.LINE_RMS] == pytest.approx(0.3, rel=0.1)


@given(rpm=st.floats(1000.0, 20_000.0), seed=st.integers(0, 10_000))
def test_noise_sings_no_note(rpm: float, seed: int) -> None:
    noise = np.random.default_rng(seed).standard_normal(N)

    assert 1.0 < line_of(power_of(noise), rpm)[asy.CONTRAST] < 6.0


@pytest.mark.parametrize("rpm", [1100.0, 1260.0, 3333.3, 7800.0, 24_000.0])
def test_the_line_equals_the_oracle(rpm: float) -> None:
    power = power_of(comb(rpm, 3) + tone(1234.0, 0.05))

    expected = oracles.asynchronous_line(power[0].astype(np.float64), SPECTRUM.bin_hz, rpm)

    np.testing.assert_allclose(line_of(power, rpm), expected, rtol=1e-6)


def test_silence_has_a_line_of_no_strength_and_no_frequency() -> None:
    line = line_of(power_of(np.zeros(N)), 6000.0)

    assert line[asy.LINE_RMS] == 0.0
    assert np.isnan(line[[asy.LINE_HZ, asy.CONTRAST]]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("at", [70, 2980])
def test_bad_power_where_a_line_is_looked_for_says_nothing(bad: float, at: int) -> None:
    power = np.ones((1, 3201), np.float32)
    power[0, at] = bad

    assert np.isnan(line_of(power, 6000.0)).all()


SPEEDS = st.one_of(
    st.floats(-1e4, 1e6), st.sampled_from([0.0, 960.0, 959.9, 3000.0, 384_000.0, np.nan, np.inf])
)


@given(rpm=SPEEDS)
def test_a_line_is_said_only_where_orders_are_resolved(rpm: float) -> None:
    line = line_of(np.ones((1, 3201), np.float32), rpm)

    if SPECTRUM.why_order_missing(ASYNCHRONOUS, rpm, np.nan):
        assert np.isnan(line).all()
    elif rpm < 300_000.0:
        assert not np.isnan(line[asy.LINE_RMS])
