import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.baseline import Baseline
from detectors.quietest import Quietest
from engine.config import load_config
from engine.records import Feature

LEVELS = tuple(Feature(f"vib_x.{name}", "g", True) for name in ("rms", "peak", "band_20_49_hz"))
SHAPE = Feature("vib_x.kurtosis", "", True)
FEATURES = (*LEVELS, SHAPE)
DETECTORS = [entry for entry in load_config().detectors if "waveform" in entry.kinds]


def rows_at(level, n=60, seed=0):
    """Rows whose levels are so high; their shape is that of any noise."""
    rows = np.exp(np.random.default_rng(seed).normal(0.0, 0.03, (n, len(FEATURES))))
    rows[:, : len(LEVELS)] *= level
    rows[:, len(LEVELS)] *= 3.0
    return rows


def in_a_cut(quiet_level=None, level=5.0):
    """A baseline taught in a cut that nobody told of, on a spindle that has been so quiet before."""
    quietest = Quietest(FEATURES, [False] * len(FEATURES))
    if quiet_level is not None:
        for row in rows_at(quiet_level):
            quietest.learn(row)
    baseline = Baseline(FEATURES, DETECTORS, 60, quietest=quietest)
    for row in rows_at(level):
        baseline.score(row)
        baseline.learn(row)
        quietest.learn(row)
    return baseline


def highest(baseline, rows):
    return max(baseline.score(row).score for row in rows)


def test_a_cut_that_ends_is_no_change_if_the_spindle_has_been_as_quiet_before():
    leaving = [row for i, level in enumerate((4.0, 2.0, 1.0, 0.55)) for row in rows_at(level, 15, seed=1 + i)]

    assert highest(in_a_cut(quiet_level=0.5), leaving) < 1.0
    assert highest(in_a_cut(), leaving) > 1.0


def test_what_falls_silent_below_anything_seen_is_told():
    assert highest(in_a_cut(quiet_level=0.5), rows_at(0.05, seed=1)) > 1.0


def test_a_rise_is_told_however_quiet_the_spindle_has_been():
    quiet, never = in_a_cut(quiet_level=0.5), in_a_cut()
    louder = rows_at(15.0, seed=1)

    assert highest(quiet, louder) == highest(never, louder) > 1.0


def test_noise_that_moves_from_one_band_to_another_is_no_cut_that_ends():
    moved = rows_at(5.0, seed=1)
    moved[:, 0] *= 0.3
    moved[:, 2] *= 2.0

    assert highest(in_a_cut(quiet_level=0.5), moved) == highest(in_a_cut(), moved) > 1.0


def test_a_shape_that_changes_is_told_as_a_tool_leaves():
    leaving = rows_at(2.0, seed=1)
    leaving[:, 3] *= 0.3

    assert highest(in_a_cut(quiet_level=0.5), leaving) > 1.0


@pytest.mark.parametrize(("dc_coupled", "is_level"), [(True, True), (False, False)])
def test_a_mean_is_a_level_only_of_a_channel_that_is_dc_coupled(dc_coupled, is_level):
    quietest = Quietest([Feature("current.mean", "A", False)], [dc_coupled])

    quietest.learn(np.array([2.0]))

    assert np.isfinite(quietest.levels[0]) == is_level


@given(st.lists(st.floats(0.01, 100.0) | st.just(np.nan), min_size=1, max_size=20))
def test_the_quietest_is_the_least_of_what_is_known_and_survives_a_restart(values):
    quietest, other = (Quietest(LEVELS[:1], [False]) for _ in range(2))
    for value in values:
        quietest.learn(np.array([value]))

    other.restore(quietest.save())

    known = [value for value in values if value == value]
    least = min(known) if known else np.nan
    np.testing.assert_equal(other.levels, [least])
