import numpy as np
import pytest

from operators.level_heaps import LevelHeaps


def heaps(*parts, seed=0):
    rng = np.random.default_rng(seed)
    found = LevelHeaps()
    for mean, spread, n in parts:
        for level in mean + spread * rng.standard_normal(n):
            found.add(level)
    return found


def test_two_heaps_are_split_a_little_above_the_lower_one():
    split = heaps((-4.5, 0.05, 100), (-1.0, 0.3, 400)).split

    assert -4.3 < split < -2.7


def test_of_three_heaps_standstill_is_told_from_the_rest_however_rare_it_is():
    split = heaps((-4.5, 0.05, 50), (-1.7, 0.05, 300), (-0.9, 0.05, 900)).split

    assert -4.3 < split < -2.7


@pytest.mark.parametrize(
    "parts",
    [
        [(1.0, 0.2, 500)],
        [(1.0, 0.1, 300), (1.5, 0.1, 300)],
        [(-4.5, 0.05, 10), (1.0, 0.1, 500)],
        [(0.0, 2.0, 2000)],
    ],
    ids=["one heap", "heaps too near", "one hardly seen", "no valley"],
)
def test_without_a_clear_valley_there_is_no_split(parts):
    assert np.isnan(heaps(*parts).split)


def test_levels_beyond_the_scale_count_as_its_ends():
    assert np.isfinite(heaps((-40.0, 1.0, 50), (40.0, 1.0, 50)).split)


def test_what_was_long_ago_fades():
    found = heaps((-4.5, 0.05, 100), (1.0, 0.1, 40_000), (3.0, 0.1, 60_000))

    assert 0.0 < found.split < 3.0


def test_a_restored_histogram_goes_on_as_if_nothing_had_happened():
    one, other = heaps((-4.5, 0.05, 37)), LevelHeaps()
    other.restore(one.save())
    for level in np.random.default_rng(1).normal(1.0, 0.1, 100):
        one.add(level)
        other.add(level)

    assert one.split == other.split
    assert np.isfinite(one.split)
