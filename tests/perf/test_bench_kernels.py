"""What the figures of kernels rest on: the same work for ours and the peer, and rates of new samples."""

import numpy as np
import pytest

from operators.kernels.time_domain import N_TIME
from perf import bench_kernels
from perf.bench_kernels import N_CHANNELS, N_HOP, RPM, Rated, compare
from perf.by_hand import BANDS, FULL_SET
from perf.timing import Paired

# Hops are summed up once, so distances and crossings are from each hop's own mean; by hand, from the window's.
FROM_HOPS_MEAN = ("shape_factor", "impulse_factor", "clearance_factor", "zero_crossing_rate_hz")
# By hand from the spectrum; by the kernel from whole revolutions of samples. This stream jumps in phase at each hop.
OTHERWISE = ("rev_1",)


@pytest.fixture(scope="module")
def features():
    """Ours and the peer's by name: float64[n_windows, n_channels] each."""
    ours = bench_kernels.ours(bench_kernels.hops_of_stream())
    windows = bench_kernels.windows_of_stream(bench_kernels.N_HOPS)
    theirs = np.array([bench_kernels.by_hand().features(window, RPM) for window in windows])
    return {
        name: (mine, theirs[..., i])
        for i, (name, mine) in enumerate(
            zip(FULL_SET, ours.reshape(theirs.shape).transpose(2, 0, 1), strict=True)
        )
    }


def test_ours_are_the_same_features_in_the_same_order():
    names = [name.removeprefix("vib_0.") for name in bench_kernels.feature_set().names[: len(FULL_SET)]]

    assert len(bench_kernels.feature_set().names) == N_CHANNELS * len(FULL_SET)
    assert [name for name in names if not name.startswith("band_")] == [
        name for name in FULL_SET if name not in BANDS
    ]


@pytest.mark.parametrize("name", [name for name in FULL_SET if name not in OTHERWISE])
def test_the_peer_by_hand_computes_what_the_kernels_compute(features, name):
    ours, theirs = features[name]

    assert np.isfinite(ours).all()
    np.testing.assert_allclose(ours, theirs, rtol=0.03 if name in FROM_HOPS_MEAN else 1e-5, atol=1e-5)


def test_the_bare_kernels_compute_the_time_domain_of_the_full_set(features):
    alone = bench_kernels.ours_time_domain(bench_kernels.hops_of_stream())

    for i, name in enumerate(FULL_SET[:N_TIME]):
        np.testing.assert_array_equal(alone[..., i], features[name][0])


def test_a_rate_counts_new_samples_only():
    assert Rated(lambda: None, n_windows=100).msps(1.0) == pytest.approx(1e-6 * 100 * N_CHANNELS * N_HOP)


def test_ratio_is_per_window_whatever_number_of_windows_each_is_worth(monkeypatch):
    monkeypatch.setattr(bench_kernels, "time_paired", lambda *_: Paired(ours_s=1.0, peer_s=6.0, ratio=6.0))

    compared = compare(Rated(lambda: None, n_windows=10), Rated(lambda: None, n_windows=2))

    assert compared.ratio == pytest.approx(30.0)
    assert compared.ours_msps == pytest.approx(30.0 * compared.peer_msps)
