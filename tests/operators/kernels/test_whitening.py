from __future__ import annotations

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.kernels import whitening as wh

BIN_HZ, RPM = 2.0, 3000.0
SPACING = RPM / 60.0 / BIN_HZ


def without_orders(
    spectrum: NDArray[np.complexfloating], first_bin: int = 0, rpm: float = RPM
) -> NDArray[np.complex64]:
    out = np.empty((1, spectrum.size - first_bin), np.complex64)
    wh.drop_orders(np.complex64(spectrum[None]), first_bin, BIN_HZ, np.array([rpm]), out)
    return out[0]


def noise(n: int = 3000, seed: int = 1) -> NDArray[np.complex128]:
    chance = np.random.default_rng(seed)
    return chance.standard_normal(n) + 1j * chance.standard_normal(n)


def line(position: float, power: float, n: int = 3000) -> NDArray[np.float64]:
    """Of a Hann taper."""
    away = np.arange(n) - position
    return np.sqrt(power) * np.sinc(away) / (1.0 - np.clip(away, -5.5, 5.5) ** 2 + 1e-9)


@given(order=st.integers(1, 100), error=st.floats(-0.0005, 0.0005))
def test_line_at_a_multiple_of_the_speed_is_dropped_though_the_speed_is_not_quite_as_told(
    order: int, error: float
) -> None:
    position = order * SPACING * (1.0 + error)
    struck = noise() + line(position, 2000.0)

    left = without_orders(struck)

    at = round(position)
    assert not left[at]
    assert np.abs(left[max(at - 6, 0) : at + 7]).max() < 12.0


@given(order=st.integers(2, 100), share=st.floats(0.3, 0.7))
def test_line_between_multiples_stays(order: int, share: float) -> None:
    position = round((order + share) * SPACING)
    struck = noise() + line(position, 2000.0)

    np.testing.assert_array_equal(
        without_orders(struck)[position - 2 : position + 3], np.complex64(struck)[position - 2 : position + 3]
    )


def test_noise_hardly_loses_anything() -> None:
    assert np.mean(without_orders(noise()) == 0.0) < 0.01


def test_dropping_equals_the_oracle() -> None:
    struck = noise() + sum(line(k * SPACING + 0.4, 3000.0) for k in range(20, 60, 3))

    got = without_orders(struck, 250)

    np.testing.assert_array_equal(got, oracles.without_orders(np.complex64(struck), 250, SPACING))


@pytest.mark.parametrize("rpm", [np.nan, 0.0, 900.0, np.inf])
def test_nothing_is_dropped_where_the_speed_is_unknown_or_its_multiples_touch(rpm: float) -> None:
    struck = noise() + line(500.0, 3000.0)

    np.testing.assert_array_equal(without_orders(struck, 0, rpm), np.complex64(struck))


def whitened(spectrum: NDArray[np.complexfloating], half_width: int = 5) -> NDArray[np.complex64]:
    out = np.empty((1, spectrum.size), np.complex64)
    wh.whiten(np.complex64(spectrum[None]), half_width, out)
    return out[0]


def test_whitening_makes_a_resonance_as_loud_as_the_rest_and_keeps_every_phase() -> None:
    chance = np.random.default_rng(1)
    noise = chance.standard_normal(4000) + 1j * chance.standard_normal(4000)
    course = 1.0 + 100.0 * np.exp(-(((np.arange(4000) - 2000) / 400.0) ** 2))

    white = whitened(course * noise, 50)

    assert np.mean(np.abs(white[1800:2200]) ** 2) == pytest.approx(1.0, abs=0.1)
    assert np.mean(np.abs(white[:400]) ** 2) == pytest.approx(1.0, abs=0.1)
    np.testing.assert_allclose(np.angle(white), np.angle(noise), atol=1e-5)


def test_whitening_divides_by_the_mean_power_of_the_neighbours() -> None:
    spectrum = np.random.default_rng(2).standard_normal(37) + 0j

    white = whitened(spectrum)

    near = [spectrum[max(k // 8 * 8 - 5, 0) : min(k // 8 * 8 + 8, 37) + 5] for k in range(37)]
    wanted = spectrum / [np.sqrt(np.mean(np.abs(own) ** 2)) for own in near]
    np.testing.assert_allclose(white, wanted, rtol=1e-5)


def test_stretch_without_power_cannot_be_whitened() -> None:
    spectrum = np.ones(100, np.complex128)
    spectrum[40:80] = 0.0

    assert np.isnan(whitened(spectrum)).any()


def test_magnitudes_are_squared() -> None:
    out = np.empty((1, 2), np.float32)

    wh.square(np.array([[3 + 4j, -2j]], np.complex64), out)

    assert out.tolist() == [[25.0, 4.0]]
