from __future__ import annotations

import numpy as np
import oracles
import pytest
from numpy.typing import NDArray

from operators.kernels import orders
from operators.spectrum import Spectrum


def power_of(spectrum: Spectrum, samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Power spectra of float[n_rows, n_samples], without their means."""
    n_rows = len(samples)
    rows = spectrum.rows(n_rows)
    rows[:n_rows, : spectrum.n_samples] = samples - samples.mean(axis=1, keepdims=True)
    return spectrum.power_of(spectrum.transform(rows), n_rows)


@pytest.mark.parametrize("n_samples", [16, 50, 999, 2560])
@pytest.mark.parametrize("n_rows", [1, 2, 4, 5])
def test_every_row_has_the_power_of_the_oracle(n_samples: int, n_rows: int) -> None:
    samples = np.random.default_rng(1).standard_normal((n_rows, n_samples))
    spectrum = Spectrum.for_windows(n_samples, 1000.0)

    power = power_of(spectrum, samples)

    wanted = [oracles.power_spectrum(row, spectrum.n_fft) for row in samples]
    np.testing.assert_allclose(power, wanted, rtol=1e-4, atol=1e-6 / n_samples)


@pytest.mark.parametrize(("n_samples", "n_fft"), [(2560, 2560), (4999, 5000), (9766, 10_000)])
def test_awkward_length_is_padded_to_a_fast_one_and_bins_move_closer(n_samples: int, n_fft: int) -> None:
    spectrum = Spectrum.for_windows(n_samples, 48_828.0)

    assert spectrum.n_fft == n_fft
    assert spectrum.bin_hz == pytest.approx(48_828.0 / n_fft)


def test_padding_leaves_a_tone_its_frequency_and_power() -> None:
    spectrum = Spectrum.for_windows(9766, 48_828.0)
    x = 2.0 * np.sin(2 * np.pi * 3000.0 * np.arange(9766) / 48_828.0)

    power = power_of(spectrum, x[None])[0]

    assert power.sum(dtype=np.float64) == pytest.approx(2.0, rel=1e-4)
    assert abs(power.argmax() * spectrum.bin_hz - 3000.0) <= spectrum.bin_hz


def test_nan_makes_its_row_nan_and_no_other() -> None:
    samples = np.random.default_rng(1).standard_normal((3, 50))
    samples[1, 20] = np.nan

    power = power_of(Spectrum.for_windows(50, 1000.0), samples)

    assert np.isnan(power[1]).all()
    assert np.isfinite(power[[0, 2]]).all()


@pytest.mark.parametrize("n_rows", [1, 3, 4, 9])
def test_row_does_not_depend_on_its_stack_to_the_last_bit(n_rows: int) -> None:
    spectrum = Spectrum.for_windows(999, 1000.0)
    samples = np.random.default_rng(1).standard_normal((n_rows, 999))

    together = power_of(spectrum, samples)
    alone = [power_of(spectrum, sample[None])[0] for sample in samples]

    np.testing.assert_array_equal(together, alone)


def test_rows_are_a_whole_number_of_fours_and_zero_where_nothing_is_filled_in() -> None:
    spectrum = Spectrum.for_windows(4999, 1000.0)

    rows = spectrum.rows(5)

    assert rows.shape == (8, 5000)
    assert not rows[5:].any()
    assert not rows[:, spectrum.n_samples :].any()


def test_spectrum_says_why_an_order_is_missing() -> None:
    spectrum = Spectrum.for_windows(5120, 25_600.0)

    assert spectrum.why_order_missing(orders.REV_1, 299.0, 4.0) == "lines not resolved"
    assert spectrum.why_order_missing(orders.REV_1, 301.0, 4.0) is None
    assert spectrum.why_order_missing(orders.REV_2, 1499.0, 4.0) == "lines not resolved"
    assert spectrum.why_order_missing(orders.TOOTH_3, 100_000.0, 4.0) == "rate too low"
