from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.kernels import quality
from operators.kernels.time_domain import N_PARTIALS, hop_partials

N_HOP = 64


def noise(seed: int = 1, n: int = N_HOP) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((1, n)).astype(np.float32)


class Screened:
    """One channel, counted only where the screen has doubts."""

    def __init__(self, limit: float = np.nan, n_flat: int = 10) -> None:
        self.limit, self.n_flat = np.array([limit]), np.array([n_flat])
        self.memory = quality.fresh_memory(1)

    def count(self, samples: NDArray[np.float32]) -> NDArray[np.int64] | None:
        partials = np.empty((1, N_PARTIALS))
        hop_partials(samples, np.zeros(1, bool), partials)
        if quality.pass_quality(samples, partials, self.limit, self.n_flat, self.memory):
            return None
        return self.count_anyway(samples)

    def count_anyway(self, samples: NDArray[np.float32]) -> NDArray[np.int64]:
        counts = np.zeros((1, quality.N_COUNTS), np.int64)
        quality.count_quality(samples, self.limit, self.memory, counts)
        return counts


# Few levels and short hops, so that runs, limits and repetitions across hops are common.
HOPS = st.lists(
    st.lists(st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.25, np.nan, np.inf]), min_size=1, max_size=30),
    min_size=1,
    max_size=8,
)


@given(hops=HOPS, n_flat=st.integers(1, 40), limit=st.sampled_from([np.nan, 1.5, 2.0, 50.0]))
def test_a_hop_that_passes_has_no_fault_that_counting_would_find(
    hops: list[list[float]], n_flat: int, limit: float
) -> None:
    screened, reference = Screened(limit, n_flat), Screened(limit)

    for hop in hops:
        samples = np.array([hop], np.float32)
        counts, found = reference.count_anyway(samples), screened.count(samples)

        if found is None:
            assert counts[0, quality.NONFINITE] == counts[0, quality.AT_LIMIT] == 0
            assert counts[0, quality.LONGEST_RUN] < n_flat
        else:
            np.testing.assert_array_equal(found, counts)
        np.testing.assert_array_equal(screened.memory, reference.memory)


def test_noise_passes_once_its_extremes_are_known() -> None:
    screened = Screened(n_flat=20)
    loud = 10.0 * noise()

    screened.count(loud)

    assert all(screened.count(x) is None for x in map(noise, range(2, 30)))


@pytest.mark.parametrize("n_before", [0, 5, 9])
def test_a_flat_line_that_began_in_the_last_hop_is_counted_whole(n_before: int) -> None:
    screened = Screened(limit=100.0)
    first, second = noise(3), noise(4)
    first[0, N_HOP - n_before :] = 0.5
    second[0, : 12 - n_before] = 0.5

    screened.count(first)
    counts = screened.count(second)

    assert counts is not None
    assert counts[0, quality.LONGEST_RUN] == 12


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_sample_is_counted(bad: float) -> None:
    screened, samples = Screened(), noise()
    samples[0, 17] = bad

    counts = screened.count(samples)

    assert counts is not None
    assert counts[0, quality.NONFINITE] == 1


def test_a_known_limit_counts_every_sample_at_it() -> None:
    screened, samples = Screened(limit=5.0), noise()
    samples[0, [3, 30, 31]] = 5.0, -5.0, 6.0

    counts = screened.count(samples)

    assert counts is not None
    assert counts[0, quality.AT_LIMIT] == 3
