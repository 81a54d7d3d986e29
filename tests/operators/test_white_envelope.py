from __future__ import annotations

from pathlib import Path

import numpy as np
import oracles
import pytest
import scipy.signal
from numpy.typing import NDArray

from engine.declared import Bearing
from operators.kernels import bearing_evidence as be
from operators.spectrum import Spectrum
from operators.white_envelope import WhiteEnvelope

FS, N, RPM = 12_800.0, 6400, 3000.0
SIX_205 = Bearing(n_elements=9, element_mm=7.94, pitch_mm=39.04)
NICE = Bearing(n_elements=8, element_mm=5.969, pitch_mm=31.623)
SPINDLE = Bearing(n_elements=18, element_mm=12.7, pitch_mm=90.0, contact_deg=15.0)


def envelope_of(n: int = N, fs: float = FS) -> WhiteEnvelope:
    envelope = WhiteEnvelope.for_spectrum(Spectrum.for_windows(n, fs))
    assert envelope is not None
    return envelope


def evidence(
    windows: NDArray[np.floating], fs: float = FS, rpm: float = RPM, bearing: Bearing = SIX_205
) -> NDArray[np.float64]:
    """float64[n_windows, 3] of float[n_windows, n_samples]."""
    n_rows, n = windows.shape
    envelope = envelope_of(n, fs)
    rows = envelope.spectrum.rows(n_rows)
    rows[:n_rows, :n] = windows - windows.mean(axis=1, keepdims=True)
    out = np.full((n_rows, be.N_EVIDENCE), 99.0)
    orders = np.tile(bearing.orders, (n_rows, 1))
    envelope.evidence(envelope.spectrum.transform(rows), np.full(n_rows, rpm), orders, out)
    return out


def noise(n_rows: int = 1, seed: int = 1) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((n_rows, N))


def impacts(rate_hz: float, ringing_hz: float = 4000.0) -> NDArray[np.float64]:
    """A resonance struck again and again."""
    t = np.arange(N) / FS
    since = t % (1 / rate_hz)
    return np.exp(-since * 1500.0) * np.sin(2 * np.pi * ringing_hz * since)


