from __future__ import annotations

import numpy as np
import pytest

from detectors.scaling import LOG_FLOOR, RELATIVE_FLOOR, SHAPE_FLOOR, Scaling, direction_of
from engine.records import Feature

LEVEL = Feature("vib_x.rms", "g", True)
SHAPE = Feature("vib_x.kurtosis", "", True)
VALUE = Feature("load.value", "%", False)


def test_rows_are_centred_by_the_blocks_that_do_not_hold_them() -> None:
    vectors = np.arange(10.0)[:, None] + 100.0
    scaling = Scaling((VALUE,))

    held_out = scaling.fit(vectors, 2) * scaling.scale

    np.testing.assert_allclose(held_out[:5, 0], vectors[:5, 0] - vectors[5:, 0].mean())
    np.testing.assert_allclose(held_out[5:, 0], vectors[5:, 0] - vectors[:5, 0].mean())
    assert scaling.centre[0] == pytest.approx(104.5)


@pytest.mark.parametrize(
    ("feature", "floor"), [(LEVEL, LOG_FLOOR), (SHAPE, SHAPE_FLOOR), (VALUE, RELATIVE_FLOOR * 50.0)]
)
def test_calm_teach_in_does_not_make_a_feature_more_exact_than_its_floor(
    feature: Feature, floor: float
) -> None:
    vectors = 50.0 * (1.0 + 1e-6 * np.random.default_rng(0).normal(size=(60, 1)))
    scaling = Scaling((feature,))

    scaling.fit(vectors, 5)

    assert scaling.scale[0] == pytest.approx(floor, rel=1e-3)
    assert scaling.floor[0] == pytest.approx(1.0)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6, -3.3])
@pytest.mark.parametrize("feature", [LEVEL, VALUE])
def test_constant_feature_is_left_out(feature: Feature, constant: float) -> None:
    scaling = Scaling((feature,))

    rows = scaling.fit(np.full((60, 1), constant), 5)

    assert rows.shape == (60, 0)
    assert scaling.active.size == 0


def test_feature_known_in_half_of_the_rows_or_fewer_is_left_out() -> None:
    vectors = np.random.default_rng(0).normal(50.0, 1.0, size=(60, 2))
    vectors[:30, 0] = np.nan
    vectors[:29, 1] = np.nan
    scaling = Scaling((VALUE, VALUE))

    rows = scaling.fit(vectors, 5)

    assert scaling.active.tolist() == [1]
    assert np.isfinite(rows).all()
    assert (rows[:29] == 0.0).all()


def test_usual_range_is_geometric_for_levels() -> None:
    vectors = np.exp(np.random.default_rng(0).normal(np.log(0.5), 0.2, size=(400, 1)))
    scaling = Scaling((LEVEL,))
    scaling.fit(vectors, 5)

    expected, low, high = scaling.usual(0)

    assert expected == pytest.approx(0.5, rel=0.05)
    assert low * high == pytest.approx(expected**2)
    assert low < vectors.min() < vectors.max() < high


def test_apply_counts_what_can_be_judged() -> None:
    scaling = Scaling((LEVEL, VALUE))
    scaling.fit(np.exp(np.random.default_rng(0).normal(size=(60, 2))), 5)
    row = np.empty(2)

    assert scaling.apply(np.array([0.0, np.inf]), row) == 0
    assert np.isnan(row).all()
    assert scaling.apply(np.array([1.0, np.nan]), row) == 1
    assert row[0] == pytest.approx((0.0 - scaling.centre[0]) / scaling.scale[0])


def test_feature_that_counts_in_one_direction_is_as_usual_on_the_other_side_as_at_its_centre() -> None:
    vectors = np.random.default_rng(0).normal(50.0, 5.0, size=(200, 3))
    features = [Feature(f"{name}.value", "%", False) for name in ("up", "down", "any")]
    scaling = Scaling(features, {"up.*": "above", "down.*": "below"})
    held_out = scaling.fit(vectors, 5)
    rows = np.empty((2, 3))

    scaling.apply(np.full(3, 90.0), rows[0])
    scaling.apply(np.full(3, 10.0), rows[1])

    np.testing.assert_array_equal(rows[0] > 0.0, [True, False, True])
    np.testing.assert_array_equal(rows[1] < 0.0, [False, True, True])
    assert (rows[0, 1], rows[1, 0]) == (0.0, 0.0)
    assert held_out[:, 0].min() == held_out[:, 1].max() == 0.0


def test_direction_does_not_make_an_unknown_value_known() -> None:
    scaling = Scaling((LEVEL, VALUE), {"*": "above"})
    scaling.fit(np.exp(np.random.default_rng(0).normal(size=(60, 2))), 5)
    row = np.empty(2)

    assert scaling.apply(np.array([np.nan, 0.0]), row) == 1
    assert np.isnan(row[0])
    assert row[1] == 0.0


def test_first_matching_pattern_decides_the_direction() -> None:
    directions = {"vib_x.rms": "both", "*.rms": "above", "vib_?.peak": "below"}

    found = [
        direction_of(name, directions) for name in ("vib_x.rms", "vib_y.rms", "vib_z.peak", "load.value")
    ]

    assert found == ["both", "above", "below", "both"]
