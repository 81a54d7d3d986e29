from __future__ import annotations

from pathlib import Path

import numpy as np
import oracles
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.declared import Bearing
from operators.envelope import Envelope
from operators.kernels import envelope as en
from operators.kernels.spectral import band_rms
from operators.spectrum import Spectrum

FS, N = 25_600.0, 5120
ORDERS = (3.585, 5.415, 2.357, 0.398)


def envelope_of(n: int = N, fs: float = FS, n_bands: int = 4) -> Envelope:
    envelope = Envelope.for_spectrum(Spectrum.for_windows(n, fs), n_bands)
    assert envelope is not None
    return envelope


def columns_of(
    envelope: Envelope, samples: NDArray[np.floating], rpm: float = 6000.0, orders: tuple[float, ...] = ORDERS
) -> NDArray[np.float64]:
    """Columns of float[n_rows, n_samples]."""
    n_rows, n_samples = samples.shape
    rows = envelope.spectrum.rows(n_rows)
    rows[:n_rows, :n_samples] = samples - samples.mean(axis=1, keepdims=True)
    out = np.full((n_rows, en.N_ENVELOPE), 99.0)
    envelopes = envelope.demodulate(envelope.spectrum.transform(rows), out)
    envelope.lines(envelopes, np.full(n_rows, rpm), np.tile(orders, (n_rows, 1)), out)
    return out


def noise(n_rows: int = 1, n: int = N, seed: int = 1) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((n_rows, n))


def impacts(rate_hz: float, ringing_hz: float) -> NDArray[np.float64]:
    """A resonance struck again and again."""
    t = np.arange(N) / FS
    since = t % (1 / rate_hz)
    return np.exp(-since * 2500.0) * np.sin(2 * np.pi * ringing_hz * since)


@pytest.mark.parametrize("n_bands", [1, 3, 4])
def test_columns_equal_the_oracle(n_bands: int) -> None:
    envelope = envelope_of(n_bands=n_bands)
    x = noise()[0] + 3.0 * impacts(358.5, 5000.0)

    got = columns_of(envelope, x[None])[0]

    wanted = oracles.envelope_columns(
        np.float32(x), FS, envelope.first_bin, n_bands, envelope.n_inside, 6000.0, np.array(ORDERS)
    )
    np.testing.assert_allclose(got, wanted, rtol=1e-3)


def test_bands_lie_side_by_side_from_the_lowest_frequency_and_end_below_nyquist() -> None:
    envelope = envelope_of()

    assert (envelope.first_bin, envelope.n_inside, envelope.n_bins) == (100, 600, 301)
    assert (envelope.mean2, envelope.mean4) == pytest.approx((3 / 8, 35 / 128))


def test_rate_too_low_for_bands_gives_none() -> None:
    assert Envelope.for_spectrum(Spectrum.for_windows(200, 1000.0)) is None
    assert Envelope.for_spectrum(Spectrum.for_windows(256, 2560.0)) is None


@pytest.mark.parametrize("n", [N, 4999])
def test_noise_has_kurtosis_zero_whether_windows_are_padded_or_not(n: int) -> None:
    kurtoses = columns_of(envelope_of(n, n_bands=1), noise(50, n))[:, en.KURTOSIS]

    assert np.mean(kurtoses) == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize("ringing_hz", [1500.0, 5000.0, 8000.0, 11_000.0])
def test_band_in_which_impacts_ring_is_found_beneath_noise_elsewhere(ringing_hz: float) -> None:
    envelope = envelope_of()
    x = noise()[0] + 4.0 * impacts(358.5, ringing_hz)

    got = columns_of(envelope, x[None])[0]

    assert abs(got[en.BAND_HZ] - ringing_hz) < 0.6 * envelope.n_inside * envelope.spectrum.bin_hz
    assert got[en.KURTOSIS] > 0.5
    assert got[en.BPFO] > 1.0
    assert got[en.BPFO] > 2.0 * max(got[en.BPFI], got[en.BSF])


@given(depth=st.floats(0.1, 0.9), rate_hz=st.floats(100.0, 900.0), carrier_hz=st.floats(4000.0, 9000.0))
def test_depth_of_a_modulated_tone_is_recovered(depth: float, rate_hz: float, carrier_hz: float) -> None:
    t = np.arange(N) / FS
    x = np.sqrt(1 + depth * np.cos(2 * np.pi * rate_hz * t)) * np.sin(2 * np.pi * carrier_hz * t)

    got = columns_of(envelope_of(n_bands=1), x[None], 6000.0, (rate_hz / 100.0, np.nan, np.nan, np.nan))[0]

    assert got[en.KURTOSIS] == pytest.approx(depth**2 / 2 - 1, abs=0.01)
    assert got[en.BPFO] == pytest.approx(depth, rel=0.01)


