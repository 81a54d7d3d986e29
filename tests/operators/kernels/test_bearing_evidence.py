from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.kernels import bearing_evidence as be

BIN_HZ = 2.0
ORDERS = (3.585, 5.415, 2.357, 0.398)


def evidence(
    spectrum: NDArray[np.complexfloating], rpm: float, orders: tuple[float, ...] = ORDERS
) -> list[float]:
    """Of one row."""
    out = np.full((1, be.N_EVIDENCE), 99.0)
    spectra = np.complex64(spectrum[None])
    be.bearing_evidence(spectra, BIN_HZ, np.array([rpm]), np.array([orders]), out)
    return out[0].tolist()


def squared(
    n: int = 3000, seed: int = 0, depth: float = 0.0, hz: float = 0.0, sharp: int = 1
) -> NDArray[np.float64]:
    """Squared envelope of tapered noise whose loudness is modulated."""
    chance = np.random.default_rng(seed)
    noise = chance.standard_normal(n) + 1j * chance.standard_normal(n)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    t = np.arange(n) / (n * BIN_HZ)
    loud = 1.0 + depth * np.cos(2 * np.pi * hz * t)
    return np.abs(noise * taper) ** 2 * loud**sharp


def spectrum_of(values: NDArray[np.floating]) -> NDArray[np.complexfloating]:
    return scipy.fft.rfft(values)


@pytest.mark.parametrize("rpm", [1500.0, 3000.0, 9000.0])
def test_noise_shows_as_much_as_e_to_the_minus_evidence_at_most(rpm: float) -> None:
    found = np.array([evidence(spectrum_of(squared(seed=seed)), rpm) for seed in range(400)])

    assert 0.0 < found.mean() < 1.0
    for nats in (1.0, 2.0, 3.0):
        assert np.mean(found > nats) < np.exp(-nats)


@pytest.mark.parametrize("slip", [0.981, 0.99, 1.0, 1.009])
@pytest.mark.parametrize(("line", "times"), [(be.BPFO, 1), (be.BPFI, 1), (be.BSF, 2)])
def test_line_is_found_wherever_slip_puts_it_and_no_other_with_it(line: int, times: int, slip: float) -> None:
    hz = ORDERS[line] * times * slip * 3000.0 / 60.0

    found = np.mean(
        [evidence(spectrum_of(squared(seed=s, depth=0.9, hz=hz)), 3000.0) for s in range(5)], axis=0
    )

    assert found[line] > 15.0
    assert all(found[other] < 2.0 for other in range(be.N_EVIDENCE) if other != line)


@given(order=st.integers(1, 12), offset=st.floats(-2.0, 2.0))
def test_what_repeats_with_the_speed_is_never_called_a_bearing(order: int, offset: float) -> None:
    """Not even where the bearing's own order is all but a whole number."""
    rev_hz = 50.0
    hz = order * rev_hz + offset  # two hertz are one bin: the speed is not quite what is told
    near = (order + 0.02, order + 0.45, order / 2 + 0.01, 0.4)

    found = evidence(spectrum_of(squared(depth=0.95, hz=hz, sharp=3)), 60.0 * rev_hz, near)

    assert not max((value for value in found if value == value), default=0.0) > 8.0


def test_hump_is_no_line() -> None:
    n, hz = 3000, 3.585 * 50.0
    spectrum = spectrum_of(squared(n))
    chance = np.random.default_rng(5)
    at = np.arange(spectrum.size)
    hump = 10.0 * np.exp(-(((at - hz / BIN_HZ) / 8.0) ** 2))
    spectrum = spectrum * np.sqrt(1.0 + hump) * np.exp(2j * np.pi * chance.random(spectrum.size))

    assert evidence(spectrum, 3000.0)[be.BPFO] < 5.0


@pytest.mark.parametrize("level", [1e-9, 1e9])
def test_level_changes_nothing(level: float) -> None:
    spectrum = spectrum_of(squared(depth=0.5, hz=3.585 * 50.0))

    assert evidence(level * spectrum, 3000.0) == pytest.approx(evidence(spectrum, 3000.0), rel=1e-4)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_row_without_power_or_finite_samples_says_nothing(value: float) -> None:
    with np.errstate(invalid="ignore"):
        assert np.isnan(evidence(np.full(1501, value, np.complex128), 3000.0)).all()


@given(
    rpm=st.one_of(st.floats(-1e3, 1e5), st.sampled_from([0.0, np.inf, np.nan])),
    order=st.one_of(st.floats(0.3, 30.0), st.just(np.nan)),
    n=st.sampled_from([128, 600, 3000]),
)
def test_evidence_is_missing_exactly_when_a_reason_is_given(rpm: float, order: float, n: int) -> None:
    spectrum = spectrum_of(squared(n))

    found = evidence(spectrum, rpm, (order,) * 4)

    reasons = [
        be.why_evidence_missing(line, rpm, order, BIN_HZ, spectrum.size) for line in range(be.N_EVIDENCE)
    ]
    assert np.isnan(found).tolist() == [reason is not None for reason in reasons]


@pytest.mark.parametrize(
    ("rpm", "order", "reason"),
    [
        (3000.0, np.nan, "bearing geometry unknown"),
        (np.nan, 3.6, "rpm unknown"),
        (0.0, 3.6, "spindle not turning"),
        (60_000.0, 3.6, "rate too low"),
        (900.0, 3.6, "lines not resolved"),
        (1500.0, 3.0, "lines not resolved"),
        (3000.0, 3.6, None),
    ],
)
def test_reason_names_what_is_missing(rpm: float, order: float, reason: str | None) -> None:
    assert be.why_evidence_missing(be.BPFO, rpm, order, BIN_HZ, 1501) == reason
