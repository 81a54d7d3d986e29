from __future__ import annotations

import numpy as np
import oracles
import pytest
from numpy.typing import NDArray

from operators.kernels.noise_floor import noise_floor
from operators.spectrum import Spectrum

FS = 12_800.0
N = 6400


def floor_of(power: NDArray[np.float32], first_bin: int = 0, rpm: float = np.nan) -> float:
    out = np.full(1, 99.0)
    noise_floor(power[None], first_bin, FS / N, np.array([rpm]), out)
    return float(out[0])


def power_of(x: NDArray[np.floating]) -> NDArray[np.float32]:
    spectrum = Spectrum.for_windows(N, FS)
    rows = spectrum.rows(1)
    rows[0, :N] = x - x.mean()
    return spectrum.power_of(spectrum.transform(rows), 1)[0].copy()


def noise(seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(N)


@pytest.mark.parametrize("n_bins", [1, 2, 3, 100, 2801])
@pytest.mark.parametrize("first_bin", [0, 1])
@pytest.mark.parametrize("rpm", [np.nan, 0.0, 659.0, 690.0, 961.0, 3333.0, 1e6])
def test_floor_equals_the_oracle(n_bins: int, first_bin: int, rpm: float) -> None:
    power = np.random.default_rng(n_bins).exponential(size=n_bins).astype(np.float32)

    assert floor_of(power, first_bin, rpm) == pytest.approx(
        oracles.noise_floor(power.astype(np.float64), first_bin, rpm / 60 / (FS / N)), rel=1e-6, nan_ok=True
    )


def test_the_floor_of_white_noise_is_its_root_mean_square() -> None:
    floors = [floor_of(power_of(noise(seed))) for seed in range(20)]

    assert np.mean(floors) == pytest.approx(1.0, rel=0.01)
    assert np.std(floors) < 0.03


def test_lines_however_strong_do_not_raise_it() -> None:
    t = np.arange(N) / FS
    teeth = sum(30.0 * np.sin(2 * np.pi * 240.0 * k * t) for k in range(1, 26))

    assert floor_of(power_of(noise() + teeth)) == pytest.approx(floor_of(power_of(noise())), rel=0.1)


def test_between_the_orders_of_a_known_speed_even_wide_lines_do_not_count() -> None:
    power = np.random.default_rng(5).exponential(size=3201).astype(np.float32)
    quiet = floor_of(power, 500, 3000.0)
    for line in range(0, 3201, 25):  # 3000 rpm at 2 Hz per bin
        reach = 2 + line // 1000  # wider, the higher
        power[max(line - reach, 0) : line + reach + 1] += 1000.0

    assert floor_of(power, 500, 3000.0) == pytest.approx(quiet, rel=0.02)
    assert floor_of(power, 500) > 1.3 * quiet


def test_floors_of_independent_noises_add_as_powers() -> None:
    cut, air = 2.0 * noise(1), noise(2)

    assert floor_of(power_of(cut + air)) ** 2 == pytest.approx(
        floor_of(power_of(cut)) ** 2 + floor_of(power_of(air)) ** 2, rel=0.1
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bin_that_is_not_finite_makes_it_unknown(bad: float) -> None:
    power = np.ones(100, np.float32)
    power[50] = bad

    assert np.isnan(floor_of(power))


def test_silence_has_a_floor_of_zero_and_no_bins_have_none() -> None:
    assert floor_of(np.zeros(100, np.float32)) == 0.0
    assert np.isnan(floor_of(np.ones(100, np.float32), first_bin=100))
