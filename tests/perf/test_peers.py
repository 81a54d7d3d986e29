"""The peers compute what ours compute: otherwise being faster than they are would mean nothing."""

import sys

import numpy as np
import oracles
import pytest

from perf.by_hand import BANDS, ENVELOPE, FULL_SET, N_ENVELOPE_BANDS, ORDERS, SHAPE, TIME, ByHand
from perf.by_scipy import ByScipy
from perf.figures import NotMeasurableError
from perf.limits import memory_pass, sum_once, transforms
from perf.peers import load_peer, rrcf_detector, tsflex_features, tsfresh_features

HAND = ByHand()
SCIPY = ByScipy(HAND)
RPM = 9000.0
T = np.arange(HAND.n_samples) / HAND.fs
ENVELOPE_EDGES_HZ = SCIPY.envelope_edges_hz


def noise(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def named(features):
    """Feature by name, of every channel."""
    return dict(zip(FULL_SET, np.asarray(features).T, strict=True))


def sines(*amplitude_hz_phase):
    x = sum(a * np.sin(2 * np.pi * f * T + phase) for a, f, phase in amplitude_hz_phase)
    return x.astype(np.float32)[None]


@pytest.fixture(params=[HAND.features, SCIPY.features], ids=["numpy", "scipy"])
def by_hand(request):
    return request.param


def test_time_domain_is_the_oracles(by_hand):
    x = noise(3, HAND.n_samples) * np.array([[1.0], [20.0], [0.01]], np.float32) + np.float32(0.3)

    features = by_hand(x, RPM)[:, : len(TIME)]

    np.testing.assert_allclose(features, [oracles.time_features(row, False, HAND.fs) for row in x], rtol=2e-4)


def test_bands_and_shape_of_the_spectrum_are_the_oracles(by_hand):
    x = noise(2, HAND.n_samples)

    features = named(by_hand(x, RPM))

    first = int(HAND.band_bins[0])
    for channel, row in enumerate(x):
        power = oracles.power_spectrum(row, HAND.n_samples)
        bands = [features[name][channel] for name in BANDS]
        np.testing.assert_allclose(bands, oracles.band_rms(power, HAND.bin_hz, HAND.band_edges_hz), rtol=1e-4)
        centroid, spread, entropy, peak_hz = oracles.spectral_shape(power, first, HAND.bin_hz)
        shape = [features[name][channel] for name in SHAPE[:3]]
        np.testing.assert_allclose(shape, [centroid, spread, entropy], rtol=1e-4)
        assert features["peak_hz"][channel] == pytest.approx(peak_hz, abs=HAND.bin_hz / 2)


def test_velocity_of_a_sine_is_its_acceleration_over_its_angular_frequency(by_hand):
    features = named(by_hand(sines((1.0, 160.0, 0.0)), RPM))

    expected = 9806.65 / (2 * np.pi * 160.0) / np.sqrt(2)
    assert features["velocity_rms"][0] == pytest.approx(expected, rel=2e-3)


def test_lines_of_revolution_and_teeth_have_the_rms_of_their_sines(by_hand):
    x = sines((1.0, 150.0, 0.1), (0.5, 300.0, 0.7), (0.2, 450.0, 2.0), (0.8, 600.0, 1.0), (0.3, 1800.0, 0.0))

    features = named(by_hand(x, RPM))

    expected = {"rev_1": 1.0, "rev_2": 0.5, "rev_3": 0.2, "tooth_1": 0.8, "tooth_2": 0.0, "tooth_3": 0.3}
    found = {name: features[name][0] * np.sqrt(2) for name in expected}
    assert found == pytest.approx(expected, rel=2e-3, abs=1e-3)
    assert features["asynchronous_share"][0] == pytest.approx(0.0, abs=1e-3)


def test_half_the_power_between_the_lines_is_half_asynchronous(by_hand):
    features = named(by_hand(sines((1.0, 600.0, 0.0), (1.0, 675.0, 0.0)), RPM))

    assert features["asynchronous_share"][0] == pytest.approx(0.5, abs=1e-3)


def bursts(band, order, rpm):
    """A tone in the middle of an envelope band, swelling smoothly at a multiple of the speed, over faint noise."""
    centre_hz = ENVELOPE_EDGES_HZ[band : band + 2].mean()
    loudness = (0.5 + 0.5 * np.cos(2 * np.pi * order * rpm / 60 * T)) ** 4
    x = loudness * np.sin(2 * np.pi * centre_hz * T) + 0.1 * noise(HAND.n_samples)
    return centre_hz, x.astype(np.float32)[None]


@pytest.mark.parametrize("band", range(N_ENVELOPE_BANDS))
def test_envelope_finds_the_band_that_rings_and_the_line_that_strikes_it(by_hand, band):
    centre_hz, x = bursts(band, HAND.bearing[0], 3000.0)

    features = named(by_hand(x, 3000.0))

    assert features["envelope_band_hz"][0] == pytest.approx(centre_hz, abs=HAND.bin_hz)
    assert features["envelope_kurtosis"][0] > 0.5
    loudness = (0.5 + 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)) ** 8
    harmonics = 2 * np.abs(np.fft.rfft(loudness))[1:4] / loudness.sum()
    assert features["bpfo"][0] == pytest.approx(np.sqrt(np.sum(harmonics**2)), rel=0.05)


