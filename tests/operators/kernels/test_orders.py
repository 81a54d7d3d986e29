from __future__ import annotations

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.kernels import orders as od
from operators.spectrum import Spectrum

FS, N = 25_600.0, 5120
SPECTRUM = Spectrum.for_windows(N, FS)
LINES = [od.REV_2, od.REV_3, od.TOOTH_1, od.TOOTH_2, od.TOOTH_3]


def harmonics(rpm: float, amplitudes: dict[int, float], seed: int = 1, n: int = N) -> NDArray[np.float32]:
    """Multiples of the speed, at random phases, as far as the Nyquist frequency allows."""
    chance = np.random.default_rng(seed)
    x = np.zeros(n)
    for order, amplitude in amplitudes.items():
        phase = chance.uniform(0, 2 * np.pi)
        if order * rpm / 60 < 0.49 * FS:
            x += amplitude * np.sin(2 * np.pi * order * rpm / 60 * np.arange(n) / FS + phase)
    return (x - x.mean()).astype(np.float32)


def noise(seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(N).astype(np.float32)


def revolution_of(x: NDArray[np.float32], rpm: float) -> float:
    out = np.full(1, 99.0)
    od.revolution_line(x[None], x.size, FS, np.array([rpm]), out)
    return float(out[0])


def power_of(x: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = SPECTRUM.rows(1)
    rows[0] = x
    return SPECTRUM.power_of(SPECTRUM.transform(rows), 1)


def orders_of(x: NDArray[np.float32], rpm: float, n_teeth: float = 4.0) -> NDArray[np.float64]:
    out = np.full((1, od.N_ORDERS), 99.0)
    od.order_lines(power_of(x), SPECTRUM.bin_hz, np.array([rpm]), np.array([n_teeth]), out)
    return out[0]


@given(rpm=st.floats(301.0, 60_000.0), seed=st.integers(0, 1000))
def test_revolution_of_equally_strong_harmonics_is_exact_to_a_thousandth(rpm: float, seed: int) -> None:
    x = harmonics(rpm, {order: 3.0 for order in range(1, 21)}, seed)

    assert revolution_of(x, rpm) == pytest.approx(3.0 / np.sqrt(2), rel=1e-3)


@given(rpm=st.floats(301.0, 30_000.0), seed=st.integers(0, 1000))
def test_tooth_lines_a_hundred_times_as_strong_leave_the_revolution_alone(rpm: float, seed: int) -> None:
    x = harmonics(rpm, {1: 1.0, 4: 100.0, 8: 50.0, 12: 30.0}, seed)

    assert revolution_of(x, rpm) == pytest.approx(1.0 / np.sqrt(2), rel=1e-3)


@pytest.mark.parametrize("rpm", [301.0, 1797.0, 6000.0, 23_456.7])
def test_revolution_equals_the_oracle(rpm: float) -> None:
    x = noise()

    assert revolution_of(x, rpm) == pytest.approx(oracles.revolution_line(x, FS, rpm), rel=1e-9)


@given(rpm=st.floats(301.0, 30_000.0), exponent=st.integers(-20, 20))
def test_scaling_the_signal_scales_its_lines(rpm: float, exponent: int) -> None:
    factor = 2.0**exponent

    before, after = revolution_of(noise(), rpm), revolution_of(noise() * np.float32(factor), rpm)

    assert after == pytest.approx(before * factor, rel=1e-12)


def test_revolution_is_that_of_the_newest_samples() -> None:
    x = harmonics(3000.0, {1: 1.0})
    x[: N - 9 * 512 - 1] = 1000.0

    assert revolution_of(x, 3000.0) == pytest.approx(1.0 / np.sqrt(2), rel=1e-5)


@pytest.mark.parametrize("rpm", [np.nan, np.inf, 0.0, -6000.0, 299.0, 1e6])
def test_revolution_that_cannot_be_said_is_nan(rpm: float) -> None:
    assert np.isnan(revolution_of(noise(), rpm))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_sample_spoils_the_revolution_of_its_row_and_no_other(bad: float) -> None:
    rows, out = np.ones((3, N), np.float32), np.empty(3)
    rows[1, N - 3] = bad

    od.revolution_line(rows, N, FS, np.full(3, 6000.0), out)

    assert np.isnan(out).tolist() == [False, True, False]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_window_of_few_samples_has_a_revolution_only_if_one_fits(n: int) -> None:
    assert np.isnan(revolution_of(np.ones(n, np.float32), 30 * FS)) == (n < 3)


def test_row_does_not_depend_on_its_stack_to_the_last_bit() -> None:
    rows = np.stack([noise(seed) for seed in range(7)])
    rpm = np.array([6000.0, np.nan, 1234.5, 6000.0, 29_999.0, 400.0, 7777.7])
    together, alone = np.empty(7), np.empty(7)

    od.revolution_line(rows, N, FS, rpm, together)
    for row in range(7):
        od.revolution_line(rows[row : row + 1], N, FS, rpm[row : row + 1], alone[row : row + 1])

    np.testing.assert_array_equal(together, alone)


@given(rpm=st.floats(1500.0, 30_000.0), seed=st.integers(0, 1000))
def test_lone_line_is_exact_to_a_thousandth_wherever_it_lies_between_bins(rpm: float, seed: int) -> None:
    wanted = {od.REV_2: 2, od.REV_3: 3, od.TOOTH_1: 5, od.TOOTH_2: 10, od.TOOTH_3: 15}

    for column, order in wanted.items():
        lines = orders_of(harmonics(rpm, {order: 2.0}, seed), rpm, n_teeth=5.0)

        assert lines[column] == pytest.approx(2.0 / np.sqrt(2), rel=1e-3)


@given(rpm=st.floats(2000.0, 30_000.0), wrong=st.floats(-0.5, 0.5))
def test_line_is_found_though_the_speed_is_wrong_by_half_a_bin(rpm: float, wrong: float) -> None:
    lines = orders_of(harmonics(rpm + 60 * wrong * SPECTRUM.bin_hz / 2, {2: 1.0}), rpm)

    assert lines[od.REV_2] == pytest.approx(1.0 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("rpm", [2400.0, 3333.3, 6000.0, 17_890.0])
def test_orders_equal_the_oracle(rpm: float) -> None:
    x = noise(4)
    power = power_of(x)[0].astype(np.float64)

    got = orders_of(x, rpm, 3.0)

    np.testing.assert_allclose(got[od.REV_2 :], oracles.order_lines(power, 5.0, rpm, 3.0), rtol=1e-9)


def test_revolution_is_left_to_its_own_kernel() -> None:
    assert orders_of(noise(), 6000.0)[od.REV_1] == 99.0


@given(rpm=st.floats(2400.0, 12_000.0), seed=st.integers(0, 100))
def test_harmonics_alone_are_in_step_and_a_tone_midway_is_not(rpm: float, seed: int) -> None:
    in_step = harmonics(rpm, {1: 2.0, 4: 3.0, 8: 1.0, 9: 0.5}, seed)
    chatter = np.sin(2 * np.pi * 7.5 * rpm / 60 * np.arange(N) / FS).astype(np.float32)

    assert orders_of(in_step, rpm)[od.ASYNCHRONOUS] < 0.002
    assert orders_of(chatter, rpm)[od.ASYNCHRONOUS] > 0.99
    assert orders_of(in_step + np.float32(4.0) * chatter, rpm)[od.ASYNCHRONOUS] == pytest.approx(
        8.0 / (8.0 + 7.125), abs=0.02
    )


def test_noise_is_out_of_step_as_far_as_there_are_bins_between_the_lines() -> None:
    shares = [orders_of(noise(seed), 6000.0)[od.ASYNCHRONOUS] for seed in range(20)]

    assert np.mean(shares) == pytest.approx(1 - 5 / 20, abs=0.01)


def test_silence_has_lines_of_no_strength_and_no_share() -> None:
    lines = orders_of(np.zeros(N, np.float32), 6000.0)

    assert (lines[LINES] == 0.0).all()
    assert np.isnan(lines[od.ASYNCHRONOUS])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_power_spoils_what_it_belongs_to(bad: float) -> None:
    power = np.ones((1, 2561), np.float32)
    power[0, 41] = bad
    out = np.full((1, od.N_ORDERS), 99.0)

    od.order_lines(power, 5.0, np.array([6000.0]), np.array([4.0]), out)

    assert np.isnan(out[0]).nonzero()[0].tolist() == [od.REV_2, od.ASYNCHRONOUS]


def test_spectrum_of_a_single_bin_says_nothing() -> None:
    out = np.full((1, od.N_ORDERS), 99.0)

    od.order_lines(np.ones((1, 1), np.float32), 5.0, np.array([6000.0]), np.array([4.0]), out)

    assert np.isnan(out[0, od.REV_2 :]).all()


SPEEDS = st.one_of(
    st.floats(-1e4, 1e6), st.sampled_from([0.0, 300.0, 1500.0, 2400.0, 38_400.0, np.nan, np.inf])
)
TEETH = st.one_of(st.integers(0, 60).map(float), st.just(np.nan))


@given(rpm=SPEEDS, n_teeth=TEETH, n=st.sampled_from([2, 17, 64, 999, 2560, N]))
def test_order_is_missing_exactly_when_a_reason_is_given(rpm: float, n_teeth: float, n: int) -> None:
    spectrum = Spectrum.for_windows(n, FS)
    out = np.empty((1, od.N_ORDERS))
    power = np.ones((1, spectrum.n_fft // 2 + 1), np.float32)

    od.revolution_line(noise()[None, :n].copy(), n, FS, np.array([rpm]), out[:, od.REV_1])
    od.order_lines(power, spectrum.bin_hz, np.array([rpm]), np.array([n_teeth]), out)

    for column in range(od.N_ORDERS):
        reason = spectrum.why_order_missing(column, rpm, n_teeth)
        assert np.isnan(out[0, column]) == (reason is not None), (column, reason)


@pytest.mark.parametrize(
    ("column", "rpm", "n_teeth", "reason"),
    [
        (od.REV_1, np.nan, 4.0, "rpm unknown"),
        (od.TOOTH_2, 0.0, 4.0, "spindle not turning"),
        (od.TOOTH_1, 6000.0, np.nan, "tooth count unknown"),
        (od.REV_1, 6000.0, np.nan, None),
        (od.TOOTH_3, 60_000.0, 5.0, "rate too low"),
        (od.REV_2, 1400.0, 4.0, "lines not resolved"),
        (od.ASYNCHRONOUS, 2000.0, 4.0, "lines not resolved"),
        (od.REV_1, 200.0, 4.0, "lines not resolved"),
    ],
)
def test_reason_names_what_is_missing(column: int, rpm: float, n_teeth: float, reason: str | None) -> None:
    assert SPECTRUM.why_order_missing(column, rpm, n_teeth) == reason
