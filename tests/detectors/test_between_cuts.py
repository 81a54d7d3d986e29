import math

import numpy as np
import pytest

from detectors.baseline import Baseline
from detectors.between_cuts import between_cuts
from engine.config import load_config
from engine.records import Feature

BANDS = tuple(Feature(f"vib_x.band_{n}_hz", "g", True) for n in range(8))
FEATURES = (
    *(Feature(f"vib_x.{name}", "g", True) for name in ("rms", "peak")),
    *BANDS,
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
        most=known.most if together else math.inf,
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
    levels = np.array([1.0] * 10 + [0.0])

    baseline, rows = taught(FEATURES, is_load=False)
    assert highest(baseline, rows * np.exp(0.4 * levels)) < 1.0
    strict, rows = taught(FEATURES, is_load=False, together=False)
    assert highest(strict, rows * np.exp(0.4 * levels)) > 1.0


def test_a_line_that_crosses_the_edge_of_a_band_is_as_usual_and_a_changed_spectrum_is_not():
    baseline, rows = taught(FEATURES, is_load=False)
    crossed, changed = np.ones(11), np.ones(11)
    crossed[[4, 5]] = 0.05, 8.0
    changed[[2, 4, 6, 8]] = 0.1, 8.0, 8.0, 8.0

    assert highest(baseline, rows * crossed) < 1.0
    assert highest(baseline, rows * changed) > 1.0


@pytest.mark.parametrize(("factor", "alerts"), [(1.12, False), (0.9, False), (2.5, True), (0.2, True)])
def test_a_load_within_a_lot_is_usual_and_far_out_of_it_is_not(factor, alerts):
    baseline, rows = taught(LOAD, is_load=True)

    assert (highest(baseline, rows * np.array([factor, 1.0])) > 1.0) == alerts


def test_a_hall_that_warms_by_five_degrees_is_usual():
    baseline, rows = taught(WARMTH, is_load=True)

    assert highest(baseline, rows * np.array([35.0 / 30.0, 1.0])) < 1.0


def test_without_a_cut_more_is_usual_than_in_one():
    cut, idle = (
        between_cuts(FEATURES, [False] * len(FEATURES), cutting=cutting) for cutting in (True, False)
    )

    assert all(one.floor < other.floor for one, other in zip(cut.features, idle.features, strict=True))
    assert np.all(cut.together <= idle.together)


def test_no_floor_is_below_the_features_own():
    strict = (Feature("vib_x.rms", "g", True, floor=0.9),)

    assert between_cuts(strict, [False], cutting=True).features[0].floor == 0.9