def test_strikes_at_another_frequency_are_not_taken_for_the_bearings(by_hand):
    _, x = bursts(1, 4.5, 3000.0)

    assert named(by_hand(x, 3000.0))["bpfo"][0] < 0.2


def test_envelope_says_the_same_by_numpy_and_by_scipy():
    _, x = bursts(1, HAND.bearing[1], 3000.0)

    numpy, scipy = named(HAND.features(x, 3000.0)), named(SCIPY.features(x, 3000.0))

    for name in ("envelope_band_hz", "envelope_rms", "bpfi"):
        assert numpy[name] == pytest.approx(scipy[name], rel=0.05), name


def test_every_channel_is_computed_as_if_it_were_alone(by_hand):
    x = noise(4, HAND.n_samples)

    together = by_hand(x, RPM)

    alone = np.concatenate([by_hand(row[None], RPM) for row in x])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_bands_of_the_envelope_fill_the_spectrum_above_their_low_edge():
    assert ENVELOPE_EDGES_HZ[0] == 500.0
    assert len(ENVELOPE_EDGES_HZ) == N_ENVELOPE_BANDS + 1
    assert 0.97 * HAND.fs / 2 < ENVELOPE_EDGES_HZ[-1] < HAND.fs / 2
    assert len(FULL_SET) == len(TIME) + len(BANDS) + len(SHAPE) + len(ENVELOPE) + len(ORDERS)


def test_a_peer_that_is_not_installed_is_not_measurable_and_says_how_to_get_it(monkeypatch):
    for name in ("tsflex.features", "tsfresh", "pysad.models", "rrcf"):
        monkeypatch.setitem(sys.modules, name, None)  # what makes an import fail
    x = noise(1, 2 * HAND.n_samples)
    attempts = [
        lambda: tsflex_features(x, 512, 256, lambda w: [w.mean()], ["mean"]),
        lambda: tsfresh_features(x[None]),
        rrcf_detector,
    ]

    for attempt in attempts:
        with pytest.raises(NotMeasurableError, match="make bench"):
            attempt()


def test_what_is_installed_is_loaded_without_its_warnings(recwarn):
    assert load_peer("json").loads("1") == 1
    assert not recwarn.list


def test_one_pass_sums_every_sample_and_hides_no_nan():
    x = noise(20_001, seed=2)

    assert sum_once(x) == pytest.approx(float(x.astype(np.float64).sum()), abs=1e-2)
    assert sum_once(x[:1]) == x[0]
    assert sum_once(x[:0]) == 0.0
    x[-1] = np.nan
    assert np.isnan(sum_once(x))
    x[-2:] = np.inf, -np.inf
    assert np.isnan(sum_once(x))
    assert np.isposinf(sum_once(x[:-1]))


def test_memory_is_passed_at_four_bytes_a_sample():
    once = memory_pass(100_000, n_rounds=1)

    assert once.bytes_per_s == pytest.approx(4 * once.samples_per_s)


def test_transforms_are_of_whole_rows():
    assert transforms(4096, n_rows=4)().shape == (4, 2049)


@pytest.fixture
def installed():
    """The peers' environment: `make bench` makes it, `make test` does without."""
    try:
        for name in ("tsflex.features", "tsfresh", "pysad.models", "rrcf"):
            load_peer(name)
    except NotMeasurableError as reason:
        pytest.skip(str(reason))


@pytest.mark.filterwarnings("ignore")  # the libraries' own
def test_tsflex_hands_every_window_of_every_channel_to_the_function(installed):
    x = noise(2, 4 * 256)
    seen = []

    work, n_windows = tsflex_features(x, 512, 256, lambda w: seen.append(w.copy()) or [w.mean()], ["mean"])
    seen.clear()
    frames = work()

    assert [frame.shape for frame in frames] == [(n_windows, 1)] * 2
    expected = [row[i * 256 : i * 256 + 512] for row in x for i in range(n_windows)]
    np.testing.assert_array_equal(seen[-len(expected) :], expected)


@pytest.mark.filterwarnings("ignore")
def test_tsfresh_gives_ten_features_of_every_channel_of_every_window(installed):
    windows = noise(3, 2, 512)

    frame = tsfresh_features(windows)()

    assert frame.shape == (3, 20)
    np.testing.assert_allclose(frame["vib_1__mean"], windows[:, 1].mean(axis=1), rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_peers_detector_scores_every_vector_the_same_twice(installed):
    vectors = noise(40, 3).astype(np.float64)

    runs = []
    for detector in (rrcf_detector(n_trees=5, n_points=16), rrcf_detector(n_trees=5, n_points=16)):
        runs.append([detector(vector) for vector in vectors])

    assert np.isfinite(runs[0]).all()
    assert runs[0] == runs[1]