def test_band_has_the_rms_that_its_bins_have() -> None:
    envelope = envelope_of()
    x = noise()
    rows = envelope.spectrum.rows(1)
    rows[:1] = x - x.mean()
    power = envelope.spectrum.power_of(envelope.spectrum.transform(rows), 1)

    got = columns_of(envelope, x)[0]

    first = round(got[en.BAND_HZ] / envelope.spectrum.bin_hz - (envelope.n_inside - 1) / 2)
    wanted = np.empty((1, 1))
    band_rms(power, np.array([first, first + envelope.n_inside]), wanted)
    assert got[en.RMS] == pytest.approx(wanted[0, 0], rel=1e-5)


@pytest.mark.parametrize("n_rows", [1, 3, 4, 9])
def test_row_does_not_depend_on_its_stack_to_the_last_bit(n_rows: int) -> None:
    envelope, x = envelope_of(), noise(n_rows)

    together = columns_of(envelope, x)

    np.testing.assert_array_equal(together, [columns_of(envelope, row[None])[0] for row in x])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_sample_makes_its_row_nan_and_no_other(bad: float) -> None:
    envelope, x = envelope_of(), noise(3)
    x[1, 7] = bad

    with np.errstate(invalid="ignore"):
        got = columns_of(envelope, x)

    assert np.isnan(got).all(axis=1).tolist() == [False, True, False]
    assert np.isfinite(got[[0, 2]]).all()


def test_silence_says_nothing() -> None:
    assert np.isnan(columns_of(envelope_of(), np.zeros((1, N)))).all()


def test_envelope_says_why_a_line_is_missing() -> None:
    envelope = envelope_of()

    assert envelope.why_missing(np.nan, 3.6) == "rpm unknown"
    assert envelope.why_missing(30_000.0, 3.6) == "rate too low"
    assert envelope.why_missing(6000.0, 3.6) is None


def real(path: Path, key: str, rate_key: str, thin: int = 1) -> tuple[NDArray[np.float64], float]:
    """A recording at its rate, thinned with a filter against aliasing."""
    recording = np.load(path)
    x = recording[key].ravel().astype(np.float64)
    thinned = scipy.signal.decimate(x, thin, ftype="fir") if thin > 1 else x
    return thinned, float(recording[rate_key]) / thin


def medians(x: NDArray[np.float64], fs: float, rpm: float, orders: tuple[float, ...]) -> NDArray[np.float64]:
    """Of windows of half a second: these shafts turn slowly."""
    n = round(0.5 * fs)
    windows = x[: x.size // n * n].reshape(-1, n)
    return np.median(columns_of(envelope_of(n, fs), windows, rpm, orders), axis=0)


SIX_205 = Bearing(n_elements=9, element_mm=7.94, pitch_mm=39.04)


@pytest.mark.parametrize(
    ("name", "line", "other"),
    [("IR_7_DE12", en.BPFI, en.BPFO), ("IR_21_DE12", en.BPFI, en.BPFO), ("OR@6_7_DE12", en.BPFO, en.BPFI)],
)
def test_seeded_fault_stands_out_at_its_frequency_and_not_in_the_healthy_bearing(
    traces: Path, name: str, line: int, other: int
) -> None:
    folder = traces / "cwru"
    healthy = medians(
        *real(folder / "1797_Normal.npz", "DE", "sample_rate_hz", thin=4), 1797.0, SIX_205.orders
    )

    faulty = medians(*real(folder / f"1797_{name}.npz", "DE", "sample_rate_hz"), 1797.0, SIX_205.orders)

    assert faulty[line] > 1.2 > 0.5 > healthy[line]
    assert faulty[line] > 1.5 * faulty[other]
    assert faulty[en.KURTOSIS] > 1.0 > healthy[en.KURTOSIS]


@pytest.mark.parametrize(
    ("name", "line", "other"),
    [
        ("InnerRaceFault_vload_1", en.BPFI, en.BPFO),
        ("InnerRaceFault_vload_4", en.BPFI, en.BPFO),
        ("OuterRaceFault_vload_1", en.BPFO, en.BPFI),
        ("OuterRaceFault_vload_4", en.BPFO, en.BPFI),
    ],
)
def test_damaged_race_of_another_rig_is_told_by_its_line(
    traces: Path, name: str, line: int, other: int
) -> None:
    recording = np.load(traces / "mfpt" / f"{name}.npz")
    orders = tuple(float(recording[key]) / 25.0 for key in ("bpfo_hz", "bpfi_hz", "bsf_hz", "ftf_hz"))

    got = medians(*real(traces / "mfpt" / f"{name}.npz", "gs", "sr"), 1500.0, orders)

    assert got[line] > 1.0
    assert got[line] > 1.5 * got[other]
