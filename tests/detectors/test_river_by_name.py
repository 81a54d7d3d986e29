"""River's own models by name are river's, frozen after the teach-in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from river import anomaly

from detectors.baseline import Baseline
from detectors.registry import build, check_detectors
from detectors.river_model import N_COMPARED
from engine.config import DetectorConfig
from engine.errors import ConfigError
from engine.records import Feature

ROWS = np.random.default_rng(2).normal(size=(300, 4))
FLOOR = np.full(4, 0.1)
MODELS: list[tuple[str, dict[str, Any]]] = [
    ("LODA", {"n_random_cuts": 20}),
    ("HalfSpaceTrees", {"n_trees": 5, "window_size": 100}),
    ("OneClassSVM", {"nu": 0.2}),
    ("LocalOutlierFactor", {"n_neighbors": 5}),
]


def taught_by_river(name: str, arguments: dict[str, Any], rows: np.ndarray) -> Any:
    seed = {"seed": 7} if name in {"LODA", "HalfSpaceTrees"} else {}
    model = getattr(anomaly, name)(**arguments, **seed)
    for row in rows.tolist():
        model.learn_one(dict(enumerate(row)))
    return model


@pytest.mark.parametrize(("name", "arguments"), MODELS)
def test_scores_are_rivers_counted_from_the_least_strange_row(name: str, arguments: dict[str, Any]) -> None:
    detector = build(f"river.anomaly.{name}", arguments, 4, seed=7)
    detector.fit(ROWS[:120], FLOOR)
    model = taught_by_river(name, arguments, ROWS[:120])

    lowest = min(model.score_one(dict(enumerate(row))) for row in ROWS[: 120 : 120 // N_COMPARED].tolist())
    expected = [max(0.0, model.score_one(dict(enumerate(row))) - lowest) for row in ROWS[120:150].tolist()]

    assert detector.name == f"river.anomaly.{name}"
    assert [detector.score(row) for row in ROWS[120:150]] == expected


@pytest.mark.parametrize(("name", "arguments"), MODELS)
def test_restored_it_scores_the_same(name: str, arguments: dict[str, Any]) -> None:
    detector, heir = (build(f"river.anomaly.{name}", arguments, 4, seed=7) for _ in range(2))
    detector.fit(ROWS[:120], FLOOR)

    heir.restore(detector.save())

    assert [heir.score(row) for row in ROWS[120:150]] == [detector.score(row) for row in ROWS[120:150]]


@pytest.mark.parametrize(("name", "arguments"), MODELS)
def test_it_is_frozen_and_a_nan_is_left_out(name: str, arguments: dict[str, Any]) -> None:
    detector = build(f"river.anomaly.{name}", arguments, 4, seed=7)
    detector.fit(ROWS[:120], FLOOR)
    before = detector.score(ROWS[200])

    dirty = np.array([np.nan, 1.0, np.inf, 1.0])
    for _ in range(50):
        detector.learn(np.full(4, 9.0))
        assert math.isfinite(detector.score(dirty))

    assert detector.score(ROWS[200]) == before
    assert math.isnan(detector.score(np.full(4, np.nan)))
    assert detector.attribute(dirty).tolist() == [0.0, 0.5, 0.0, 0.5]


def test_a_model_that_tells_no_rows_apart_cannot_say_anything() -> None:
    config = DetectorConfig(name="river.anomaly.HalfSpaceTrees", parameters={"window_size": 250})
    baseline = Baseline([Feature(f"x.{index}", "g", False) for index in range(4)], (config,), 60)
    for row in ROWS[:60]:
        baseline.learn(row)

    assert math.isnan(baseline.score(np.full(4, 9.0)).score)


def test_a_baseline_calibrates_it_like_any_other() -> None:
    config = DetectorConfig(name="river.anomaly.LODA", parameters={"n_random_cuts": 20})
    baseline = Baseline([Feature(f"x.{index}", "g", False) for index in range(4)], (config,), 120)
    for row in ROWS[:120]:
        baseline.learn(row)

    assessment = baseline.score(np.full(4, 9.0))

    assert assessment.detector == "river.anomaly.LODA"
    assert assessment.score > max(baseline.score(row).score for row in ROWS[120:150])


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("river.anomaly.LODDA", {}, r"river does not have - at `\$\.detectors\[1\]\.name`"),
        ("river.anomalies.LODA", {}, r"river does not have - at `\$\.detectors\[1\]\.name`"),
        ("river.drift.ADWIN", {}, r"anomaly detector .* at `\$\.detectors\[1\]\.name`"),
        ("river.anomaly.QuantileFilter", {}, r"wrapping, got .* at `\$\.detectors\[1\]\.name`"),
        ("river.anomaly.GaussianScorer", {}, r"target or .* at `\$\.detectors\[1\]\.name`"),
        ("river.anomaly.LODA", {"bins": 3}, r"no parameter `bins` - at `\$\.detectors\[1\]\.parameters`"),
        ("river.anomaly.LODA", {"n_bins": "many"}, r"LODA cannot be .* at `\$\.detectors\[1\]\.parameters`"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_path(
    name: str, parameters: dict[str, Any], message: str
) -> None:
    entries = [DetectorConfig(name="mewma"), DetectorConfig(name=name, parameters=parameters)]

    with pytest.raises(ConfigError, match=message):
        check_detectors(entries)