@pytest.mark.parametrize("depth", [0.0, 1.0, 5.0])
def test_evidence_equals_the_oracle(depth: float) -> None:
    x = noise()[0] + depth * impacts(SIX_205.orders[0] * 50.0)

    got = evidence(x[None])[0]

    wanted = oracles.bearing_evidence(
        np.float32(x), FS, 500.0, envelope_of().n_inside, envelope_of().n_half, RPM, np.array(SIX_205.orders)
    )
    np.testing.assert_allclose(got, wanted, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("tone", [3.0, 30.0, 300.0])
def test_tones_of_teeth_however_loud_hide_no_impacts(tone: float) -> None:
    t = np.arange(N) / FS
    teeth = sum(np.sin(2 * np.pi * 200.0 * k * t + k) for k in range(1, 20))
    struck = noise()[0] + 3.0 * impacts(SIX_205.orders[0] * 50.0)

    got = evidence((struck + tone * teeth)[None])[0]

    assert got[be.BPFO] > 8.0
    assert max(got[be.BPFI], got[be.BSF]) < 3.0


def test_impacts_that_ring_one_narrow_resonance_are_found_in_the_half_that_holds_it() -> None:
    t = np.arange(N) / FS
    since = t % (1 / (SIX_205.orders[1] * 50.0))
    ring = np.exp(-since * 700.0) * np.sin(2 * np.pi * 3000.0 * since)

    found = np.mean([evidence((noise(seed=s)[0] + 2.5 * ring)[None])[0] for s in range(5)], axis=0)

    assert found[be.BPFI] > 5.0


def test_largest_of_four_bands_shows_no_more_than_noise_may() -> None:
    found = evidence(noise(400))

    for nats in (1.0, 2.0, 3.0):
        assert np.mean(found > nats) < np.exp(-nats)


def test_teeth_that_beat_with_the_hum_of_a_healthy_bearing_are_no_fault_of_its_other_race() -> None:
    """As many elements pass one race and the other as there are: their orders add up to a whole number."""
    t = np.arange(N) / FS
    outer, inner = (SPINDLE.orders[line] * 85.0 for line in (be.BPFO, be.BPFI))
    hum, teeth = np.sin(2 * np.pi * outer * t), np.sin(2 * np.pi * 18 * 85.0 * t + 1.0)

    found = evidence(noise(8) + 1.0 * hum + 1.0 * teeth, rpm=5100.0, bearing=SPINDLE)

    assert outer + inner == pytest.approx(18 * 85.0)
    assert found.mean(axis=0).max() < 1.0


@pytest.mark.parametrize("n_rows", [1, 3, 4, 9])
def test_row_does_not_depend_on_its_stack_to_the_last_bit(n_rows: int) -> None:
    x = noise(n_rows)

    np.testing.assert_array_equal(evidence(x), [evidence(row[None])[0] for row in x])


def test_bad_sample_makes_its_row_nan_and_no_other() -> None:
    x = noise(3)
    x[1, 7] = np.nan

    with np.errstate(invalid="ignore"):
        got = evidence(x)

    assert np.isnan(got).all(axis=1).tolist() == [False, True, False]


def test_silence_says_nothing() -> None:
    assert np.isnan(evidence(np.zeros((1, N)))).all()


def test_rate_too_low_for_surroundings_gives_none() -> None:
    assert WhiteEnvelope.for_spectrum(Spectrum.for_windows(600, 1200.0)) is None


def test_envelope_says_why_evidence_is_missing() -> None:
    envelope = envelope_of()

    assert envelope.why_missing(be.BPFO, np.nan, 3.6) == "rpm unknown"
    assert envelope.why_missing(be.BPFO, 100_000.0, 3.6) == "rate too low"
    assert envelope.why_missing(be.BPFO, RPM, 3.6) is None


@pytest.mark.parametrize("rpm", [1260.0, 1500.0, 7800.0, 12_000.0])
def test_spindle_bearing_is_resolved_over_the_speeds_of_a_machining_centre(rpm: float) -> None:
    """Half a second is enough down to 1080 rpm; faster than 12 000 rpm, 12.8 kHz are too few."""
    envelope = envelope_of()

    assert [envelope.why_missing(line, rpm, SPINDLE.orders[line]) for line in (be.BPFO, be.BPFI)] == [
        None,
        None,
    ]


def real(path: Path, key: str, rate_key: str, thin: int = 1) -> tuple[NDArray[np.float64], float]:
    """Half-second windows of a recording, thinned with a filter against aliasing, and their rate."""
    recording = np.load(path)
    x = recording[key].ravel().astype(np.float64)
    thinned = scipy.signal.decimate(x, thin, ftype="fir") if thin > 1 else x
    fs = float(recording[rate_key]) / thin
    n = round(0.5 * fs)
    return thinned[: thinned.size // n * n].reshape(-1, n)[:8], fs


@pytest.mark.parametrize(
    ("name", "line"),
    [("IR_7", be.BPFI), ("IR_21", be.BPFI), ("OR@6_7", be.BPFO), ("OR@6_21", be.BPFO)],
)
def test_damaged_race_shows_its_line_and_no_other(traces: Path, name: str, line: int) -> None:
    windows, fs = real(traces / "cwru" / f"1797_{name}_DE12.npz", "DE", "sample_rate_hz")

    found = evidence(windows, fs, 1797.0).mean(axis=0)

    assert found[line] > 12.0
    assert all(found[line] > 2.0 * found[other] for other in range(be.N_EVIDENCE) if other != line)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("InnerRaceFault_vload_1", be.BPFI),
        ("InnerRaceFault_vload_4", be.BPFI),
        ("OuterRaceFault_vload_1", be.BPFO),
        ("OuterRaceFault_vload_4", be.BPFO),
    ],
)
def test_damaged_race_of_another_rig_shows_its_line_and_no_other(traces: Path, name: str, line: int) -> None:
    windows, fs = real(traces / "mfpt" / f"{name}.npz", "gs", "sr")

    found = evidence(windows, fs, 1500.0, NICE).mean(axis=0)

    assert found[line] > 12.0
    assert all(found[line] > 4.0 * found[other] for other in range(be.N_EVIDENCE) if other != line)


@pytest.mark.parametrize("thin", [1, 4])
@pytest.mark.parametrize("channel", ["DE", "FE"])
def test_healthy_bearing_shows_no_line(traces: Path, channel: str, thin: int) -> None:
    windows, fs = real(traces / "cwru" / "1797_Normal.npz", channel, "sample_rate_hz", thin)

    assert evidence(windows, fs, 1797.0).mean(axis=0).max() < 1.0
