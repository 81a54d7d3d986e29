import numpy as np
import pytest

from detectors.baseline import Baseline
from detectors.between_cuts import between_cuts
from engine.config import load_config
from engine.records import Feature

FEATURES = (
    *(Feature(f"vib_x.{name}", "g", True) for name in ("rms", "peak", "band_20_200_hz", "band_200_2000_hz")),
    Feature("vib_x.kurtosis", "", True),
)
LOAD = (Feature("current_u.mean", "A", False, 0.05), Feature("current_u.std", "A", True))
WARMTH = (Feature("temperature_c.value", "°C", False), Feature("load_pct.value", "%", False))
DETECTORS = [entry for entry in load_config().detectors if "waveform" in entry.kinds]


def taught(features, is_load, together=True, seed=0):
    """A baseline that was taught with one calm cut, and the rows of another cut like it."""
    known = between_cuts(features, [is_load] * len(features), cutting=True)
    baseline = Baseline(
        known.features if together else features,
        DETECTORS,
        60,
        together=known.together if together else None,
    )
    rng = np.random.default_rng(seed)
    rows = 5.0 * np.exp(rng.normal(0.0, 0.03, (120, len(features))))
    for row in rows[:60]:
        baseline.score(row)
        baseline.learn(row)
    return baseline, rows[60:]


def highest(baseline, rows):
    return max(baseline.score(row).score for row in rows)


def test_a_cut_in_harder_stock_is_as_usual_and_would_not_be_without_knowing_how_cuts_differ():
    levels = np.array([1.0, 1.0, 1.0, 1.0, 0.0])

    baseline, rows = taught(FEATURES, is_load=False)
    assert highest(baseline, rows * np.exp(0.4 * levels)) < 1.0
    strict, rows = taught(FEATURES, is_load=False, together=False)
    assert highest(strict, rows * np.exp(0.4 * levels)) > 1.0


def test_one_band_that_rises_alone_is_not_how_cuts_differ():
    baseline, rows = taught(FEATURES, is_load=False)

    assert highest(baseline, rows * np.array([1.0, 1.0, 1.0, 20.0, 1.0])) > 1.0


@pytest.mark.parametrize(("factor", "alerts"), [(1.12, False), (0.9, False), (2.5, True), (0.2, True)])
def test_a_load_within_a_lot_is_usual_and_far_out_of_it_is_not(factor, alerts):
    baseline, rows = taught(LOAD, is_load=True)

    assert (highest(baseline, rows * np.array([factor, 1.0])) > 1.0) == alerts


def test_a_hall_that_warms_by_five_degrees_is_usual():
    baseline, rows = taught(WARMTH, is_load=True)

    assert highest(baseline, rows * np.array([35.0 / 30.0, 1.0])) < 1.0


def test_without_a_cut_more_is_usual_than_in_one():
    cut, idle = (between_cuts(FEATURES, [False] * 5, cutting=cutting) for cutting in (True, False))

    assert all(one.floor < other.floor for one, other in zip(cut.features, idle.features, strict=True))
    assert np.all(cut.together <= idle.together)


def test_no_floor_is_below_the_features_own():
    strict = (Feature("vib_x.rms", "g", True, floor=0.9),)

    assert between_cuts(strict, [False], cutting=True).features[0].floor == 0.9
